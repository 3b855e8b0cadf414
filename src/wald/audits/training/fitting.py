"""Small trainings that belong to an audit: of copies, seeded, and as long as was counted beforehand."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
import copy
import inspect
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ..attacking.arithmetic import multiplications
from ..case import Case
from ..evidence import Evidence, run
from ..reading.rows import Rows
from .objective import Total

#: (prediction, target) → one number to go down on.
Goal = Callable[[Tensor, Tensor], Tensor]

#: What a step costs besides its arithmetic, in floating-point operations.
_OVERHEAD = 1e7

#: Models that were trained anew, for as long as their audit lasts.
_REFITS: WeakKeyDictionary[Evidence, dict[tuple[int, int], tuple[Any, Any]]] = WeakKeyDictionary()


class CannotTrain(RuntimeError):  # noqa: N818  (it names what an audit cannot do here; nothing went wrong)
    """A model cannot be trained here; the message says why and what to give instead."""


@contextmanager
def seeded(seed: int) -> Generator[None]:
    """All of torch's random numbers from one seed, and the caller's stream as it was afterwards."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices), torch.enable_grad():
        torch.manual_seed(seed)
        yield


def seed_of(evidence: Evidence, *purpose: object) -> int:
    """A seed for one purpose."""
    return int(torch.randint(2**31 - 1, (), generator=evidence.random(*purpose)))


def fresh(module: nn.Module, seed: int) -> nn.Module:
    """A copy that has learnt nothing: each part that is trained begins anew, what is frozen stays.

    Raises:
        CannotTrain: a part holds parameters and has no way to begin anew.
    """
    copied = copy.deepcopy(module)
    if stuck := [name for name, part in copied.named_modules() if _trained(part) and _beginning(part) is None]:
        part = copied.get_submodule(stuck[0])
        name = f"{stuck[0]!r} ({type(part).__name__})" if stuck[0] else f"{type(part).__name__} itself"
        raise CannotTrain(
            f"the part {name} holds parameters and has no reset_parameters(), so a copy of the model cannot begin "
            "anew. Give it that method, as torch's own layers have it, or give Case(refit=...)"
        )
    with seeded(seed):
        for part in reversed(list(copied.modules())):
            begin = _beginning(part)
            if begin is not None and _trains_something(part):
                begin()
    return copied


def fit(
    module: nn.Module,
    goal: Goal,
    rows: Rows,
    *,
    steps: int,
    batch: int,
    rate: float,
    seed: int,
    calm: bool = False,
) -> float:
    """Train a module (a copy of the user's) by Adam; the mean goal of its last epoch.

    Args:
        module: what is trained, in place.
        goal: what goes down.
        rows: inputs and targets.
        steps: how many steps.
        batch: rows in a step; all where there are fewer.
        rate: the step size of Adam. Kingma & Ba 2015, arXiv:1412.6980.
        seed: of the order of the rows and of all that is random in the model.
        calm: whether dropout is off and batch statistics are left alone, as in use.
    """
    inputs, target = rows
    learnt = [one for one in module.parameters() if one.requires_grad]
    if not learnt:
        raise CannotTrain("the model has no parameters that are trained")
    set_mode(module, calm=calm)
    optimiser = torch.optim.Adam(learnt, lr=rate)
    values: list[Tensor] = []
    batch = min(batch, len(target))
    with seeded(seed):
        order = torch.randperm(len(target)).to(target.device)
        at = 0
        for _ in range(steps):
            if at + batch > len(order):
                order, at = torch.randperm(len(target)).to(target.device), 0
            drawn = order[at : at + batch]
            at += batch
            optimiser.zero_grad()
            value = goal(module(inputs[drawn]), target[drawn])
            if not bool(value.isfinite()):
                break
            value.backward()
            optimiser.step()
            values.append(value.detach())
    last = values[-max(1, len(target) // batch) :]
    return float(torch.stack(last).mean()) if last else float("nan")


def set_mode(module: nn.Module, *, calm: bool) -> None:
    """Training mode; calm, without what is random or remembers batches."""
    module.train()
    if calm:
        for part in module.modules():
            if isinstance(part, nn.modules.dropout._DropoutNd | nn.modules.batchnorm._BatchNorm):  # pyright: ignore[reportPrivateUsage]
                part.eval()


def training_rows(evidence: Evidence, most: int, *purpose: object) -> Rows:
    """Some of the training rows, at most so many, drawn at random; targets as the loss takes them."""
    assert evidence.case.train is not None  # noqa: S101  (what needs them is not run without)
    inputs, target = evidence.case.train
    if len(target) > most:
        drawn = torch.randperm(len(target), generator=evidence.random("training rows", *purpose))[:most].sort().values
        inputs, target = inputs[drawn.to(inputs.device)], target[drawn.to(target.device)]
    target = target.detach().to(inputs.device)
    return inputs.detach(), target.to(evidence.score.dtype) if target.is_floating_point() else target


def affordable(module: nn.Module, inputs: Tensor, batch: int, work: float, most: int) -> int:
    """How many training steps this much arithmetic buys. It is counted, so that every machine does the same.

    Args:
        module: what would be trained.
        inputs: rows to try it on; the first is.
        batch: rows in a step.
        work: floating-point operations.
        most: the most steps that are wanted.
    """
    each = 2 * max(multiplications(module, inputs), sum(one.numel() for one in module.parameters()))
    return max(0, min(most, int(work / (3 * each * batch + _OVERHEAD))))


def scores(evidence: Evidence, model: Any) -> Tensor:
    """The scores of another model for the test rows that are looked at."""
    emitted = run(model, evidence.inputs)
    return emitted if evidence.space is None else evidence.space.read(emitted)


def refit(case: Case, seed: int, loss: Any, train: Rows | None = None) -> Any:
    """A model trained anew by the user's own function.

    Raises:
        CannotTrain: there is no such function, it takes no other rows, or it gives nothing that can be called.
    """
    if case.refit is None:
        raise CannotTrain("the case gives no refit; give Case(refit=...), a function (seed, loss) that trains anew")
    if isinstance(loss, Total):
        loss = loss.objective
    if loss is not case.loss and not getattr(case.refit, "takes_loss", True):
        raise CannotTrain(getattr(case.refit, "says", "refit trains by a loss of its own"))
    if train is not None and not takes_rows(case.refit):
        raise CannotTrain(
            "refit takes no other rows; write it as refit(seed, loss, train=None), training on the pair "
            "(inputs, targets) that it is given"
        )
    # Also where the function forgets to use its seed, two audits are the same.
    with seeded(seed):
        model = case.refit(seed, loss) if train is None else case.refit(seed, loss, train=train)
    if not callable(model):
        raise CannotTrain(
            f"refit gave a {type(model).__name__}, which cannot be called; it must give what Case(model=...) takes: a "
            "module, or a function from inputs to predictions"
        )
    return model


def refits(evidence: Evidence, loss: Any, many: int) -> list[Any]:
    """Models trained anew with this loss, one for each seed; those that were trained in this audit are not again."""
    kept = _REFITS.setdefault(evidence, {})
    seeds = [evidence.seed + index for index in range(many)]
    for seed in seeds:
        if (id(loss), seed) not in kept:
            # The loss is kept too, so that no other is ever taken for it.
            kept[id(loss), seed] = (loss, refit(evidence.case, seed, loss))
    return [kept[id(loss), seed][1] for seed in seeds]


def takes_rows(refit: Callable[..., Any]) -> bool:
    """Whether a refit can be given other training rows, by the keyword `train`."""
    try:
        return "train" in inspect.signature(refit).parameters
    except (TypeError, ValueError):
        return False


def _trained(part: nn.Module) -> bool:
    """Whether it holds parameters of its own that training changes."""
    return any(one.requires_grad for one in part.parameters(recurse=False))


def _trains_something(part: nn.Module) -> bool:
    own = list(part.parameters())
    return not own or any(one.requires_grad for one in own)


def _beginning(part: nn.Module) -> Callable[[], Any] | None:
    """How a part begins anew: torch's layers say `reset_parameters`, some of them in private."""
    for name in ("reset_parameters", "_reset_parameters"):
        if callable(begin := getattr(part, name, None)):
            return begin
    return None
