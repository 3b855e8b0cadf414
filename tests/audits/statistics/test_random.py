"""Random numbers by purpose."""

import torch

from wald.audits.statistics import generator


def test_a_purpose_has_a_stream_of_its_own_and_keeps_it() -> None:
    def drawn(*purpose: object) -> list[float]:
        return torch.rand(3, generator=generator(0, *purpose)).tolist()

    assert drawn("a") == drawn("a")
    assert drawn("a") != drawn("b")
    assert drawn("a", 1) != drawn("a", 2)


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    torch.rand(3, generator=generator(0, "a"))
    assert torch.equal(before, torch.get_rng_state())
