"""Warning sign: had training ended where it stopped, and what is the loss like around there?"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...findings import Controls, Finding, State, judge
from ...findings.words import number_words
from ..case import Case
from ..costing.constant import best_constant
from ..evidence import Budget, Evidence
from ..probe import Outcome, Probe, Work
from ..reading.rows import Rows
from ..statistics import detectable, percentiles
from ..training.curvature import Surface
from ..training.fitting import affordable, fit, scores, seed_of, training_rows
from ..training.surroundings import CURVED_ROWS, PRODUCTS, SIGNS, surroundings

QUESTION = "training"

#: What training on would still add, as a share of all that can be gained over a constant.
WARN, FAIL = 0.05, 0.2

#: Training on: steps at most, rows in one, the step sizes that are tried, and the arithmetic that it may cost.
STEPS, BATCH, RATES, WORK = 200, 128, (3e-4, 3e-3), 6e9


def measure(evidence: Evidence) -> Outcome:
    """Train a copy a little further and see what that adds; then slope, curvature and slices where it stands."""
    model = evidence.case.model
    assert isinstance(model, nn.Module)  # noqa: S101  (what needs a module is not run without)
    rows = training_rows(evidence, 8_192)
    steps = affordable(model, rows[0], min(BATCH, len(rows[1])), WORK / 3, STEPS)
    if not any(one.requires_grad for one in model.parameters()):
        return Outcome((_idle("not_applicable", "the model has no parameters that are trained"),))
    if steps < 20:
        return Outcome((_idle("not_run", "the model is so large that a few steps of training would take minutes"),))
    further = _further(evidence, model, rows, steps)
    shape, figure = surroundings(evidence, model, rows)
    says = f"{further.says}. Where it stands: {shape.says}"
    finding = Finding(
        code="T801",
        state=further.state,
        question=QUESTION,
        says=says,
        fix="train longer, or with a larger step that is lowered towards the end; if weight decay or early stopping "
        "holds the model back on purpose, this is its price",
        effect=further.effect,
        unit="of what can be gained over a constant",
        interval=further.interval,
        threshold=FAIL,
        detectable=further.detectable,
        controls=further.controls,
        evidence={"loss now": further.before, "loss when trained on": further.after, "steps": steps} | shape.numbers,
        method=f"a copy is trained {steps} steps on, at two step sizes; which is better is chosen on one half of the "
        "test rows and measured on the other, with the test rows resampled. Warns beyond 5 %. Controls: a copy whose "
        "weights are disturbed, and one that is moved as far at random. Slope and curvature (Lanczos with full "
        "reorthogonalisation; trace by random signs) are of the loss without weight decay, on training rows",
        source="Lanczos 1950, doi:10.6028/jres.045.026; Li et al. 2018, arXiv:1712.09913",
    )
    answer = {
        "pass": "training had ended: going on adds next to nothing",
        "warn": f"training had not quite ended: going on adds {further.effect:.0%} of what can be gained",
        "fail": f"training had not ended: going on adds {further.effect:.0%} of what can be gained",
    }.get(further.state, "whether training had ended is open")
    return Outcome((finding,), (figure,), answer)


def _work(case: Case, budget: Budget) -> Work:
    rows = 1 if case.train is None else max(1, len(case.test[1]))
    trained = 3 * 3 * STEPS * BATCH
    return Work(passes=(trained + 4 * CURVED_ROWS * (PRODUCTS + SIGNS)) / rows + 6)


LANDSCAPE = Probe(
    "landscape",
    QUESTION,
    "T801",
    "curvature and convergence where training ended",
    measure,
    needs=("module", "train"),
    least="standard",
    work=_work,
)


def _idle(state: str, why: str) -> Finding:
    return Finding(
        code="T801",
        state="not_run" if state == "not_run" else "not_applicable",
        question=QUESTION,
        says=f"convergence: {why}",
    )


@dataclass(frozen=True, kw_only=True)
class _Further:
    """What training on does."""

    state: State
    says: str
    effect: float
    interval: tuple[float, float]
    detectable: float
    before: float
    after: float
    controls: Controls


def _further(evidence: Evidence, model: nn.Module, rows: Rows, steps: int) -> _Further:
    stick = evidence.by_loss
    constant = best_constant(evidence).expand_as(evidence.score)
    trained = [_trained(evidence, model, rows, steps, rate) for rate in RATES]
    after = _chosen(evidence, [evidence.score, *(scores(evidence, one) for one in trained)])
    effect, interval, error = _gain(evidence, constant, evidence.score, after)
    before, later, floor = stick.mean(evidence.score), stick.mean(after), stick.mean(constant)
    controls = _controls(evidence, model, trained, rows, steps, constant, after)
    says = (
        f"{steps} steps of training more take the loss on the test rows from {number_words(before)} to "
        f"{number_words(later)}, {effect:.1%} [{interval[0]:.1%}, {interval[1]:.1%}] of what can be gained over the "
        f"best constant ({number_words(floor)})"
    )
    state = judge(
        effect=effect, interval=interval, threshold=FAIL, warn=WARN, controls=controls, detectable=detectable(error)
    )
    if min(before, later) >= floor:
        state, says = "inconclusive", f"{says}; but neither is better than that constant, so there is no gain to share"
    return _Further(
        state=state,
        says=says,
        effect=effect,
        interval=interval,
        detectable=detectable(error),
        before=before,
        after=later,
        controls=controls,
    )


def _trained(evidence: Evidence, model: nn.Module, rows: Rows, steps: int, rate: float) -> nn.Module:
    copied = copy.deepcopy(model)
    seed = seed_of(evidence, "onward", rate)
    fit(copied, evidence.cost.total, rows, steps=steps, batch=BATCH, rate=rate, seed=seed, calm=True)
    return copied


def _chosen(evidence: Evidence, candidates: list[Tensor]) -> Tensor:
    """For each half of the rows, the scores of the candidate that is best on the other half."""
    candidates = [one for one in candidates if bool(one.isfinite().all())]
    found = evidence.score.clone()
    halves = evidence.sample.halves("landscape")
    for own, other in (halves, halves[::-1]):
        costs = [evidence.by_loss.mean(one[other], other) for one in candidates]
        found[own] = candidates[min(range(len(costs)), key=costs.__getitem__)][own]
    return found


def _gain(
    evidence: Evidence, constant: Tensor, before: Tensor, after: Tensor
) -> tuple[float, tuple[float, float], float]:
    """The share of what can be gained over a constant that is gained by going from one to the other."""
    stick = evidence.by_loss
    every = torch.stack([constant, before, after])
    points = torch.tensor([stick.mean(one) for one in every], dtype=torch.float64)
    drawn = stick.draws(every, evidence.bootstrap_for(stick))
    both = torch.cat([points[:, None], drawn], 1)
    best = torch.minimum(both[1], both[2])
    share = (both[1] - both[2]) / (both[0] - best).clamp_min(1e-9 * (1 + both[0].abs()))
    return float(share[0]), percentiles(share[1:]), float(share[1:].std())


def _controls(
    evidence: Evidence,
    model: nn.Module,
    trained: list[nn.Module],
    rows: Rows,
    steps: int,
    constant: Tensor,
    after: Tensor,
) -> Controls:
    source = evidence.random("landscape controls")
    stick = evidence.by_loss
    best = min(trained, key=lambda one: stick.mean(scores(evidence, one).nan_to_num(nan=0.0)))
    surface = Surface(copy.deepcopy(best), lambda: torch.zeros(()))
    start = surface.point
    direction = surface.filtered(source)
    worse = stick.mean(after) + 0.6 * (stick.mean(constant) - stick.mean(after))
    hurt = after
    for size in (0.1, 0.2, 0.4, 0.8, 1.6, 3.2):
        surface.move(start + size * direction)
        hurt = scores(evidence, surface.module)
        if stick.mean(hurt) > worse:
            break
    mended = [scores(evidence, _trained(evidence, surface.module, rows, steps, rate)) for rate in RATES[1:]]
    found = _gain(evidence, constant, hurt, _chosen_among(evidence, [hurt, *mended]))
    still = Surface(copy.deepcopy(model), lambda: torch.zeros(()))
    way = torch.randn(len(start), generator=source, dtype=torch.float64).to(start)
    still.move(still.point + way / way.norm() * (start - still.point).norm())
    moved = scores(evidence, still.module)
    idle = _gain(evidence, constant, evidence.score, moved)
    return Controls(positive=found[1][0] > WARN, negative=not idle[1][0] > WARN)


def _chosen_among(evidence: Evidence, candidates: list[Tensor]) -> Tensor:
    return min((one for one in candidates if bool(one.isfinite().all())), key=lambda one: evidence.by_loss.mean(one))
