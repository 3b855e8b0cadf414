"""The losses of TRL's trainers, called without a trainer: their arithmetic is inside a step of training."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from .parity.case import attribute


def _accelerator() -> SimpleNamespace:
    """That of one process."""
    return SimpleNamespace(
        device=torch.device("cpu"),
        num_processes=1,
        gather=lambda x: x,
        gather_for_metrics=lambda x: x,
        reduce=lambda x, reduction="sum": x,
    )


def dpo(
    logps: Tensor,
    reference: Tensor,
    mask: Tensor,
    loss_type: str = "sigmoid",
    beta: float = 0.1,
    smoothing: float = 0.0,
) -> Tensor:
    """`DPOTrainer`: log-probabilities of tokens, the chosen answers first; sums of a reference; and what is said."""
    width = mask.shape[1]
    outputs = SimpleNamespace(
        log_probs=logps,
        entropy=torch.zeros_like(logps),
        mean_logits=torch.zeros_like(logps),
        is_top1=torch.ones(logps.shape, dtype=torch.bool),
    )
    trainer = SimpleNamespace(
        model=SimpleNamespace(training=True),
        args=SimpleNamespace(discopop_tau=0.05),
        accelerator=_accelerator(),
        aux_loss_enabled=False,
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        use_weighting=False,
        loss_types=[loss_type],
        loss_weights=[1.0],
        beta=beta,
        label_smoothing=smoothing,
        _metrics=defaultdict(lambda: defaultdict(list)),
        _total_train_tokens=0,
        _tp_size=1,
    )
    # A first token of a prompt, which a shift takes away.
    whole = torch.cat([torch.zeros(len(mask), 1, dtype=mask.dtype), mask], 1)
    first, second = reference.chunk(2)
    inputs = {
        "input_ids": torch.zeros(len(mask), width + 1, dtype=torch.long),
        "attention_mask": torch.ones(len(mask), width + 1),
        "completion_mask": whole,
        "ref_chosen_logps": first,
        "ref_rejected_logps": second,
    }
    return attribute("trl.trainer.dpo_trainer.DPOTrainer")._compute_loss(trainer, lambda **_: outputs, inputs, False)


def grpo(
    logps: Tensor,
    advantages: Tensor,
    old: Tensor,
    mask: Tensor,
    loss_type: str = "grpo",
    longest: int = 0,
    **fields: Any,
) -> Tensor:
    """`GRPOTrainer`: log-probabilities of tokens now and when they were sampled; one advantage an answer."""
    shape = {"epsilon_low": 0.2, "epsilon_high": 0.2, "beta": 0.0} | fields
    trainer = SimpleNamespace(
        **shape,
        model=SimpleNamespace(training=True),
        args=SimpleNamespace(delta=None, use_bias_correction_kl=False, steps_per_generation=1),
        accelerator=_accelerator(),
        aux_loss_enabled=False,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level="token",
        loss_type=loss_type,
        use_vllm=False,
        current_gradient_accumulation_steps=1,
        max_completion_length=longest,
        _entropy_bonus_enabled=False,
        _metrics=defaultdict(lambda: defaultdict(list)),
        _get_per_token_logps_and_entropies=lambda *_, **__: (logps, torch.zeros_like(logps), None),
    )
    nothing = torch.zeros(len(mask), 1, dtype=torch.long)
    inputs = {
        "prompt_ids": nothing,
        "prompt_mask": nothing,
        "completion_ids": torch.zeros(mask.shape, dtype=torch.long),
        "completion_mask": mask,
        "advantages": advantages,
        "old_per_token_logps": old,
        "num_items_in_batch": mask.sum(),
    }
    return attribute("trl.trainer.grpo_trainer.GRPOTrainer")._compute_loss(trainer, None, inputs)


def reward(chosen: Tensor, rejected: Tensor, margin: Tensor | None = None, centering: float | None = None) -> Tensor:
    """`RewardTrainer`: the rewards of both answers."""
    trainer = SimpleNamespace(
        model=SimpleNamespace(training=True),
        args=SimpleNamespace(center_rewards_coefficient=centering),
        accelerator=_accelerator(),
        _metrics=defaultdict(lambda: defaultdict(list)),
        _total_train_tokens=0,
        _tp_size=1,
    )
    outputs = SimpleNamespace(logits=torch.cat([chosen, rejected]).unsqueeze(-1))
    inputs = {"attention_mask": torch.ones(2 * len(chosen), 1)} | ({} if margin is None else {"margin": margin})
    # It takes any further entry of the inputs for one of its model.
    compute = attribute("trl.trainer.reward_trainer.RewardTrainer").compute_loss
    return compute(trainer, lambda **_: outputs, inputs)
