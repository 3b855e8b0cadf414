"""Fourteen losses of other packages that are wrong: what each does, and that ours does not.

`DEFECTS` says where each is reproduced, on the package where it can be had and on its formula where not, and where
ours is shown to be right. Those that no test of an area had stand below.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

import wald


@dataclass(frozen=True, kw_only=True)
class Defect:
    """A loss of another package that is wrong.

    Attributes:
        theirs: its full name, and the version at which it was seen.
        what: what is wrong.
        ours: the loss here that could have it.
        test: the file and the test.
    """

    theirs: str
    what: str
    ours: str
    test: str


HERE = "test_known_defects.py"

DEFECTS = [
    Defect(
        theirs="neuralforecast 3.3.0 TukeyLoss",
        what="upside down inside its threshold: the largest cost is that of no error",
        ours="Tukey",
        test="regression/test_robust.py::test_tukey_is_the_right_way_up_where_neuralforecast_s_is_not",
    ),
    Defect(
        theirs="pytorch-metric-learning 2.9.0 SmoothAPLoss",
        what="groups rows by the number of classes where it means the number of each class",
        ours="SmoothAP",
        test="embeddings/test_peers.py::test_smooth_ap_of_perfect_embeddings_is_0_where_another_groups_rows_wrongly",
    ),
    Defect(
        theirs="lightly 1.6.0 CO2Regularizer",
        what="its value carries no gradient",
        ours="CO2",
        test="self_supervision/test_peers.py::test_the_consistency_of_lightly_has_its_value_and_no_gradient",
    ),
    Defect(
        theirs="pytorch-ood 0.4.0 CACLoss",
        what="the last class is never a rival, and the true one always",
        ours="ClassAnchor",
        test="uncertainty/test_uncertainty.py::test_pytorch_ood_forgets_the_last_class_and_counts_the_true_one",
    ),
    Defect(
        theirs="torchgan 0.1 wasserstein_gradient_penalty",
        what="one length of the gradients of the whole batch",
        ours="GradientPenalty",
        test="test_known_defects.py::test_torchgan_takes_one_length_for_a_batch",
    ),
    Defect(
        theirs="libauc 2.0.1 Top_Push_Loss",
        what="uses a variable before it has a value, and moves its memory to a graphics card",
        ours="PartialAUC",
        test=f"{HERE}::test_top_push_of_libauc_does_not_run",
    ),
    Defect(
        theirs="entmax 1.3 Entmax15Loss",
        what="its own default of ignore_index raises",
        ours="Entmax",
        test="classification/test_ports.py::test_entmax_does_not_honour_its_own_ignore_index",
    ),
    Defect(
        theirs="segmentation-models-pytorch 0.6.0 SoftCrossEntropyLoss",
        what="its own defaults raise, and what is ignored is still divided by",
        ours="CrossEntropy",
        test="classification/test_ports.py::test_smp_keeps_ignored_targets_in_its_mean_and_fails_by_default",
    ),
    Defect(
        theirs="openrlhf 0.11.2 LogExpLoss",
        what="the margin is not looked at, and a gap of a hundred is infinite",
        ours="BradleyTerry",
        test=f"{HERE}::test_log_exp_of_openrlhf_overflows_and_has_no_margin",
    ),
    Defect(
        theirs="torchvision 0.29.2 complete_box_iou_loss",
        what="a box without height has no gradient, and one of no size no value",
        ours="CIoU",
        test="detection/test_peers.py::test_a_box_without_height_has_a_gradient",
    ),
    Defect(
        theirs="keras 3.15.1 Tversky",
        what="alpha and beta weigh the other kind of error than the documentation says",
        ours="Tversky",
        test="segmentation/test_peers.py::test_alpha_of_keras_is_beta_of_everyone_else",
    ),
    Defect(
        theirs="mmsegmentation 1.2.2 DiceLoss",
        what="ignore_index leaves out a channel, and pixels of 255 still count",
        ours="Dice",
        test="segmentation/test_overlaps.py::test_a_class_left_out_is_pixels_left_out",
    ),
    Defect(
        theirs="torch 2.13.0 nn.functional.l1_loss",
        what="subclasses of tensors lose the weight",
        ours="Absolute",
        test=f"{HERE}::test_l1_of_torch_forgets_the_weight_of_a_subclass",
    ),
    Defect(
        theirs="catalyst 22.4 SymmetricCrossEntropyLoss",
        what="no softmax, and a one-hot target that is clamped in both terms",
        ours="SymmetricCrossEntropy",
        test="classification/test_ports.py::test_the_symmetric_cross_entropy_of_catalyst_is_another",
    ),
]


def names_of(file: str) -> set[str]:
    """The names of the tests in a file beside this one."""
    tree = ast.parse((Path(__file__).parent / file).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.theirs)
def test_a_defect_has_its_test(defect: Defect) -> None:
    file, _, name = defect.test.partition("::")
    assert name in names_of(file)
    assert hasattr(wald, defect.ours)


def test_there_are_fourteen() -> None:
    assert len({defect.theirs for defect in DEFECTS}) == 14


class Named(Tensor):
    """A tensor of a class of its own, as those with units, names or masks are."""


def test_l1_of_torch_forgets_the_weight_of_a_subclass() -> None:
    """Where an argument is of a class of its own, `l1_loss` calls itself again, and does not hand the weight on.

    Errors 1, 2 and 3 with weights 1, 2 and 5 cost (1 + 4 + 15) / 8 = 2.5; without weights 6 / 3 = 2.
    """
    p, y, w = torch.tensor([1.0, 2.0, 3.0]), torch.zeros(3), torch.tensor([1.0, 2.0, 5.0])
    assert F.l1_loss(p, y, weight=w).item() == pytest.approx(2.5)
    assert float(F.l1_loss(p.as_subclass(Named), y, weight=w)) == pytest.approx(2.0)
    assert wald.Absolute()(p, y, weight=w).item() == pytest.approx(2.5)
    assert float(wald.Absolute()(p.as_subclass(Named), y, weight=w)) == pytest.approx(2.5)
    # The squared error of torch hands it on.
    assert float(F.mse_loss(p.as_subclass(Named), y, weight=w)) == pytest.approx(54 / 8)


def log_exp(chosen: Tensor, rejected: Tensor, margin: Tensor | None = None) -> Tensor:
    """openrlhf's, as it is written."""
    return torch.log(1 + torch.exp(rejected - chosen)).mean()


def test_log_exp_of_openrlhf_overflows_and_has_no_margin() -> None:
    """log(1 + e^100) is infinite in single precision, and its slope is not a number; it is 100, and the slope -1.

    openrlhf needs a graphics card's compiler to be imported; its formula is copied out of models/loss.py.
    """
    chosen, rejected = torch.tensor([-50.0], requires_grad=True), torch.tensor([50.0])
    theirs = log_exp(chosen, rejected)
    assert theirs.item() == math.inf
    assert torch.autograd.grad(theirs, chosen)[0].isnan().all()
    ours = wald.BradleyTerry()(chosen, rejected)
    assert ours.item() == pytest.approx(100)
    assert torch.autograd.grad(ours, chosen)[0].item() == pytest.approx(-1)
    near = torch.tensor([1.0]), torch.tensor([0.5])
    assert log_exp(*near, margin=torch.tensor([3.0])) == log_exp(*near)
    assert wald.BradleyTerry(margin=3.0)(*near).item() == pytest.approx(math.log1p(math.exp(2.5)))
    assert wald.BradleyTerry()(*near).item() == pytest.approx(log_exp(*near).item(), rel=1e-6)


@pytest.mark.peers
def test_top_push_of_libauc_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its forward asks for `loss` before it has been given a value.

    Meant is the cost of the highest negative: with positives 0.5 and 2, and negatives 1 and 0,
    (1 - 0.5 + 1)² = 2.25 and (1 - 2 + 1)² = 0, of which the mean is 1.125.
    """
    losses = pytest.importorskip("libauc.losses.perf_at_top", reason="shows what libauc does")
    monkeypatch.setattr(Tensor, "cuda", lambda self: self)
    score, label = torch.tensor([0.5, 2.0, 1.0, 0.0]), torch.tensor([1.0, 1.0, 0.0, 0.0])
    theirs = losses.Top_Push_Loss(pos_len=2, num_neg=2)
    with pytest.raises(UnboundLocalError, match="loss"):
        theirs(score, label, torch.arange(4))
    assert wald.PartialAUC(max_fpr=0.5)(score, label).item() == pytest.approx(1.125)


def one_length(gradient: Tensor) -> Tensor:
    """torchgan's, of gradients that are already there."""
    return (gradient.norm(2) - 1) ** 2


def test_torchgan_takes_one_length_for_a_batch() -> None:
    """Eight examples whose gradients have length 1 cost nothing; one length of all of them is √8, and costs 3.34."""
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    scores = x @ torch.tensor([0.6, 0.0, 0.8], dtype=torch.float64)
    (gradient,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    assert one_length(gradient).item() == pytest.approx((math.sqrt(8) - 1) ** 2)
    assert wald.GradientPenalty()(gradient).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.peers
def test_torchgan_itself_takes_one_length_for_a_batch() -> None:
    functional = pytest.importorskip("torchgan.losses.functional", reason="shows what torchgan computes")
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    scores = x @ torch.tensor([0.6, 0.0, 0.8], dtype=torch.float64)
    assert functional.wasserstein_gradient_penalty(x, scores).item() == pytest.approx((math.sqrt(8) - 1) ** 2)


@pytest.mark.peers
def test_tukey_of_neuralforecast_is_upside_down() -> None:
    losses = pytest.importorskip("neuralforecast.losses.pytorch", reason="shows what neuralforecast computes")
    theirs = losses.TukeyLoss(normalize=False)
    nothing = torch.zeros(1, 4, 1)
    for error, there, here in (
        (0.0, 4.685**2 / 6, 0.0),
        (4.685, 0.0, 4.685**2 / 6),
        (50.0, 4.685**2 / 6, 4.685**2 / 6),
    ):
        p = torch.full((1, 4, 1), error)
        assert float(theirs(y=nothing, y_hat=p)) == pytest.approx(there, abs=1e-5)
        assert wald.Tukey()(p, nothing).item() == pytest.approx(here, abs=1e-5)


@pytest.mark.peers
def test_symmetric_cross_entropy_of_catalyst_takes_scores_for_probabilities() -> None:
    """Scores below 1e-7 are all alike to it: it has no slope where the true class scores worst."""
    losses = pytest.importorskip("catalyst.contrib.losses.ce", reason="shows what catalyst computes")
    z = torch.tensor([[-4.0, 2.0, 0.5]], requires_grad=True)
    y = torch.tensor([0])
    assert torch.autograd.grad(losses.SymmetricCrossEntropyLoss()(z, y), z)[0][0, 0] == 0
    assert torch.autograd.grad(wald.SymmetricCrossEntropy()(z, y), z)[0][0, 0] < -0.01


@pytest.mark.peers
def test_dice_of_mmsegmentation_counts_ignored_pixels() -> None:
    """What is predicted at pixels of 255 moves its value, and not ours."""
    losses = pytest.importorskip("mmseg.models.losses.dice_loss", reason="shows what mmsegmentation computes")
    rng = torch.Generator().manual_seed(0)
    z, t = torch.randn(1, 3, 4, 5, generator=rng), torch.randint(0, 3, (1, 4, 5), generator=rng)
    t[0, 0] = 255
    moved = z.clone()
    moved[:, 0, 0] += 3.0
    theirs = losses.DiceLoss(use_sigmoid=False, ignore_index=255)
    ours = wald.Dice(kind="multiclass", axis=1, ignore_index=255)
    assert abs(theirs(z, t) - theirs(moved, t)).item() > 0.01
    assert ours(z, t) == ours(moved, t)
