"""What is known of a loss of two inputs before it is called."""

from __future__ import annotations

from dataclasses import dataclass

from ....cards import Domain
from .forms import PLAIN, Argument, Form, Layout
from .names import Parameter


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is known of a loss of two inputs before it is called.

    Attributes:
        parameters: its inputs, in its own order.
        target_first: whether the target is given first.
        task: what the caller says that it is for.
        hint: where the caller says that its prediction lives.
    """

    parameters: tuple[Parameter, ...]
    target_first: bool
    task: str | None
    hint: Domain | None

    def form(
        self,
        prediction: Domain,
        target: Domain,
        first: Layout = PLAIN,
        second: Layout = PLAIN,
        *,
        task: str = "other",
    ) -> Form:
        """The form for these domains, in the order of the loss, with prediction and target in these shapes."""
        keywords = [one.name if one.keyword else "" for one in self.parameters]
        places = (1, 0) if self.target_first else (0, 1)
        return Form(
            domains=(("prediction", prediction), ("target", target)),
            arguments=tuple(
                Argument(place=place, keyword=keyword, layout=second if place else first)
                for place, keyword in zip(places, keywords, strict=True)
            ),
            task=task,
        )

    @property
    def predicted(self) -> Parameter:
        """The parameter that takes the prediction."""
        return self.parameters[int(self.target_first)]

    @property
    def observed(self) -> Parameter:
        """The parameter that takes the target."""
        return self.parameters[int(not self.target_first)]
