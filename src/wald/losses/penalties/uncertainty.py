"""Losses of several tasks, each weighted by an uncertainty that is learned."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, Domain, Formula, NonNegative, param
from ...core import Loss


class UncertaintyWeighting(Loss):
    """Losses of several tasks, each divided by a variance that is learned (Kendall).

    Σ over the tasks of (loss · exp(-s) + s) / 2, with s the log-variance of a task, a parameter. Each s is least at the
    log of its loss, so that every task ends up with the same say. **The value may go below 0** and is no measure of how
    well anything is learned. Put the s into the optimiser without weight decay, which would pull all variances to 1.

    The paper halves the loss for regression and not for classification: give that task's loss twice. LibMTL has
    loss · exp(-s) / 2 + s / 2, as here; others leave out both halves (`half=False`), which is twice the value and has
    the same minimum.

    Shapes: losses and log_variance (*batch, tasks): for the means of a batch (tasks,), stacked.

    >>> import torch, wald
    >>> losses, s = torch.tensor([4.0, 1.0]), torch.tensor([0.0, 0.0], requires_grad=True)
    >>> wald.UncertaintyWeighting()(losses, s).item()
    2.5
    """

    half: bool = param(default=True, typical=(False,), help="the half of the paper; False is twice the value")

    card = Card(
        task="other",
        inputs={
            "losses": NonNegative.of("tasks"),
            "log_variance": Domain(says="the log of a variance", axes=("tasks",), typical=(-2.0, 2.0)),
        },
        formula=lambda loss: Formula(
            f"sum([l * exp(-s) + s for l, s in zip(losses, log_variance)]){' / 2' if loss.half else ''}"
        ),
        convex=True,
        smooth=3,
        slope="bounded",
        denominator="the unmasked sets of losses, each counted by its weight; not the tasks",
        when="Losses of different units are added, and you would rather learn the weights than search for them.",
        when_not="A task matters more than another: that is a weight, which no loss can know.",
        aliases=("Kendall", "homoscedastic uncertainty", "uncertainty weighting", "multi-task weighting"),
        ports={
            "LibMTL.weighting.UW": {},
        },
        tags=("penalty", "multi-task", "weighting", "uncertainty"),
        cite=("Kendall, Gal & Cipolla 2017, arXiv:1705.07115",),
    )

    def per_example(self, losses: Tensor, log_variance: Tensor) -> Tensor:
        total = (losses * (-log_variance).exp() + log_variance).sum(-1)
        return 0.5 * total if self.half else total
