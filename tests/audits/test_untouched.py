"""An audit changes nothing, and two with one seed say the same, whichever probes run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
import pickle
import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import wald
from wald.audits import Candidates, Case, InputSpace, metrics
from wald.audits.evidence import Level
from wald.audits.plan import PROBES

from ..sampling import daily
from .samples import labels, source


class Net(nn.Module):
    """A net with everything that an audit could leave changed: dropout, running means, frozen and mixed modes."""

    def __init__(self, outputs: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, outputs)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        found = self.layers(inputs)
        return found[:, 0] if found.shape[-1] == 1 else found


def net(outputs: int = 1) -> Net:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        made = Net(outputs)
        made(torch.randn(64, 4))
    made.layers[0].weight.requires_grad_(False)
    made.train()
    made.layers[1].eval()
    return made


def trained(model: Callable[[], nn.Module], train: tuple[Tensor, Tensor]) -> Callable[..., nn.Module]:
    def refit(seed: int, loss: Callable[..., Tensor], train: tuple[Tensor, Tensor] = train) -> nn.Module:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            fresh = model().train()
            optimiser = torch.optim.SGD([one for one in fresh.parameters() if one.requires_grad], lr=0.05)
            for _ in range(3):
                optimiser.zero_grad()
                value = loss(fresh(train[0]), train[1])
                (value.mean() if value.ndim else value).backward()
                optimiser.step()
        return fresh

    return refit


def rows(kind: str, seed: int, many: int = 240) -> tuple[Tensor, Tensor]:
    inputs = torch.randn(many, 4, generator=source(seed))
    inputs[:, 3] = (inputs[:, 3] > 0).float()
    if kind == "binary":
        return inputs, labels(1.5 * inputs[:, 0], seed + 1)
    if kind == "multiclass":
        return inputs, torch.multinomial(inputs[:, :3].softmax(-1), 1, generator=source(seed + 1))[:, 0]
    return inputs, inputs[:, 0] + torch.randn(many, generator=source(seed + 1))


def everything(kind: str) -> Case:
    """A case that gives what every probe could need."""
    train, test, later = (rows(kind, seed) for seed in (0, 10, 20))
    model = net(3 if kind == "multiclass" else 1)
    loss, metric = {
        "binary": (wald.BinaryCrossEntropy(), metrics.auc()),
        "multiclass": (wald.CrossEntropy(), metrics.error_rate()),
        "regression": (wald.Huber(), metrics.absolute_error()),
    }[kind]
    states = [{name: one.clone() for name, one in model.state_dict().items()} for _ in range(3)]
    states[0]["layers.4.weight"] += 0.5
    number = torch.arange(240)
    history = {"loss": [1 / (1 + epoch) for epoch in range(12)], "metric": [0.5 / (1 + epoch) for epoch in range(12)]}
    proxy = torch.randn(30, 8, generator=source(3))
    return Case(
        model=model, loss=loss, metric=metric, train=train, test=test, shifted={"later": later},
        checkpoints=tuple(states),
        groups={"flag": test[0][:, 3].tolist()}, weight=1.0 + number % 3, clusters=(number // 2).tolist(),
        history=history, runs=[{"loss": 1.0 / k, "metric": 1.0 / k, "rate": float(k)} for k in range(1, 7)],
        refit=trained(lambda: net(3 if kind == "multiclass" else 1), train),
        candidates=Candidates(proxy=proxy, gold=proxy + torch.randn(30, 8, generator=source(4))),
        input_space=InputSpace(categorical=(3,)),
    )  # fmt: skip


def tensors(case: Case) -> Iterator[Tensor]:
    """Everything of a case that could be written over."""
    model: Any = case.model
    if isinstance(model, nn.Module):
        yield from model.state_dict().values()
        yield from (one.grad for one in model.parameters() if one.grad is not None)
    for rows in (case.test, case.train, *case.shifted.values()):
        yield from rows or ()
    yield from (one for state in case.checkpoints for one in state.values())
    if case.candidates is not None:
        yield from (case.candidates.proxy, case.candidates.gold)
    if case.weight is not None:
        yield case.weight


def modes(case: Case) -> list[tuple[bool, ...]]:
    model: Any = case.model
    flags = [(part.training,) for part in model.modules()] if isinstance(model, nn.Module) else []
    return flags + ([(one.requires_grad,) for one in model.parameters()] if isinstance(model, nn.Module) else [])


def dice() -> tuple[Any, ...]:
    return (torch.get_rng_state().tolist(), random.getstate(), repr(np.random.get_state()))  # noqa: NPY002


def said(report: Any) -> Any:
    """All that a report says, but for how long it took."""
    told = report.to_dict()
    told["findings"] = [{**one, "seconds": 0} for one in told["findings"]]
    return {name: value for name, value in told.items() if name not in ("environment", "seconds")}


def held(case: Case, level: Level) -> None:
    before = [one.clone() for one in tensors(case)]
    flags, thrown, threads = modes(case), dice(), torch.get_num_threads()
    first = wald.audit(case, level=level, seed=3)
    assert dice() == thrown
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled()
    assert modes(case) == flags
    after = list(tensors(case))
    assert len(after) == len(before)
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    torch.rand(3)
    again = wald.audit(case, level=level, seed=3)
    one, other = said(first), said(again)
    for mine, theirs in zip(one.pop("findings"), other.pop("findings"), strict=True):
        assert repr(mine) == repr(theirs)
    assert repr(one) == repr(other)


@pytest.mark.parametrize("kind", daily(["binary", "multiclass", "regression"], 3))
def test_a_quick_audit_changes_nothing_and_says_the_same_twice(kind: str) -> None:
    held(everything(kind), "quick")


@pytest.mark.slow
@pytest.mark.parametrize("level", ["standard", "deep"])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_no_probe_of_any_level_changes_anything(kind: str, level: Level) -> None:
    held(everything(kind), level)


@pytest.mark.slow
def test_an_estimator_is_bit_for_bit_what_it_was() -> None:
    ensemble = pytest.importorskip("sklearn.ensemble", reason="scikit-learn is not installed")
    inputs, target = (one.double().numpy() for one in rows("binary", 0))
    model = ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0).fit(inputs, target)
    before, copies = pickle.dumps(model), (inputs.copy(), target.copy())
    case = Case(model=model, loss="log_loss", metric="roc_auc", test=(inputs, target))
    held(case, "quick")
    assert pickle.dumps(model) == before
    assert np.array_equal(inputs, copies[0])
    assert np.array_equal(target, copies[1])


def test_reading_a_case_draws_no_random_number_and_changes_no_table() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    inputs, target = rows("binary", 0)
    frame = pandas.DataFrame(inputs.numpy(), columns=list("abcd"))
    copy, thrown = frame.copy(), dice()
    model = linear_model.LogisticRegression().fit(frame, target)
    Case(model=model, loss="log_loss", metric="roc_auc", test=(frame, target), train=(frame, target))
    pandas.testing.assert_frame_equal(frame, copy)
    assert dice() == thrown


def test_every_probe_was_given_what_it_needs() -> None:
    case = everything("binary")
    given = {field.name for field in fields(Case) if getattr(case, field.name) not in (None, (), "", {}, [])}
    missing = {need for probe in PROBES for need in probe.missing(case)} - {"trading"}
    assert not missing, (missing, given)
