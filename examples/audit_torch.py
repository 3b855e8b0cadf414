"""Audit a torch module, with test rows that come in batches.

Run:  python examples/audit_torch.py
"""

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import wald


class Net(nn.Module):
    """One hidden layer, and one logit a row."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, inputs: Tensor) -> Tensor:
        """(rows, 4) → (rows,) logits."""
        return self.layers(inputs)[:, 0]


def case() -> wald.Case:
    """A net that was trained for a while, and a loader of more rows than are kept."""
    torch.manual_seed(0)
    inputs = torch.randn(12_000, 4)
    target = (torch.rand(12_000) < torch.sigmoid(1.5 * inputs[:, 0] - inputs[:, 1])).float()
    model, loss = Net(), wald.BinaryCrossEntropy()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        optimiser.zero_grad()
        loss(model(inputs[:2_000]), target[:2_000]).backward()
        optimiser.step()
    loader = DataLoader(TensorDataset(inputs[2_000:], target[2_000:]), batch_size=1_000)
    return wald.Case(
        name="net",
        model=model.eval(),
        loss=loss,
        metric="average_precision",
        train=(inputs[:2_000], target[:2_000]),
        test=loader,  # one pass measures all of it, and a sample is kept for the probes
    )


if __name__ == "__main__":
    print(wald.audit(case(), level="quick"))
