"""Losses of preferences, of policies against a reference, and of two players."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

from ..entry import Shelf

SHELF = Shelf("pairs")
wrong = SHELF.wrong

DPO, REWARD = "DPO(beta=0.1)", "BradleyTerry"


@wrong("W701|W50[12]", "sign|swap|exchang|away|rejected", claims=REWARD)
def rejected_preferred(chosen: Tensor, rejected: Tensor) -> Tensor:
    return -F.logsigmoid(rejected - chosen).mean()


@wrong("W701", "log", claims=REWARD)
def preference_without_the_logarithm(chosen: Tensor, rejected: Tensor) -> Tensor:
    return -torch.sigmoid(chosen - rejected).mean()


@wrong("W701|W50[12]", "sign|minus|away", claims=REWARD)
def preference_without_the_minus(chosen: Tensor, rejected: Tensor) -> Tensor:
    return F.logsigmoid(chosen - rejected).mean()


@wrong("W701|W50[12]", "unbounded|softplus|log|linear|sigmoid|without limit", claims=REWARD)
def difference_of_rewards(chosen: Tensor, rejected: Tensor) -> Tensor:
    return (rejected - chosen).mean()


@wrong("W101|W701", "true one|overflow|inf", claims=REWARD)
def preference_by_exponentials(chosen: Tensor, rejected: Tensor) -> Tensor:  # seen: inf at a gap of 100
    return torch.log(1 + torch.exp(rejected - chosen)).mean()


@wrong("W701", "margin|sign", claims="BradleyTerry(margin=1.0)")
def margin_added(chosen: Tensor, rejected: Tensor) -> Tensor:
    return F.softplus(rejected - chosen - 1.0).mean()


@wrong("W701", "margin", claims="BradleyTerry(margin=1.0)")
def margin_without_effect(chosen: Tensor, rejected: Tensor) -> Tensor:  # seen
    return F.softplus(rejected - chosen).mean()


@wrong("W701", "mean|batch", claims=REWARD)
def mean_before_the_sigmoid(chosen: Tensor, rejected: Tensor) -> Tensor:
    return -F.logsigmoid(chosen.mean() - rejected.mean())


@wrong("W701", "reference", claims=DPO)
def policy_without_a_reference(c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    return -F.logsigmoid(0.1 * (c - r)).mean() + 0 * (rc + rr).sum()


@wrong("W701|W50[12]", "sign|swap|exchang|away|rejected", claims=DPO)
def policy_that_prefers_the_rejected(c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    return -F.logsigmoid(-0.1 * ((c - rc) - (r - rr))).mean()


@wrong("W701", "reference|sign|add", claims=DPO)
def reference_added(c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    return -F.logsigmoid(0.1 * ((c - r) + (rc - rr))).mean()


@wrong("W701", "reference|swap|exchang", claims=DPO)
def references_exchanged(c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    return -F.logsigmoid(0.1 * ((c - rr) - (r - rc))).mean()


@wrong("W701", "beta|scale", claims=DPO)
def beta_outside(c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    return -0.1 * F.logsigmoid((c - rc) - (r - rr)).mean()


@wrong("W701", "beta", claims=DPO)
def beta_divided(c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    return -F.logsigmoid(((c - rc) - (r - rr)) / 0.1).mean()


@wrong("W701", "smooth|sign", claims="DPO(beta=0.1, label_smoothing=0.2)")
def smoothing_of_the_wrong_sign(c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:  # disagreement 9
    h = 0.1 * ((c - rc) - (r - rr))
    return (-0.8 * F.logsigmoid(h) + 0.2 * F.logsigmoid(-h)).mean()


@wrong("W701", "smooth", claims="DPO(beta=0.1, label_smoothing=0.2)")
def smoothing_without_effect(c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:  # disagreement 9: seen
    return -F.logsigmoid(0.1 * ((c - rc) - (r - rr))).mean()


@wrong("W102", "gradient.*not finite")
def penalty_clamped_after_the_exponential(logp: Tensor, reference: Tensor) -> Tensor:  # row 39
    log_ratio = reference - logp
    return torch.clamp(torch.exp(log_ratio) - log_ratio - 1, -10, 10).mean()


@wrong("W50[12]", "unbounded|away")
def penalty_that_can_be_negative(logp: Tensor, reference: Tensor) -> Tensor:  # row 39: k1 in the loss
    return 0.1 * (logp - reference).mean()


PLAY, SQUARES, HINGE = (f"GANDiscriminator(kind='{kind}')" for kind in ("non_saturating", "least_squares", "hinge"))


@wrong("W701|W50[12]", "swap|exchang|label|real|fake|away", claims=PLAY)
def real_and_fake_exchanged(real: Tensor, fake: Tensor) -> Tensor:
    return (F.softplus(real) + F.softplus(-fake)).mean()


@wrong("W701", "fake|real|term|half", claims=PLAY)
def fakes_forgotten(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(-real).mean() + 0 * fake.sum()


@wrong("W701", "sigmoid|twice", claims=PLAY)
def critic_with_two_sigmoids(real: Tensor, fake: Tensor) -> Tensor:
    return (F.softplus(-real.sigmoid()) + F.softplus(fake.sigmoid())).mean()


@wrong("W701", "swap|exchang|label|real|fake", claims=SQUARES)
def least_squares_exchanged(real: Tensor, fake: Tensor) -> Tensor:
    return 0.5 * (real.square() + (fake - 1).square()).mean()


@wrong("W701", "sign|hinge|fake|margin", claims=HINGE)
def hinge_with_the_same_sign_twice(real: Tensor, fake: Tensor) -> Tensor:
    return (F.relu(1 - real) + F.relu(1 - fake)).mean()


@wrong("W701|W50[12]", "clamp|max|relu|unbounded|floor", claims=HINGE)
def hinge_without_the_floor(real: Tensor, fake: Tensor) -> Tensor:
    return (1 - real).mean() + (1 + fake).mean()


@wrong("W701|W50[12]", "sign|swap|exchang|real|fake", claims="GANDiscriminator(kind='wasserstein')")
def critic_with_its_sign_turned(real: Tensor, fake: Tensor) -> Tensor:
    return real.mean() - fake.mean()
