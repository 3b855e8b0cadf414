"""What a loss claims about itself. Whatever can be measured is measured, by `wald.check`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from types import SimpleNamespace
from typing import Any, Literal, TypeVar

from .domain import Domain
from .formula import Formula
from .ports import Ports

T = TypeVar("T")

#: A claim is a value, or a function of the loss where it depends on the fields.
Claim = T | Callable[[Any], T]

Task = Literal["regression", "binary", "multiclass", "multilabel", "ranking", "pairwise", "other"]
Coupling = Literal["separable", "coupled"]


@dataclass(frozen=True, kw_only=True)
class Card:
    """The facts about one loss, written beside its formula.

    Read from a class (`Pinball.card`) it is as written; read from a loss (`Pinball(level=0.9).card`) every
    claim that depends on the fields is worked out for that loss.

    Attributes:
        task: the kind of problem.
        inputs: the arguments of `per_example`, in order, and where each lives.
        formula: the loss of one example, in one line.
        elicits: the statistic that its minimiser is, in the words of a check report.
        proper: whether the minimiser is the true probability (or the whole law); None where that has no meaning.
        calibrated: whether the best score is always on the right side of one half (binary) or has the right
            argmax (multiclass).
        invertible: whether the true probability can be read from the best score.
        symmetric: whether the losses of all labels add to a constant.
        threshold: the probability at which the decision of the minimiser flips, for binary losses.
        convex: whether it is convex in the prediction.
        bounded_below: whether it has a finite infimum.
        perfect_is_minimal: whether predicting the target exactly costs least.
        coupling: whether the value of an example depends on the other examples.
        smooth: how often it can be differentiated everywhere: 0 (kinks), 1, 2, or 3 for smooth.
        slope: how the gradient grows with the error: vanishing, bounded, logarithmic, sublinear, linear,
            polynomial, exponential, or unbounded where that is at an end of the domain.
        denominator: what the mean divides by, in words.
        share: what an example adds to that denominator beside its weight, where it is not 1: `Loss.share`, by name.
        when: where it is the right loss.
        when_not: where it is not, and what is.
        points: values at which a training curve stops, by name: "perfect", "chance", "collapse", "floor" and the like;
            a number, or a formula of the fields and of sizes such as `classes` and `batch`.
        sizes: how large its axes typically are, by name, and how many examples a `batch` has, where that is not what
            axes of these names usually have (`cards/sizes.py`); at these sizes it is timed.
        aliases: other names that people know it by.
        ports: what other libraries call it, and the fields at which it is theirs.
        tags: words for a search.
        cite: sources: authors, year, arXiv or DOI.
    """

    task: Claim[Task]
    inputs: Claim[Mapping[str, Domain]]
    formula: Claim[Formula | str]
    elicits: Claim[str | None] = None
    proper: Claim[bool | None] = None
    calibrated: Claim[bool | None] = None
    invertible: Claim[bool | None] = None
    symmetric: Claim[bool | None] = None
    threshold: Claim[float | None] = None
    convex: Claim[bool | None] = None
    bounded_below: Claim[bool] = True
    perfect_is_minimal: Claim[bool | None] = None
    coupling: Coupling = "separable"
    smooth: Claim[int | None] = None
    slope: Claim[str | None] = None
    denominator: str = "the unmasked examples, each counted by its weight"
    share: Claim[Formula | None] = None
    when: str = ""
    when_not: str = ""
    points: Claim[Mapping[str, float | str]] = field(default_factory=dict[str, float | str])
    sizes: Claim[Mapping[str, int]] = field(default_factory=dict[str, int])
    aliases: tuple[str, ...] = ()
    ports: Ports = field(default_factory=dict[str, Mapping[str, Any]])
    tags: tuple[str, ...] = ()
    cite: tuple[str, ...] = ()

    def __get__(self, loss: Any, owner: type) -> Card:
        return self if loss is None else self.of(loss)

    def of(self, loss: Any) -> Card:
        """The card of this very loss: every claim that is a function of it, worked out."""
        claims = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(self, **{name: claim(loss) for name, claim in claims.items() if _depends(claim)})

    def unspoken(self, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
        """The fields away from their defaults of which the formula does not speak, so that it need not hold.

        A formula that is chosen by a field speaks of it, whether or not it names it.

        Args:
            values: the fields of a loss.
            defaults: the same fields at their defaults; one that has none may be left out.
        """

        def spoken(fields: Mapping[str, Any]) -> tuple[Formula | str | None, ...]:
            claims: tuple[Any, ...] = (self.formula, self.share)
            return tuple(claim(SimpleNamespace(**fields)) if _depends(claim) else claim for claim in claims)

        def speaks_of(name: str) -> bool:
            chosen = spoken(values)
            named = any(isinstance(each, Formula) and name in each.names for each in chosen)
            return named or spoken({**values, name: defaults[name]}) != chosen

        away = [name for name, value in values.items() if name in defaults and value != defaults[name]]
        return [name for name in away if not speaks_of(name)]

    def to_dict(self) -> dict[str, Any]:
        """The claims in the words of a check report: `yes`, `no` or null for what is true or false."""
        words: dict[bool, str] = {True: "yes", False: "no"}
        facts: dict[str, Any] = {}
        for each in fields(self):
            claim = getattr(self, each.name)
            if _depends(claim):
                claim = "depends on the fields"
            elif each.name == "inputs":
                claim = {name: _described(domain) for name, domain in claim.items()}
            elif isinstance(claim, Formula):
                claim = str(claim)
            elif isinstance(claim, bool):
                claim = words[claim]
            facts[each.name] = list(claim) if isinstance(claim, tuple) else claim  # pyright: ignore[reportUnknownArgumentType]
        return facts


def _depends(claim: object) -> bool:
    return callable(claim) and not isinstance(claim, Formula)


def _described(domain: Domain) -> str:
    axes = f"[..., {', '.join(domain.axes)}] " if domain.axes else ""
    return f"{axes}{domain.says}, {domain.interval}"
