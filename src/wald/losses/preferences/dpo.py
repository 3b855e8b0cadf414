"""DPO: a policy learns from preferences without a reward model."""

from torch import Tensor

from ...cards import Card, Domain, Formula, param
from ...core import Preference
from ..pieces.softplus import softplus


class DPO(Preference):
    """Direct preference optimisation against a reference policy.

    It asks that the policy's gain over the reference be larger on the chosen answer:
    -log sigmoid(h), h = beta ((chosen - reference_chosen) - (rejected - reference_rejected)). Each beta-scaled
    difference is an implicit reward, and this is `BradleyTerry` of those. It starts at ln 2 = 0.693 where policy
    and reference agree; a run that does not is fed wrong log-probabilities. One that stays there does not learn.
    Both implicit rewards may fall while their difference grows: watch them apart.

    `label_smoothing` is the share of preferences taken to be reversed, in the conservative form
    -(1 - s) log sigmoid(h) - s log sigmoid(-h). In TRL's "sigmoid" the argument does nothing, and its "robust" is
    another formula.

    Shapes: all four (*batch), log-probabilities in nats **summed** over the tokens of the answer, prompt excluded.
    With means in place of sums beta means something else. Compute those of the reference without a gradient.

    >>> import torch, wald
    >>> policy, reference = torch.tensor([-10.0]), torch.tensor([-12.0])
    >>> wald.DPO()(reference, reference, reference, reference)
    tensor(0.6931)
    >>> wald.DPO(beta=1.0)(policy, reference, reference, reference)
    tensor(0.1269)
    """

    beta: float = param(
        default=0.1, above=0, typical=(0.01, 1.0), help="how dear it is to leave the reference, per nat"
    )
    label_smoothing: float = param(
        default=0.0, at_least=0, below=0.5, typical=(0.1,), help="the share of preferences taken to be reversed"
    )

    card = Card(
        task="pairwise",
        inputs={
            "chosen": Domain(says="a summed log-probability", typical=(-40.0, -1.0)),
            "rejected": Domain(says="a summed log-probability", typical=(-40.0, -1.0)),
            "reference_chosen": Domain(says="a summed log-probability", typical=(-40.0, -1.0)),
            "reference_rejected": Domain(says="a summed log-probability", typical=(-40.0, -1.0)),
        },
        formula=Formula(
            "(1 - label_smoothing) * softplus(-h) + label_smoothing * softplus(h)",
            h="beta * ((chosen - reference_chosen) - (rejected - reference_rejected))",
        ),
        convex=True,
        bounded_below=True,
        smooth=3,
        slope="bounded",
        denominator="the unmasked pairs, each counted by its weight",
        when="You fine-tune a language model on pairs of answers, from a reference that answers well already.",
        when_not="You have ratings of single answers, or want a reward to reuse (train one with BradleyTerry).",
        points=lambda loss: {**({} if loss.label_smoothing else {"perfect": 0}), "chance": "log(2)", "floor": 0},
        ports={
            "trl.dpo.sigmoid": {},
            "trl.dpo.sigmoid_norm": {},
            "liger_kernel.chunked_loss.LigerFusedLinearDPOLoss": {},
        },
        aliases=("DPOLoss", "direct preference optimisation", "direct preference optimization", "cDPO", "sigmoid DPO"),
        tags=("preference", "RLHF", "alignment", "language model", "pairwise"),
        cite=("Rafailov et al. 2023, arXiv:2305.18290",),
    )

    def per_example(
        self, chosen: Tensor, rejected: Tensor, reference_chosen: Tensor, reference_rejected: Tensor
    ) -> Tensor:
        # Policy and reference are subtracted first: they are large and close, and their difference is exact.
        h = self.beta * ((chosen - reference_chosen) - (rejected - reference_rejected))
        value = softplus(-h)
        if self.label_smoothing:
            value = (1 - self.label_smoothing) * value + self.label_smoothing * softplus(h)
        return value
