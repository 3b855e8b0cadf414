"""Question 5: what do unusual inputs do to the value and the gradient of the loss?

The inputs, and the words for what comes of them, are those of `wald.checks.edges`; here they are made of the model's
own predictions, and each kind is controlled by a sound loss and by the same one broken in that very way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor

from ...cards import BinaryTarget, ClassId, Domain, Logit, Logits, Real
from ...checks.edges import Bench, Outcome, Row
from ...checks.edges.bench import arguments_of, ignored_id, with_arguments
from ...checks.edges.broken import infinite, masked_classes, nan_predictions, nan_targets
from ...checks.edges.calls import calls
from ...checks.edges.cell import Cells
from ...checks.edges.hits import far_off, hits, misses
from ...checks.edges.judge import Grade, judged
from ...checks.edges.layouts import columns, layouts
from ...checks.edges.modes import after_others, half, learnt_targets, second_derivative, without_graph
from ...checks.edges.ran import same
from ...checks.edges.sizes import empty, few, nothing_counts, one_class
from ...checks.edges.table import cells_of, worst_first
from ...checks.edges.targets import of_another_type, out_of_range
from ...checks.edges.weights import weights
from ...checks.subjects.domains import Probability
from ...core import Loss, value_checks
from ...findings import Controls, Finding, State, judge
from ...losses import BinaryCrossEntropy, CrossEntropy, Squared
from ..costing.space import Binary, Multiclass, Space
from ..evidence import Evidence
from ..inspecting.batches import copy_error, precision_error
from ..probe import Outcome as Answer, Probe

QUESTION = "edge cases"

Called = Callable[..., Tensor]

#: Rows in the battery: few, so that a finding can be read and run by hand.
ROWS: Final = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind:
    """One kind of unusual input.

    Attributes:
        code: of its finding.
        name: what it is.
        cells: what is tried.
        breaks: how a sound loss is broken, to see that it would be noticed.
        fix: what to do about a fault.
        grades: how bad an outcome is, where that differs from what the cells themselves say of it.
        known: what to say where the kind has no meaning for a loss; empty where it has.
    """

    code: str
    name: str
    cells: tuple[Cells, ...]
    breaks: Callable[[Called], Called]
    fix: str
    grades: Mapping[Outcome, Grade] = field(default_factory=dict[Outcome, Grade])
    known: Callable[[object], str] = lambda loss: ""

    def rows(self, bench: Bench) -> list[Row]:
        """What a loss does with each input of this kind."""
        found = [judged(bench, self.code, cell) for part in self.cells for cell in part(bench)]
        return [replace(row, grade=self._grade(row)) for row in found]

    def _grade(self, row: Row) -> Grade:
        if row.outcome == "unclear error":
            return "warn"
        grade = self.grades.get(row.outcome, row.grade)
        return "warn" if grade == "fail" and self.code == "E508" and row.warned else grade


def measure(evidence: Evidence) -> Answer:
    """Every kind on the user's loss, on a sound one and on one broken on purpose."""
    bench = _bench(evidence)
    sound = _sound(evidence, bench)
    findings = [_judged(kind, evidence.case.loss, bench, sound) for kind in KINDS]
    findings += [_compiled(evidence, bench), _precise(evidence, bench), _copied(evidence, bench)]
    bad = [one for one in findings if one.state == "fail"]
    mild = [one for one in findings if one.state == "warn"]
    ran = sum(one.state in ("pass", "warn", "fail", "inconclusive") for one in findings)
    if bad:
        answer = f"{len(bad)} of {ran} unusual inputs give a wrong result in silence: {bad[0].says}"
    elif mild:
        answer = (
            f"nothing is silently wrong in {ran} kinds of unusual input; {len(mild)} deserve a look: {mild[0].says}"
        )
    else:
        answer = f"{ran} kinds of unusual input give a right value, a NaN that shows, or a clear error"
    return Answer(tuple(findings), answer=answer)


EDGES = Probe("edge cases", QUESTION, "E501", "unusual inputs", measure, independent=True)


# The benches.


def _bench(evidence: Evidence) -> Bench:
    # Both ends of the targets, so that a class or a sign is not missing by chance.
    order = evidence.target.reshape(evidence.rows, -1)[:, 0].argsort()
    few_rows = order[torch.linspace(0, len(order) - 1, min(ROWS, len(order))).long()]
    loss: Any = evidence.case.loss
    prediction, target = (_rounded(x[few_rows].detach()) for x in (evidence.prediction, evidence.target))
    space = evidence.space
    known = isinstance(loss, Loss)
    taken = arguments_of(loss)
    bench = Bench(
        call=loss,
        inputs=(prediction, target),
        domains=_domains(loss, space, prediction, target),
        task=space.task if space is not None else "other",
        batch=tuple(target.shape[:1]),
        known=known,
        whole=known and loss.card.coupling == "coupled",
        weighs=known or "weight" in taken,
        masks=known or "mask" in taken,
        ignores=ignored_id(loss) if not target.is_floating_point() else None,
        unit=1.0 if space is None else space.unit(target),
        recipe=f"import wald; loss = {f'wald.{loss!r}' if known else evidence.cost.name}",
    )
    return _settled(bench)


def _sound(evidence: Evidence, bench: Bench) -> Bench:
    """The same rows with a loss that is known to take every kind well."""
    prediction, target = bench.inputs
    space = evidence.space
    if isinstance(space, Binary):
        loss, named = BinaryCrossEntropy(), (Logit, BinaryTarget)
        prediction = space.read(prediction)
    elif isinstance(space, Multiclass):
        loss, named = CrossEntropy(), (Logits, ClassId)
    else:
        loss, named = Squared(), (Real, Real)
        prediction, target = (x.float().reshape(len(x), -1)[:, 0] for x in (prediction, target))
    domains = (("prediction", named[0]), ("target", named[1]))
    sound = replace(bench, call=loss, inputs=(prediction, target), domains=domains, known=True, whole=False)
    sound = replace(sound, batch=tuple(target.shape[:1]), weighs=True, masks=True, ignores=None)
    return _settled(sound)


def _settled(bench: Bench) -> Bench:
    """The bench with what two calls tell of it."""
    first, second = bench.run(bench.inputs).value, bench.run(bench.inputs).value
    steady = first is None or second is None or bool((first == second).all())
    return with_arguments(replace(bench, steady=steady))


def _rounded(x: Tensor) -> Tensor:
    # So that what is printed is what was measured.
    return x.double().round(decimals=3).to(x.dtype) if x.is_floating_point() else x.clone()


def _domains(loss: object, space: Space | None, prediction: Tensor, target: Tensor) -> tuple[tuple[str, Domain], ...]:
    if isinstance(space, Binary):
        return (("prediction", Probability if space.probability else Logit), ("target", BinaryTarget))
    if isinstance(space, Multiclass):
        return (("prediction", Logits), ("target", ClassId))
    if isinstance(loss, Loss) and len(loss.named_domains) == 2:
        return loss.named_domains
    return (("prediction", _plain(prediction)), ("target", _plain(target)))


def _plain(x: Tensor) -> Domain:
    return Real.of(*("features",) * (x.ndim - 1)) if x.ndim > 1 else Real


def _judged(kind: Kind, loss: object, bench: Bench, sound: Bench) -> Finding:
    why = kind.known(loss)
    rows = [] if why else kind.rows(bench)
    if not rows:
        says = f"{kind.name}: {why or 'this has no meaning for such a loss or target'}"
        return Finding(code=kind.code, state="not_applicable", question=QUESTION, says=says)
    clean, broken = kind.rows(sound), kind.rows(replace(sound, call=kind.breaks(sound.call)))
    controls = Controls(
        positive=bool(worst_first(tuple(broken))) if broken else None,
        negative=not worst_first(tuple(clean)) if clean else None,
    )
    bad = worst_first(tuple(rows))
    worst = bad[0] if bad else rows[0]
    state: State = worst.grade
    if controls.wrong or (state == "fail" and not controls.right):
        state = "inconclusive"
    return Finding(
        code=kind.code,
        state=state,
        question=QUESTION,
        says=f"{kind.name}: {worst.says if bad else _quiet(rows)}",
        fix=kind.fix if bad else "",
        controls=controls,
        evidence={"cells": cells_of(tuple(rows))} | ({"reproduce": worst.reproduce} if worst.reproduce else {}),
        method=f"{len(bench.prediction)} of the model's own predictions, changed; controls: a sound loss, and the "
        "same one broken in this very way. Observed, not estimated, so without an interval",
    )


def _quiet(rows: list[Row]) -> str:
    """What came of inputs that are all taken well."""
    first = rows[0].says
    return first if len(rows) == 1 else f"{first}; so it is with {len(rows) - 1} more like it"


# How a sound loss is broken, to see that it would be noticed.


def _swallows(loss: Called) -> Called:
    def broken(p: Tensor, y: Tensor, **more: Any) -> Tensor:
        more = {name: value.nan_to_num() if name == "weight" else value for name, value in more.items()}
        return loss(p.nan_to_num(), y.nan_to_num() if y.is_floating_point() else y, **more)

    return broken


def _traps(loss: Called) -> Called:
    # The value is finite and the slope is 0 × ∞: the trap of a square root, or of a `where`, at its end.
    return lambda p, y, **more: (
        loss(p.nan_to_num(posinf=50.0, neginf=-50.0), y, **more) + 0 * (p - p.detach()).nan_to_num().abs().sum().sqrt()
    )


def _deadens(loss: Called) -> Called:
    # As under a clamp: what is far out is a constant.
    def far(p: Tensor) -> Tensor:
        return (p.abs() > 5) if p.ndim == 1 else (p.abs() > 5).any(-1, keepdim=True)

    return lambda p, y, **more: loss(torch.where(far(p), p.detach(), p), y, **more)


def _adds(loss: Called) -> Called:
    return lambda p, y, **more: loss(p, y, **more) + 1.0 / (1.0 + len(p))


def _broadcasts(loss: Called) -> Called:
    def broken(p: Tensor, y: Tensor, **more: Any) -> Tensor:
        del more
        if p.ndim > 1:
            return -p.log_softmax(1)[torch.arange(len(p)), y].mean()
        return (p.double() - y.double()).square().mean()

    return broken


def _unchecked(loss: Called) -> Called:
    def broken(p: Tensor, y: Tensor, **more: Any) -> Tensor:
        with value_checks(False):
            # Class ids beyond the last one are taken for it.
            return loss(p, y.clamp(0, p.shape[-1] - 1) if p.ndim > 1 else y, **more)

    return broken


def _explodes(loss: Called) -> Called:
    return lambda p, y, **more: loss(p, y, **more) + p.abs().exp().mean()


def _overflows(loss: Called) -> Called:
    return lambda p, y, **more: loss(p, y, **more) + ((p.abs() + 1) * 1e3).square().mean() * 1e-9


def _misreads(loss: Called) -> Called:
    return lambda p, y, **more: loss(p.as_strided(p.shape, _packed(p)), y, **more)


def _packed(x: Tensor) -> tuple[int, ...]:
    steps, step = [], 1
    for size in reversed(x.shape):
        steps.append(step)
        step *= size
    return tuple(reversed(steps)) if 0 not in x.stride() else x.stride()


def _drifts(loss: Called) -> Called:
    calls: list[int] = []

    def broken(p: Tensor, y: Tensor, **more: Any) -> Tensor:
        calls.append(1)
        return loss(p, y, **more) * (1 + 0.01 * len(calls))

    return broken


def _minds_graph(loss: Called) -> Called:
    return lambda p, y, **more: loss(p, y, **more) + float(y.requires_grad)


def _weighs_late(loss: Called) -> Called:
    def broken(p: Tensor, y: Tensor, **more: Any) -> Tensor:
        weight = more.get("weight")
        values = loss(p, y, reduction="none")
        return values.mean() if weight is None else (values * weight).sum() / weight.sum()

    return broken


def _counts_masked(loss: Called) -> Called:
    return lambda p, y, **more: loss(p, y, **more) + 1e-8 * len(p) + (0.5 if "mask" in more else 0.0)


def _divides_by_kinds(loss: Called) -> Called:
    # As what is averaged class by class, and divided by how many other classes there are.
    def broken(p: Tensor, y: Tensor, **more: Any) -> Tensor:
        others = len(y.unique()) - 1
        return loss(p, y, **more) * (torch.tensor(float(others)) / others if others else torch.nan)

    return broken


def _minds_type(loss: Called) -> Called:
    kinds: list[torch.dtype] = []

    def broken(p: Tensor, y: Tensor, **more: Any) -> Tensor:
        kinds.append(y.dtype)
        same = y.dtype in (torch.float32, torch.int64)
        return loss(p, y if y.is_floating_point() else y.long(), **more) + (0.0 if same else 0.5)

    return broken


def _remembers(loss: Called) -> Called:
    last: list[int] = [0]

    def broken(p: Tensor, y: Tensor, **more: Any) -> Tensor:
        before, last[0] = last[0], len(p)
        return loss(p, y, **more) + 0.1 * before

    return broken


def _creases(loss: Called) -> Called:
    # A gradient of 0 and no second derivative, as of a root that is differentiated at its end.
    return lambda p, y, **more: loss(p, y, **more) + (p - p.detach()).square().clamp_min(0).pow(0.75).sum()


_PROPAGATE: Final = "let NaN through: no nan_to_num, nanmean or comparison with NaN inside the loss"
_STABLE: Final = "use the stable form (logsumexp, softplus, log1p) and mask before the formula, not after it"
_DEFINED: Final = "return 0 with a zero gradient, or raise"


def _vanishes(loss: object) -> str:
    vanishing = isinstance(loss, Loss) and loss.card.slope == "vanishing"
    return "the card says that the slope vanishes for the worst rows, so this is meant" if vanishing else ""


def _kind(
    code: str,
    name: str,
    cells: tuple[Cells, ...],
    breaks: Callable[[Called], Called],
    fix: str,
    **grades: Grade,
) -> Kind:
    worse: dict[Any, Grade] = {outcome.replace("_", " "): grade for outcome, grade in grades.items()}
    known = _vanishes if code == "E505" else Kind.known
    return Kind(code=code, name=name, cells=cells, breaks=breaks, fix=fix, grades=worse, known=known)


KINDS: Final = (
    _kind("E501", "NaN in a prediction", (nan_predictions,), _swallows, _PROPAGATE),
    _kind("E502", "NaN in a target", (nan_targets,), _swallows, _PROPAGATE, silently_wrong="fail"),
    _kind("E503", "an infinite prediction", (infinite, masked_classes), _traps, _STABLE, nan_gradient="fail"),
    _kind("E504", "huge predictions", (far_off,), _explodes, _STABLE, nan="fail"),
    _kind(
        "E505",
        "confidently wrong",
        (misses,),
        _deadens,
        "give the loss logits, and no clamp or sigmoid before the log",
        zero_gradient="warn",
    ),
    _kind("E506", "an empty batch", (empty,), _adds, _DEFINED),
    _kind(
        "E507",
        "a single row",
        (few,),
        _adds,
        "divide by the number of rows, not by one less",
        silently_wrong="warn",
    ),
    _kind(
        "E508",
        "a column against a row",
        (columns,),
        _broadcasts,
        "compare the shapes before computing, and raise",
        silently_wrong="fail",
    ),
    _kind("E509", "targets out of range", (out_of_range,), _unchecked, "check the targets, as wald's own losses do"),
    _kind(
        "E510",
        "half precision",
        (half,),
        _overflows,
        "compute in float32 inside, whatever comes in",
        inf="fail",
        nan="fail",
        nan_gradient="fail",
    ),
    _kind("E511", "memory layout", (layouts,), _misreads, "use reshape, not view or as_strided"),
    _kind("E512", "purity", (calls, without_graph), _drifts, "keep no state in the loss and write to no input"),
    _kind(
        "E513",
        "targets with a gradient",
        (learnt_targets,),
        _minds_graph,
        "treat targets as constants, or differentiate them",
    ),
    _kind("E514", "weights of 0 and NaN", (weights,), _weighs_late, "replace what is left out before the formula"),
    _kind("E515", "everything masked", (nothing_counts,), _counts_masked, _DEFINED),
    _kind("E516", "exactly right, exactly undecided", (hits,), _traps, _STABLE, nan="fail"),
    _kind(
        "E517",
        "second derivatives",
        (second_derivative,),
        _creases,
        "write the loss in differentiable torch operations",
    ),
    _kind(
        "E519",
        "one class only",
        (one_class,),
        _divides_by_kinds,
        "say what the loss is where a class is missing: divide by what is there, and by 1 where nothing is",
        nan="fail",
        inf="fail",
        nan_gradient="fail",
    ),
    _kind(
        "E520", "targets of another type", (of_another_type,), _minds_type, "convert the targets inside, or refuse them"
    ),
    _kind("E521", "after another batch", (after_others,), _remembers, "keep nothing of one batch for the next"),
)


def _compiled(evidence: Evidence, bench: Bench) -> Finding:
    if evidence.level != "deep":
        says = "torch.compile: compiling takes longer than this level allows; use --deep"
        return Finding(code="E518", state="not_run", question=QUESTION, says=says)
    compiled: Any = torch.compile(bench.call, fullgraph=True)  # pyright: ignore[reportUnknownMemberType]
    plain, found = bench.plain, replace(bench, call=compiled).plain
    torch.compiler.reset()
    state: State = "warn"
    if found.error is not None:
        says = f"it cannot be compiled in one graph: {type(found.error).__name__}"
    elif plain.value is not None and found.value is not None and not same(plain.value, found.value, 1e-4):
        says = f"compiled, the loss is {found.number:.6g} and should be {plain.number:.6g}"
    else:
        state, says = "pass", "compiled, the loss is the same"
    return Finding(
        code="E518",
        state=state,
        question=QUESTION,
        says=f"torch.compile: {says}",
        fix="" if state == "pass" else "no .item(), no Python `if` on values",
        method="fullgraph=True on eight rows",
    )


# A real batch.

#: Rows of it, and what may be lost: a share of the loss that is worth a look, and one that is wrong.
_BATCH: Final = 512
_LOST, _WRONG = 0.02, 0.5


def _real(evidence: Evidence) -> tuple[Tensor, Tensor]:
    rows = torch.randperm(evidence.rows, generator=evidence.random("real batch"))[:_BATCH].sort().values
    return evidence.prediction[rows].detach(), evidence.target[rows]


def _precise(evidence: Evidence, bench: Bench) -> Finding:
    prediction, target = _real(evidence)
    effect, where = precision_error(bench.call, prediction, target)
    plain = (prediction.double().reshape(len(prediction), -1)[:, 0], target.double().reshape(len(target), -1)[:, 0])

    def summed(p: Tensor, y: Tensor) -> Tensor:
        # The sum of squares overflows half precision; what is added keeps it from being small by chance.
        return ((p - y).abs() + 30).square().to(p.dtype).cumsum(0)[-1] / len(p)

    def wide(p: Tensor, y: Tensor) -> Tensor:
        return ((p.double() - y.double()).abs() + 30).square().mean()

    controls = Controls(
        positive=precision_error(summed, *plain)[0] > _LOST, negative=precision_error(wide, *plain)[0] <= _LOST
    )
    state = judge(effect=effect, interval=(effect, effect), threshold=_WRONG, warn=_LOST, controls=controls)
    return Finding(
        code="E522",
        state=state,
        question=QUESTION,
        says=f"a real batch in {where}: the loss is off by {effect:.1%} of what it is in float64"
        if state in ("warn", "fail")
        else f"a real batch of {len(target)} rows: the loss is the same in every precision, within {effect:.1%}",
        fix="compute in float32 inside, whatever comes in: prediction.float(), and sums above all",
        effect=effect,
        unit="of the loss",
        interval=(effect, effect),
        threshold=_WRONG,
        controls=controls,
        method="the loss in float32, bfloat16 and float16, against float64 on the same rounded predictions; controls: "
        "a running sum of squares in the precision that comes in, and the same in float64",
    )


def _copied(evidence: Evidence, bench: Bench) -> Finding:
    prediction, target = _real(evidence)
    if not bench.weighs:
        says = "weights of a real batch: the loss takes no weights"
        return Finding(code="E523", state="not_applicable", question=QUESTION, says=says)
    copies = torch.randint(0, 4, (len(target),), generator=evidence.random("copies"))
    copies[0] = 2
    effect = copy_error(bench.call, prediction, target, copies)

    def squares(p: Tensor, y: Tensor, weight: Tensor | None = None, *, late: bool) -> Tensor:
        values = 1 + (p - y).double().reshape(len(p), -1)[:, 0].square()
        if weight is None:
            return values.mean()
        return (values * weight).mean() if late else (values * weight).sum() / weight.sum()

    plain = (prediction.reshape(len(prediction), -1)[:, 0], target.to(prediction.dtype).reshape(len(target), -1)[:, 0])
    controls = Controls(
        positive=copy_error(partial(squares, late=True), *plain, copies) > _LOST,
        negative=copy_error(partial(squares, late=False), *plain, copies) <= _LOST,
    )
    state = judge(effect=effect, interval=(effect, effect), threshold=torch.inf, warn=_LOST, controls=controls)
    return Finding(
        code="E523",
        state=state,
        question=QUESTION,
        says=f"weights of a real batch: weights of 0 to 3 give a loss that is off by {effect:.1%} of the loss of as "
        "many copies of each row"
        if state == "warn"
        else f"weights of a real batch of {len(target)} rows: a weight of k counts as k copies, and one of 0 as none",
        fix="divide by the sum of the weights: (values * weight).sum() / weight.sum()",
        effect=effect,
        unit="of the loss",
        interval=(effect, effect),
        controls=controls,
        method="weights of 0 to 3 against rows that are left out and repeated; controls: weighted squares divided by "
        "the number of rows, and by the sum of the weights",
    )
