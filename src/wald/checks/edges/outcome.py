"""What a loss may do with an unusual input, in twelve words."""

from __future__ import annotations

from typing import Final, Literal

Outcome = Literal[
    "value",
    "clear error",
    "unclear error",
    "nan",
    "inf",
    "silently wrong",
    "zero gradient",
    "nan gradient",
    "undefined memory",
    "nondeterministic",
    "input mutated",
    "state or random generator changed",
]

#: Each outcome in one sentence, from the harmless to the worst.
MEANS: Final[dict[Outcome, str]] = {
    "value": "It gives the number that it should, with a gradient that is finite.",
    "clear error": "It refuses, and the message says what was wrong with which input.",
    "unclear error": "It raises, and the message does not say what was wrong.",
    "inf": "It gives infinity.",
    "nan": "It gives NaN.",
    "zero gradient": "Its value is finite, and its gradient is zero where there is something to learn.",
    "state or random generator changed": "After the call the loss, or a global random generator, is not as it was.",
    "nondeterministic": "The same inputs give different numbers.",
    "input mutated": "After the call an input is not what it was.",
    "nan gradient": "Its value is finite, and its gradient is not, so one step ruins every weight it reaches.",
    "undefined memory": "It gives whatever lay in memory that nobody wrote: another number each time.",
    "silently wrong": "It gives a finite number that is not the right one, and says nothing.",
}

#: The same words, from the harmless to the worst, for tables and pictures.
OUTCOMES: Final[tuple[Outcome, ...]] = tuple(MEANS)
