"""An objective is the sum of its terms, tells them apart, and refuses what it does not know."""

from __future__ import annotations

import copy
import io
import math
import pickle

import pytest
import torch
from torch import Tensor

import wald

ROWS = 8
FIT, SIZE = wald.Squared(), wald.Absolute()


def leaf(x: Tensor) -> Tensor:
    return x.detach().clone().requires_grad_()


@pytest.fixture
def tensors(rng: torch.Generator) -> dict[str, Tensor]:
    prediction, target, zero = torch.randn(3, ROWS, generator=rng, dtype=torch.float64).unbind()
    return {"prediction": prediction, "target": target, "zero": 0 * zero}


@pytest.fixture
def objective() -> wald.Objective:
    return wald.Objective(fit=FIT, size=wald.Term(SIZE, weight=0.25, reads={"target": "zero"}))


# The sum.


def test_the_total_is_the_weighted_sum_in_value_and_gradient(
    objective: wald.Objective, tensors: dict[str, Tensor]
) -> None:
    ours, theirs = leaf(tensors["prediction"]), leaf(tensors["prediction"])
    outcome = objective(**(tensors | {"prediction": ours}))
    wanted = FIT(theirs, tensors["target"]) + 0.25 * SIZE(theirs, tensors["zero"])
    torch.testing.assert_close(outcome.total, wanted, rtol=1e-12, atol=1e-12)
    assert outcome.total.shape == ()
    outcome.total.backward()
    wanted.backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-12, atol=1e-12)


def test_terms_are_told_apart(objective: wald.Objective, tensors: dict[str, Tensor]) -> None:
    outcome = objective(tensors)
    assert list(outcome.terms) == list(outcome.weighted) == list(outcome.tallies) == ["fit", "size"]
    assert outcome.terms["size"].item() == pytest.approx(tensors["prediction"].abs().mean().item())
    assert outcome.weighted["size"].item() == pytest.approx(0.25 * outcome.terms["size"].item())
    assert abs(sum(outcome.weighted.values()) - outcome.total) < 1e-7
    assert outcome.tallies["fit"].count == ROWS
    torch.testing.assert_close(outcome.tallies["fit"].mean, outcome.terms["fit"])


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (torch.bfloat16, torch.float32),
        (torch.float16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_the_total_is_as_wide_as_its_losses(given: torch.dtype, wanted: torch.dtype) -> None:
    prediction, target = torch.ones(3, dtype=given), torch.zeros(3, dtype=given)
    outcome = wald.Objective(fit=FIT)(prediction=prediction, target=target)
    assert outcome.total.dtype == outcome.terms["fit"].dtype == wanted == FIT(prediction, target).dtype


def test_one_term_with_weight_one_is_the_loss_itself(tensors: dict[str, Tensor]) -> None:
    pair = tensors["prediction"], tensors["target"]
    assert wald.Objective(only=FIT)(prediction=pair[0], target=pair[1]).total == FIT(*pair)


def test_losses_of_every_family_are_terms(rng: torch.Generator) -> None:
    objective = wald.Objective(
        classes=wald.CrossEntropy(),
        apart=wald.Term(wald.Triplet(), weight=0.1),
        adversary=wald.Term(wald.GANGenerator(), reads={"fake": "score"}),
    )
    prediction, anchor, positive, negative = torch.randn(4, ROWS, 3, generator=rng).unbind()
    target = torch.randint(0, 3, (ROWS,), generator=rng)
    score = torch.randn(ROWS, generator=rng)
    outcome = objective(
        prediction=prediction, target=target, anchor=anchor, positive=positive, negative=negative, score=score
    )
    wanted = wald.CrossEntropy()(prediction, target) + 0.1 * wald.Triplet()(anchor, positive, negative)
    torch.testing.assert_close(outcome.total, wanted + wald.GANGenerator()(score))


# Masks and weights.


def test_a_mask_and_weights_hold_for_every_term(objective: wald.Objective, tensors: dict[str, Tensor]) -> None:
    keep = torch.arange(ROWS) % 2 == 0
    weight = torch.linspace(0.5, 2.0, ROWS)
    dirty = {name: torch.where(keep, x, torch.nan) for name, x in tensors.items()}
    outcome = objective(dirty, mask=keep, weight=weight)
    clean = objective({name: x[keep] for name, x in tensors.items()}, weight=weight[keep])
    torch.testing.assert_close(outcome.total, clean.total)
    assert outcome.tallies["size"].masked == ROWS // 2
    torch.testing.assert_close(objective({**dirty, "mask": keep, "weight": weight}).total, clean.total)


def test_a_term_may_read_its_own_mask_or_none(tensors: dict[str, Tensor]) -> None:
    first, half = torch.arange(ROWS) < 2, torch.arange(ROWS) < ROWS // 2
    objective = wald.Objective(
        common=FIT, own=wald.Term(FIT, reads={"mask": "first"}), free=wald.Term(FIT, reads={"mask": None})
    )
    named = {name: tensors[name] for name in ("prediction", "target")}
    outcome = objective(**named, first=first, mask=half)
    assert {name: tally.examples.item() for name, tally in outcome.tallies.items()} == {
        "common": ROWS // 2, "own": 2, "free": ROWS,
    }  # fmt: skip
    with pytest.raises(TypeError, match=r"term 'own': Squared reads .* first is missing"):
        objective(**named, mask=half)
    with pytest.raises(TypeError, match="no term reads mask"):
        wald.Objective(free=wald.Term(FIT, reads={"mask": None}))(**named, mask=half)


def test_a_mask_that_fits_one_term_only_is_refused_with_the_fix(objective: wald.Objective) -> None:
    rows = torch.zeros(ROWS)
    shapes = {"prediction": rows, "target": rows, "zero": rows}
    with pytest.raises(ValueError, match=r"term 'fit': .*mask \(3,\).*reads=\{\"mask\": None\}"):
        objective(**shapes, mask=torch.ones(3, dtype=torch.bool))


# Weights.


def test_weights_are_saved_by_name_and_loaded_in_any_order(objective: wald.Objective) -> None:
    objective.weights["size"].fill_(0.75)
    assert set(objective.state_dict()) == {"fit_weight", "size_weight"}
    file = io.BytesIO()
    torch.save(objective.state_dict(), file)
    file.seek(0)
    other = wald.Objective(size=wald.Term(SIZE, reads={"target": "zero"}), fit=FIT)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert {name: weight.item() for name, weight in other.weights.items()} == {"size": 0.75, "fit": 1.0}
    with pytest.raises(RuntimeError, match="extra_weight"):
        wald.Objective(fit=FIT, extra=SIZE).load_state_dict(objective.state_dict())


def test_weights_may_change_and_nothing_is_learned(objective: wald.Objective, tensors: dict[str, Tensor]) -> None:
    assert list(objective.parameters()) == []
    before = objective(tensors)
    objective.weights["size"].fill_(2.0)
    after = objective(tensors)
    torch.testing.assert_close(after.weighted["size"], 8 * before.weighted["size"])
    assert objective.terms["size"].weight == 0.25  # what was written stays on record


def test_weights_move_with_the_module(objective: wald.Objective) -> None:
    assert objective.to("meta").weights["fit"].device.type == "meta"
    assert wald.Objective(fit=FIT).double().weights["fit"].dtype == torch.float64


def test_a_term_that_is_switched_off_cannot_spoil_the_total() -> None:
    objective = wald.Objective(fit=FIT, wild=wald.Term(wald.Poisson(), weight=0.0))
    x = torch.tensor([1000.0], requires_grad=True)
    outcome = objective(prediction=x, target=torch.tensor([999.0]))
    assert outcome.terms["wild"].isinf()
    assert outcome.weighted["wild"] == 0
    assert outcome.total == 1


# Micro-batches.


def test_micro_batches_add(objective: wald.Objective, tensors: dict[str, Tensor]) -> None:
    mask = torch.tensor([True, False, True, True, True, False, False, True])
    x, y = leaf(tensors["prediction"]), leaf(tensors["prediction"])
    whole = objective(tensors | {"prediction": x}, mask=mask)
    parts = [
        objective({name: value[part] for name, value in (tensors | {"prediction": y}).items()}, mask=mask[part])
        for part in (slice(0, 2), slice(2, 3), slice(3, ROWS))
    ]
    summed = sum(parts)
    torch.testing.assert_close(summed.total, whole.total, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(summed.terms["size"], whole.terms["size"], rtol=1e-12, atol=1e-12)
    whole.total.backward()
    summed.total.backward()
    torch.testing.assert_close(y.grad, x.grad, rtol=1e-12, atol=1e-12)
    kept = sum(part.detach() for part in parts)
    assert not kept.total.requires_grad
    torch.testing.assert_close(kept.total, whole.total.detach())


def test_outcomes_of_different_terms_do_not_add(objective: wald.Objective, tensors: dict[str, Tensor]) -> None:
    other = wald.Objective(fit=FIT)(tensors)
    with pytest.raises(ValueError, match="different terms do not add: fit, size and fit"):
        objective(tensors) + other
    with pytest.raises(TypeError):
        objective(tensors) + 1.0


# What is unknown.


def test_an_objective_has_terms_that_are_losses() -> None:
    with pytest.raises(TypeError, match="at least one term"):
        wald.Objective()
    with pytest.raises(TypeError, match=r"term 'fit': .*class Squared; write Squared\(\)"):
        wald.Objective(fit=wald.Squared)
    with pytest.raises(TypeError, match=r"term 'weight': a term holds a loss, got 0\.1; .*Term\(loss, weight=0\.1\)"):
        wald.Objective(fit=FIT, weight=0.1)
    with pytest.raises(TypeError, match=r"term 'f': .*wald\.Supervised"):
        wald.Objective(f=torch.nn.MSELoss())


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf, -math.inf])
def test_weights_are_finite_and_not_negative(weight: float) -> None:
    with pytest.raises(ValueError, match="weight must be a finite number >= 0"):
        wald.Term(FIT, weight=weight)


@pytest.mark.parametrize("weight", ["1", None, True, [1.0]])
def test_weights_are_numbers(weight: object) -> None:
    with pytest.raises(TypeError, match="weight must be a number"):
        wald.Term(FIT, weight=weight)


def test_only_inputs_can_be_renamed() -> None:
    with pytest.raises(ValueError, match=r"Squared takes prediction, target, weight, mask; reads names logits"):
        wald.Term(FIT, reads={"logits": "prediction"})
    with pytest.raises(ValueError, match=r"Squared needs target; None leaves out weight or mask only"):
        wald.Term(FIT, reads={"target": None})


def test_what_is_missing_or_unread_is_named(objective: wald.Objective, tensors: dict[str, Tensor]) -> None:
    with pytest.raises(TypeError, match=r"term 'size': Absolute reads prediction, zero; zero is missing.*\"target\""):
        objective(prediction=tensors["prediction"], target=tensors["target"])
    with pytest.raises(TypeError, match=r"no term reads predcition; they read"):
        objective(**tensors, predcition=tensors["prediction"])
    assert objective({**tensors, "input_ids": tensors["zero"]}).total == objective(tensors).total


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ({"target": torch.zeros(3)}, wald.ShapeError),
        ({"prediction": torch.zeros(ROWS, dtype=torch.int64)}, wald.DtypeError),
        ({"mask": torch.zeros(ROWS)}, TypeError),
        ({"weight": torch.full((ROWS,), -1.0)}, wald.DomainError),
    ],
)
def test_errors_name_the_term(
    objective: wald.Objective, tensors: dict[str, Tensor], bad: dict[str, Tensor], error: type[Exception]
) -> None:
    with pytest.raises(error, match=r"^term 'fit': Squared: "):
        objective(tensors | bad)


# A module, and values.


@pytest.mark.slow
def test_it_is_captured_whole_by_the_compiler(objective: wald.Objective, tensors: dict[str, Tensor]) -> None:
    torch.compiler.reset()
    compiled = torch.compile(objective, fullgraph=True, backend="aot_eager")
    a, b = leaf(tensors["prediction"]), leaf(tensors["prediction"])
    keep = torch.arange(ROWS) > 2
    one, two = compiled(tensors | {"prediction": a}, mask=keep), objective(tensors | {"prediction": b}, mask=keep)
    one.total.backward()
    two.total.backward()
    torch.testing.assert_close(one.total, two.total)
    torch.testing.assert_close(a.grad, b.grad)
    torch.testing.assert_close(one.terms["size"], two.terms["size"])


def test_it_copies_pickles_and_prints(objective: wald.Objective, tensors: dict[str, Tensor]) -> None:
    for twin in (copy.deepcopy(objective), pickle.loads(pickle.dumps(objective))):
        assert twin(tensors).total == objective(tensors).total
        assert dict(twin.terms) == dict(objective.terms)
    assert "size=Term(loss=Absolute(), weight=0.25, reads={'target': 'zero'})" in repr(objective)


def test_terms_are_values() -> None:
    term = wald.Term(FIT, weight=1, reads={"target": "label"})
    assert term == wald.Term(FIT, 1.0, {"target": "label"})
    assert hash(term) == hash(wald.Term(FIT, 1.0, {"target": "label"}))
    assert term != wald.Term(FIT, 1.0)
    with pytest.raises(AttributeError):
        term.weight = 2.0
    with pytest.raises(TypeError):
        wald.Objective(fit=term).terms["fit"] = term
