"""Bradley-Terry: the reward of what was chosen exceeds the reward of what was rejected."""

from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Preference
from ..pieces.softplus import softplus


class BradleyTerry(Preference):
    """The logistic loss of a reward model: -log sigmoid(chosen - rejected - margin).

    Its minimiser is the log-odds with which one answer is preferred to the other (at margin 0), so rewards mean
    something only as differences: adding a constant to both changes nothing. Preferences without exception drive
    the difference to infinity. `centering` adds centering (chosen + rejected)², which ties the level to 0 and
    leaves the best difference as it is; 0.01 is usual. `margin` asks for a lead: at a margin above 0 the rewards
    are no longer log-odds, though the right one still leads.

    A model that cannot tell pays ln 2 = 0.693.

    Shapes: chosen and rejected (*batch), the rewards of the two answers to one prompt.

    >>> import torch, wald
    >>> wald.BradleyTerry()(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 0.0]), reduction="none")
    tensor([0.1269, 0.6931])
    """

    margin: float = param(
        default=0.0, at_least=0, typical=(1.0,), help="the lead that the chosen answer should have, in units of reward"
    )
    centering: float = param(
        default=0.0, at_least=0, typical=(0.01,), help="how strongly the two rewards are held to a sum of 0"
    )

    card = Card(
        task="pairwise",
        inputs={"chosen": Real, "rejected": Real},
        formula=Formula("softplus(margin - lead) + centering * (chosen + rejected)**2", lead="chosen - rejected"),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope=lambda loss: "linear" if loss.centering else "bounded",
        denominator="the unmasked pairs, each counted by its weight",
        when="You train a reward model, or any score, on which of two was preferred.",
        when_not="Preferences are graded or ties are common, or you train the policy itself on pairs (use DPO).",
        points={"perfect": 0, "chance": "log(1 + exp(margin))", "floor": 0},
        ports={"trl.RewardTrainer": {}},
        aliases=(
            "Bradley-Terry",
            "reward model loss",
            "RewardModelLoss",
            "BPR",
            "BPRLoss",
            "Bayesian personalised ranking",
            "PairWiseLoss",
            "pairwise logistic reward loss",
        ),
        tags=("preference", "reward model", "RLHF", "pairwise", "ranking", "recommendation"),
        cite=(
            "Bradley & Terry 1952, doi:10.1093/biomet/39.3-4.324",
            "Ouyang et al. 2022, arXiv:2203.02155 (reward models)",
            "Touvron et al. 2023, arXiv:2307.09288 (margin)",
            "Eisenstein et al. 2023, arXiv:2312.09244 (centering)",
        ),
    )

    def per_example(self, chosen: Tensor, rejected: Tensor) -> Tensor:
        value = softplus(self.margin - (chosen - rejected))
        return value + self.centering * (chosen + rejected).square() if self.centering else value
