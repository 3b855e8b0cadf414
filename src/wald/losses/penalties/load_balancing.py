"""Load balancing: the experts of a mixture get equally many tokens."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Formula, Logits, param
from ...core import Loss
from ..pieces.one_batch import one_batch


class LoadBalancing(Loss):
    """The experts of a mixture get equally many tokens (Switch Transformer).

    experts · Σ_e f_e P_e, with P_e the mean probability of expert e over the tokens, and f_e the share of the choices
    that fell on it: its `top_k` largest for each token. f is counted and has no gradient; P carries it. **One number
    for the whole batch**, given to each token alike.

    **Even routing costs 1**, whatever `top_k`, as in Switch and Megatron. The transformers function for Mixtral divides
    the choices by the tokens alone, so that even routing costs top_k there, and the same weight pulls top_k times as
    hard: that is `per_choice=False`. It also pools all layers into one product, where an expert that is idle in one
    layer is made up for in another; take a layer at a time here, or `torch.cat(layers)` for the same. All tokens on one
    expert cost as much as there are experts, at top_k = 1. Where most tokens favour experts that they give little, it
    may lie a little below 1.

    Weights of 0.01 are usual. The batch is what the mean is over: of small batches it asks more than that experts be
    used evenly in the long run. Leave padding out with `mask=`: it is then not counted either.

    Shapes: logits (tokens, experts), those of a router before its softmax.

    Raises:
        ShapeError: there is no batch axis, or more than one.
        ValueError: there are fewer experts than are chosen.

    >>> import torch, wald
    >>> even, all_on_one = 9.0 * torch.eye(4), torch.tensor([[9.0, 0.0, 0.0, 0.0]]).expand(4, 4)
    >>> wald.LoadBalancing()(even), wald.LoadBalancing()(all_on_one)
    (tensor(1.), tensor(3.9985))
    """

    top_k: int = param(default=1, at_least=1, typical=(2,), help="how many experts a token is sent to")
    per_choice: bool = param(
        default=True,
        typical=(False,),
        help="shares of the choices (even costs 1), not of the tokens (even costs top_k)",
    )

    card = Card(
        task="other",
        inputs={"logits": Logits},
        formula=Formula(
            "len(logits[0]) * sum([mean(f) * mean(p) for f, p in zip(zip(*chosen), zip(*chances))])"
            " / (top_k if per_choice else 1)",
            chosen="[[x >= sorted(z)[-top_k] for x in z] for z in logits]",
            chances="[softmax(z) for z in logits]",
        ),
        bounded_below=True,
        coupling="coupled",
        smooth=0,
        slope="vanishing",
        denominator="nothing: the batch has one value",
        when="A router sends tokens to a few of many experts, and some would be left idle.",
        when_not="Each expert chooses its tokens, so that loads are equal by construction.",
        points=lambda loss: (
            {"even": 1 if loss.per_choice else loss.top_k, "collapse": "classes"}
            if loss.top_k == 1
            else {"even": 1 if loss.per_choice else loss.top_k}
        ),
        aliases=(
            "load balancing loss",
            "Switch auxiliary loss",
            "MoE auxiliary loss",
            "router aux loss",
            "GShard loss",
        ),
        ports={
            "transformers.models.switch_transformers.modeling_switch_transformers.load_balancing_loss_func": {},
            "transformers.models.mixtral.modeling_mixtral.load_balancing_loss_func": {"top_k": 2, "per_choice": False},
        },
        tags=("penalty", "mixture of experts", "MoE", "router"),
        cite=("Fedus, Zoph & Shazeer 2021, arXiv:2101.03961", "Lepikhin et al. 2020, arXiv:2006.16668"),
    )

    def per_example(self, logits: Tensor, *, keep: Tensor | None = None) -> Tensor:
        one_batch("LoadBalancing", "which tokens share the experts", logits=logits)
        tokens, experts = logits.shape
        if self.top_k > experts:
            raise ValueError(
                f"{self}: top_k is {self.top_k}, and logits {tuple(logits.shape)} have {experts} experts. "
                f"Use top_k={experts} or less."
            )
        kept = torch.ones_like(logits[:, :1]) if keep is None else keep.unsqueeze(-1).to(logits.dtype)
        count = kept.sum().clamp(min=1)
        chosen = torch.zeros_like(logits).scatter(-1, logits.detach().topk(self.top_k, -1).indices, 1.0)
        share = (kept * chosen).sum(0) / (count * (self.top_k if self.per_choice else 1))
        probability = torch.where(kept > 0, logits.softmax(-1), torch.zeros_like(logits)).sum(0) / count
        return (experts * (share * probability).sum()).expand(tokens)
