"""An objective: what training minimises, as named terms with weights."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from types import MappingProxyType
from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from ..core import Loss, Tally
from ._outcome import Outcome
from ._term import Term

_LEAVE_OUT: Final = ' Or leave out what is given for all terms: Term(loss, reads={"mask": None}).'


class Objective(nn.Module):
    """A weighted sum of losses that keeps its terms apart.

    Each keyword names a term: a loss, or a `Term` with a weight and the names of what it reads. A call gives the
    tensors by the names on the cards of the losses and returns an `Outcome`.

    The weights are buffers `<term>_weight`: they move with `.to`, are saved in the state dict by name and may be
    changed while training, `objective.weights["fairness"].fill_(0.3)`, between a backward pass and the next call.
    The heads of its terms are its modules, `<term>_<input>`.

    Raises:
        TypeError: there is no term, or one is neither a loss nor a `Term`.

    >>> import torch, wald
    >>> objective = wald.Objective(
    ...     fit=wald.Squared(),
    ...     size=wald.Term(wald.Absolute(), weight=0.5, reads={"target": "zero"}),
    ... )
    >>> x = torch.tensor([1.0, 3.0], requires_grad=True)
    >>> outcome = objective(prediction=x, target=torch.zeros(2), zero=torch.zeros(2))
    >>> outcome.total.item(), outcome.terms["size"].item(), outcome.weighted["size"].item()
    (6.0, 2.0, 1.0)
    >>> outcome.total.backward()
    """

    def __init__(self, **terms: Loss | Term) -> None:
        super().__init__()
        if not terms:
            raise TypeError("an objective has at least one term: Objective(accuracy=CrossEntropy())")
        self._terms = {name: _named(name, term) for name, term in terms.items()}
        for name, term in self._terms.items():
            self.register_buffer(f"{name}_weight", torch.tensor(term.weight))
            for made, head in (term.heads or {}).items():
                self.add_module(f"{name}_{made}", head)

    @property
    def terms(self) -> Mapping[str, Term]:
        """The terms by name, as they were given."""
        return MappingProxyType(self._terms)

    @property
    def weights(self) -> Mapping[str, Tensor]:
        """The weight of each term by name: the buffers themselves."""
        return {name: self.get_buffer(f"{name}_weight") for name in self._terms}

    def forward(
        self,
        tensors: Mapping[str, Tensor] | None = None,
        /,
        *,
        weight: Tensor | None = None,
        mask: Tensor | None = None,
        **named: Tensor,
    ) -> Outcome:
        """The value of every term on these tensors.

        Args:
            tensors: all of them in one mapping, which may hold more than is read.
            weight: one number for each example, for every term that does not read another.
            mask: one boolean for each example, True to keep it; likewise.
            named: tensors by name.

        Raises:
            TypeError: a tensor is missing, or one is given by a name that no term reads.
            ValueError: the inputs of a term are refused by its loss; the message names the term.
        """
        about = {name: x for name, x in (("weight", weight), ("mask", mask)) if x is not None}
        read = {source for term in self._terms.values() for source in term.sources.values()}
        if unread := sorted({*named, *about} - read):
            raise TypeError(f"no term reads {', '.join(unread)}; they read {', '.join(sorted(read))}.")
        given = {**(tensors or {}), **named, **about}
        tallies: dict[str, Tally] = {}
        weights: dict[str, Tensor] = {}
        for name, term in self._terms.items():
            try:
                inputs: dict[str, Any] = term.read(given)
                tallies[name] = term.loss.tally(**inputs)
            except (TypeError, ValueError) as error:
                # A weight or mask that does not have the shape of this term's batch may be meant for others.
                leave = _LEAVE_OUT if about and any(f": {each} (" in str(error) for each in about) else ""
                raise type(error)(f"term {name!r}: {error}{leave}") from error
            computed = reduce(torch.promote_types, (_width(inputs[each]) for each in term.inputs))
            weights[name] = self.get_buffer(f"{name}_weight").to(tallies[name].total.device, computed)
        return Outcome.of(tallies, weights)

    def extra_repr(self) -> str:
        """The terms, for `print`."""
        return "\n".join(f"{name}={term}" for name, term in self._terms.items())


def _named(name: str, term: object) -> Term:
    try:
        return term if isinstance(term, Term) else Term(cast("Loss", term))
    except (TypeError, ValueError) as error:
        raise type(error)(f"term {name!r}: {error}") from None


def _width(x: Tensor) -> torch.dtype:
    """The dtype that a loss computes in because of `x`: no narrower than single precision."""
    return torch.promote_types(x.dtype, torch.float32)
