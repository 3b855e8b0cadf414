"""Losses of boxes by their IoU, and by what it does not see when boxes are apart."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from ...cards import Card, Formula, Real, param
from ...core import Supervised
from ..pieces.boxes import pair
from ..pieces.powers import raised, ratio


class IoU(Supervised):
    """One minus the IoU of a box with the true one: the common area over the area of both.

    Boxes that do not touch cost 1 wherever they are, with no gradient: GIoU, DIoU and their kin have one. form="log"
    is the UnitBox loss -log IoU, which pulls harder the worse a box is, held at -log(floor) where boxes hardly touch.
    `power` is alpha-IoU, 1 - IoU^power: above 1 it is about boxes that are already good, 2 is also called "square".
    The area of both being 0, the IoU is 0.

    A box is two opposite corners (x1, y1, x2, y2) in any order. It is NOT (x, y, width, height), which nothing in the
    numbers tells apart: convert it. The IoU of masks is Jaccard.

    Shapes: prediction and target (*batch, 4), paired box by box, in any unit.

    Raises:
        ShapeError: the last axis has not four entries, or prediction and target differ in shape.

    >>> import torch, wald
    >>> wald.IoU()(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 0.0, 3.0, 2.0]]))  # 1 - 2 / 6
    tensor(0.6667)
    """

    form: Literal["linear", "log"] = param(
        default="linear", choices=("linear", "log"), quiet=True, help="1 - IoU, or -log IoU"
    )
    power: float = param(default=1.0, at_least=1, typical=(3.0,), help="the exponent of the IoU")
    floor: float = param(default=1e-6, above=0, below=1, quiet=True, help='the least IoU, for form="log"')

    card = Card(
        task="other",
        inputs={"prediction": Real.of("corners", size=4), "target": Real.of("corners", size=4)},
        formula=Formula(
            "-power * log(max(iou, floor)) if form == 'log' else 1 - iou**power",
            p="[f(prediction[k], prediction[k + 2]) for f in (min, max) for k in (0, 1)]",
            t="[f(target[k], target[k + 2]) for f in (min, max) for k in (0, 1)]",
            common="max(0, min(p[2], t[2]) - max(p[0], t[0])) * max(0, min(p[3], t[3]) - max(p[1], t[1]))",
            union="(p[2] - p[0]) * (p[3] - p[1]) + (t[2] - t[0]) * (t[3] - t[1]) - common",
            iou="common / union",
        ),
        convex=False,
        bounded_below=True,
        perfect_is_minimal=True,
        smooth=0,
        denominator="the unmasked boxes, each counted by its weight",
        when="Boxes overlap already, and you are judged by IoU.",
        when_not="Boxes may be apart (GIoU, DIoU, CIoU).",
        points={"perfect": 0, "floor": 0},
        aliases=("IoULoss", "UnitBox", "box IoU", "alpha-IoU", "power IoU"),
        ports={"mmdet.models.losses.IoULoss": {"form": "log"}},
        tags=("detection", "boxes", "overlap", "regression", "IoU"),
        cite=("Yu et al. 2016, arXiv:1608.01471 (UnitBox)", "He et al. 2021, arXiv:2110.13675 (alpha-IoU)"),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        iou = pair(prediction, target).iou
        return -self.power * iou.clamp(min=self.floor).log() if self.form == "log" else 1 - raised(iou, self.power)


class GIoU(Supervised):
    """One minus IoU, plus the share of the least box around both that neither fills.

    1 - IoU + (C - U) / C, with U the area of both and C that of the least box that holds both: between 0 and 2, with a
    gradient wherever the boxes are. Where one holds the other C is U, and it is IoU. `power` raises both parts, as in
    alpha-IoU. Of two boxes without area on one line C is 0, and so is that part.

    Boxes are two opposite corners (x1, y1, x2, y2) in any order, as in IoU; paired box by box.

    Shapes: prediction and target (*batch, 4), in any unit.

    Raises:
        ShapeError: the last axis has not four entries, or prediction and target differ in shape.

    >>> import torch, wald
    >>> wald.GIoU()(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[2.0, 0.0, 3.0, 1.0]]))  # 1 + 1 / 3
    tensor(1.3333)
    """

    power: float = param(default=1.0, at_least=1, typical=(3.0,), quiet=True, help="the exponent of both parts")

    card = Card(
        task="other",
        inputs={"prediction": Real.of("corners", size=4), "target": Real.of("corners", size=4)},
        formula=Formula(
            "1 - iou**power + max(0, (around - union) / around)**power",
            p="[f(prediction[k], prediction[k + 2]) for f in (min, max) for k in (0, 1)]",
            t="[f(target[k], target[k + 2]) for f in (min, max) for k in (0, 1)]",
            common="max(0, min(p[2], t[2]) - max(p[0], t[0])) * max(0, min(p[3], t[3]) - max(p[1], t[1]))",
            union="(p[2] - p[0]) * (p[3] - p[1]) + (t[2] - t[0]) * (t[3] - t[1]) - common",
            iou="common / union",
            around="(max(p[2], t[2]) - min(p[0], t[0])) * (max(p[3], t[3]) - min(p[1], t[1]))",
        ),
        convex=False,
        bounded_below=True,
        perfect_is_minimal=True,
        smooth=0,
        slope="vanishing",
        denominator="the unmasked boxes, each counted by its weight",
        when="Boxes may be apart: the usual choice beside an absolute error of the corners.",
        when_not="Training is slow to bring the centres together (DIoU, CIoU).",
        points={"perfect": 0, "floor": 0},
        aliases=("GIoULoss", "generalized IoU", "generalized_box_iou"),
        ports={
            "torchvision.ops.generalized_box_iou_loss": {},
            "monai.losses.BoxGIoULoss": {},
            "mmdet.models.losses.GIoULoss": {},
            "fvcore.nn.giou_loss": {},
        },
        tags=("detection", "boxes", "overlap", "regression", "IoU"),
        cite=("Rezatofighi et al. 2019, arXiv:1902.09630",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        both = pair(prediction, target)
        around = both.around_width * both.around_height
        empty = ratio((around - both.union).relu(), around)
        return 1 - raised(both.iou, self.power) + raised(empty, self.power)


class DIoU(Supervised):
    """One minus IoU, plus the squared distance of the centres as a share of the squared diagonal around both.

    1 - IoU + d² / c², with c the diagonal of the least box that holds both: between 0 and 2. It pulls the centres
    together directly where GIoU first grows the box. `power` raises both parts, as in alpha-IoU.

    Boxes are two opposite corners (x1, y1, x2, y2) in any order, as in IoU; paired box by box.

    Shapes: prediction and target (*batch, 4), in any unit.

    Raises:
        ShapeError: the last axis has not four entries, or prediction and target differ in shape.

    >>> import torch, wald
    >>> wald.DIoU()(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[2.0, 0.0, 3.0, 1.0]]))  # 1 + 4 / 10
    tensor(1.4000)
    """

    power: float = param(default=1.0, at_least=1, typical=(3.0,), quiet=True, help="the exponent of both parts")

    card = Card(
        task="other",
        inputs={"prediction": Real.of("corners", size=4), "target": Real.of("corners", size=4)},
        formula=Formula(
            "1 - iou**power + (centres / diagonal)**power",
            p="[f(prediction[k], prediction[k + 2]) for f in (min, max) for k in (0, 1)]",
            t="[f(target[k], target[k + 2]) for f in (min, max) for k in (0, 1)]",
            common="max(0, min(p[2], t[2]) - max(p[0], t[0])) * max(0, min(p[3], t[3]) - max(p[1], t[1]))",
            union="(p[2] - p[0]) * (p[3] - p[1]) + (t[2] - t[0]) * (t[3] - t[1]) - common",
            iou="common / union",
            centres="((p[0] + p[2] - t[0] - t[2])**2 + (p[1] + p[3] - t[1] - t[3])**2) / 4",
            diagonal="(max(p[2], t[2]) - min(p[0], t[0]))**2 + (max(p[3], t[3]) - min(p[1], t[1]))**2",
        ),
        convex=False,
        bounded_below=True,
        perfect_is_minimal=True,
        smooth=0,
        slope="vanishing",
        denominator="the unmasked boxes, each counted by its weight",
        when="Boxes may be apart, and centres are to come together fast.",
        when_not="Boxes share a centre and differ in shape (CIoU, EIoU).",
        points={"perfect": 0, "floor": 0},
        aliases=("DIoULoss", "distance IoU", "distance_box_iou"),
        ports={"torchvision.ops.distance_box_iou_loss": {}, "mmdet.models.losses.DIoULoss": {}},
        tags=("detection", "boxes", "overlap", "regression", "IoU"),
        cite=("Zheng et al. 2019, arXiv:1911.08287",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        both = pair(prediction, target)
        return 1 - raised(both.iou, self.power) + raised(both.centres, self.power)


class CIoU(Supervised):
    """DIoU plus how far the ratio of width to height is from the true one.

    1 - IoU + d² / c² + a v with v = (4 / π²) (atan(w*/h*) - atan(w/h))² and its weight a = v / (1 - IoU + v). The
    shape counts the more, the better boxes overlap; `from_iou=0.5` lets it count only from there on, as mmdetection
    does. A box without height has the shape π/2, with a finite slope; torchvision divides by the height, and gives
    such a box a gradient of NaN.

    The paper holds a constant in the gradient, as do torchvision and the YOLO family: `fixed_weight=True`. It is off
    here so that the gradient is that of the value. `power` raises all parts, as in alpha-IoU: (a v)^power.

    Boxes are two opposite corners (x1, y1, x2, y2) in any order, as in IoU; paired box by box.

    Shapes: prediction and target (*batch, 4), in any unit.

    Raises:
        ShapeError: the last axis has not four entries, or prediction and target differ in shape.

    >>> import torch, wald
    >>> wald.CIoU()(torch.tensor([[0.0, 0.0, 2.0, 1.0]]), torch.tensor([[0.0, 0.0, 1.0, 1.0]])).round(decimals=4)
    tensor(0.5532)
    """

    fixed_weight: bool = param(
        default=False, quiet=True, help="whether the weight of the shape is a constant in the gradient"
    )
    from_iou: float = param(default=0.0, at_least=0, below=1, quiet=True, help="the IoU above which the shape counts")
    power: float = param(default=1.0, at_least=1, typical=(3.0,), quiet=True, help="the exponent of all parts")

    card = Card(
        task="other",
        inputs={"prediction": Real.of("corners", size=4), "target": Real.of("corners", size=4)},
        formula=Formula(
            "1 - iou**power + (centres / diagonal)**power + (a * v)**power",
            p="[f(prediction[k], prediction[k + 2]) for f in (min, max) for k in (0, 1)]",
            t="[f(target[k], target[k + 2]) for f in (min, max) for k in (0, 1)]",
            common="max(0, min(p[2], t[2]) - max(p[0], t[0])) * max(0, min(p[3], t[3]) - max(p[1], t[1]))",
            iou="common / ((p[2] - p[0]) * (p[3] - p[1]) + (t[2] - t[0]) * (t[3] - t[1]) - common)",
            centres="((p[0] + p[2] - t[0] - t[2])**2 + (p[1] + p[3] - t[1] - t[3])**2) / 4",
            diagonal="(max(p[2], t[2]) - min(p[0], t[0]))**2 + (max(p[3], t[3]) - min(p[1], t[1]))**2",
            shape="lambda box: atan2(box[2] - box[0], box[3] - box[1])",
            v="(2 / pi * (shape(t) - shape(p)))**2",
            a="v / ((1 - iou + v) or 1) if iou > from_iou or not from_iou else 0",
        ),
        convex=False,
        bounded_below=True,
        perfect_is_minimal=True,
        smooth=0,
        denominator="the unmasked boxes, each counted by its weight",
        when="The usual choice of one-stage detectors: place, size and shape in one loss.",
        when_not="Width and height matter, not their ratio alone (EIoU).",
        points={"perfect": 0, "floor": 0},
        aliases=("CIoULoss", "complete IoU", "complete_box_iou"),
        ports={
            "torchvision.ops.complete_box_iou_loss": {"fixed_weight": True},
            "mmdet.models.losses.CIoULoss": {"fixed_weight": True, "from_iou": 0.5},
        },
        tags=("detection", "boxes", "overlap", "regression", "IoU", "YOLO"),
        cite=("Zheng et al. 2019, arXiv:1911.08287",),
    )

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        both = pair(prediction, target)
        shape = _angle(both.true_width, both.true_height) - _angle(both.width, both.height)
        v = (4 / math.pi**2) * shape.square()
        iou, aspect = (both.iou.detach(), v.detach()) if self.fixed_weight else (both.iou, v)
        a = ratio(aspect, 1 - iou + aspect)
        if self.from_iou:
            a = torch.where(iou > self.from_iou, a, torch.zeros_like(a))
        return 1 - raised(both.iou, self.power) + raised(both.centres, self.power) + raised(a * v, self.power)


def _angle(width: Tensor, height: Tensor) -> Tensor:
    """The arc tangent of width over height; a box of no size is square, with no slope."""
    nothing = (width == 0) & (height == 0)
    one = torch.ones_like(width)
    return torch.atan2(torch.where(nothing, one, width), torch.where(nothing, one, height))
