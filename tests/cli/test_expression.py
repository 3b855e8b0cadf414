"""What the command reads as text is what torch makes of it."""

import pytest

import wald
from wald.cards import REQUIRED
from wald.checks.subjects.draw import variants
from wald.cli.expression import understand

LOSSES = [loss for kind in wald.catalogue() for loss in variants(kind)]


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_a_loss_read_as_text_is_the_loss(loss: wald.Loss) -> None:
    read = understand(repr(loss))
    assert str(read) == repr(loss)
    assert read.values == {name: getattr(loss, name) for name in read.entry.fields}
    assert read.card.to_dict() == loss.card.to_dict()


@pytest.mark.parametrize("kind", wald.catalogue(), ids=lambda kind: kind.__name__)
def test_what_is_refused_here_is_refused_there(kind: type[wald.Loss]) -> None:
    fields = understand(kind.__name__).entry.fields
    needed = {name: getattr(next(variants(kind)), name) for name, field in fields.items() if field.default is REQUIRED}
    for name, field in fields.items():
        for bound, limit in field.metadata["bounds"].items():
            wrong = limit - 1 if bound in ("above", "at_least") else limit + 1
            given = ", ".join(f"{each}={value!r}" for each, value in (needed | {name: wrong}).items())
            expression = f"{kind.__name__}({given})"
            with pytest.raises((TypeError, ValueError), match=name) as said:
                understand(expression)
            with pytest.raises((TypeError, ValueError), match=name) as meant:
                wald.parse(expression)
            assert str(said.value) == str(meant.value)
