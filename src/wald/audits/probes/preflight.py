"""Before anything is measured: is what is measured stable and in the right space?"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ...core import Loss
from ...findings import Controls, Finding, judge
from ..evidence import Evidence, in_use, run
from ..probe import Outcome, Probe

QUESTION = "preflight"

#: The modules that behave differently in training.
_MOODY = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)  # pyright: ignore[reportPrivateUsage]


def measure(evidence: Evidence) -> Outcome:
    """Look at determinism, the space of the predictions and the mode of the model."""
    return Outcome((_stable(evidence), _space(evidence), _mode(evidence)))


PREFLIGHT = Probe(
    "preflight", QUESTION, "P001", "stability, leaks, spaces and modes", measure, independent=True, needs=("model",)
)


def _stable(evidence: Evidence) -> Finding:
    if evidence.case.model is None:
        said = "whether the model predicts the same twice: only recorded predictions were given"
        return Finding(code="P001", state="not_applicable", question=QUESTION, says=said)
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
