"""What every test shares."""

import pytest
import torch

# The suite runs in several processes on few cores; more threads in each would only make them wait.
torch.set_num_threads(1)


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(20261121)
