"""Before anything is measured: is what is measured stable and in the right space?"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ...core import Loss
from ...findings import Controls, Finding, judge
from ..evidence import Evidence, in_use, run
from ..probe import ADVICE, Outcome, Probe

QUESTION = "preflight"

#: The modules that behave differently in training.
_MOODY = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)  # pyright: ignore[reportPrivateUsage]


def measure(evidence: Evidence) -> Outcome:
    """Look at determinism, the space of the predictions, the mode of the model and what the targets can tell."""
    findings = (_stable(evidence), _space(evidence), _mode(evidence), _repeats(evidence), _telling(evidence))
    bad = [one.says for one in findings if one.state in ("warn", "fail")]
    return Outcome(findings, answer="; ".join(bad))


PREFLIGHT = Probe("preflight", QUESTION, "P001", "stability, spaces, modes and targets", measure, independent=True)


def _stable(evidence: Evidence) -> Finding:
    if evidence.case.model is None:
        said = "whether the model predicts the same twice: only recorded predictions were given"
        return Finding(code="P001", state="not_run", question=QUESTION, says=said, fix=ADVICE["model"])
    inputs = evidence.inputs[:512]
    effect = _change(evidence.model, inputs, evidence.seed)
    noisy = nn.Dropout(0.5)

    def dropped(x: Tensor) -> Tensor:
        return noisy(torch.ones(len(x), 8)).sum(-1)

    def still(x: Tensor) -> Tensor:
        return x.reshape(len(x), -1).double().sum(-1)

    controls = Controls(
        positive=_change(dropped, inputs, evidence.seed) > 1e-3,
        negative=_change(still, inputs, evidence.seed) <= 1e-3,
    )
    state = judge(effect=effect, interval=(effect, effect), threshold=1e-3, controls=controls)
    if state != "pass":
        evidence.facts["unstable"] = "the model's predictions change from call to call, or with the order of rows"
    return Finding(
        code="P001",
        state=state,
        question=QUESTION,
        says="the model predicts the same twice, and in any order of rows"
        if state == "pass"
        else f"the same rows get predictions that differ by up to {effect:.2g} of their spread, from one call to the "
        "next or from one order of rows to another",
        fix="seed or switch off what is random in the model's evaluation mode, and let no row look at its neighbours",
        effect=effect,
        unit="of the spread of predictions",
        interval=(effect, effect),
        threshold=1e-3,
        controls=controls,
        method="two evaluations of up to 512 rows and one in another order, in evaluation mode; controls: dropout "
        "left on, and a fixed sum",
    )


def _change(model: nn.Module | Callable[[Tensor], Tensor], inputs: Tensor, seed: int) -> float:
    first, second = run(model, inputs), run(model, inputs)
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))
    turned = run(model, inputs[order.to(inputs.device)])
    spread = float(first.double().std(correction=0).clamp_min(1e-12))
    gaps = ((first - second).abs().max(), (first[order] - turned).abs().max())
    return max(float(gap) for gap in gaps) / spread


def _space(evidence: Evidence) -> Finding:
    wants = _wants_logits(evidence)
    if wants is None:
        return Finding(
            code="P003",
            state="not_applicable",
            question=QUESTION,
            says="the loss takes no logits, so they cannot be mistaken for probabilities",
        )
    score = evidence.score
    effect = _like_probabilities(score)
    spread = torch.randn(score.shape, generator=evidence.random("logits"), dtype=score.dtype) * 2
    planted = torch.sigmoid(spread) if score.ndim == 1 else spread.softmax(-1)
    controls = Controls(positive=_like_probabilities(planted) > 0.5, negative=_like_probabilities(spread) <= 0.5)
    state = judge(effect=effect, interval=(effect, effect), threshold=0.5, controls=controls)
    return Finding(
        code="P003",
        state=state,
        question=QUESTION,
        says="the predictions are logits, as the loss wants them"
        if state == "pass"
        else "every prediction looks like a probability, and the loss takes logits: a sigmoid or softmax is "
        "applied twice",
        fix="leave out the sigmoid or softmax at the end of the model",
        effect=effect,
        interval=(effect, effect),
        threshold=0.5,
        controls=controls,
        method="1 where all predictions lie in [0, 1] (and each row of several sums to 1), else 0; controls: random "
        "probabilities, and random logits",
    )


def _wants_logits(evidence: Evidence) -> bool | None:
    loss = evidence.case.loss
    if isinstance(loss, Loss):
        return True if loss.named_domains[0][1].logits else None
    if evidence.space is None or evidence.space.task == "regression":
        return None
    # A foreign loss takes logits if it stays finite where no probability is.
    far = evidence.space.perfect(evidence.score[:64], evidence.target[:64], 20.0)
    try:
        found = evidence.cost.mean(far, evidence.target[:64])
    except Exception:
        return None
    return True if torch.isfinite(torch.tensor(found)) else None


def _like_probabilities(score: Tensor) -> float:
    inside = bool(((score >= 0) & (score <= 1)).all())
    whole = score.ndim == 1 or bool(((score.double().sum(-1) - 1).abs() < 1e-4).all())
    # A constant logit of 0.3 is no evidence; probabilities vary.
    return float(inside and whole and bool(score.double().std(correction=0) > 1e-6))


def _mode(evidence: Evidence) -> Finding:
    model = evidence.case.model
    if model is None:
        said = "the model's mode: only recorded predictions were given"
        return Finding(code="P004", state="not_run", question=QUESTION, says=said, fix=ADVICE["model"])
    if not isinstance(model, nn.Module):
        return Finding(
            code="P004", state="not_applicable", question=QUESTION, says="the model is a function and has no modes"
        )
    effect = _moody(model)
    planted = nn.Sequential(nn.Linear(1, 1), nn.Dropout()).train()
    with in_use(planted):
        quiet = _moody(planted)
    controls = Controls(positive=_moody(planted) > 0, negative=quiet == 0)
    state = judge(effect=effect, interval=(effect, effect), threshold=torch.inf, warn=0.0, controls=controls)
    return Finding(
        code="P004",
        state=state,
        question=QUESTION,
        says="the model came in evaluation mode, or has nothing that behaves differently in training"
        if state == "pass"
        else f"the model came in training mode with {effect:.0f} dropout or batch-norm layers; it was measured in "
        "evaluation mode and handed back as it was",
        fix="call model.eval() wherever the model is used",
        effect=effect,
        unit="layers",
        interval=(effect, effect),
        controls=controls,
        method="dropout and batch-norm layers whose training flag is set; controls: a dropout layer in either mode",
    )


def _moody(model: nn.Module) -> float:
    return float(sum(isinstance(part, _MOODY) and part.training for part in model.modules()))


# The loss.

#: The relative difference beyond which two evaluations differ, and the rows on which the gradient is taken.
_SAME, _ROWS = 1e-4, 256


def _repeats(evidence: Evidence) -> Finding:
    rows = torch.arange(min(_ROWS, evidence.rows))
    prediction, target = evidence.prediction[rows].detach(), evidence.target[rows]
    turn = torch.randperm(len(rows), generator=evidence.random("order of the loss"))
    if evidence.sample.ordered:
        # Where rows are in order of time, a loss may look at what came before.
        turn = rows
    effect = max(_restless(evidence.cost.total, prediction, target, turn), _moving_gradient(evidence, rows))
    restless = evidence.random("restless")

    def noisy(p: Tensor, y: Tensor) -> Tensor:
        return (_flat(p) - _flat(y)[: len(p), None]).square().mean() * (1 + 0.1 * torch.rand((), generator=restless))

    def still(p: Tensor, y: Tensor) -> Tensor:
        return (_flat(p) - _flat(y)[:, :1]).square().mean()

    controls = Controls(
        positive=_restless(noisy, prediction, target, turn) > _SAME,
        negative=_restless(still, prediction, target, turn) <= _SAME,
    )
    state = judge(effect=effect, interval=(effect, effect), threshold=_SAME, controls=controls)
    if state == "fail":
        evidence.facts.setdefault("unstable", "the loss changes from call to call, or with the order of rows")
    return Finding(
        code="P007",
        state=state,
        question=QUESTION,
        says="the loss and its gradient are the same twice, and in any order of rows"
        if state == "pass"
        else f"the loss or its gradient changes by {effect:.2g} of its size from one call to the next, or from one "
        "order of rows to another",
        fix="keep random numbers and running averages out of the loss while it is measured, and let no row's loss "
        "depend on its place in the batch",
        effect=effect,
        unit="of its size",
        interval=(effect, effect),
        threshold=_SAME,
        controls=controls,
        method=f"value and gradient on {len(rows)} rows, twice and in another order, and the gradient of the model's "
        "parameters twice; controls: a squared error with random noise, and one without",
    )


def _restless(loss: Callable[[Tensor, Tensor], Tensor], p: Tensor, y: Tensor, turn: Tensor) -> float:
    """By how much value and gradient change between two calls, and between two orders of the rows."""

    def asked(rows: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            x = p[rows].clone().requires_grad_(p.is_floating_point())
            value = loss(x, y[rows])
            slope = torch.autograd.grad(value, x, allow_unused=True)[0] if value.requires_grad else None
        return value.detach(), torch.zeros_like(p) if slope is None else slope

    still = torch.arange(len(p))
    (first, slope), (second, again), (turned, moved) = asked(still), asked(still), asked(turn)
    pairs = ((first, second), (slope, again), (first, turned), (slope[turn], moved))
    return max(_apart(one, other) for one, other in pairs)


def _moving_gradient(evidence: Evidence, rows: Tensor) -> float:
    """By how much the gradient of a module's parameters changes between two calls."""
    model = evidence.case.model
    if not isinstance(model, nn.Module):
        return 0.0
    parameters = [one for one in model.parameters() if one.requires_grad]
    inputs, target = evidence.inputs[rows.to(evidence.inputs.device)], evidence.target[rows]

    def asked() -> Tensor:
        with torch.enable_grad(), in_use(model):
            value = evidence.cost.total(model(inputs).cpu(), target)
            if not value.requires_grad:
                return torch.zeros(1)
            found = torch.autograd.grad(value, parameters, allow_unused=True, materialize_grads=True)
        return torch.cat([one.reshape(-1).cpu() for one in found])

    return _apart(asked(), asked()) if parameters else 0.0


def _apart(one: Tensor, other: Tensor) -> float:
    one, other = one.double(), other.double()
    # What is NaN both times has not changed; it is the business of the edge cases.
    gap = torch.where(
        one.isfinite() & other.isfinite(), (one - other).abs(), (one.isfinite() != other.isfinite()) * 1.0
    )
    return float(gap.max()) / max(float(one.nan_to_num(0.0, 0.0, 0.0).abs().max()), 1e-12)


def _flat(x: Tensor) -> Tensor:
    return x.reshape(len(x), -1).to(torch.get_default_dtype())


# The targets.

#: So many test rows must differ from the most frequent target, to tell anything at all and to tell it well.
_ANY, _ENOUGH = 1, 10


def _telling(evidence: Evidence) -> Finding:
    target = evidence.target
    kinds, effect = _others(target)
    few, many = torch.zeros(100), torch.arange(100) % 2
    few[0] = 1
    controls = Controls(positive=_others(few)[1] < _ENOUGH, negative=_others(many)[1] >= _ENOUGH)
    state = judge(
        effect=effect, interval=(effect, effect), threshold=_ANY, warn=_ENOUGH, worse="below", controls=controls
    )
    return Finding(
        code="P008",
        state=state,
        question=QUESTION,
        says=f"the test targets take {kinds} values, and {effect:.0f} of {len(target)} differ from the most frequent"
        if state == "pass"
        else f"only {effect:.0f} of {len(target)} test targets differ from the most frequent one, so hardly anything "
        "can be told apart",
        fix="test on more rows, or on a sample with more of the rare targets and weights that say so",
        effect=effect,
        unit="test rows",
        interval=(effect, effect),
        threshold=_ANY,
        controls=controls,
        method="test rows whose target is not the most frequent one; controls: one such row in a hundred, and fifty",
    )


def _others(target: Tensor) -> tuple[int, float]:
    """How many different targets there are, and how many rows have another than the most frequent one."""
    counts = target.reshape(len(target), -1).unique(dim=0, return_counts=True)[1]
    return len(counts), float(len(target) - int(counts.max()))
