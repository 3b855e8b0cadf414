"""Warning signs of training itself: the first loss, one batch by heart, and what shuffled targets teach."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...findings import Controls, Finding, State, judge
from ...findings.words import number_words
from ..case import Case
from ..costing.constant import best_constant
from ..evidence import Budget, Evidence, in_use
from ..probe import Outcome, Probe, Work
from ..reading.rows import Rows
from ..training.fitting import CannotTrain, affordable, fresh, seed_of, takes_rows, training_rows
from ..training.memorising import KNOWN, memorise
from ..training.shuffling import at_chance, taught_by_noise
from ..training.trials import mean_of

QUESTION = "training"

#: A first loss this far above the best constant's, as a share of it.
FIRST = 5.0

#: A first loss this far below the best constant's knows something.
KNOWS = 0.05

#: Beginners whose first loss is measured, and rows that they are shown.
BEGINNERS, SHOWN = 5, 2_048

#: What may be left of a batch's loss before the model is said to be unable to learn.
STUCK = 0.5

#: Arithmetic that the short trainings may cost, and rows in a step of them.
WORK, BATCH, STEPS = 1.6e10, 128, 150


def measure(evidence: Evidence) -> Outcome:
    """First loss, one batch by heart, training on shuffled targets, and whether anything was learnt."""
    model, case = evidence.case.model, evidence.case
    rows = training_rows(evidence, 8_192)
    findings: list[Finding] = [at_chance(evidence)]
    again = evidence.level == "deep" and case.refit is not None and takes_rows(case.refit)
    steps = 0
    if isinstance(model, nn.Module):
        try:
            beginner = fresh(model, seed_of(evidence, "try"))
            steps = affordable(beginner, rows[0], min(BATCH, len(rows[1])), WORK / 8, STEPS)
            findings.append(_first(evidence, model, rows))
            findings.append(_by_heart(evidence, model, rows, steps))
        except CannotTrain as error:
            findings.append(_idle("T802", f"first loss and one batch by heart: {error}"))
    if again or steps >= 20:
        findings.append(taught_by_noise(evidence, rows, steps, again=again))
    elif isinstance(model, nn.Module) and any(one.code == "T804" for one in findings):
        findings.append(
            _idle("T805", "training on shuffled targets: the model is so large that this would take minutes")
        )
    elif not isinstance(model, nn.Module):
        findings.append(
            _idle(
                "T802",
                "first loss, one batch by heart and shuffled targets: the model is no torch.nn.Module; give "
                "Case(refit=...) as refit(seed, loss, train=None), and --deep",
            )
        )
    loud = [one.says for one in findings if one.state in ("warn", "fail")]
    quiet = [one for one in findings if one.state == "pass"]
    answer = "; ".join(loud) or (f"{len(quiet)} checks of training itself found nothing" if quiet else "")
    return Outcome(tuple(findings), answer=answer)


def _work(case: Case, budget: Budget) -> Work:
    rows = max(1, len(case.test[1]))
    trained = 7 * 3 * STEPS * BATCH if isinstance(case.model, nn.Module) else 0
    again = budget.attacked > 2_000 and case.refit is not None and takes_rows(case.refit)
    return Work(passes=(trained + BEGINNERS * SHOWN) / rows, fits=6 if again else 0)


DYNAMICS = Probe(
    "dynamics",
    QUESTION,
    "T802",
    "first loss, one batch by heart, shuffled inputs and targets",
    measure,
    needs=("train",),
    least="standard",
    work=_work,
)


def _idle(code: str, why: str, state: State = "not_run") -> Finding:
    return Finding(code=code, state=state, question=QUESTION, says=why)


def _first(evidence: Evidence, model: nn.Module, rows: Rows) -> Finding:
    """The loss before training against what a constant would cost."""
    inputs, target = rows[0][:SHOWN], rows[1][:SHOWN]
    cost, truth = evidence.cost, target.cpu()
    constant = best_constant(evidence, target)
    floor = cost.mean(evidence.emit(constant.expand(len(truth), *constant.shape)), truth)
    perfect = floor
    if evidence.space is not None:
        score = constant.expand(len(truth), *constant.shape)
        perfect = cost.mean(evidence.emit(evidence.space.perfect(score, truth, 10.0)), truth)
    size = max(abs(floor - perfect), 1e-3 * abs(floor), 1e-12)
    made: list[Tensor] = []
    for index in range(BEGINNERS):
        beginner = fresh(model, seed_of(evidence, "beginner", index))
        with torch.no_grad(), in_use(beginner):
            made.append(beginner(inputs).cpu())

    def above(predictions: list[Tensor]) -> Tensor:
        return torch.tensor([(cost.mean(one, truth) - floor) / size for one in predictions], dtype=torch.float64)

    found = mean_of(above(made))
    plain = [evidence.emit(constant.expand(len(truth), *constant.shape))] * BEGINNERS
    controls = Controls(
        positive=mean_of(above([_far(evidence, constant, truth, index) for index in range(BEGINNERS)])).interval[0]
        > FIRST
        if evidence.space is not None
        else None,
        negative=mean_of(above(plain)).value <= FIRST,
    )
    state = judge(effect=found.value, interval=found.interval, threshold=torch.inf, warn=FIRST, controls=controls)
    fix = (
        "standardise inputs and targets, or start the last layer's bias at the best constant: otherwise the first "
        "epochs go into finding the mean"
    )
    first = floor + found.value * size
    knows = found.interval[1] < -KNOWS
    if knows and controls.right:
        state = "warn"
        fix = (
            "find what knows the targets before training: a fixed shortcut from an input (fine, if it is meant), a "
            "buffer, or a part that is not begun anew"
        )
    return Finding(
        code="T802",
        state=state,
        question=QUESTION,
        says=f"before training the loss is {number_words(first)}, where the best constant prediction costs "
        f"{number_words(floor)}: {found.value:+.0%} of what a constant has to lose"
        + (", so it knows something before it learns" if knows else ""),
        fix=fix,
        effect=found.value,
        unit="of the best constant's loss",
        interval=found.interval,
        controls=controls,
        evidence={"first loss": first, "best constant": floor},
        method=f"{BEGINNERS} copies that begin anew by torch's own reset_parameters, in use mode, on training rows; "
        "Student's interval over them. Warns beyond 500 %, and below -5 %, where nothing was learnt yet; never fails. "
        "Controls: noise about the best constant that is 30 units wide, and the constant itself",
        source="Karpathy 2019, A Recipe for Training Neural Networks",
    )


def _far(evidence: Evidence, constant: Tensor, truth: Tensor, index: int) -> Tensor:
    assert evidence.space is not None  # noqa: S101
    source = evidence.random("far", index)
    noise = torch.randn(len(truth), *constant.shape, generator=source, dtype=torch.float64).to(constant)
    return evidence.emit(constant + 30 * evidence.space.unit(truth) * noise)


def _by_heart(evidence: Evidence, model: nn.Module, rows: Rows, steps: int) -> Finding:
    """Whether a beginner learns a few rows wholly."""
    try:
        if steps < 20:
            raise CannotTrain("the model is so large that this would take minutes")
        memory = memorise(evidence, model, *rows)
    except CannotTrain as error:
        return _idle("T804", f"one batch by heart: {error}", "not_applicable" if steps >= 20 else "not_run")
    found, free = mean_of(memory.left), mean_of(memory.free)
    interval = (max(0.0, found.interval[0]), found.interval[1])
    # Batches that are all known to the last digit have no spread, and those that are stuck none either.
    if float(memory.left.max()) <= KNOWN:
        interval = (interval[0], min(interval[1], max(KNOWN, float(memory.left.max()))))
    controls = Controls(positive=float(memory.cut.min()) > STUCK, negative=free.value <= KNOWN)
    state = judge(effect=found.value, interval=interval, threshold=STUCK, warn=KNOWN, controls=controls)
    return Finding(
        code="T804",
        state=state,
        question=QUESTION,
        says=f"a copy that begins anew and sees only a few rows keeps {found.value:.0%} [{interval[0]:.0%}, "
        f"{interval[1]:.0%}] of the loss that it could lose on them",
        fix="follow one row through the model: something detaches the gradient, saturates, or pairs predictions with "
        "the wrong targets; print both shapes where the loss is called",
        effect=found.value,
        unit="of the loss that could be lost",
        interval=interval,
        threshold=STUCK,
        controls=controls,
        evidence={"batches": memory.left, "with free predictions": memory.free},
        method="three batches of distinct rows, the best of Adam at three step sizes and L-BFGS; what could be lost is "
        "found by freeing each prediction. Warns beyond 10 %. Controls: the same copies with the gradient cut off, "
        "which cannot learn, and free predictions, which can",
        source="Karpathy 2019, A Recipe for Training Neural Networks",
    )
