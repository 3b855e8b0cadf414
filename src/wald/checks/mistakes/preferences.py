"""Losses of preferences and of adversarial games, as they are known to go wrong."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...losses import DPO, BradleyTerry, GANDiscriminator, GANGenerator
from .mistake import also_called, also_scaled, mistake, usual

also_called(DPO, beta=("beta", "temperature"), label_smoothing=("label_smoothing", "eps", "smoothing"))
also_called(BradleyTerry, margin=("margin", "m"), centering=("centering", "center_coefficient"))
usual(DPO, *({"beta": beta} for beta in (0.1, 0.5, 0.01, 0.2, 0.3, 1.0)))
also_scaled(GANDiscriminator, "the mean of both sides", lambda loss: 0.5)
also_scaled(GANDiscriminator, "least squares without the half", lambda loss: 2.0 if "least" in loss.kind else 0.5)
also_scaled(GANGenerator, "least squares without the half", lambda loss: 2.0 if "least" in loss.kind else 1.0)

softplus = torch.nn.functional.softplus


def _sure(loss: Any) -> bool:
    return loss.label_smoothing == 0


def _leads(c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    return (c - rc) - (r - rr)


@mistake(DPO, when=_sure, telling=True)
def chosen_and_rejected_swapped(loss: Any, c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    """The sign is reversed: it learns to prefer what was rejected."""
    return softplus(loss.beta * _leads(c, r, rc, rr))


@mistake(DPO, when=_sure)
def reference_missing(loss: Any, c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    """The reference has no effect, so nothing holds the policy near where it started."""
    return softplus(-loss.beta * (c - r))


@mistake(DPO, when=lambda loss: _sure(loss) and loss.beta != 1, telling=True)
def beta_outside(loss: Any, c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    """Beta multiplies the loss and not the difference inside, so it is a learning rate and holds nothing."""
    return loss.beta * softplus(-_leads(c, r, rc, rr))


@mistake(DPO, when=lambda loss: _sure(loss) and loss.beta != 1)
def beta_missing(loss: Any, c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    """Beta has no effect: it acts as 1."""
    return softplus(-_leads(c, r, rc, rr))


@mistake(DPO, when=lambda loss: _sure(loss) and loss.beta != 1)
def beta_divides(loss: Any, c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    """The difference is divided by beta where it is to be multiplied."""
    return softplus(-_leads(c, r, rc, rr) / loss.beta)


@mistake(DPO, when=_sure)
def sigmoid_without_logarithm(loss: Any, c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    """Minus the sigmoid and not its log: the gradient fades for the pairs that are most wrong."""
    return -(loss.beta * _leads(c, r, rc, rr)).sigmoid()


@mistake(DPO, when=lambda loss: loss.label_smoothing > 0)
def smoothing_of_the_wrong_sign(loss: Any, c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    """The smoothing's term is subtracted and not added, so being sure is rewarded and not held back."""
    h, s = loss.beta * _leads(c, r, rc, rr), loss.label_smoothing
    return (1 - s) * softplus(-h) - s * softplus(h)


@mistake(DPO, when=_sure, telling=True)
def references_crossed(loss: Any, c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    """The reference of the rejected answer is held against the chosen one, and the other way round."""
    return softplus(-loss.beta * _leads(c, r, rr, rc))


@mistake(DPO, when=_sure, telling=True)
def differences_added(loss: Any, c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    """The gains on chosen and rejected are added, so both are raised alike."""
    return softplus(-loss.beta * ((c - rc) + (r - rr)))


@mistake(DPO, when=_sure, telling=True)
def reference_of_the_rejected_missing(loss: Any, c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    """The rejected answer is not held against its reference."""
    return softplus(-loss.beta * ((c - rc) - r))


@mistake(DPO, when=_sure, telling=True)
def reference_of_the_chosen_missing(loss: Any, c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    """The chosen answer is not held against its reference."""
    return softplus(-loss.beta * (c - (r - rr)))


@mistake(DPO, when=lambda loss: _sure(loss) and loss.beta != 1, telling=True)
def beta_on_the_policy_alone(loss: Any, c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    """Beta multiplies the policy's difference and not the reference's."""
    return softplus(-(loss.beta * (c - r) - (rc - rr)))


@mistake(DPO, when=_sure)
def hinge_for_logistic(loss: Any, c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    """A hinge of the difference: SLiC, not DPO."""
    return (1 - loss.beta * _leads(c, r, rc, rr)).clamp(min=0)


@mistake(DPO, when=_sure)
def square_for_logistic(loss: Any, c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    """A squared distance of the difference from 1 / (2 beta): IPO, not DPO."""
    return (_leads(c, r, rc, rr) - 1 / (2 * loss.beta)).square()


@mistake(DPO, when=_sure, telling=True)
def probabilities_for_their_logs(loss: Any, c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    """The log-probabilities are exponentiated first, so that answers of usual length count for nothing."""
    return softplus(-loss.beta * _leads(c.exp(), r.exp(), rc.exp(), rr.exp()))


@mistake(DPO, when=_sure, telling=True)
def rejected_detached(loss: Any, c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    """The value is right, but the rejected answer is detached, so it is never made less likely."""
    return loss.per_example(c, r.detach(), rc, rr)


@mistake(DPO, when=_sure, whole=True, telling=True)
def mean_of_the_differences(loss: Any, c: Tensor, r: Tensor, rc: Tensor, rr: Tensor) -> Tensor:
    """Differences are averaged over the batch before the log of the sigmoid, so easy pairs make up for hard ones."""
    return softplus(-loss.beta * _leads(c, r, rc, rr).mean())


def _bare(loss: Any) -> bool:
    return loss.margin == 0 and loss.centering == 0


def _asks(loss: Any) -> bool:
    return loss.margin > 0 and loss.centering == 0


@mistake(BradleyTerry, when=lambda loss: loss.centering == 0, telling=True)
def preference_reversed(loss: Any, c: Tensor, r: Tensor) -> Tensor:
    """The sign is reversed: what was rejected is to have the higher reward."""
    return softplus(loss.margin + (c - r))


@mistake(BradleyTerry, when=_bare)
def logarithm_missing(loss: Any, c: Tensor, r: Tensor) -> Tensor:
    """Minus the sigmoid and not its log: the gradient fades for the pairs that are most wrong."""
    return -(c - r).sigmoid()


@mistake(BradleyTerry, when=_bare)
def each_reward_alone(loss: Any, c: Tensor, r: Tensor) -> Tensor:
    """Each reward goes through a sigmoid of its own: a verdict on single answers, not on their difference."""
    return softplus(-c) + softplus(r)


@mistake(BradleyTerry, when=_bare, telling=True)
def log_of_the_difference_of_sigmoids(loss: Any, c: Tensor, r: Tensor) -> Tensor:
    """The sigmoid is taken of each reward before they are subtracted: rewards are squashed twice."""
    return softplus(-(c.sigmoid() - r.sigmoid()))


@mistake(BradleyTerry, when=_bare)
def hinge_for_logistic_(loss: Any, c: Tensor, r: Tensor) -> Tensor:
    """A hinge of the difference and not the log of a sigmoid."""
    return (1 - (c - r)).clamp(min=0)


@mistake(BradleyTerry, when=_bare)
def no_sigmoid(loss: Any, c: Tensor, r: Tensor) -> Tensor:
    """The bare difference, without the log of a sigmoid: unbounded below as rewards grow apart."""
    return r - c


@mistake(BradleyTerry, when=_bare, telling=True)
def rewards_added(loss: Any, c: Tensor, r: Tensor) -> Tensor:
    """The rewards are added and not subtracted, so both are raised alike."""
    return softplus(-(c + r))


@mistake(BradleyTerry, when=_asks)
def margin_on_the_wrong_side(loss: Any, c: Tensor, r: Tensor) -> Tensor:
    """The margin is added to the lead and not subtracted, so the chosen answer may be behind by it."""
    return softplus(-loss.margin - (c - r))


@mistake(BradleyTerry, when=_bare, telling=True)
def rejected_detached_(loss: Any, c: Tensor, r: Tensor) -> Tensor:
    """The value is right, but the rejected reward is detached, so it is never lowered."""
    return loss.per_example(c, r.detach())


@mistake(BradleyTerry, when=_bare, whole=True, telling=True)
def mean_of_the_leads(loss: Any, c: Tensor, r: Tensor) -> Tensor:
    """Leads are averaged over the batch before the log of the sigmoid, so easy pairs make up for hard ones."""
    return softplus(-(c - r).mean())


def _logistic(loss: Any) -> bool:
    return loss.kind == "non_saturating"


def _kind(name: str) -> Any:
    return lambda loss: loss.kind == name


@mistake(GANDiscriminator, when=lambda loss: loss.kind != "minimax")
def real_and_fake_swapped(loss: Any, real: Tensor, fake: Tensor) -> Tensor:
    """Real and fake are swapped: the discriminator learns to take each for the other."""
    return loss.per_example(fake, real)


@mistake(GANDiscriminator, when=_logistic, telling=True)
def sigmoid_applied_twice(loss: Any, real: Tensor, fake: Tensor) -> Tensor:
    """Scores go through a sigmoid before a loss that takes one itself."""
    return softplus(-real.sigmoid()) + softplus(fake.sigmoid())


@mistake(GANDiscriminator, when=_logistic, telling=True)
def fakes_taken_for_real(loss: Any, real: Tensor, fake: Tensor) -> Tensor:
    """Generated examples are labelled real too: the discriminator is rewarded for being fooled."""
    return softplus(-real) + softplus(-fake)


@mistake(GANDiscriminator, when=_logistic)
def fakes_left_out(loss: Any, real: Tensor, fake: Tensor) -> Tensor:
    """Generated examples are left out, so calling everything real is best."""
    return softplus(-real)


@mistake(GANDiscriminator, when=_logistic)
def reals_left_out(loss: Any, real: Tensor, fake: Tensor) -> Tensor:
    """Real examples are left out, so calling everything fake is best."""
    return softplus(fake)


@mistake(GANDiscriminator, when=_logistic, telling=True)
def terms_subtracted(loss: Any, real: Tensor, fake: Tensor) -> Tensor:
    """The term of the fakes is subtracted and not added: the discriminator is rewarded for being fooled."""
    return softplus(-real) - softplus(fake)


@mistake(GANDiscriminator, when=_kind("hinge"))
def hinge_without_clamp(loss: Any, real: Tensor, fake: Tensor) -> Tensor:
    """The clamp at zero is missing: this is the Wasserstein critic's loss plus a constant."""
    return (1 - real) + (1 + fake)


@mistake(GANDiscriminator, when=_kind("hinge"))
def hinge_of_the_difference(loss: Any, real: Tensor, fake: Tensor) -> Tensor:
    """One hinge of the difference, and not one for each side."""
    return (1 - (real - fake)).clamp(min=0)


@mistake(GANDiscriminator, when=_kind("least_squares"))
def labels_of_minus_one(loss: Any, real: Tensor, fake: Tensor) -> Tensor:
    """Fakes are driven to -1, where 0 is due."""
    return 0.5 * ((real - 1).square() + (fake + 1).square())


@mistake(GANGenerator, when=_logistic)
def saturating(loss: Any, fake: Tensor) -> Tensor:
    """log(1 - D) is minimised: its gradient vanishes just where the discriminator is sure, at the start."""
    return -softplus(fake)


@mistake(GANGenerator, when=_logistic)
def labelled_fake(loss: Any, fake: Tensor) -> Tensor:
    """Its examples are labelled fake, so the generator learns to be found out."""
    return softplus(fake)


@mistake(GANGenerator, when=_logistic, telling=True)
def sigmoid_applied_twice_(loss: Any, fake: Tensor) -> Tensor:
    """Scores go through a sigmoid before a loss that takes one itself."""
    return softplus(-fake.sigmoid())


@mistake(GANGenerator, when=_logistic)
def logarithm_missing_(loss: Any, fake: Tensor) -> Tensor:
    """Minus the probability of being taken for real, without its log: the gradient vanishes at the start."""
    return -fake.sigmoid()


@mistake(GANGenerator, when=_kind("least_squares"))
def driven_to_zero(loss: Any, fake: Tensor) -> Tensor:
    """Scores are driven to 0, the label of fakes, so the generator learns to be found out."""
    return 0.5 * fake.square()


@mistake(GANGenerator, when=lambda loss: loss.kind in ("hinge", "wasserstein"))
def sign_reversed(loss: Any, fake: Tensor) -> Tensor:
    """The score is minimised where it is to be raised."""
    return fake


@mistake(GANGenerator, when=_kind("hinge"))
def discriminators_hinge(loss: Any, fake: Tensor) -> Tensor:
    """The generator has the discriminator's hinge, so examples beyond the margin learn nothing."""
    return (1 - fake).clamp(min=0)
