"""Twenty names under which packages compute different things: a field, a preset or a recipe here, tested on both sides.

`DISAGREEMENTS` says how each is settled and where that is tested. Those that no test of an area had stand below:
divergences of torchtune, preferences and policies of TRL, names that two losses bear, and the curvature of boosting.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

import numpy as np
import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald

from . import trl
from .parity import boosting
from .parity.case import attribute
from .test_known_defects import names_of


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """A name under which packages compute different things.

    Attributes:
        about: what they differ in.
        settled: by which field, preset or call each side is had here.
        tests: the files and the tests that hold both sides.
    """

    about: str
    settled: str
    tests: tuple[str, ...]


HERE = "test_disagreements.py::"
PEERS = "classification/test_ports.py::"

DISAGREEMENTS = [
    Disagreement(
        about="what a weighted mean divides by",
        settled='the sum of the weights; normalizer="rows" divides by the rows',
        tests=("regression/test_percentages.py::test_the_weighted_mean_of_each_loss_has_one_denominator",),
    ),
    Disagreement(
        about="what class weights divide by, for ids and for probabilities",
        settled="CrossEntropy(class_weight=) divides both by the sum of the weights of the true classes",
        tests=(PEERS + "test_class_weights_of_ids_and_of_probabilities_divide_alike",),
    ),
    Disagreement(
        about="Huber, smooth L1, and the threshold that is not said",
        settled='Huber and SmoothL1 are two losses; like="sklearn", "lightgbm", "torch" take their thresholds',
        tests=(
            "regression/test_robust.py::test_smooth_l1_is_huber_over_its_threshold_as_both_sides_have_it",
            HERE + "test_the_threshold_of_huber_that_is_not_said",
        ),
    ),
    Disagreement(
        about="smoothing and pooling of Dice",
        settled="smooth=, below=, squared=, absent=; like= a library",
        tests=(
            "segmentation/test_peers.py::test_six_libraries_and_one_dice",
            "segmentation/test_peers.py::test_smp_pools_the_batch_so_it_agrees_on_one_image",
        ),
    ),
    Disagreement(
        about="which error alpha and beta of Tversky weigh",
        settled="alpha weighs false positives; Keras has them the other way round",
        tests=("segmentation/test_peers.py::test_alpha_of_keras_is_beta_of_everyone_else",),
    ),
    Disagreement(
        about="alpha, classes and the mean of focal losses",
        settled="alpha= one number or one a class, kind=, and the mean over examples",
        tests=(PEERS + "test_focal_losses_of_one_name", PEERS + "test_keras_ignores_alpha_unless_asked"),
    ),
    Disagreement(
        about="which label is 1 in a pair, and the scale",
        settled="same=1 belongs together; factor=, distance=, margin=",
        tests=("embeddings/test_peers.py::test_the_pair_loss_under_three_conventions",),
    ),
    Disagreement(
        about="order, form and mean of KL divergences",
        settled="prediction_space=, target_space=, direction=; the sum over classes, the mean over examples",
        tests=(
            "divergences/test_distributions.py::test_torch_divides_by_the_classes_too",
            HERE + "test_torchtune_mixes_a_cross_entropy_with_a_divergence",
        ),
    ),
    Disagreement(
        about="what label smoothing of DPO is",
        settled="the conservative form; the robust form is a difference of two DPOs",
        tests=(
            HERE + "test_label_smoothing_of_dpo_is_the_conservative_form",
            HERE + "test_label_smoothing_of_trl_s_dpo_does_nothing_or_subtracts",
        ),
    ),
    Disagreement(
        about="whether log-probabilities of an answer are added up or averaged",
        settled="DPO takes what it is given: sums as a rule, means for TRL's sigmoid_norm",
        tests=(HERE + "test_sums_and_means_of_log_probabilities_are_two_losses",),
    ),
    Disagreement(
        about="what the mean of GRPO divides by",
        settled="weight= and normalizer= at the call, one recipe a loss_type",
        tests=(HERE + "test_the_mean_of_grpo_is_said_at_the_call",),
    ),
    Disagreement(
        about="whether the cap of CISPO is a ratio or an excess over 1",
        settled="the weight of a policy gradient, which is capped before the call: GRPO at its old log-probabilities",
        tests=(HERE + "test_the_cap_of_cispo_is_a_weight",),
    ),
    Disagreement(
        about="where the mass of smoothed labels lies",
        settled="on every class, the true one too",
        tests=(
            PEERS + "test_where_the_smoothed_mass_lies",
            PEERS + "test_smp_keeps_ignored_targets_in_its_mean_and_fails_by_default",
        ),
    ),
    Disagreement(
        about="the denominator of percentage errors",
        settled="zero=, floor=, factor=; like= a library",
        tests=("regression/test_percentages.py::test_the_divisor_of_a_percentage_is_that_of_each_library",),
    ),
    Disagreement(
        about="factor, sum and level of quantile losses",
        settled="factor=, levels of one loss, and the mean over levels",
        tests=(
            "regression/test_percentages.py::test_pinball_has_the_factor_and_the_sum_of_each_library",
            "probabilistic/test_ports.py::test_several_levels_are_averaged_and_not_summed",
        ),
    ),
    Disagreement(
        about="sign, half and range of SSIM",
        settled="half=, data_range=; one less the similarity",
        tests=("images/test_peers.py::test_a_wrong_range_is_another_loss",),
    ),
    Disagreement(
        about="one acronym, two losses",
        settled="two losses with two names; the acronym alone is the more usual one",
        tests=(
            HERE + "test_one_acronym_is_two_losses",
            "segmentation/test_overlaps.py::test_edges_are_balanced_within_an_image",
        ),
    ),
    Disagreement(
        about="what an even load and a coefficient of routers come to",
        settled="per_choice=; coefficients are yours to multiply by",
        tests=("penalties/test_penalties.py::test_even_routing_costs_one_in_one_convention_and_top_k_in_the_other",),
    ),
    Disagreement(
        about="what CTC and Cox divide by",
        settled="CTC(average=); Cox divides by events and knows both kinds of ties",
        tests=(
            "sequences/test_sequences.py::test_only_torch_divides_by_the_length_of_a_text",
            "survival/test_ports.py::test_cox_with_ties_torchsurv_divides_by_times_and_pycox_by_the_order_of_rows",
        ),
    ),
    Disagreement(
        about="the curvature that boosting takes for that of the loss",
        settled="the exact one here; hessian= of the adapters where a library's own is wanted",
        tests=(
            HERE + "test_the_curvature_of_poisson_in_boosting",
            PEERS + "test_one_leaf_of_xgboost_is_one_step_of_newton",
            PEERS + "test_one_leaf_of_lightgbm_is_one_step_of_newton",
        ),
    ),
]


@pytest.mark.parametrize("disagreement", DISAGREEMENTS, ids=lambda disagreement: disagreement.about)
def test_a_disagreement_has_its_tests(disagreement: Disagreement) -> None:
    for test in disagreement.tests:
        file, _, name = test.partition("::")
        assert name in names_of(file), test


def test_there_are_twenty() -> None:
    assert len({disagreement.about for disagreement in DISAGREEMENTS}) == 20


def test_the_threshold_of_huber_that_is_not_said() -> None:
    """At an error of 2: half of 1², 1.35 and 0.9 are taken off where the line begins."""
    p, y = torch.tensor([2.0]), torch.tensor([0.0])
    for library, delta in (("torch", 1.0), ("keras", 1.0), ("optax", 1.0), ("sklearn", 1.35), ("lightgbm", 0.9)):
        assert wald.Huber(like=library)(p, y).item() == pytest.approx(delta * (2 - delta / 2))
    assert F.huber_loss(p, y).item() == pytest.approx(1.5)
    assert attribute("sklearn.linear_model.HuberRegressor")().epsilon == 1.35


# Divergences.


def forward_of_torchtune(student: Tensor, teacher: Tensor) -> Tensor:
    """-Σ p log q of the teacher p, as torchtune 0.6 has it under the name ForwardKLLoss."""
    return -(teacher.softmax(-1) * student.log_softmax(-1)).sum(-1).mean()


def reverse_of_torchtune(student: Tensor, teacher: Tensor) -> Tensor:
    """Σ q (log q - log p), with its own entropy."""
    q = student.softmax(-1)
    return (q * (student.log_softmax(-1) - teacher.log_softmax(-1))).sum(-1).mean()


def test_torchtune_mixes_a_cross_entropy_with_a_divergence() -> None:
    """The teacher's entropy is in one of its two and not in the other, so equal logits do not cost nothing in it.

    torchtune needs torchao to be imported; these are the formulas of its modules/loss/kd_losses.py.
    """
    student, teacher = torch.randn(2, 7, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    entropy = torch.distributions.Categorical(logits=teacher).entropy().mean()
    spaces = {"prediction_space": "logits", "target_space": "logits"}
    forward, reverse = (wald.KLDivergence(direction=way, **spaces) for way in ("forward", "reverse"))
    torch.testing.assert_close(forward_of_torchtune(student, teacher), forward(student, teacher) + entropy)
    torch.testing.assert_close(reverse_of_torchtune(student, teacher), reverse(student, teacher))
    assert forward(teacher, teacher).item() == pytest.approx(0, abs=1e-12)
    assert forward_of_torchtune(teacher, teacher).item() > 0.3
    soft = wald.CrossEntropy()(student, teacher.softmax(-1))
    torch.testing.assert_close(forward_of_torchtune(student, teacher), soft)


# Preferences and policies.


def answers(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probabilities of the tokens of three chosen and three rejected answers, what is said, and a reference."""
    rng = torch.Generator().manual_seed(seed)
    said = torch.tensor([5, 3, 2, 4, 1, 5])
    mask = (torch.arange(5) < said[:, None]).long()
    return (
        -torch.rand(6, 5, generator=rng, dtype=torch.float64) * mask,
        mask,
        -2 * torch.rand(6, generator=rng).double(),
    )


def implicit(logps: Tensor, reference: Tensor, beta: float = 0.1) -> Tensor:
    chosen, rejected = (logps.sum(1) - reference).chunk(2)
    return beta * (chosen - rejected)


def four(logps: Tensor, reference: Tensor) -> tuple[Tensor, ...]:
    """As DPO takes them: the policy's two, then the reference's."""
    return *logps.sum(1).chunk(2), *reference.chunk(2)


def robust(loss: wald.DPO, share: float, chosen: Tensor, rejected: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """The unbiased form for labels of which a share is reversed: what is right, less what is reversed."""
    right, reversed_ = loss(chosen, rejected, first, second), loss(rejected, chosen, second, first)
    return ((1 - share) * right - share * reversed_) / (1 - 2 * share)


def test_label_smoothing_of_dpo_is_the_conservative_form() -> None:
    """As openrlhf and torchtune have it: -(1 - e) log s(h) - e log s(-h)."""
    logps, _, reference = answers()
    h = implicit(logps, reference)
    wanted = -(0.8 * F.logsigmoid(h) + 0.2 * F.logsigmoid(-h)).mean()
    torch.testing.assert_close(wald.DPO(label_smoothing=0.2)(*four(logps, reference)), wanted)
    # The robust form has no floor: it is negative where the answers are far apart.
    far = torch.tensor([200.0]), torch.tensor([0.0]), torch.tensor([0.0]), torch.tensor([0.0])
    assert robust(wald.DPO(), 0.2, *far).item() < -5
    assert wald.DPO(label_smoothing=0.2)(*far).item() > 0


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_label_smoothing_of_trl_s_dpo_does_nothing_or_subtracts() -> None:
    """Its "sigmoid" does not look at it, and its "robust" is the unbiased form."""
    pytest.importorskip("trl", reason="compares with TRL")
    logps, mask, reference = answers()
    given = four(logps, reference)
    plain = trl.dpo(logps, reference, mask, "sigmoid")
    assert trl.dpo(logps, reference, mask, "sigmoid", smoothing=0.2) == plain
    torch.testing.assert_close(wald.DPO()(*given), plain)
    torch.testing.assert_close(
        robust(wald.DPO(), 0.2, *given), trl.dpo(logps, reference, mask, "robust", smoothing=0.2)
    )
    assert (wald.DPO(label_smoothing=0.2)(*given) - plain).abs() > 1e-3


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_sums_and_means_of_log_probabilities_are_two_losses() -> None:
    """TRL's "sigmoid" adds them up and "sigmoid_norm" divides each answer's gain by its length; so does its "ipo"."""
    pytest.importorskip("trl", reason="compares with TRL")
    logps, mask, reference = answers()
    length = mask.sum(1)
    added = wald.DPO()(*four(logps, reference))
    averaged = wald.DPO()(*four(logps / length[:, None], reference / length))
    torch.testing.assert_close(added, trl.dpo(logps, reference, mask, "sigmoid"))
    torch.testing.assert_close(averaged, trl.dpo(logps, reference, mask, "sigmoid_norm"))
    gain = ((logps.sum(1) - reference) / length).chunk(2)
    own = ((gain[0] - gain[1] - 1 / (2 * 0.1)) ** 2).mean()
    torch.testing.assert_close(own, trl.dpo(logps, reference, mask, "ipo"))


#: What GRPO is told at the call to be TRL's, by loss_type.
MEANS = {
    "grpo": lambda mask: {"weight": mask / mask.sum(1, keepdim=True)},
    "bnpo": lambda mask: {},
    "dapo": lambda mask: {"normalizer": float(mask.sum())},
    "dr_grpo": lambda mask: {"normalizer": 7.0 * len(mask)},
    "luspo": lambda mask: {"normalizer": float(len(mask))},
}


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", MEANS)
def test_the_mean_of_grpo_is_said_at_the_call(kind: str) -> None:
    """Means over tokens and then over answers, over tokens, over those of a generation, or over a constant."""
    pytest.importorskip("trl", reason="compares with TRL")
    logps, mask, _ = answers()
    rng = torch.Generator().manual_seed(1)
    old, advantage = logps + 0.3 * torch.randn(6, 5, generator=rng), torch.randn(6, generator=rng).double()
    ours, other = logps.clone().requires_grad_(), logps.clone().requires_grad_()
    value = wald.GRPO()(ours, advantage[:, None].expand(6, 5), old, mask=mask.bool(), **MEANS[kind](mask))
    wanted = trl.grpo(other, advantage, old, mask, kind, longest=7)
    torch.testing.assert_close(value, wanted)
    torch.testing.assert_close(*torch.autograd.grad(value, ours), *torch.autograd.grad(wanted, other))


def capped(logps: Tensor, advantage: Tensor, old: Tensor, mask: Tensor, cap: float) -> Tensor:
    """A policy gradient whose ratios are weights: GRPO where policy and sampler agree has the slope -advantage."""
    weight = (logps - old).exp().clamp(max=cap).detach()
    return wald.GRPO()(logps, weight * advantage, logps.detach(), mask=mask.bool())


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_the_cap_of_cispo_is_a_weight() -> None:
    """TRL caps a ratio at `epsilon_high` itself, others at 1 + it: 0.28 is 0.28 in one and 1.28 in the other.

    Only the slope is the same as that of a policy gradient: its value is -weight · advantage · log p.
    """
    pytest.importorskip("trl", reason="compares with TRL")
    logps, mask, _ = answers()
    rng = torch.Generator().manual_seed(1)
    old, advantage = logps + 0.3 * torch.randn(6, 5, generator=rng), torch.randn(6, generator=rng).double()
    slopes = {}
    for cap in (0.28, 1.28):
        ours, other = logps.clone().requires_grad_(), logps.clone().requires_grad_()
        value = capped(ours, advantage[:, None].expand(6, 5), old, mask, cap)
        wanted = trl.grpo(other, advantage, old, mask, "cispo", epsilon_high=cap)
        (slopes[cap],) = torch.autograd.grad(value, ours)
        torch.testing.assert_close(slopes[cap], *torch.autograd.grad(wanted, other))
    assert (slopes[0.28] - slopes[1.28]).abs().max() > 0.01


# Names.


def test_one_acronym_is_two_losses() -> None:
    """Each of two losses is found by its own name, and the acronym means one of them and not both."""
    assert wald.get("efficient IoU") is wald.get("EIoU")
    assert wald.get("Deep CORAL") is wald.DeepCORAL
    assert wald.get("coral_pytorch.losses.CoralLoss") is wald.Ordinal
    assert wald.get("pytorch_adapt.layers.CORALLoss") is wald.DeepCORAL
    assert wald.get("Matthews correlation") is wald.MatthewsCorrelation
    assert wald.get("minimum class confusion") is not wald.MatthewsCorrelation
    # Of sentence-transformers, an MSE of cosines; of Keras, minus the cosine.
    a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8]])
    assert wald.CosineDistance(like="keras")(a, b).item() == pytest.approx(-0.6)
    assert wald.Squared()(F.cosine_similarity(a, b), torch.tensor([1.0])).item() == pytest.approx(0.16)


# Boosting.


def curvatures(library: str, z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """From a leaf without a penalty, -g / h, and the gradient."""
    if library == "lightgbm":
        pytest.importorskip("lightgbm", reason="shows what LightGBM computes")
        step = boosting._leaves("poisson", y, {}, z, 0.0)
        gradient = len(z) * boosting.lightgbm_slopes("poisson", y, {}, z)
        return -gradient / step
    xgboost = pytest.importorskip("xgboost", reason="shows what XGBoost computes")
    gradient = len(z) * boosting.xgboost_slopes("count:poisson", {"label": y}, {}, z)
    settings = {"objective": "count:poisson", "eta": 1.0, "lambda": 0.0, "max_depth": 1, "min_child_weight": 0.0}
    settings |= {"max_delta_step": 0.0, "nthread": 1, "verbosity": 0}
    found = []
    for row in range(len(z)):
        there = slice(row, row + 1)
        data = xgboost.DMatrix(np.zeros((1, 1)), base_margin=z[there], label=y[there])
        blank = xgboost.DMatrix(np.zeros((1, 1)), base_margin=np.zeros(1))
        found.append(xgboost.train(settings, data, 1).predict(blank, output_margin=True)[0])
    return -gradient / np.array(found)


@pytest.mark.parametrize(("library", "factor"), [("lightgbm", math.exp(0.7)), ("xgboost", 1.0)])
def test_the_curvature_of_poisson_in_boosting(library: str, factor: float) -> None:
    """The loss curves by e^z. LightGBM takes twice that, e^(z + 0.7), so that a leaf steps half as far."""
    z, y = boosting.Z, boosting.COUNTS
    gradient, exact = wald.gradient_and_hessian(wald.Poisson(), z, y)
    torch.testing.assert_close(exact, z.exp())
    theirs = torch.from_numpy(curvatures(library, z.numpy(), y.numpy()))
    torch.testing.assert_close(theirs.double(), factor * exact, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradient, z.exp() - y)
