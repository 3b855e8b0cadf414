"""GRPO: a policy learns from which of its own answers did better than the others."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, Real, param
from ...core import Policy


class GRPO(Policy):
    """The clipped surrogate of PPO and GRPO, token by token, with an optional pull to a reference.

    -min(r A, clip(r, 1 - clip_low, 1 + clip_high) A), r = exp(logprob - old_logprob): tokens of advantage A > 0 are
    made likelier until they are 1 + clip_high times as likely as when they were sampled, the others less likely
    until 1 - clip_low times. Beyond that a token has no slope. A token with A < 0 that has become likelier is not
    clipped, and its cost has no bound; `cap` bounds its ratio (dual-clip PPO, the two-sided clip).

    `kl` adds kl (exp(d) - d - 1), d = reference_logprob - logprob, to each token: an estimate of the divergence from
    the reference ("k3"), which then is an input. Its value is unbiased where the tokens were sampled from the
    policy; its gradient is not that of the divergence.

    With one step for each sample, give `logprob.detach()` as `old_logprob`: the ratio is 1 and the slope is -A.
    Advantages are yours to make: centred in their group, and divided by its spread or not. They take no gradient.

    **What the mean divides by is what most variants differ in**; it is said at the call, with n the number of tokens
    of a sequence. Per token (DAPO, of one batch): as it is. Per token of all micro-batches and ranks:
    `normalizer=tokens`. Per sequence (GRPO): `weight=mask / n`, with its sequence's n for each token. A constant
    (Dr. GRPO): `normalizer=sequences * longest`. docs/preference-heads.md runs all of them.

    Shapes: all (*batch), one entry a token, log-probabilities in nats.

    >>> import torch, wald
    >>> old, advantage = torch.tensor([-1.0, -1.0]), torch.tensor([1.0, -1.0])
    >>> wald.GRPO()(old, advantage, old, reduction="none")
    tensor([-1.,  1.])
    >>> wald.GRPO()(old + 0.5, advantage, old, reduction="none")  # 1.2 and e^0.5
    tensor([-1.2000,  1.6487])
    """

    clip_low: float = param(
        default=0.2, above=0, below=1, typical=(0.1,), help="how far below 1 a ratio may fall and still teach"
    )
    clip_high: float = param(
        default=0.2, above=0, typical=(0.28,), help="how far above 1 a ratio may rise and still teach"
    )
    cap: float | None = param(
        default=None, above=1, typical=(3.0,), quiet=True, help="the largest ratio that counts where A < 0"
    )
    kl: float = param(
        default=0.0, at_least=0, typical=(0.04,), help="how dear it is to leave the reference, per nat and token"
    )

    card = Card(
        task="other",
        inputs=lambda loss: (
            {
                "logprob": Domain(says="the log-probability of a token", typical=(-3.0, -1.0)),
                "advantage": Real,
                "old_logprob": Domain(says="the log-probability of a token", typical=(-3.0, -1.0)),
            }
            | (
                {"reference_logprob": Domain(says="the log-probability of a token", typical=(-3.0, -1.0))}
                if loss.kl
                else {}
            )
        ),
        formula=lambda loss: Formula(
            "-min(ratio * advantage, max(1 - clip_low, min(ratio, 1 + clip_high)) * advantage)"
            + (" + kl * (exp(d) - d - 1)" if loss.kl else ""),
            ratio="exp(logprob - old_logprob)"
            if loss.cap is None
            else "min(exp(logprob - old_logprob), max(cap, 1 + clip_high))",
            **({"d": "reference_logprob - logprob"} if loss.kl else {}),
        ),
        convex=False,
        bounded_below=True,
        smooth=0,
        slope=lambda loss: "vanishing" if loss.cap is not None and not loss.kl else "exponential",
        denominator="the unmasked tokens, each counted by its weight",
        when="You improve a language model, or any policy, by trying: several answers to a prompt, each with a reward.",
        when_not="You have pairs of answers and no rewards (DPO), or good answers to imitate (NextToken).",
        ports={
            "trl.grpo.grpo": {},
            "trl.grpo.bnpo": {},
            "trl.grpo.dapo": {},
            "trl.grpo.dr_grpo": {},
            "trl.grpo.luspo": {},
        },
        aliases=(
            "PPO",
            "PPO-clip",
            "ClipPPOLoss",
            "clipped surrogate",
            "GRPOLoss",
            "DAPO",
            "Dr. GRPO",
            "BNPO",
            "dual-clip PPO",
            "group relative policy optimization",
            "proximal policy optimization",
        ),
        tags=("reinforcement learning", "RL", "RLHF", "policy gradient", "language model", "reasoning", "alignment"),
        cite=(
            "Schulman et al. 2017, arXiv:1707.06347 (PPO)",
            "Shao et al. 2024, arXiv:2402.03300 (GRPO)",
            "Ye et al. 2019, arXiv:1912.09729 (cap)",
            "Yu et al. 2025, arXiv:2503.14476 (DAPO)",
            "Liu et al. 2025, arXiv:2503.20783 (Dr. GRPO)",
        ),
    )

    def per_example(
        self, logprob: Tensor, advantage: Tensor, old_logprob: Tensor, reference_logprob: Tensor | None = None
    ) -> Tensor:
        gain = logprob - old_logprob
        # The ratio is clipped before the exponential, which grows beyond all numbers where it would be clipped after.
        better = gain.clamp(max=math.log1p(self.clip_high))
        most = None if self.cap is None else math.log(max(self.cap, 1 + self.clip_high))
        worse = gain.clamp(min=math.log1p(-self.clip_low), max=most)
        value = -advantage * torch.where(advantage >= 0, better, worse).exp()
        if self.kl and reference_logprob is not None:
            apart = reference_logprob - logprob
            value = value + self.kl * (torch.expm1(apart) - apart)
        return value
