"""A training loop in plain torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...core import Loss

if TYPE_CHECKING:
    from ...adapters.emission import Emission

#: How a free number becomes an entry of the prediction, as code.
_WAYS = {
    "as it is": "{}",
    "sigmoid": "torch.sigmoid({})",
    "log sigmoid": "torch.nn.functional.logsigmoid({})",
    "softmax": "{}.softmax(-1)",
    "log softmax": "{}.log_softmax(-1)",
}


def network(loss: Loss, classes: int, *, deep: bool, x: str, new: str, weighted: bool) -> Iterator[str]:
    """Lines that train a model and leave its predictions of the new rows, as the loss takes them, in `raw`.

    Args:
        loss: what is minimised.
        classes: how many there are; 0 where targets are numbers.
        deep: whether there is a hidden layer.
        x: the rows to learn from, as code.
        new: the rows to predict, as code.
        weighted: whether rows have weights.
    """
    from ...adapters.emission import emission_for_classes, emission_for_numbers

    emission = emission_for_classes(loss, classes) if classes else emission_for_numbers(loss)
    whole = loss.named_domains[1][1].integer
    yield f"inputs = torch.as_tensor({x}, dtype=torch.float32)"
    yield f"target = torch.as_tensor(np.asarray(y){'' if whole else ', dtype=torch.float32'})"
    if weighted:
        yield "weight = torch.as_tensor(np.asarray(weights), dtype=torch.float32)"
    yield "torch.manual_seed(0)"
    if deep:
        yield "network = torch.nn.Sequential("
        yield (f"    torch.nn.Linear(inputs.shape[1], 32), torch.nn.ReLU(), torch.nn.Linear(32, {emission.outputs})")
        yield ")"
    else:
        yield f"network = torch.nn.Linear(inputs.shape[1], {emission.outputs})"
    start = _start(emission, classes)
    if start:
        yield f"start = {start}    # so that training need not find it"
    yield "def model(inputs):"
    yield f"    return {_emitted(emission, start)}"
    yield "optimizer = torch.optim.Adam(network.parameters(), lr=0.01)"
    yield "for step in range(500):"
    yield "    optimizer.zero_grad()"
    yield f"    loss(model(inputs), target{', weight=weight' if weighted else ''}).backward()"
    yield "    optimizer.step()"
    yield "with torch.no_grad():"
    yield f"    raw = model(torch.as_tensor({new}, dtype=torch.float32))"


def _start(emission: Emission, classes: int) -> str:
    """What a constant would predict, about; empty for 0."""
    if classes:
        return "torch.logit(target.mean())" if emission.flat else ""
    if emission.form == "log-numbers":
        return "target.mean().log()"
    if emission.way == "exp above":
        return f"({_above('target.mean()', -emission.floor)}).log()"
    return "target.median()" if emission.way == "as it is" and all(emission.measured) else ""


def _emitted(emission: Emission, start: str) -> str:
    """From the network to what the loss takes."""
    score = f"network(inputs){'.squeeze(-1)' if emission.flat else ''}"
    if emission.form == "numbers" and emission.way == "as it is" and all(emission.measured):
        score = f"target.std() * {score}"
    if start:
        score = f"start + {score}"
    if emission.way == "exp above":
        return _above(f"({score}).exp()", emission.floor)
    return _WAYS[emission.way].format(f"({score})" if start and emission.way != "as it is" else score)


def _above(told: str, floor: float) -> str:
    return told if floor in (0.0, -0.0) else f"{told} {'-' if floor < 0 else '+'} {abs(floor):g}"
