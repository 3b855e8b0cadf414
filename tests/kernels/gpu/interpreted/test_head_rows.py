"""The rows of a linear head, fused, are the rows of a linear head."""

from __future__ import annotations

import pytest
import torch

from wald.kernels.gpu.head_rows import FusedRows
from wald.kernels.heads.rows import OUTPUTS, Results, Scores, Upstream
from wald.kernels.heads.softmax_rows import SoftmaxRows
from wald.kernels.heads.truth import Truth

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
ROWS, CLASSES = 9, 37
PART = slice(2, 7)


@pytest.mark.parametrize("outputs", [(), OUTPUTS], ids=str)
@pytest.mark.parametrize("graded", [False, True], ids=["value", "gradient"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
def test_a_chunk_is_the_chunk_of_the_definition(
    outputs: tuple[str, ...], graded: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[int] = []
    monkeypatch.setattr(FusedRows, "_runs", lambda self, z: launched.append(1) or True)
    rng = torch.Generator().manual_seed(1)
    slow = SoftmaxRows(
        truth=Truth(torch.randint(CLASSES, (ROWS,), generator=rng)),
        scores=Scores(softcap=20.0, temperature=torch.rand(ROWS, generator=rng) + 0.5),
        weight=torch.rand(CLASSES, generator=rng) + 0.1,
        smoothing=0.1,
        z_loss=0.01,
    )
    logits = (5 * torch.randn(PART.stop - PART.start, CLASSES, generator=rng)).to(dtype)
    upstream = None
    if graded:
        beside = {name: torch.randn(ROWS, generator=rng) for name in outputs[:3]}
        upstream = Upstream(torch.rand(ROWS, generator=rng), beside)
    found: list[tuple[Results, torch.Tensor]] = []
    for rows, z in ((slow, logits.float()), (FusedRows.of(slow), logits.clone())):
        results = Results(torch.zeros(ROWS), {n: torch.zeros(ROWS) for n in outputs})
        rows.work(PART, z, results, upstream)
        found.append((results, z))
    (right, exact), (ours, gradient) = found
    assert launched
    torch.testing.assert_close(ours.values, right.values, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(ours.outputs, right.outputs, rtol=1e-4, atol=1e-5)
    if not graded:
        return  # what the logits then hold is nobody's business
    step = 1e-5 if dtype == torch.float32 else 2e-3
    torch.testing.assert_close(gradient.float(), exact, rtol=step, atol=step / 10)
