"""What every test shares."""

import gc

from hypothesis import HealthCheck, settings
import pytest
import torch

# The suite runs in several processes on few cores; more threads in each would only make them wait.
torch.set_num_threads(1)

# Before its first example hypothesis reads every source file of the project, which takes a second on a busy machine
# and says nothing of how fast a strategy draws.
settings.register_profile("wald", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("wald")


def pytest_collection_finish() -> None:
    """Keeps the tests themselves, a million objects, out of every collection of garbage that a test runs into."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(20261121)
