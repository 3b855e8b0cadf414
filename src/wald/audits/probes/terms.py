"""Question 1, for an objective of several terms: does each of them count, and does each serve the metric?"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from ...findings import Controls, Figure, Finding, judge
from ..case import Case
from ..evidence import Budget, Evidence
from ..probe import Outcome, Probe, Work
from ..statistics import percentiles
from ..training.fitting import CannotTrain, fresh, seed_of
from ..training.objective import parts_of
from ..training.pulls import ROWS, Stage, cosines_of, looked_at, shares_of

QUESTION = "alignment"

#: A term with less than this share of the gradient does nothing.
SHARE = 0.01

#: A term whose gradient points this far against the metric's, in every stage, works against it.
AGAINST = -0.1


def measure(evidence: Evidence) -> Outcome:
    """The share of each term in the gradient, and its direction against the metric's, at stages of training."""
    terms = parts_of(evidence.case.loss)
    if terms is None or len(terms) < 2:
        why = "the loss has one term" if terms else "the loss is no objective of several terms"
        finding = Finding(code="A105", state="not_applicable", question=QUESTION, says=f"the balance of terms: {why}")
        return Outcome((finding,))
    space = evidence.space if evidence.by_metric.decomposable else None
    stages = [looked_at(evidence, name, model, terms, space) for name, model in _models(evidence)]
    names = list(terms)
    source = evidence.random("terms")
    products = [stage.products(evidence.budget.draws, source) for stage in stages]
    findings = [_balance(evidence, names, stages, products)]
    findings.append(
        _direction(names, stages, products)
        if space is not None
        else Finding(
            code="A106",
            state="not_applicable",
            question=QUESTION,
            says=f"terms against the metric: {evidence.case.metric.name} has no value for a row, so it has no gradient",
        )
    )
    told = [one.says for one in findings if one.state == "warn"]
    answer = "; ".join(told) or f"all {len(names)} terms of the objective take part in training"
    return Outcome(tuple(findings), (_figure(names, stages, products),), answer)


def _work(case: Case, budget: Budget) -> Work:
    return Work(passes=0 if parts_of(case.loss) is None else 3 * min(ROWS, budget.rows) * 4)


TERMS = Probe(
    "terms",
    QUESTION,
    "A105",
    "the balance of the terms of an objective",
    measure,
    needs=("module",),
    least="standard",
    work=_work,
)


def _models(evidence: Evidence) -> list[tuple[str, nn.Module]]:
    """The model at stages of its training: its checkpoints, or a beginner and what became of it."""
    model = evidence.case.model
    assert isinstance(model, nn.Module)  # noqa: S101  (what needs a module is not run without)
    states = evidence.case.checkpoints
    if len(states) > 1:
        found: list[tuple[str, nn.Module]] = []
        for place in sorted({0, (len(states) - 1) // 2, len(states) - 1}):
            stage = copy.deepcopy(model)
            stage.load_state_dict(states[place])
            found.append((f"checkpoint {place + 1}", stage))
        return found
    now = [("as it is", copy.deepcopy(model))]
    try:
        return [("at the start", fresh(model, seed_of(evidence, "terms"))), *now]
    except CannotTrain:
        return now


def _balance(evidence: Evidence, names: list[str], stages: list[Stage], products: list[Tensor]) -> Finding:
    many = len(names)
    shares = [shares_of(one, many) for one in products]
    # What a term has at its best stage; then the term that has least.
    at_best = [max(range(len(stages)), key=lambda stage: float(shares[stage][0, term])) for term in range(many)]
    least = min(range(many), key=lambda term: float(shares[at_best[term]][0, term]))
    stage = at_best[least]
    effect = float(shares[stage][0, least])
    interval = _around(effect, percentiles(shares[stage][1:, least], 1 - 0.05 / many))
    grown = torch.tensor([1.0, 1e-4]).double()
    planted = products[stage][:, :1, :1] * torch.outer(grown, grown)
    twin = products[stage][:, :1, :1] * torch.ones(2, 2, dtype=torch.float64)
    controls = Controls(
        positive=float(shares_of(planted, 2)[:, 1].max()) < SHARE,
        negative=float(shares_of(twin, 2)[:, 1].min()) > SHARE,
    )
    return Finding(
        code="A105",
        state=judge(effect=effect, interval=interval, threshold=-1.0, warn=SHARE, worse="below", controls=controls),
        question=QUESTION,
        says=f"the term {names[least]!r} has {effect:.2%} [{interval[0]:.2%}, {interval[1]:.2%}] of the gradient at "
        f"its best ({stages[stage].name}), of {many} terms",
        fix=f"raise the weight of {names[least]!r} until it has a few percent, or leave it out",
        effect=effect,
        unit="of the gradient",
        interval=interval,
        threshold=SHARE,
        controls=controls,
        evidence={
            "terms": names,
            "shares": {one.name: share[0] for one, share in zip(stages, shares, strict=True)},
        },
        method=f"the length of the gradient of each weighted term in the parameters, as a share of all lengths, on "
        f"test rows in {len(stages[0].mass)} batches that are resampled; the largest over {len(stages)} stages counts. "
        "Warns below 1 %, never fails. Controls: a term made 10,000 times smaller, and a term beside itself",
    )


def _direction(names: list[str], stages: list[Stage], products: list[Tensor]) -> Finding:
    many = len(names)
    cosines = [cosines_of(one, many) for one in products]
    at_best = [max(range(len(stages)), key=lambda stage: float(cosines[stage][0, term])) for term in range(many)]
    least = min(range(many), key=lambda term: float(cosines[at_best[term]][0, term]))
    stage = at_best[least]
    effect = float(cosines[stage][0, least])
    interval = _around(effect, percentiles(cosines[stage][1:, least], 1 - 0.05 / many))
    own = products[stage][:, -1:, -1:]
    signs = torch.tensor([1.0, -1.0, 1.0]).double()
    planted = cosines_of(own * torch.outer(signs, signs), 2)
    controls = Controls(positive=float(planted[:, 1].max()) < AGAINST, negative=float(planted[:, 0].min()) > AGAINST)
    state = judge(effect=effect, interval=interval, threshold=-1.0, warn=AGAINST, worse="below", controls=controls)
    says = (
        f"the term {names[least]!r} points {'against' if effect < 0 else 'along'} the metric: a cosine of "
        f"{effect:+.2f} [{interval[0]:+.2f}, {interval[1]:+.2f}] at its best of {len(stages)} stages "
        f"({stages[stage].name})"
    )
    if len(stages) < 2 and state == "warn":
        # Where training ends the terms hold each other in balance, so that one of them must point away.
        state, says = "inconclusive", f"{says}; where training ends some term must, so an earlier stage is needed"
    return Finding(
        code="A106",
        state=state,
        question=QUESTION,
        says=says,
        fix=f"say what {names[least]!r} is for: if the metric is all that counts, lower its weight or leave it out",
        effect=effect,
        unit="cosine",
        interval=interval,
        threshold=AGAINST,
        controls=controls,
        evidence={
            "terms": names,
            "cosines": {one.name: cosine[0] for one, cosine in zip(stages, cosines, strict=True)},
        },
        method="the cosine between the gradient of each term and that of the metric, whose steps are smoothed by "
        "differences over a quarter to two units of the score; rows as above. Warns where it is below -0.1 at every "
        "stage, never fails: a term may be meant to hold the metric back. Controls: the metric's own gradient, and its "
        "opposite",
    )


def _around(effect: float, interval: tuple[float, float]) -> tuple[float, float]:
    """The interval, not without the effect: lengths of resampled gradients are a little too long."""
    return min(interval[0], effect), max(interval[1], effect)


def _figure(names: list[str], stages: list[Stage], products: list[Tensor]) -> Figure:
    return Figure(
        kind="bars",
        title="What pulls in training",
        caption="The share of each term in the gradient, at stages of training. A term with almost nothing does "
        "nothing, whatever its value.",
        y="share of the gradient",
        series=[
            {"name": stage.name, "labels": names, "y": shares_of(product, len(names))[0].tolist()}
            for stage, product in zip(stages, products, strict=True)
        ],
    )
