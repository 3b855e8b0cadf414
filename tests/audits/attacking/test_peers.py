"""Against AutoAttack, on digits: no more rows are left standing, at less than half its cost."""

import importlib.util
from pathlib import Path
import sys
from types import ModuleType

import pytest
import torch

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "attack.py"
ROWS, REACH = 200, 0.15


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    pytest.importorskip("sklearn")
    spec = importlib.util.spec_from_file_location("attack_benchmark", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look themselves up there.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["standard", "hardened"])
def test_no_more_rows_stand_than_after_autoattack_at_half_its_cost(benchmark: ModuleType, kind: str) -> None:
    pytest.importorskip("pyautoattack", reason="needs AutoAttack: pip install pyautoattack")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        data = benchmark.digits()
        model = getattr(benchmark, kind)(data.train)
        inputs, target = (one[:ROWS] for one in data.test)
        for reach in (0.1, REACH):
            ours = benchmark.ours(model, inputs, target, reach)
            theirs = benchmark.theirs(model, inputs, target, reach)
            assert ours.robust <= theirs.robust + 0.01
            assert ours.seconds <= 0.5 * theirs.seconds
    finally:
        torch.set_num_threads(threads)


@pytest.mark.slow
def test_the_probe_tells_the_fragile_from_the_hardened_and_trusts_no_shouting(benchmark: ModuleType) -> None:
    data = benchmark.digits()
    inputs, target = (one[:ROWS] for one in data.test)
    fragile = benchmark.standard(data.train)
    hard = benchmark.hardened(data.train, epochs=12, steps=3)
    models = {"fragile": fragile, "hard": hard, "shouting": benchmark.Shouting(hard)}
    left = {name: benchmark.whole_probe(model, inputs, target, 0.1) for name, model in models.items()}
    robust = {name: result.robust for name, (result, _) in left.items()}
    assert robust["fragile"] < 0.55
    assert robust["hard"] > robust["fragile"] + 0.2
    # The same decisions, so the same share: what the loss hides the margin finds; and it is never a pass.
    assert robust["shouting"] <= robust["hard"] + 0.01
    assert left["shouting"][1] in ("fail", "inconclusive")
