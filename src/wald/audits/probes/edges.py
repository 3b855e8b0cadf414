"""Question 5: what do unusual inputs do to the value and the gradient of the loss?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
import math
from typing import Any, Literal, cast
import warnings

import torch
from torch import Tensor

from ...core import Loss, value_checks
from ...findings import Controls, Finding, State
from ...losses import BinaryCrossEntropy, CrossEntropy, Squared
from ..evidence import Evidence
from ..probe import Outcome, Probe
from ..space import Multiclass, Space

QUESTION = "edge cases"

Called = Callable[..., Tensor]
Grade = Literal["ok", "warn", "fail", "skip"]

#: Rows in the battery: few, so that a finding can be read and run by hand.
ROWS = 8

#: How far a value computed in half precision may be from the one in double precision.
_HALF_ERROR = 0.05

#: A message that a person can act on speaks of one of these.
_CLEAR = (
    "target", "prediction", "input", "label", "logit", "shape", "size", "dtype", "range", "class", "expected",
    "float", "empty", "nan", "weight", "mask", "bound", "implemented",
)  # fmt: skip


@dataclass(frozen=True)
class _Seen:
    """What a loss did with an unusual input."""

    grade: Grade
    says: str
    reproduce: str = ""


@dataclass(frozen=True)
class _Bench:
    """A loss on a few of the model's own predictions."""

    loss: Called
    space: Space | None
    prediction: Tensor
    target: Tensor
    weighs: bool = False
    masks: bool = False
    vanishes: bool = False
    name: str = "loss"

    def call(self, prediction: Tensor, target: Tensor, **more: Any) -> Tensor:
        found = self.loss(prediction, target, **more)
        return found.mean() if found.ndim else found

    def recipe(self, prediction: Tensor, target: Tensor, more: str = "") -> str:
        return f"import torch, wald; loss = {self.name}\nprint(loss({_written(prediction)}, {_written(target)}{more}))"


@dataclass(frozen=True)
class _Result:
    """A value with its gradient, or the error in place of them."""

    value: float = float("nan")
    slope: Tensor = field(default_factory=lambda: torch.zeros(0))
    error: Exception | None = None
    warned: str = ""

    @property
    def finite(self) -> bool:
        return abs(self.value) < float("inf")

    @property
    def broken_slope(self) -> bool:
        return self.finite and not bool(self.slope.isfinite().all())


@dataclass(frozen=True)
class _Cell:
    """An unusual input: how to look at it, and how to break a sound loss so that it would be noticed."""

    code: str
    name: str
    look: Callable[[_Bench], _Seen]
    breaks: Callable[[Called], Called] | None
    fix: str


def measure(evidence: Evidence) -> Outcome:
    """Every cell on the user's loss, on a sound one and on one broken on purpose."""
    bench = _bench(evidence)
    sound = _sound(bench)
    findings = [_judged(cell, bench, sound) for cell in CELLS]
    findings.append(_compiled(evidence, bench))
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
    return Outcome(tuple(findings), answer=answer)


EDGES = Probe("edge cases", QUESTION, "E501", "unusual inputs", measure, independent=True)


def _bench(evidence: Evidence) -> _Bench:
    # Both ends of the targets, so that a class or a sign is not missing by chance.
    order = evidence.target.reshape(evidence.rows, -1)[:, 0].argsort()
    few = order[torch.linspace(0, len(order) - 1, min(ROWS, len(order))).long()]
    loss = evidence.case.loss
    prediction = evidence.prediction[few].detach().clone()
    if prediction.is_floating_point():
        # Rounded, so that what is printed is what was measured.
        prediction = torch.round(prediction.double(), decimals=3).to(prediction.dtype)
    target = evidence.target[few].clone()
    if target.is_floating_point():
        target = torch.round(target.double(), decimals=3).to(target.dtype)
    card = loss.card if isinstance(loss, Loss) else None
    return _Bench(
        loss=loss,
        space=evidence.space,
        prediction=prediction,
        target=target,
        weighs=evidence.cost.takes("weight"),
        masks=evidence.cost.takes("mask"),
        vanishes=card is not None and card.slope == "vanishing",
        name=f"wald.{loss!r}" if isinstance(loss, Loss) else evidence.cost.name,
    )


def _sound(bench: _Bench) -> _Bench:
    """The same rows with a loss that is known to take every cell well."""
    task = bench.space.task if bench.space is not None else "regression"
    prediction, target = bench.prediction, bench.target
    if task == "binary":
        loss: Called = BinaryCrossEntropy()
        prediction = bench.space.read(prediction) if bench.space is not None else prediction
    elif task == "multiclass":
        loss = CrossEntropy()
    else:
        loss = Squared()
        prediction, target = (
            prediction.float().reshape(len(prediction), -1)[:, 0],
            target.float().reshape(len(target), -1)[:, 0],
        )
    space = bench.space if bench.space is None else type(bench.space)()
    return _Bench(loss, space, prediction, target, weighs=True, masks=True)


def _judged(cell: _Cell, bench: _Bench, sound: _Bench) -> Finding:
    seen = cell.look(bench)
    if seen.grade == "skip":
        return Finding(code=cell.code, state="not_applicable", question=QUESTION, says=f"{cell.name}: {seen.says}")
    clean = cell.look(sound)
    broken = None if cell.breaks is None else cell.look(_with_loss(sound, cell.breaks(sound.loss)))
    controls = Controls(
        positive=None if broken is None or broken.grade == "skip" else broken.grade in ("warn", "fail"),
        negative=None if clean.grade == "skip" else clean.grade == "ok",
    )
    state: State = "pass" if seen.grade == "ok" else seen.grade
    if controls.wrong or (state == "fail" and not controls.right):
        state = "inconclusive"
    return Finding(
        code=cell.code,
        state=state,
        question=QUESTION,
        says=f"{cell.name}: {seen.says}",
        fix="" if seen.grade == "ok" else cell.fix,
        controls=controls,
        evidence={"reproduce": seen.reproduce} if seen.reproduce else {},
        method=f"{len(bench.prediction)} of the model's own predictions, changed; controls: a sound loss, and the "
        "same one broken in this very way. Observed, not estimated, so without an interval",
    )


def _with_loss(bench: _Bench, loss: Called) -> _Bench:
    return _Bench(loss, bench.space, bench.prediction, bench.target, bench.weighs, bench.masks)


def _try(bench: _Bench, prediction: Tensor, target: Tensor, **more: Any) -> _Result:
    prediction = prediction.detach().clone().requires_grad_(prediction.is_floating_point())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = bench.call(prediction, target, **more)
            (slope,) = torch.autograd.grad(value, prediction, allow_unused=True) if value.requires_grad else (None,)
        except Exception as error:
            return _Result(error=error)
    warned = str(caught[0].message) if caught else ""
    slope = torch.zeros_like(prediction) if slope is None else slope
    return _Result(float(value.detach()), slope.detach(), warned=warned)


def _raised(error: Exception, recipe: str) -> _Seen:
    told = str(error).strip()
    short = (told.splitlines() or [""])[0][:160]
    if any(word in short.lower() for word in _CLEAR):
        return _Seen("ok", f"it says so: {type(error).__name__}: {short}", recipe)
    return _Seen("warn", f"it raises {type(error).__name__} and does not say why: {short or 'no message'}", recipe)


def _must_show(result: _Result, recipe: str, what: str) -> _Seen:
    """A NaN that goes in must come out, or be refused."""
    if result.error is not None:
        return _raised(result.error, recipe)
    if result.value != result.value:
        return _Seen("ok", "the loss is NaN too, so it is seen")
    return _Seen("fail", f"{what} goes in and a loss of {result.value:.4g} comes out, as if nothing were wrong", recipe)


# The cells.


def _nan_prediction(bench: _Bench) -> _Seen:
    prediction = bench.prediction.clone()
    prediction.reshape(len(prediction), -1)[0, 0] = torch.nan
    recipe = bench.recipe(prediction, bench.target)
    return _must_show(_try(bench, prediction, bench.target), recipe, "a NaN prediction")


def _nan_target(bench: _Bench) -> _Seen:
    if not bench.target.is_floating_point():
        return _Seen("skip", "the targets are whole numbers")
    target = bench.target.clone()
    target.reshape(len(target), -1)[0, 0] = torch.nan
    return _must_show(_try(bench, bench.prediction, target), bench.recipe(bench.prediction, target), "a NaN target")


def _infinite(bench: _Bench) -> _Seen:
    grade: Grade = "ok"
    says, recipe = "an infinite prediction gives a value and no NaN", ""
    classes = isinstance(bench.space, Multiclass)
    # Of several logits, +inf leaves no finite answer; -inf is how a class is masked.
    for sign in (-1.0,) if classes else (1.0, -1.0):
        prediction = bench.prediction.clone()
        place = (0, (int(bench.target[0]) + 1) % prediction.shape[1]) if classes else (0,) * prediction.ndim
        prediction[place] = sign * torch.inf
        result = _try(bench, prediction, bench.target)
        if result.error is not None:
            seen = _raised(result.error, bench.recipe(prediction, bench.target))
            if seen.grade != "ok":
                return seen
        elif result.broken_slope:
            says = f"a prediction of {sign * torch.inf} gives a finite loss with a NaN gradient"
            return _Seen("fail", says, bench.recipe(prediction, bench.target))
        elif result.value != result.value:
            grade, recipe = "warn", bench.recipe(prediction, bench.target)
            says = f"a prediction of {sign * torch.inf} makes the loss NaN"
    return _Seen(grade, says, recipe)


def _huge(bench: _Bench) -> _Seen:
    unit = 1.0 if bench.space is None else bench.space.unit(bench.target)
    for size in (10.0, 100.0, 1e4):
        for sign in (1.0, -1.0):
            prediction = bench.prediction.clone()
            prediction.reshape(len(prediction), -1)[:, 0] = sign * size * unit
            if bench.space is not None:
                prediction = bench.space.emit(prediction)
            result = _try(bench, prediction, bench.target)
            recipe = bench.recipe(prediction, bench.target)
            if result.error is not None:
                seen = _raised(result.error, recipe)
                if seen.grade != "ok":
                    return seen
            elif result.value != result.value:
                return _Seen("fail", f"predictions of {sign * size * unit:.3g} make the loss NaN", recipe)
            elif result.broken_slope:
                return _Seen(
                    "fail", f"predictions of {sign * size * unit:.3g} give a finite loss with a NaN gradient", recipe
                )
            elif not result.finite:
                return _Seen("warn", f"predictions of {sign * size * unit:.3g} make the loss infinite", recipe)
    return _Seen("ok", "predictions up to ten thousand units out give finite values and gradients")


def _dead(bench: _Bench) -> _Seen:
    if bench.space is None or bench.space.task == "regression":
        return _Seen("skip", "only classes can be confidently wrong")
    if bench.vanishes:
        return _Seen("skip", "the card says that the slope vanishes for the worst rows, so this is meant")
    score = -bench.space.perfect(bench.space.read(bench.prediction), bench.target, 40.0)
    prediction = bench.space.emit(score)
    result = _try(bench, prediction, bench.target)
    if result.error is not None:
        return _raised(result.error, bench.recipe(prediction, bench.target))
    dead = int((result.slope.reshape(len(result.slope), -1).abs().amax(-1) == 0).sum())
    if dead:
        return _Seen("warn", f"{dead} of {len(prediction)} rows that are wrong by 40 logits get no gradient, so they "
                     "are never learnt", bench.recipe(prediction, bench.target))  # fmt: skip
    return _Seen("ok", "rows that are confidently wrong still get a gradient")


def _empty(bench: _Bench) -> _Seen:
    prediction, target = bench.prediction[:0], bench.target[:0]
    recipe = bench.recipe(prediction, target)
    first, again = _try(bench, prediction, target), _try(bench, prediction, target)
    if first.error is not None:
        return _raised(first.error, recipe)
    if first.value != first.value:
        return _Seen("warn", "the loss of an empty batch is NaN, which spoils the mean of an epoch", recipe)
    if first.value != 0 or again.value != first.value:
        return _Seen("fail", f"the loss of an empty batch is {first.value:.4g}, then {again.value:.4g}", recipe)
    return _Seen("ok", "the loss of an empty batch is 0")


def _single(bench: _Bench) -> _Seen:
    prediction, target = bench.prediction[:1], bench.target[:1]
    recipe = bench.recipe(prediction, target)
    alone = _try(bench, prediction, target)
    twice = _try(
        bench, prediction.repeat(2, *(1,) * (prediction.ndim - 1)), target.repeat(2, *(1,) * (target.ndim - 1))
    )
    if alone.error is not None:
        return _raised(alone.error, recipe)
    if alone.broken_slope or (not alone.finite and twice.finite):
        return _Seen("fail", "the loss of a single row, or its gradient, is not finite", recipe)
    if twice.error is None and not _near(twice.value, alone.value) and not _near(twice.value, 2 * alone.value):
        return _Seen("warn", f"a row costs {alone.value:.4g} alone and {twice.value:.4g} beside its own copy", recipe)
    return _Seen("ok", "a single row costs what it costs among its copies")


def _column(bench: _Bench) -> _Seen:
    if bench.target.ndim != 1:
        return _Seen("skip", "targets have more than one axis")
    plain = _try(bench, bench.prediction, bench.target)
    for prediction, target in ((bench.prediction, bench.target[:, None]), (bench.prediction[..., None], bench.target)):
        result = _try(bench, prediction, target)
        recipe = bench.recipe(prediction, target)
        if result.error is not None:
            seen = _raised(result.error, recipe)
            if seen.grade != "ok":
                return seen
        elif not _near(result.value, plain.value):
            quiet = "" if result.warned else " without a word"
            return _Seen(
                "warn" if result.warned else "fail",
                f"predictions {tuple(prediction.shape)} against targets {tuple(target.shape)} broadcast{quiet}: the "
                f"loss is {result.value:.4g} and should be {plain.value:.4g}",
                recipe,
            )
    return _Seen("ok", "a column against a row is refused, or means the same")


def _outside(bench: _Bench) -> _Seen:
    if bench.space is None or bench.space.task == "regression":
        return _Seen("skip", "any real target is allowed")
    values = (255.0, -1.0, 2.0) if bench.space.task == "binary" else (bench.prediction.shape[-1], -1)
    for value in values:
        target = bench.target.clone()
        target[0] = value
        result = _try(bench, bench.prediction, target)
        recipe = bench.recipe(bench.prediction, target)
        if result.error is not None:
            seen = _raised(result.error, recipe)
            if seen.grade != "ok":
                return seen
        elif result.finite:
            return _Seen("warn", f"a target of {value:g} gives a loss of {result.value:.4g} and no complaint", recipe)
    return _Seen("ok", "targets that are no class are refused")


def _half(bench: _Bench) -> _Seen:
    for dtype in (torch.float16, torch.bfloat16):
        prediction = bench.prediction.to(dtype)
        target = bench.target.to(dtype) if bench.target.is_floating_point() else bench.target
        exact = _try(bench, prediction.double(), target.double() if target.is_floating_point() else target)
        result = _try(bench, prediction, target)
        short = str(dtype).removeprefix("torch.")
        recipe = bench.recipe(prediction, target)
        if result.error is not None:
            seen = _raised(result.error, recipe)
            if seen.grade != "ok":
                return seen
        elif not result.finite or result.broken_slope:
            return _Seen("fail", f"in {short} the loss is {result.value:.4g} or its gradient is not finite", recipe)
        elif exact.error is None and abs(result.value - exact.value) > _HALF_ERROR * max(abs(exact.value), 1e-3):
            return _Seen("warn", f"in {short} the loss is {result.value:.4g} and should be {exact.value:.4g}", recipe)
    return _Seen("ok", "half precision gives the value of double precision, within 5 %")


def _layouts(bench: _Bench) -> _Seen:
    plain = _try(bench, bench.prediction, bench.target)
    wide = torch.stack([bench.prediction, torch.full_like(bench.prediction, 7.0)], -1)
    strided = wide[..., 0]
    result = _try_as_is(bench, strided, bench.target)
    if result.error is not None:
        return _raised(result.error, "")
    if not _near(result.value, plain.value):
        return _Seen(
            "fail", f"the same numbers in another memory layout cost {result.value:.4g} in place of {plain.value:.4g}"
        )
    copies = bench.prediction[:1].expand(3, *bench.prediction.shape[1:])
    targets = bench.target[:1].expand(3, *bench.target.shape[1:])
    spread, packed = _try_as_is(bench, copies, targets), _try_as_is(bench, copies.contiguous(), targets.contiguous())
    if spread.error is None and packed.error is None and not _near(spread.value, packed.value):
        return _Seen("fail", f"expanded rows cost {spread.value:.4g} in place of {packed.value:.4g}")
    return _Seen("ok", "strided and expanded inputs cost what contiguous ones do")


def _try_as_is(bench: _Bench, prediction: Tensor, target: Tensor) -> _Result:
    """Without a copy, which would undo the layout, and so without a gradient."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _Result(float(bench.call(prediction.detach(), target)))
        except Exception as error:
            return _Result(error=error)


def _pure(bench: _Bench) -> _Seen:
    prediction, target = bench.prediction.clone(), bench.target.clone()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with torch.no_grad():
                first, second = (float(bench.call(prediction, target)) for _ in range(2))
        except Exception as error:
            return _raised(error, "")
    if not torch.equal(prediction, bench.prediction) or not torch.equal(target, bench.target):
        return _Seen("fail", "the loss changes its inputs in place")
    if first != second:
        return _Seen("fail", f"the same inputs cost {first:.6g} and then {second:.6g}")
    graded = _try(bench, bench.prediction, bench.target)
    if graded.error is None and not _near(first, graded.value):
        return _Seen("fail", f"without a graph the loss is {first:.6g}, with one {graded.value:.6g}")
    return _Seen("ok", "the loss is the same twice, with and without a graph, and leaves its inputs alone")


def _learned_target(bench: _Bench) -> _Seen:
    if not bench.target.is_floating_point():
        return _Seen("skip", "the targets are whole numbers")
    plain = _try(bench, bench.prediction, bench.target)
    result = _try(bench, bench.prediction, bench.target.clone().requires_grad_())
    if result.error is not None:
        return _raised(result.error, "")
    if not _near(result.value, plain.value):
        return _Seen(
            "fail", f"targets that require a gradient change the loss from {plain.value:.4g} to {result.value:.4g}"
        )
    return _Seen("ok", "targets that require a gradient change nothing")


def _weights(bench: _Bench) -> _Seen:
    if not bench.weighs or bench.target.ndim != 1 or len(bench.target) < 3:
        return _Seen("skip", "the loss takes no weight for a row")
    weight = torch.ones(len(bench.target))
    weight[0] = 0
    hidden = bench.prediction.clone()
    hidden.reshape(len(hidden), -1)[0, 0] = torch.nan
    recipe = bench.recipe(hidden, bench.target, f", weight={_written(weight)}")
    result = _try(bench, hidden, bench.target, weight=weight)
    without = _try(bench, bench.prediction[1:], bench.target[1:])
    if result.error is not None:
        return _Seen("skip", "its weight is not one for a row")
    if result.value != result.value:
        return _Seen("warn", "a row of weight 0 that holds NaN makes the loss NaN", recipe)
    if result.broken_slope:
        return _Seen("fail", "a row of weight 0 that holds NaN gives a finite loss with a NaN gradient", recipe)
    if not _near(result.value, without.value):
        says = (
            f"a row of weight 0 still counts: the loss is {result.value:.4g}, and without the row {without.value:.4g}"
        )
        return _Seen("warn", says, recipe)
    weight[0] = torch.nan
    spoiled = _try(bench, bench.prediction, bench.target, weight=weight)
    return _must_show(
        spoiled, bench.recipe(bench.prediction, bench.target, f", weight={_written(weight)}"), "a NaN weight"
    )


def _all_masked(bench: _Bench) -> _Seen:
    if not bench.masks or bench.target.ndim != 1:
        return _Seen("skip", "the loss takes no mask")
    mask = torch.zeros(len(bench.target), dtype=torch.bool)
    recipe = bench.recipe(bench.prediction, bench.target, f", mask=torch.zeros({len(mask)}, dtype=torch.bool)")
    result = _try(bench, bench.prediction, bench.target, mask=mask)
    if result.error is not None:
        return _raised(result.error, recipe)
    if result.value != result.value:
        return _Seen("warn", "with every row masked the loss is NaN", recipe)
    if result.value != 0 or bool((result.slope != 0).any()):
        return _Seen("fail", f"with every row masked the loss is {result.value:.4g}", recipe)
    return _Seen("ok", "with every row masked the loss and its gradient are 0")


def _ties(bench: _Bench) -> _Seen:
    if bench.space is None:
        return _Seen("skip", "what a perfect prediction is, is not known for this task")
    for size in (0.0, 30.0):
        score = bench.space.perfect(bench.space.read(bench.prediction), bench.target, size)
        prediction = bench.space.emit(score)
        result = _try(bench, prediction, bench.target)
        recipe = bench.recipe(prediction, bench.target)
        where = (
            "predictions that are exactly right"
            if size or bench.space.task == "regression"
            else "predictions of exactly 0"
        )
        if result.error is not None:
            return _raised(result.error, recipe)
        if result.broken_slope:
            return _Seen("fail", f"{where} give a finite loss with a NaN gradient", recipe)
        if result.value != result.value:
            return _Seen("fail", f"{where} make the loss NaN", recipe)
    return _Seen("ok", "exactly right and exactly undecided predictions have finite gradients")


def _twice(bench: _Bench) -> _Seen:
    prediction = bench.prediction.clone().requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            (slope,) = torch.autograd.grad(bench.call(prediction, bench.target), prediction, create_graph=True)
            if not slope.requires_grad:
                return _Seen("ok", "the gradient is constant, so its derivative is 0")
            (bend,) = torch.autograd.grad(slope.sum(), prediction, materialize_grads=True)
        except Exception as error:
            return _Seen("warn", f"the gradient cannot be differentiated: {type(error).__name__}: {str(error)[:120]}")
    if not bool(bend.isfinite().all()):
        return _Seen("warn", "the second derivative is not finite at the model's own predictions")
    return _Seen("ok", "the second derivative exists and is finite")


def _near(one: float, other: float) -> bool:
    return one == other or math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-10)


def _written(x: Tensor) -> str:
    told = str(x.detach().double().tolist() if x.is_floating_point() else x.tolist())
    if x.is_floating_point():
        told = str(_rounded(x.detach().double().tolist()))
    told = told.replace("nan", 'float("nan")').replace("inf", 'float("inf")')
    kind = "" if x.dtype in (torch.float32, torch.int64) else f", dtype={x.dtype}"
    if x.numel() == 0:
        return f"torch.zeros({tuple(x.shape)}{kind})"
    return f"torch.tensor({told}{kind})"


def _rounded(x: Any) -> Any:
    return [_rounded(one) for one in cast("list[Any]", x)] if isinstance(x, list) else float(f"{x:.6g}")


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


def _creases(loss: Called) -> Called:
    # A gradient of 0 and no second derivative, as of a root that is differentiated at its end.
    return lambda p, y, **more: loss(p, y, **more) + (p - p.detach()).square().clamp_min(0).pow(0.75).sum()


_PROPAGATE = "let NaN through: no nan_to_num, nanmean or comparison with NaN inside the loss"
_STABLE = "use the stable form (logsumexp, softplus, log1p) and mask before the formula, not after it"

CELLS = (
    _Cell("E501", "NaN in a prediction", _nan_prediction, _swallows, _PROPAGATE),
    _Cell("E502", "NaN in a target", _nan_target, _swallows, _PROPAGATE),
    _Cell("E503", "an infinite prediction", _infinite, _traps, _STABLE),
    _Cell("E504", "huge predictions", _huge, _explodes, _STABLE),
    _Cell("E505", "confidently wrong", _dead, _deadens, "give the loss logits, and no clamp or sigmoid before the log"),
    _Cell("E506", "an empty batch", _empty, _adds, "return 0 with a zero gradient, or raise"),
    _Cell("E507", "a single row", _single, _adds, "divide by the number of rows, not by one less"),
    _Cell("E508", "a column against a row", _column, _broadcasts, "compare the shapes before computing, and raise"),
    _Cell("E509", "targets out of range", _outside, _unchecked, "check the targets, as wald's own losses do"),
    _Cell("E510", "half precision", _half, _overflows, "compute in float32 inside, whatever comes in"),
    _Cell("E511", "memory layout", _layouts, _misreads, "use reshape, not view or as_strided"),
    _Cell("E512", "purity", _pure, _drifts, "keep no state in the loss and write to no input"),
    _Cell(
        "E513",
        "targets with a gradient",
        _learned_target,
        _minds_graph,
        "treat targets as constants, or differentiate them",
    ),
    _Cell("E514", "weights of 0 and NaN", _weights, _weighs_late, "replace what is left out before the formula"),
    _Cell("E515", "everything masked", _all_masked, _counts_masked, "return 0 with a zero gradient, or raise"),
    _Cell("E516", "exactly right, exactly undecided", _ties, _traps, _STABLE),
    _Cell("E517", "second derivatives", _twice, _creases, "write the loss in differentiable torch operations"),
)


def _compiled(evidence: Evidence, bench: _Bench) -> Finding:
    if evidence.level != "deep":
        says = "torch.compile: compiling takes longer than this level allows; use --deep"
        return Finding(code="E518", state="not_run", question=QUESTION, says=says)
    plain = _try(bench, bench.prediction, bench.target)
    compiled = _with_loss(bench, torch.compile(bench.loss, fullgraph=True))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    result = _try(compiled, bench.prediction, bench.target)
    torch.compiler.reset()
    if result.error is not None:
        seen = _Seen("warn", f"it cannot be compiled in one graph: {type(result.error).__name__}")
    elif not _near(result.value, plain.value):
        seen = _Seen("fail", f"compiled, the loss is {result.value:.6g} and should be {plain.value:.6g}")
    else:
        seen = _Seen("ok", "compiled, the loss is the same")
    state: State = "pass" if seen.grade == "ok" else "warn"
    return Finding(
        code="E518", state=state, question=QUESTION, says=f"torch.compile: {seen.says}",
        fix="" if state == "pass" else "no .item(), no Python `if` on values", method="fullgraph=True on eight rows",
    )  # fmt: skip
