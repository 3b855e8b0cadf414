"""Training that had ended, and training that had not."""

import pytest
import torch
from torch import nn

import wald
from wald.audits.probes.landscape import LANDSCAPE
from wald.audits.training.curvature import Surface, lanczos, trace

from .samples import ask, found, source
from .trained import Net, learnt


def test_both_ends_of_a_spectrum_are_found() -> None:
    matrix = torch.randn(60, 60, generator=source(0), dtype=torch.float64)
    matrix = matrix + matrix.T
    truth = torch.linalg.eigvalsh(matrix)
    ends = lanczos(lambda vector: matrix @ vector, torch.randn(60, generator=source(1), dtype=torch.float64), 40)
    assert abs(ends.least - float(truth[0])) <= ends.residuals[0] + 1e-9
    assert abs(ends.most - float(truth[-1])) <= ends.residuals[1] + 1e-9
    assert ends.residuals[0] < 0.01
    torch.testing.assert_close(matrix @ ends.direction, ends.least * ends.direction, atol=0.05, rtol=0)


def test_residuals_bound_what_few_steps_miss() -> None:
    for seed in range(20):
        matrix = torch.randn(40, 40, generator=source(seed), dtype=torch.float64)
        matrix = matrix + matrix.T
        ends = lanczos(lambda vector, m=matrix: m @ vector, torch.ones(40, dtype=torch.float64), 8)
        nearest = float((torch.linalg.eigvalsh(matrix) - ends.least).abs().min())
        assert nearest <= ends.residuals[0] + 1e-9


def test_the_trace_is_unbiased() -> None:
    matrix = torch.randn(30, 30, generator=source(0), dtype=torch.float64)
    drawn = trace(lambda vector: matrix @ vector, torch.zeros(30, dtype=torch.float64), 4_000, source(1))
    assert abs(float(drawn.mean() - matrix.trace())) < 4 * float(drawn.std()) / 4_000**0.5


def test_the_bend_of_a_loss_is_its_hessian() -> None:
    module = nn.Linear(3, 1, bias=False).double()
    inputs = torch.randn(50, 3, generator=source(0), dtype=torch.float64)
    surface = Surface(module, lambda: module(inputs).square().mean())
    hessian = 2 * inputs.T @ inputs / 50
    product = surface.bend()
    columns = torch.stack([product(one) for one in torch.eye(3, dtype=torch.float64)])
    torch.testing.assert_close(columns, hessian)
    torch.testing.assert_close(surface.gradient(), hessian @ surface.point)


def test_a_filtered_direction_is_as_long_as_each_filter() -> None:
    module = nn.Linear(5, 3)
    surface = Surface(module, lambda: torch.zeros(()))
    way = surface.filtered(source(0))
    weight = way[:15].reshape(3, 5)
    torch.testing.assert_close(weight.norm(dim=-1), module.weight.detach().norm(dim=-1))


def test_training_cut_short_is_seen() -> None:
    told = found(ask(LANDSCAPE, learnt("multiclass", steps=10), "standard"))["T801"]
    assert told.state == "fail"
    assert told.controls.right
    assert (told.effect or 0) > 0.3
    assert told.evidence["gradient norm"] > 0.1


def test_training_that_had_ended_is_quiet() -> None:
    for kind in ("binary", "multiclass", "regression"):
        outcome = ask(LANDSCAPE, learnt(kind), "standard")
        told = found(outcome)["T801"]
        assert told.state == "pass", (kind, told.says)
        assert told.controls.right
        assert told.evidence["gradient norm"] < 0.2
        assert {one["name"] for one in outcome.figures[0].series} == {
            "random direction 1",
            "random direction 2",
            "where it bends down most",
        }


@pytest.mark.slow
def test_the_model_is_left_alone() -> None:
    case = learnt(steps=20)
    model = case.model
    assert isinstance(model, nn.Module)
    model.train()
    before = {name: one.clone() for name, one in model.state_dict().items()}
    state = torch.random.get_rng_state()
    first = ask(LANDSCAPE, case, "standard")
    assert all(torch.equal(before[name], one) for name, one in model.state_dict().items())
    assert all(one.grad is None or not one.grad.isnan().any() for one in model.parameters())
    assert model.training
    assert torch.equal(state, torch.random.get_rng_state())
    assert ask(LANDSCAPE, case, "standard").findings == first.findings


def test_what_has_no_second_derivative_says_so() -> None:
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: torch.Tensor) -> torch.Tensor:
            return x.clone()

        @staticmethod
        def backward(ctx: object, slope: torch.Tensor) -> torch.Tensor:
            if torch.is_grad_enabled():
                raise RuntimeError("this cannot be differentiated twice")
            return slope

    class Odd(Net):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return Once.apply(super().forward(inputs))

    told = found(ask(LANDSCAPE, learnt(model=Odd(), steps=100), "standard"))["T801"]
    assert "curvature unknown: this cannot be differentiated twice" in told.says


def test_a_frozen_model_has_nothing_to_train() -> None:
    case = learnt(steps=5)
    assert isinstance(case.model, nn.Module)
    case.model.requires_grad_(False)
    assert found(ask(LANDSCAPE, case, "standard"))["T801"].state == "not_applicable"


@pytest.mark.slow
def test_a_model_that_learnt_nothing_is_not_called_converged() -> None:
    inputs = torch.randn(600, 4, generator=source(0))
    noise = torch.randint(2, (600,), generator=source(1)).float()
    case = learnt(train=(inputs, noise), test=(inputs.flip(0), noise.roll(7)), loss=wald.BinaryCrossEntropy())
    assert found(ask(LANDSCAPE, case, "standard"))["T801"].state in ("inconclusive", "pass")
