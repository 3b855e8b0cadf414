"""Finding out how a foreign loss wants to be called, and on what kind of problem.

The names of its parameters say what to try first, and small batches are the proof: class ids against scores,
numbers against numbers, rows against rows, and the forms of losses of one, three or four inputs. Where it is finite
says in which domain an input lives; what it does there says which problem it is for (see `discovery.tasks`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import update_wrapper
from typing import Any

import torch
from torch import Tensor

from ...cards import Domain
from ...core import Loss
from .discovery.names import Parameter, parameters_of
from .discovery.several import of_family, of_several
from .discovery.trial import ROWS, Trial, Unknown, told
from .discovery.two import of_two
from .domains import DOMAINS, refuse_unknown
from .subject import Subject
from .target import Target

__all__ = ["Unknown", "subject_of"]


def subject_of(
    target: Target, *, task: str | None = None, domain: str | None = None, seed: int = 0
) -> Subject | Unknown:
    """How to call the loss, and on what kind of problem; `task` and `domain` (of the prediction) are believed.

    Raises:
        ValueError: `task` or `domain` is not a word that is known.
    """
    refuse_unknown(task=task, domain=domain)
    if isinstance(target.loss, Loss):
        return _of_catalogue(target, target.loss, task, seed)
    start = Subject(name=target.name, recipe=target.recipe, call=target.loss, task="other", domains=(), seed=seed)
    return _discovered(start, task, DOMAINS.get(domain or ""))


def _of_catalogue(target: Target, loss: Loss, task: str | None, seed: int) -> Subject:
    subject = Subject(
        name=target.name,
        recipe=target.recipe,
        call=loss,
        task=task or str(loss.card.task),
        domains=loss.named_domains,
        emitted=_emitted(loss),
        loss=loss,
        claims=loss.card.to_dict(),
        seed=seed,
    )
    if type(loss).arranged is not Loss.arranged:
        # Layout is no property of a loss: its twin in plain layout is what is measured.
        twin = loss.arranged(subject.inputs(ROWS), None, None)[0]
        subject = replace(subject, call=twin, loss=twin, domains=twin.named_domains)
    return _of_one_label(subject)


def _emitted(loss: Loss) -> tuple[int, ...]:
    """The first input, and where none is a target those like it that no reference model gives."""
    names, domains = zip(*loss.named_domains, strict=True)
    if "target" in names or "relevance" in names:
        return (0,)
    return tuple(
        place
        for place, (name, domain) in enumerate(zip(names, domains, strict=True))
        if domain == domains[0] and not name.startswith("reference")
    )


def _of_one_label(subject: Subject) -> Subject:
    """Several labels that are judged alike are measured as one."""
    domains = [domain for _, domain in subject.domains]
    alike = all(len(domain.axes) == 1 and domain.axes == domains[0].axes and not domain.size for domain in domains)
    if subject.task != "multilabel" or not alike:
        return subject
    return replace(subject, column=True, domains=tuple((name, replace(d, axes=())) for name, d in subject.domains))


def _discovered(start: Subject, task: str | None, hint: Domain | None) -> Subject | Unknown:
    found = _called(start, task, hint)
    if isinstance(found, Unknown) or (why := _unfit(found)) is None:
        return found
    if why:
        return Unknown(why=why, fix="Let it take batches of any size, with predictions that need no gradient too.")
    # It draws random numbers: with the same ones in every call it can be seen what else it does.
    still = _Still(start.call)
    again = _called(replace(start, call=still), task, hint)
    still.seed = None
    return found if isinstance(again, Unknown) else again


def _unfit(subject: Subject) -> str | None:
    """Why it cannot be measured; nothing where it gives two answers, None where all is well."""
    try:
        for n in (ROWS, 5, 3):
            inputs = subject.inputs(n)
            values = [subject.batch(*inputs).detach() for _ in range(2)]
            if not torch.equal(values[0].nan_to_num(), values[1].nan_to_num()):
                return ""
    except Exception as error:
        return told(error)
    return None


class _Still:
    """A loss that draws the same random numbers in every call, as long as it has a seed."""

    def __init__(self, loss: Callable[..., Any]) -> None:
        self.loss, self.seed = loss, 0
        update_wrapper(self, getattr(loss, "forward", loss))

    seed: int | None

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        if self.seed is not None:
            torch.manual_seed(self.seed)
        return self.loss(*inputs, **named)


def _called(start: Subject, task: str | None, hint: Domain | None) -> Subject | Unknown:
    parameters = parameters_of(start.call)
    if not parameters:
        return Unknown(why="it takes no inputs", fix="Give a function of (prediction, target).")
    settings = [one.name for one in parameters if one.role == "setting"]
    if settings:
        return _unbound(settings)
    trial = Trial(start)
    if hint is None and (found := of_family(trial, parameters, task)) is not None:
        return found
    weights = [i for i, one in enumerate(parameters) if one.role == "weight"]
    if len(parameters) == 3 and weights and (found := _unweighted(trial, parameters, weights[0], task, hint)):
        return found
    found = of_two(trial, parameters, task, hint) if len(parameters) == 2 else None
    if trial.returned is None and found is None:
        found = of_several(trial, parameters, task, hint)
    return found or trial.unknown(_expected(parameters))


def _unweighted(
    trial: Trial, parameters: tuple[Parameter, ...], place: int, task: str | None, hint: Domain | None
) -> Subject | None:
    """A loss of prediction, target and a weight or mask, with ones for the weights."""
    start, given = trial.start, parameters[place]
    others = tuple(one for i, one in enumerate(parameters) if i != place)
    for dtype in (torch.bool, None) if "mask" in given.name.lower() else (None, torch.bool):

        def call(*inputs: Tensor, dtype: torch.dtype | None = dtype, **named: Tensor) -> Any:
            like = next(x for x in (*inputs[1:], *named.values(), *inputs))
            ones = torch.ones(like.shape, dtype=dtype)
            if given.keyword:
                return start.call(*inputs, **named, **{given.name: ones})
            return start.call(*inputs[:place], ones, *inputs[place:], **named)

        told = "torch.ones(b.shape, dtype=torch.bool)" if dtype is not None else "torch.ones(b.shape)"
        names = ["a", "b"]
        names.insert(place, f"{given.name}={told}" if given.keyword else told)
        recipe = f"{start.recipe or 'loss = loss'}; bare = loss; loss = lambda a, b: bare({', '.join(names)})"
        inner = Trial(replace(start, call=call, recipe=recipe))
        if (found := of_two(inner, others, task, hint)) is not None:
            return replace(found, note=f"called with ones for {given.name}{'; ' * bool(found.note)}{found.note}")
        trial.said += inner.said
        trial.returned = trial.returned or inner.returned
    return None


def _unbound(settings: list[str]) -> Unknown:
    given = ", ".join(f"{name}=..." for name in settings)
    plural = len(settings) > 1
    return Unknown(
        why=f"it needs {' and '.join(settings)}, which {'are settings' if plural else 'is a setting'} and no tensor"
        f"{'s' if plural else ''}",
        fix=f"Bind {'them' if plural else 'it'}: functools.partial(loss, {given}).",
    )


def _expected(parameters: tuple[Parameter, ...]) -> str:
    if len(parameters) == 2:
        return ""
    names = ", ".join(one.name or "..." for one in parameters)
    return f"Wrap it in a function of (prediction, target) that gives it ({names})."
