"""Tokens are swapped: a few of each row, never padding, led by slopes where there are any."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import wald
from wald.audits import Attack, InputSpace, metrics
from wald.audits.attacking.swaps import Text, embedding_of
from wald.audits.probes.attack import ATTACK

from ..samples import ask, binary, found, labels, source

WORDS = 60


class Bag(nn.Module):
    """The sum of what the words of a row say; word 0 is padding."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, 4, padding_idx=0)
        self.other = nn.Embedding(3, 4)
        self.head = nn.Linear(4, 1)
        drawn = source(7)
        for one in self.parameters():
            one.data.copy_(torch.randn(one.shape, generator=drawn) * 0.5)
        self.words.weight.data[0] = 0

    def forward(self, tokens: Tensor) -> Tensor:
        place = self.other(torch.zeros(len(tokens), 1, dtype=torch.long))
        return self.head(self.words(tokens).sum(1) + place[:, 0])[:, 0]


def texts(rows: int = 200, **more: Any) -> wald.Case:
    tokens = torch.randint(1, WORDS, (rows, 12), generator=source(0))
    tokens[:, 9:] = 0
    model = Bag()
    given: dict[str, Any] = {
        "model": model,
        "test": (tokens, labels(model(tokens).detach(), 1)),
        "input_space": InputSpace(tokens=WORDS),
        "attack": Attack(reach=2, tolerance=0.5),
        "metric": metrics.error_rate(),
    }
    return binary(**(given | more))


def test_two_swaps_break_a_bag_of_words() -> None:
    outcome = ask(ATTACK, texts(), level="standard")
    told = found(outcome)
    assert told["R202"].state == "fail"
    assert told["R202"].controls.right
    assert "at most 2 tokens of each row are swapped" in told["R202"].says
    assert "guessed by the slope" in told["R202"].method
    assert told["R208"].state == "pass"
    # One, two and four swaps, and none.
    assert told["R202"].evidence["reach"] == [0.0, 1.0, 2.0, 4.0]
    hit = told["R202"].evidence["metric shortfall"]
    assert hit == sorted(hit)
    for row in told["R202"].evidence["worst rows"]:
        assert 1 <= len(row["moved"]) <= 2
        assert all(one["to"] != 0 and one["from"] != 0 for one in row["moved"])


def test_slopes_find_more_than_chance_does_and_both_do_harm() -> None:
    led = found(ask(ATTACK, texts(), level="standard"))["R202"]
    model = Bag()
    blind = found(ask(ATTACK, texts(model=lambda tokens: model(tokens)), level="standard"))["R202"]
    assert "tried blindly" in blind.method
    assert blind.controls.right
    assert (led.effect or 0) >= (blind.effect or 0) > 0.5


def test_a_position_that_is_held_fixed_stays() -> None:
    told = found(ask(ATTACK, texts(input_space=InputSpace(tokens=WORDS, immutable=(0, 1)))))["R202"]
    assert told.evidence["features moved"] == 7
    assert not {"entry 0", "entry 1"} & {one["feature"] for row in told.evidence["worst rows"] for one in row["moved"]}


def test_the_embedding_of_the_tokens_is_found_and_left_as_it_was() -> None:
    model = Bag()
    tokens = torch.randint(1, WORDS, (5, 12), generator=source(0))
    assert embedding_of(model, tokens) is model.words
    assert embedding_of(lambda x: x, tokens) is None
    before = {name: one.clone() for name, one in model.state_dict().items()}
    ask(ATTACK, texts(model=model))
    assert all(torch.equal(one, before[name]) for name, one in model.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
    assert all(one.grad is None for one in model.parameters())


def test_padding_neither_goes_nor_comes() -> None:
    model = Bag()
    tokens = texts().test[0]
    text = Text.of(model, tokens, swaps=2, tokens=WORDS, fixed=())
    assert 0 not in text.vocabulary.tolist()
    assert not bool(text.movable[:, 9:].any())


def test_rows_of_nothing_but_padding_cannot_be_attacked() -> None:
    tokens = torch.zeros(40, 5, dtype=torch.long)
    told = found(ask(ATTACK, texts(test=(tokens, (torch.arange(40) % 2).float()))))["R202"]
    assert told.state == "not_applicable"


def test_a_model_that_reads_no_words_cannot_be_moved() -> None:
    told = found(ask(ATTACK, texts(model=lambda tokens: torch.full((len(tokens),), 0.3))))["R202"]
    assert told.effect == 0
    assert told.state == "pass"


@pytest.mark.parametrize("reach", [0.25, 1])
def test_less_than_one_token_is_one(reach: float) -> None:
    told = found(ask(ATTACK, texts(attack=Attack(reach=reach))))["R202"]
    assert "at most one token of each row is swapped" in told.says
