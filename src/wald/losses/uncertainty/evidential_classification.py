"""Evidential classification: logits as evidence for each class, and how little of it there is."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, ClassId, Formula, Logits, param
from ...core import Supervised
from ..pieces.gamma_function import beyond_stirling, digamma_beyond_log
from ..pieces.over_classes import OverClasses
from ..pieces.softmax import classes_last, over_labels
from ..pieces.softplus import softplus


class EvidentialClassification(Supervised, OverClasses):
    """Each logit is evidence for its class; all evidence that misleads is taken back.

    The evidence e_k >= 0 of class k is softplus(logit), exp(logit) or relu(logit), and α_k = 1 + e_k are the strengths
    of a Dirichlet law over the probabilities of the classes. With S = Σ α, α / S is the forecast, and classes / S how
    uncertain it is said to be: 1 where there is no evidence at all. The data term is what that law makes of

    - "mse": the squared error, Σ (y - p)² in the mean over p: that of α / S, and the variance of p. What the authors
      advise;
    - "digamma": cross-entropy in the mean over p, ψ(S) - ψ(α_y);
    - "log": the surprise of the class itself, log(S / α_y).

    `coefficient` · KL(Dirichlet(α~) || Dirichlet(1)) is added, where α~ is α with the true class at 1: evidence for
    other classes has a price. **The authors raise it from 0 to 1 over ten epochs**, so that evidence may grow first:
    `loss.replace(coefficient=min(1, epoch / 10))`. How it is raised decides much of the result. At 0 more evidence
    always pays, and no forecast is least.

    **relu, which the authors take, dies**: where no logit of an example is positive, its gradient is 0 for good. So
    softplus is the default here. torch-uncertainty has relu, form "log" and no KL term unless asked; chemprop takes α
    itself, form "mse" and a coefficient of 0.2. The uncertainty is a description by the network of its own fit: check
    it on data that it has not seen, before it is called epistemic.

    Shapes: prediction (*batch, classes), any numbers; target (*batch) class ids. `axis=1` for images (N, C, H, W).

    Raises:
        DomainError: an id is not a class.

    >>> import torch, wald
    >>> loss = wald.EvidentialClassification(evidence="relu")
    >>> unsure, wrong = torch.zeros(1, 2), torch.tensor([[0.0, 8.0]])
    >>> loss(unsure, torch.tensor([0])), loss(wrong, torch.tensor([0]))  # (1/4 + 1/4 + 1/6), and far more
    (tensor(0.6667), tensor(2.9447))
    """

    form: Literal["mse", "digamma", "log"] = param(
        default="mse", choices=("mse", "digamma", "log"), help="what is asked of the law: the data term"
    )
    evidence: Literal["softplus", "exp", "relu"] = param(
        default="softplus", choices=("softplus", "exp", "relu"), help="what makes evidence of a logit"
    )
    coefficient: float = param(default=1.0, at_least=0, typical=(0.1,), help="the price of evidence for other classes")
    ignore_index: int = param(default=-100, quiet=True, help="the class id that marks targets to leave out")
    axis: int = param(default=-1, quiet=True, help="where the classes lie in prediction; 1 for (N, C, H, W)")

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": ClassId},
        formula=lambda loss: Formula(
            {
                "mse": "sum([(a / S - (k == target))**2 + a / S * (1 - a / S) / (S + 1) for k, a in y])",
                "digamma": "digamma(S) - digamma(alpha[target])",
                "log": "log(S / alpha[target])",
            }[loss.form]
            + " + coefficient * (lgamma(T) - lgamma(len(b)) - sum([lgamma(x) for x in b])"
            " + sum([(x - 1) * (digamma(x) - digamma(T)) for x in b]))",
            alpha={
                "softplus": "[1 + softplus(z) for z in prediction]",
                "exp": "[1 + exp(z) for z in prediction]",
                "relu": "[1 + max(z, 0) for z in prediction]",
            }[loss.evidence],
            S="sum(alpha)",
            y="[*zip(range(len(alpha)), alpha)]",
            b="[1 if k == target else a for k, a in y]",
            T="sum(b)",
        ),
        elicits="unresolved",
        proper=False,
        # With relu no evidence at all is best for a law that is even enough, and then nothing is on top.
        calibrated=lambda loss: (
            True
            if loss.evidence != "relu" and 0 < loss.coefficient <= 1
            else False
            if loss.form == "mse" and loss.evidence == "relu" and loss.coefficient == 1
            else None
        ),
        symmetric=False,
        convex=False,
        bounded_below=True,
        perfect_is_minimal=True,
        smooth=lambda loss: 0 if loss.evidence == "relu" else 3,
        slope=lambda loss: "bounded" if loss.evidence == "exp" else "vanishing",
        when="One network should say in one pass which class it is, and where it has little to go by.",
        when_not="Calibrated probabilities are needed (CrossEntropy, and temperature or an ensemble after it).",
        points={"floor": 0},
        aliases=(
            "EDL",
            "evidential deep learning",
            "DECLoss",
            "deep evidential classification",
            "Dirichlet evidence",
            "DirichletLoss",
            "subjective logic",
        ),
        ports={"torch_uncertainty.losses.DECLoss": {"form": "log", "evidence": "relu", "coefficient": 0.0}},
        tags=("uncertainty", "evidential", "epistemic", "Dirichlet", "classification", "out of distribution", "OOD"),
        cite=("Sensoy, Kaplan & Kandemir 2018, arXiv:1806.01768",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        prediction, target = classes_last(self, self.axis, prediction, target)
        # As logarithms, so that no evidence overflows.
        log_alpha = softplus(prediction) if self.evidence == "exp" else self._plain_evidence(prediction).log1p()
        own = torch.zeros_like(prediction, dtype=torch.bool).scatter(-1, target.unsqueeze(-1), True)
        value = self._data_term(log_alpha, target, own)
        return value + self.coefficient * _from_none(log_alpha.masked_fill(own, 0.0)) if self.coefficient else value

    def _plain_evidence(self, prediction: Tensor) -> Tensor:
        return softplus(prediction) if self.evidence == "softplus" else prediction.relu()

    def _data_term(self, log_alpha: Tensor, target: Tensor, own: Tensor) -> Tensor:
        log_total = log_alpha.logsumexp(-1)
        if self.form == "mse":
            p = (log_alpha - log_total.unsqueeze(-1)).exp()
            spread = (p * (1 - p)).sum(-1) * (-softplus(log_total)).exp()
            return (p - own.to(p.dtype)).square().sum(-1) + spread
        surprise = log_total - over_labels(log_alpha, target)
        if self.form == "log":
            return surprise
        return surprise + digamma_beyond_log(log_total) - over_labels(digamma_beyond_log(log_alpha), target)


def _from_none(log_alpha: Tensor) -> Tensor:
    """KL of Dirichlet(α) from Dirichlet(1), of the logs of strengths that are 1 or more.

    lgamma(S) - lgamma(K) - Σ lgamma(α) + Σ (α - 1) (ψ(α) - ψ(S)), of which what grows with α has been taken out by
    hand: x log x - x of each lgamma(x), and log x of each ψ(x). What stays is Σ log(S / α) and numbers about 1.
    """
    log_total, classes = log_alpha.logsumexp(-1), log_alpha.shape[-1]
    # Beyond this size (x - 1) (ψ(x) - log x) is -1/2 to the last digit.
    strength, total = log_alpha.clamp(max=69.0).exp(), log_total.clamp(max=69.0).exp()
    each = (strength - 1) * digamma_beyond_log(log_alpha) - beyond_stirling(log_alpha) - log_alpha
    whole = beyond_stirling(log_total) - (total - classes) * digamma_beyond_log(log_total) + classes * log_total
    return whole + each.sum(-1) - math.lgamma(classes)
