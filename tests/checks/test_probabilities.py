"""What losses of labels and of classes make of probabilities, against what theorems say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
import math
import time

import pytest
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812

from wald.cards import ClassId, Logits
from wald.checks.card import card_of
from wald.checks.measured import Measured
from wald.checks.probabilities.binary import Margins, measure_binary
from wald.checks.probabilities.guarantee import hull_at
from wald.checks.probabilities.multiclass import Scores, measure_multiclass
from wald.checks.rules import decision, link, noise, top
from wald.checks.rules.rule import binary
from wald.checks.subjects.discover import subject_of
from wald.checks.subjects.subject import Subject, undisturbed
from wald.checks.subjects.target import resolve

from ..sampling import daily
from . import known

PRECISIONS = ["double", pytest.param("single", marks=pytest.mark.slow)]
WORDS = ("calibrated", "proper", "invertible", "symmetric")

#: Verdicts that differ from the table, and why. None may be wrong; "unresolved" is not.
EXPLAINED: dict[tuple[str, str], tuple[str, str]] = {
    ("weights of 1.05", "single"): (
        "unresolved no yes no",
        "the laws that it gets wrong are all but ties, and both sides differ by 1e-5: too little in single precision",
    ),
}


def single(loss: known.Loss) -> known.Loss:
    """The same loss, computed in single precision whatever it is given."""
    return lambda x, y: loss(x.float(), y.float() if y.is_floating_point() else y)


def measured(loss: object, **hints: str) -> Measured:
    with undisturbed():
        subject = subject_of(resolve(loss), **hints)
        assert isinstance(subject, Subject)
        found = Measured(subject)
        _ = found.probabilities
    return found


def margins(loss: object, **hints: str) -> Margins:
    found = measured(loss, **hints).probabilities
    assert isinstance(found, Margins)
    return found


def scores(loss: object, **hints: str) -> Scores:
    found = measured(loss, **hints).probabilities
    assert isinstance(found, Scores)
    return found


@cache
def of_label(name: str) -> Margins:
    return margins(known.LABELS[name][0])


@cache
def of_class(name: str) -> Scores:
    return scores(known.CLASSES[name][0])


def words(found: Margins | Scores) -> str:
    return " ".join(str(getattr(found, word).word) for word in WORDS)


# Against the tables.


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", daily(known.LABELS, 2))
def test_labels(name: str, precision: str) -> None:
    loss, truth, threshold = known.LABELS[name]
    found = of_label(name) if precision == "double" else margins(single(loss))
    assert words(found) == truth
    assert found.threshold == (None if threshold is None else pytest.approx(threshold, abs=1e-3))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", daily(known.CLASSES, 2))
def test_classes(name: str, precision: str) -> None:
    loss, truth = known.CLASSES[name]
    found = of_class(name) if precision == "double" else scores(single(loss))
    assert words(found) == EXPLAINED.get((name, precision), (truth,))[0]


def test_nearly_all_verdicts_are_right_and_none_is_wrong() -> None:
    total = 2 * len(WORDS) * len(known.CLASSES)
    differ = 0
    for (name, _), (found, _) in EXPLAINED.items():
        pairs = zip(found.split(), known.CLASSES[name][1].split(), strict=True)
        unlike = [one for one, truth in pairs if one != truth]
        assert set(unlike) <= {"unresolved"}
        differ += len(unlike)
    assert differ <= 0.03 * total
    assert len(known.LABELS) >= 34 + 15
    assert len(known.CLASSES) >= 23 + 8


@pytest.mark.parametrize("name", ["absolute error of a softmax", "normalised cross-entropy"])
def test_the_infimum_of_a_normalised_cross_entropy_by_hand(name: str) -> None:
    """The unlikeliest class alone at p = 0 costs its chance, in any order of the others; the corner costs more."""
    law = torch.tensor([0.4, 0.35, 0.25], dtype=torch.float64)

    def cost(z: list[float]) -> float:
        rows = torch.tensor([z] * 3, dtype=torch.float64)
        return sum(
            float(known.CLASSES[name][0](row.unsqueeze(0), torch.tensor([k]))) * law[k].item()
            for k, row in enumerate(rows)
        )

    far = 1e7
    wrong, corner = cost([0.0, 1.0, -far]), cost([far, 0.0, 0.0])
    if name == "normalised cross-entropy":
        assert wrong == pytest.approx(0.25, abs=1e-5)
        assert corner == pytest.approx(0.30, abs=1e-5)
    else:
        assert corner < wrong - 0.01


# Counter-examples.


def test_a_no_comes_with_where_it_fails() -> None:
    shown = of_label("pos_weight 3").proper.facts
    odds = shown["probability"] / (1 - shown["probability"])
    assert shown["best"] == pytest.approx(math.log(3 * odds), abs=1e-3)


@pytest.mark.parametrize("name", daily((name for name, row in known.CLASSES.items() if row[1].startswith("no")), 4))
def test_a_law_with_a_wrong_class_on_top_can_be_checked(name: str) -> None:
    """At the law and the scores that it shows, the wrong top costs what it says, and the right one no less."""
    verdict = of_class(name).calibrated
    law, best, top = (verdict.facts[name] for name in ("law", "best", "top"))
    assert top != max(range(4), key=law.__getitem__)
    assert best[top] == pytest.approx(max(best), rel=1e-4, abs=1e-4)
    assert verdict.facts["wrong"] <= verdict.facts["right"] + 1e-6 * abs(verdict.facts["right"]) + 1e-6


def test_two_laws_that_share_a_best_prediction_are_shown() -> None:
    laws = of_class("Crammer-Singer").invertible.facts["laws"]
    assert max(abs(a - b) for a, b in zip(*laws, strict=True)) > 0.01


@pytest.mark.parametrize("slope", [lambda z, t: F.relu(1 - (2 * t - 1) * z), lambda z, t: 0 * z])
def test_what_has_wrong_derivatives_is_not_called_proper(slope: known.Loss) -> None:
    def cut(z: Tensor, t: Tensor) -> Tensor:
        return (known.bce(z.detach(), t) + slope(z, t) - slope(z, t).detach()).mean()

    assert margins(cut).proper.word == "unresolved"


def test_what_has_wrong_derivatives_is_unresolved() -> None:
    def cut(z: Tensor, ids: Tensor) -> Tensor:
        return F.cross_entropy(z.detach(), ids) + 0 * z.sum()

    found = scores(cut)
    assert (found.calibrated.word, found.proper.word) == ("unresolved", "unresolved")


# The link.


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("logistic", "logit"),
        ("cross-entropy of a probability", "identity"),
        ("exponential", "half logit"),
        ("LogitBoost", "half logit"),
        ("temperature 2", "2 logit"),
        ("pos_weight 3", "logit + 1.099"),
        ("logit-adjusted, prior 0.1", "logit + 2.197"),
        ("generalised cross-entropy", "3.333 logit"),
        ("label smoothing", "smoothed"),
        ("squared hinge", "2 identity - 1"),
        ("probit", "probit"),
        ("complementary log-log", "complementary log-log"),
        ("tangent", "tangent"),
        ("exponential, weighted 2:1", "half logit + 0.3466"),
        ("focal", "table"),
        ("smoothed hinge", "table"),
        ("hinge", "none"),
    ],
)
def test_links_have_their_names(name: str, link: str) -> None:
    assert of_label(name).link.name == link


def test_links_have_their_names_in_single_precision() -> None:
    names = {name: margins(single(known.LABELS[name][0])).link.name for name in ("generalised cross-entropy", "focal")}
    assert names == {"generalised cross-entropy": "3.333 logit", "focal": "table"}


@pytest.mark.parametrize("name", daily(known.LABELS, 2))
def test_the_inverse_of_a_link_undoes_it(name: str) -> None:
    link = of_label(name).link
    assert (link.inverse != "") == (link.name not in ("table", "none"))
    for row in link.rows if link.inverse else []:
        x = torch.tensor(row["best"], dtype=torch.float64)
        assert float(eval(link.inverse, {"torch": torch, "x": x})) == pytest.approx(row["probability"], abs=1e-4)


@pytest.mark.parametrize("name", daily(known.CLASSES, 2))
def test_the_inverse_of_a_link_of_classes_undoes_it(name: str) -> None:
    link = of_class(name).link
    assert (link.inverse != "") == (link.name not in ("table", "none"))
    for row in link.rows if link.inverse else []:
        x = torch.tensor(row["best"], dtype=torch.float64)
        found = eval(link.inverse, {"torch": torch, "x": x}).tolist()
        assert found == pytest.approx(row["law"], abs=1e-3)


def test_weights_of_classes_are_read_back() -> None:
    link = of_class("class weights").link
    assert link.says.endswith("times (1, 2, 3, 4)")


def test_the_table_is_the_link_of_a_focal_loss() -> None:
    """Its best logit solves η g(z) = (1 - η) g(-z), g the derivative for "yes": Charoenphakdee et al. 2021."""
    for row in of_label("focal").link.rows:
        z = torch.tensor(row["best"], dtype=torch.float64, requires_grad=True)
        value = row["probability"] * known.focal(2.0)(z, torch.ones(())) + (1 - row["probability"]) * known.focal(2.0)(
            z, torch.zeros(())
        )
        (slope,) = torch.autograd.grad(value, z)
        assert abs(slope.item()) < 1e-5


@pytest.mark.parametrize(("name", "cut"), [("pos_weight 3", math.log(3)), ("logistic", 0.0), ("hinge", None)])
def test_the_score_of_an_even_chance(name: str, cut: float | None) -> None:
    assert of_label(name).cut == (None if cut is None else pytest.approx(cut, abs=1e-4))


def test_scores_that_are_probabilities_are_cut_at_one_half() -> None:
    found = measure_binary(binary(F.mse_loss))
    assert (found.calibrated.word, found.link.name) == ("no", "identity")
    assert found.cut == pytest.approx(0.5, abs=1e-4)


# What else follows.


def test_what_is_elicited() -> None:
    names = {name: of_label(name).elicits for name in ("logistic", "hinge", "focal", "hinge, weighted 3:1")}
    assert names == {"logistic": "probability", "hinge": "mode", "focal": "unresolved", "hinge, weighted 3:1": "none"}
    names = {name: of_class(name).elicits for name in ("cross-entropy", "Lee-Lin-Wahba", "focal", "Crammer-Singer")}
    assert names == {
        "cross-entropy": "distribution",
        "Lee-Lin-Wahba": "mode",
        "focal": "unresolved",
        "Crammer-Singer": "none",
    }
    assert measured(known.LABELS["sign error"][0]).statistic.name == "none"


def test_a_squared_error_of_probabilities_is_proper() -> None:
    card = card_of(measured(F.mse_loss, task="binary", domain="probability"))
    assert (card["proper"], card["threshold"], card["elicits"]) == ("yes", 0.5, "probability")


@pytest.mark.parametrize(
    ("name", "psi"),
    [
        ("logistic", ((1.05 * math.log(1.05)) + 0.95 * math.log(0.95)) / 2),
        ("exponential", 1 - math.sqrt(1 - 0.05**2)),
        ("hinge", 0.05),
        ("squared hinge", 0.05**2),
        ("squared margin", 0.05**2),
        ("Brier", 0.05**2 / 4),
        ("sigmoid", 0.025),
        ("zero-one", 0.05),
        ("unhinged", None),
        ("pos_weight 3", None),
    ],
)
def test_the_excess_that_guarantees_few_errors(name: str, psi: float | None) -> None:
    """Against the transforms of Bartlett, Jordan & McAuliffe 2006, section 2."""
    assert of_label(name).guarantee == (None if psi is None else pytest.approx(psi, abs=1e-6))


def test_the_transform_is_a_convex_hull() -> None:
    x, y = (torch.tensor(row, dtype=torch.float64) for row in ([0.0, 0.05, 0.5], [0.0, 0.04, 0.1]))
    assert hull_at(x, y, 0.05) == pytest.approx(0.01)


def test_a_focal_loss_guarantees_less() -> None:
    assert of_label("focal").guarantee == pytest.approx(0.00028, abs=1e-5)


def test_the_guarantee_is_on_the_card() -> None:
    card = card_of(measured(known.LABELS["logistic"][0]))
    assert card["guarantee"] == pytest.approx(0.00125, abs=1e-6)
    assert card["link"] == "logit"
    assert card["noise_tolerance"] == 0.4


# Flipped labels.


@pytest.mark.parametrize(
    ("name", "rate", "linear"),
    [
        # Even flips leave an even chance even, whatever the loss; a model of few parameters needs more.
        ("logistic", 0.4, 0.0),
        ("exponential", 0.4, 0.0),
        ("hinge", 0.4, 0.0),
        ("Brier", 0.4, 0.2),
        ("generalised cross-entropy", 0.4, 0.4),
        ("sigmoid", 0.4, 0.4),
        ("ramp", 0.4, 0.4),
        ("absolute error of a sigmoid", 0.4, 0.4),
        ("unhinged", 0.4, 0.4),
        ("zero-one", 0.4, 0.4),
        ("squared margin", 0.4, None),
        ("perceptron", None, None),
    ],
)
def test_flips_of_labels(name: str, rate: float | None, linear: float | None) -> None:
    noise = of_label(name).noise
    assert noise.rate == rate
    assert noise.linear == linear


def test_flips_move_a_decision_that_is_not_at_one_half() -> None:
    noise = of_label("pos_weight 3").noise
    assert noise.rate == 0.0
    # A chance of 0.25 is seen where (1 - 2 ρ) η + ρ = 0.25.
    assert [row["threshold"] for row in noise.rows] == pytest.approx([0.1875, 1 / 12, 0.0], abs=1e-3)


def test_flips_draw_probabilities_to_the_middle() -> None:
    assert [row["recovered"] for row in of_label("logistic").noise.rows] == pytest.approx([0.82, 0.74, 0.58])
    assert all("recovered" not in row for row in of_label("hinge").noise.rows)


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("cross-entropy", 0.4),
        ("absolute error of a softmax", 0.4),
        # Of the laws that it decides, with a majority, flips leave less of one.
        ("Crammer-Singer", 0.1),
        ("class weights", 0.0),
        ("weights of 1.05", 0.0),
    ],
)
def test_flips_of_classes(name: str, rate: float) -> None:
    assert of_class(name).noise.rate == rate


# Other seeds, other numbers of classes, and speed.


@pytest.mark.parametrize("name", ["cross-entropy", "normalised cross-entropy", "two classes in one"])
def test_another_seed_says_the_same(name: str) -> None:
    with undisturbed():
        subject = subject_of(resolve(known.CLASSES[name][0]), seed=3)
    assert isinstance(subject, Subject)
    found = measure_multiclass(subject)
    assert (words(found), found.noise) == (words(of_class(name)), of_class(name).noise)


def classes(call: Callable[..., Tensor], size: int) -> Scores:
    domains = (("prediction", replace(Logits, size=size)), ("target", ClassId))
    return measure_multiclass(replace(binary(call), task="multiclass", domains=domains))


@pytest.mark.parametrize("size", [2, 3, 7])
def test_any_number_of_classes(size: int) -> None:
    assert words(classes(F.cross_entropy, size)) == "yes yes yes no"
    hinge = classes(known.CLASSES["Weston-Watkins"][0], size)
    assert hinge.calibrated.word == ("yes" if size == 2 else "no")


@pytest.mark.slow
def test_it_is_quick_even_one_call_at_a_time() -> None:
    for loss, limit in ((known.LABELS["symmetric cross-entropy"][0], 0.15), (known.CLASSES["row by row"][0], 1.2)):
        subject = subject_of(resolve(loss))
        assert isinstance(subject, Subject)
        alone = Measured(replace(subject, each=None, together=False))
        _ = alone.subject
        start = time.process_time()
        _ = alone.probabilities
        assert time.process_time() - start < limit


def test_findings_say_how_to_undo_it() -> None:
    found = measured(torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0)))
    decided, linked, flips = (next(iter(file.RULE.findings(found))) for file in (decision, link, noise))
    assert decided.state == "warn"
    assert "torch.sigmoid(x - 1.09861)" in decided.fix
    assert linked.evidence["inverse"] == "torch.sigmoid(x - 1.09861)"
    assert flips.state == "pass"


@pytest.mark.parametrize(
    ("loss", "states"), [(F.multi_margin_loss, ["warn"]), (F.cross_entropy, ["pass"]), (F.l1_loss, [])]
)
def test_a_loss_that_loses_the_likeliest_class_is_accused(loss: object, states: list[str]) -> None:
    assert [one.state for one in top.RULE.findings(measured(loss))] == states


def test_where_values_are_equal_up_to_rounding_slopes_tell_the_truth() -> None:
    import wald

    # At a chance of 0.99 this weighs 1e-34, so that values are equal; and a step weighs nothing at all there.
    assert wald.check(wald.BetaProper(alpha=2, beta=18)).card["proper"] == "yes"
    step = wald.ThresholdWeighted(thresholds=0.1, weights=10, width=0, smooth=0)
    assert wald.check(step).card["proper"] == "no"
