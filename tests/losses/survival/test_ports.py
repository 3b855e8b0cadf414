"""Ports of the losses of survival: the other library's own code, in value and gradient."""

from __future__ import annotations

from collections.abc import Callable
import importlib

import pytest
import torch
from torch import Tensor

import wald

from ..parity.case import Case, attribute, mean, of_port

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

F64 = torch.float64
N, T = 18, 5
RNG = torch.Generator().manual_seed(11)
LOGITS = torch.randn(N, T, generator=RNG, dtype=F64)
INTERVAL = torch.randint(T, (N,), generator=RNG)
EVENT = torch.randint(2, (N,), generator=RNG)
FRACTION = torch.rand(N, generator=RNG, dtype=F64)
RISKS = torch.randn(N, 3, T, generator=RNG, dtype=F64)
KIND = torch.randint(4, (N,), generator=RNG)
TIME = 0.1 + torch.rand(N, generator=RNG, dtype=F64)
HAZARD = torch.randn(N, generator=RNG, dtype=F64)

PYCOX = "pycox.models.loss"


def outlived(interval: Tensor, event: Tensor) -> Tensor:
    first, other = interval.unsqueeze(-1), interval
    return ((event > 0).unsqueeze(-1) & ((first < other) | ((first == other) & (event == 0)))).double()


#: Each port, the name of their function and how it is called, and the inputs.
PORTS: list[tuple[str, Callable[..., Tensor], tuple[Tensor, ...]]] = [
    (f"{PYCOX}.nll_logistic_hazard", lambda f, z, k, e: f(z, k, e.double(), "none"), (LOGITS, INTERVAL, EVENT)),
    (f"{PYCOX}.NLLLogistiHazardLoss", lambda f, z, k, e: f("none")(z, k, e.double()), (LOGITS, INTERVAL, EVENT)),
    (f"{PYCOX}.nll_pmf", lambda f, z, k, e: f(z, k, e.double(), "none", 0.0), (LOGITS, INTERVAL, EVENT)),
    (f"{PYCOX}.nll_mtlr", lambda f, z, k, e: f(z, k, e.double(), "none", 0.0), (LOGITS, INTERVAL, EVENT)),
    (
        f"{PYCOX}.nll_pc_hazard_loss",
        lambda f, z, k, e, a: f(z, k, e.double(), a, "none"),
        (LOGITS, INTERVAL, EVENT, FRACTION),
    ),
    (
        f"{PYCOX}.cox_cc_loss",
        lambda f, g, c: torch.stack([f(g[i : i + 1], list(c[i : i + 1].unbind(-1))) for i in range(N)]),
        (HAZARD, LOGITS),
    ),
]


def found(name: str) -> Callable[..., object]:
    module, _, own = name.rpartition(".")
    return getattr(pytest.importorskip(module, reason="the library of this port"), own)


def _case(name: str, call: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> Case:
    first, *rest = inputs
    return of_port(name, lambda x: call(attribute(name), x, *rest), first, *rest)


def _deep_hit(name: str, prediction: Tensor, kind: Tensor, shaped: Callable[[Tensor], Tensor], alpha: float) -> Case:
    """It computes in single precision, and adds 1e-7 inside its logarithms."""
    table = outlived(INTERVAL, kind).float()
    events = kind.float() if "Single" in name else kind

    def theirs(z: Tensor) -> Tensor:
        return attribute(name)(alpha=alpha, sigma=0.1)(shaped(z).float(), INTERVAL, events, table)

    return of_port(name, theirs, prediction, INTERVAL, kind, how=mean, within=2e-4, alpha=alpha)


def _fitted(loss: wald.Loss, z: Tensor) -> Tensor:
    return loss(z, TIME, EVENT)


CASES: list[Case] = [
    *(_case(*row) for row in PORTS),
    *(
        _deep_hit(f"{PYCOX}.{name}", z, kind, shaped, alpha)
        for name, z, kind, shaped in (
            ("DeepHitLoss", RISKS, KIND, lambda z: z),
            ("DeepHitSingleLoss", LOGITS.unsqueeze(1), EVENT, lambda z: z.squeeze(1)),
        )
        for alpha in (0.2, 0.7)
    ),
    of_port(
        "torchsurv.loss.weibull.neg_log_likelihood_weibull",
        lambda z: attribute("torchsurv.loss.weibull.neg_log_likelihood_weibull")(z, EVENT.bool(), TIME),
        LOGITS[:, :2],
        how=_fitted,
        within=1e-5,
    ),
    of_port(
        "torchsurv.loss.cox.neg_partial_log_likelihood",
        lambda z: attribute("torchsurv.loss.cox.neg_partial_log_likelihood")(z, EVENT.bool(), TIME),
        HAZARD,
        how=_fitted,
    ),
    of_port(
        f"{PYCOX}.CoxPHLoss",
        lambda z: attribute(f"{PYCOX}.CoxPHLoss")()(z, TIME, EVENT.double()),
        HAZARD,
        how=_fitted,
        within=1e-5,  # it adds 1e-7 inside its logarithm
    ),
]


# Item 19 of the disagreements: what the mean of Cox divides by, and what ties are.


def test_cox_without_ties_is_everybodys() -> None:
    ours = wald.Cox()(HAZARD, TIME, EVENT).item()
    assert wald.Cox(like="pycox")(HAZARD, TIME, EVENT).item() == pytest.approx(ours)
    theirs = found(f"{PYCOX}.cox_ph_loss")
    assert theirs(HAZARD, TIME, EVENT.double()).item() == pytest.approx(ours, rel=1e-6)
    torchsurv = found("torchsurv.loss.cox.neg_partial_log_likelihood")
    assert torchsurv(HAZARD, EVENT.bool(), TIME).item() == pytest.approx(ours, rel=1e-6)


def test_cox_with_ties_torchsurv_divides_by_times_and_pycox_by_the_order_of_rows() -> None:
    """5 events at 3 times: torchsurv's Efron sum is ours, divided by 3 where ours is by 5; pycox has no one value."""
    time = torch.tensor([1.0, 1.0, 2.0, 2.0, 3.0, 4.0], dtype=F64)
    event = torch.tensor([1, 1, 1, 1, 1, 0])
    h = HAZARD[:6]
    torchsurv = found("torchsurv.loss.cox.neg_partial_log_likelihood")
    total = wald.Cox()(h, time, event, reduction="sum").item()
    assert torchsurv(h, event.bool(), time, ties_method="efron").item() == pytest.approx(total / 3, rel=1e-6)
    breslow = wald.Cox(ties="breslow")(h, time, event, reduction="sum").item()
    assert torchsurv(h, event.bool(), time, ties_method="breslow").item() == pytest.approx(breslow / 3, rel=1e-6)
    assert wald.Cox()(h, time, event).item() == pytest.approx(total / 5)
    pycox, order = found(f"{PYCOX}.cox_ph_loss"), torch.tensor([1, 0, 3, 2, 4, 5])
    one, other = (pycox(h[i], time[i], event[i].double()).item() for i in (torch.arange(6), order))
    assert abs(one - other) > 1e-3
    assert wald.Cox()(h[order], time[order], event[order]).item() == pytest.approx(total / 5)


def test_no_events_is_zero_here_and_nan_in_pycox() -> None:
    none = torch.zeros(N, dtype=torch.long)
    assert wald.Cox()(HAZARD, TIME, none).item() == 0
    assert found(f"{PYCOX}.cox_ph_loss")(HAZARD, TIME, none.double()).isnan()


def test_cox_of_lifelines_has_its_optimum_where_ours_is_flat() -> None:
    lifelines = pytest.importorskip("lifelines", reason="the partial likelihood of R's conventions")
    pandas = importlib.import_module("pandas")
    time = (TIME * 8).round()  # with ties
    frame = pandas.DataFrame({"x": LOGITS[:, 0].numpy(), "t": time.numpy(), "e": EVENT.numpy()})
    fitted = lifelines.CoxPHFitter().fit(frame, "t", "e")
    slope = torch.tensor(float(fitted.params_["x"]), dtype=F64, requires_grad=True)
    total = wald.Cox(like="lifelines")(slope * LOGITS[:, 0], time, EVENT, reduction="sum")
    assert total.item() == pytest.approx(-fitted.log_likelihood_, rel=1e-6)
    (gradient,) = torch.autograd.grad(total, slope)
    assert abs(gradient.item()) < 1e-4
