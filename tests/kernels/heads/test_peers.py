"""What TRL and Liger compute of the same tensors, where both mean the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import wald

from .promises import leaves_of, near
from .test_policy import drawn

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

PAIRS, LENGTH, FEATURES, CLASSES = 3, 9, 7, 31
STATES, HEAD = drawn(2 * PAIRS, LENGTH, FEATURES), drawn(CLASSES, FEATURES, seed=1)
FROZEN = drawn(2 * PAIRS, LENGTH, FEATURES, seed=2), drawn(CLASSES, FEATURES, seed=3)


def labels() -> Tensor:
    rng = torch.Generator().manual_seed(0)
    found = torch.randint(CLASSES, (2 * PAIRS, LENGTH), generator=rng)
    for row, length in enumerate((9, 4, 6, 7, 9, 2)):
        found[row, length:] = -100
    return found


LABELS = labels()


def agrees(ours: Tensor, theirs: Tensor, mine: list[Tensor], others: list[Tensor]) -> None:
    near(ours.detach(), theirs.detach(), 2e-6)
    for a, b in zip(torch.autograd.grad(ours, mine), torch.autograd.grad(theirs, others), strict=True):
        near(a, b, 5e-6)


@pytest.mark.parametrize("average", [False, True])
def test_dpo_of_liger(average: bool) -> None:
    chunked = pytest.importorskip("liger_kernel.chunked_loss", exc_type=ImportError)
    mine, others = (leaves_of((STATES, HEAD), torch.float32) for _ in "12")
    frozen = [x.float() for x in FROZEN]
    theirs = chunked.LigerFusedLinearDPOLoss(compiled=False, average_log_prob=average)
    value = theirs(others[1], others[0], LABELS, None, *frozen)[0]
    ours = wald.linear_preference(
        *(wald.DPO(beta=0.1), *mine[0].chunk(2), mine[1], *LABELS.chunk(2)),
        reference=(*frozen[0].chunk(2), frozen[1]),
        average_log_prob=average,
    )
    agrees(ours, value, mine, others)


def test_log_probabilities_of_trl() -> None:
    utils = pytest.importorskip("trl.trainer.utils", exc_type=ImportError)
    logits = (STATES @ HEAD.T).float()
    keep = LABELS != -100
    theirs = utils.selective_log_softmax(logits, LABELS.clamp(min=0)) * keep
    found = wald.linear_policy(
        wald.GRPO(), STATES.float(), HEAD.float(), LABELS, torch.zeros(2 * PAIRS), outputs=("log_prob",)
    )
    near(found.log_prob, theirs, 1e-6)
    sums = wald.linear_preference(
        *(wald.BradleyTerry(), *STATES.float().chunk(2), HEAD.float(), *LABELS.chunk(2)),
        outputs=("chosen_log_prob", "rejected_log_prob"),
    )
    near(torch.cat([sums.chosen_log_prob, sums.rejected_log_prob]), theirs.sum(-1), 1e-6)


NORMALISED: dict[str, dict[str, Any]] = {
    "grpo": {"token_weight": (LABELS != -100) / (LABELS != -100).sum(-1, keepdim=True)},
    "bnpo": {},
    "dapo": {"normalizer": float((LABELS != -100).sum())},
    "dr_grpo": {"normalizer": 2.0 * PAIRS * 12},
}


@pytest.mark.parametrize("cap", [None, 3.0])
@pytest.mark.parametrize("kl", [0.0, 0.04])
@pytest.mark.parametrize("kind", NORMALISED)
def test_grpo_of_liger(kind: str, kl: float, cap: float | None) -> None:
    chunked = pytest.importorskip("liger_kernel.chunked_loss", exc_type=ImportError)
    mine, others = (leaves_of((STATES, HEAD), torch.float32) for _ in "12")
    ids, keep = LABELS.clamp(min=0), LABELS != -100
    advantages = drawn(2 * PAIRS, seed=5).float()
    now = (STATES @ HEAD.T).log_softmax(-1).gather(-1, ids.unsqueeze(-1)).squeeze(-1).float()
    old, reference = now + 0.4 * drawn(*ids.shape, seed=6).float(), now + 0.4 * drawn(*ids.shape, seed=7).float()
    theirs = chunked.LigerFusedLinearGRPOLoss(
        beta=kl,
        compiled=False,
        use_ref_model=kl > 0,
        epsilon_low=0.2,
        epsilon_high=0.28,
        loss_type=kind,
        max_completion_length=12,
        delta=cap,
    )
    value = theirs(
        *(others[0], others[1], ids, keep.float(), advantages),
        ref_per_token_logps=reference if kl else None,
        old_per_token_logps=old,
    )[0]
    ours = wald.linear_policy(
        *(wald.GRPO(clip_high=0.28, kl=kl, cap=cap), *mine, LABELS, advantages, old, reference if kl else None),
        **NORMALISED[kind],
    )
    agrees(ours, value, mine, others)


@pytest.mark.parametrize("beta", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_generalised_jensen_shannon_of_trl(beta: float) -> None:
    gkd = pytest.importorskip("trl.experimental.gkd.gkd_trainer", exc_type=ImportError)
    mine, others = (leaves_of((STATES, HEAD), torch.float32) for _ in "12")
    teacher, temperature = [x.float() for x in FROZEN], 2.0
    theirs = gkd.GKDTrainer.generalized_jsd_loss(
        others[0] @ others[1].T, teacher[0] @ teacher[1].T, LABELS, beta=beta, temperature=temperature
    )
    loss: Any = wald.KLDivergence(direction="reverse" if beta else "forward")
    if 0 < beta < 1:
        loss = wald.JensenShannon(beta=beta)
    ours = wald.linear_distillation(loss, *mine, *teacher, temperature=temperature, mask=LABELS != -100)
    # TRL leaves the square of the temperature out.
    agrees(ours / temperature**2, theirs, mine, others)
