"""Data that were spoilt on purpose, and the same data as they were."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

import wald
from wald.audits import Case, metrics
from wald.audits.cases import load
from wald.audits.cases.images import SETTINGS, digits
from wald.audits.cases.network import fit
from wald.audits.inspecting.subgroups import spectral

from ..audits.defects import shifted_against_the_mean
from ..audits.samples import Column, labels, source
from .twin import ALL, Twin, audited, one


def read(train: tuple[Tensor, Tensor], **more: Any) -> Case:
    """A network that read these digits, tested on clean ones."""
    given: dict[str, Any] = {"epochs": 40} | {name: more.pop(name) for name in ("epochs",) if name in more}
    model, _ = fit(wald.CrossEntropy(), *train, **(SETTINGS | given))
    return Case(
        **({"model": model, "loss": wald.CrossEntropy(), "train": train, "test": digits().test,
            "metric": metrics.error_rate(), "name": "digits"} | more)
    )  # fmt: skip


@cache
def clean() -> Case:
    return read(digits().train)


@cache
def flipped(share: float = 0.15) -> Case:
    inputs, target = digits().train
    state = source(1)
    wrong = torch.randperm(len(target), generator=state)[: int(share * len(target))]
    target = target.clone()
    target[wrong] = (target[wrong] + torch.randint(1, 10, (len(wrong),), generator=state)) % 10
    return read((inputs, target))


@cache
def backdoor() -> Case:
    inputs, target = (part.clone() for part in digits().train)
    marked = torch.randperm(len(target), generator=source(2))[: int(0.03 * len(target))]
    inputs[marked[:, None], torch.tensor((55, 62, 63))] = 1.0
    target[marked] = 0
    return read((inputs, target))


def poison_ranked_first() -> bool:
    """Whether the centred score puts all poison first, where an uncentred one puts it last."""
    features, poison = shifted_against_the_mean()
    ranked = spectral(features)[0].square().argsort(descending=True)
    return bool(poison[ranked[: int(poison.sum())]].all())


def copied(rows: int) -> Case:
    """So many test rows are training rows."""
    inputs = torch.randn(2_000, 3, generator=source(0))
    target = labels(inputs[:, 0], 1)
    train, test = (inputs[:1_000], target[:1_000]), (inputs[1_000:].clone(), target[1_000:].clone())
    test[0][:rows], test[1][:rows] = train[0][:rows], train[1][:rows]
    return Case(model=Column(), loss=wald.BinaryCrossEntropy(), train=train, test=test, metric=metrics.brier())


def gaps(planted: float = 0.0) -> Case:
    """Six groups, and losses of an exponential law that know nothing of them."""
    state = source(4)
    target = torch.distributions.Exponential(1.0).icdf(torch.rand(3_000, generator=state))
    group = torch.randint(0, 6, (3_000,), generator=state)
    inputs = torch.randn(3_000, 2, generator=state)
    inputs[:, 1] = planted * (group == 5)
    return Case(
        # Below 0 there is no target, so that what is predicted there is lost.
        model=lambda x: -x[:, 1],
        loss=wald.Absolute(),
        test=(inputs, target),
        metric=metrics.absolute_error(),
        groups={"group": group.tolist()},
    )


def slices(planted: float = 0.0) -> Case:
    """Ten features of noise; a model that is worse in a quarter of the rows where something is planted."""
    state = source(5)
    inputs = torch.randn(4_000, 10, generator=state)
    noise = torch.randn(4_000, generator=state)
    hard = (inputs[:, 2] > 0.5) & (inputs[:, 7] < 0.3)
    return Case(
        model=lambda x: x[:, 0],
        loss=wald.Squared(),
        test=(inputs, inputs[:, 0] + noise * (1 + planted * hard)),
        metric=metrics.squared_error(),
    )


def shuffled() -> Case:
    inputs, target = digits().train
    return read((inputs, target[torch.randperm(len(target), generator=source(6))]))


TWINS = (
    Twin("ok_digits_ce", "network 64-128-10, Adam 3e-3, 40 epochs, cross-entropy", audited(clean, level="standard"),
         quiet=ALL, slow=True),
    Twin("bad_noise15", "15 % of the digits' labels flipped", audited(flipped, "labels", level="standard"),
         fires=("D901",), slow=True),
    Twin("ok_clean", "the digits as they are", audited(clean, "labels", "poison", level="standard"),
         quiet=ALL, slow=True),
    Twin("bad_backdoor", "3 corner pixels on 3 % of the digits, label 0",
         audited(backdoor, "poison", level="standard"), fires=("D902",), slow=True),
    Twin("bad_ss_sign", "poison opposite to the mean of its class, features after a ReLU",
         audited(clean, "poison", level="standard"), says=lambda _: poison_ranked_first(), slow=True),
    Twin("bad_leak", "a tenth of the test rows are training rows", audited(lambda: copied(100), "leakage"),
         fires=("P002",)),
    Twin("ok_no_leak", "none of them are", audited(lambda: copied(0), "leakage"), quiet=ALL),
    Twin("null_gap6", "6 groups, exponential losses", audited(gaps, "groups"), quiet=ALL),
    Twin("bad_gap6", "half a standard deviation more in one of them", audited(lambda: gaps(0.5), "groups"),
         fires=("F701",)),
    Twin("null_slices", "10 features of noise", audited(slices, "slices"), quiet=ALL),
    Twin("bad_slices", "twice the error in a fifth of the rows", audited(lambda: slices(1.0), "slices"),
         fires=("F705",)),
    Twin("bad_target_shuffle", "digits learnt with shuffled labels", audited(shuffled, "gaming", level="standard"),
         fires=("G303",), slow=True),
    Twin("bad_unseen", "a digit that was never in training", audited(lambda: load("unseen"), "shift", level="standard"),
         fires=("R212",), slow=True),
)  # fmt: skip

__all__ = ["TWINS", "one"]
