"""One call of `linear_preference`: what each pair of answers is worth, by a kernel and by the definition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ....core import Preference
from ..budget import HeadPlan, head_plan
from ..head import Head, Needed
from ..products import Products
from ..rows import Results, Upstream
from ..token_pass import Slopes, Span, Tokens, pass_over
from ..whole_matrix import told_of_tokens
from .pairs import ROWS, Answers

#: Without a budget a pair is held whole up to so many bytes of logits.
_BUDGET: Final = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceJob:
    """What is asked about the pairs.

    Attributes:
        loss: the loss of one pair.
        head: the form of the head.
        answers: the tokens of the answers.
        counted: for each pair whether it counts.
        average: whether sums of log-probabilities are divided by the number of tokens.
        reference: hidden states (all chosen ones, then all rejected ones) and head of the reference, where its
            log-probabilities are to be found out; else None.
        memory_budget: bytes for logits.
        names: what is asked beside the values, one number an answer: "log_prob" and "entropy".
        told: the log-probabilities of the reference, once they are given or found out: "reference".
    """

    loss: Preference
    head: Head
    answers: Answers
    counted: Tensor
    average: bool
    reference: tuple[Tensor, Head] | None
    memory_budget: int | None
    names: tuple[str, ...]
    told: dict[str, Tensor]

    @property
    def smooth(self) -> tuple[str, ...]:
        """None of them is differentiable."""
        return ()

    def defined(self, head: Head, hidden: Tensor) -> dict[str, Tensor]:
        """The values ("loss") and the outputs, in differentiable torch."""
        keep = self.answers.keep & self.counted[self.answers.answer % self.answers.pairs]
        told = told_of_tokens(head, hidden, self.answers.taken, keep, {"log_prob", *self.names})
        if self.reference is not None and "reference" not in self.told:
            with torch.no_grad():
                other, theirs = self.reference
                found = told_of_tokens(theirs, other, self.answers.taken, keep, ("log_prob",))
                self.told["reference"] = self._of_answers(found["log_prob"])
        own = self._of_answers(told["log_prob"])
        values = self._values(own, self.told.get("reference"))
        values = torch.where(self.counted, values, torch.zeros_like(values)).to(told["log_prob"].dtype)
        return {"loss": values, **self._asked({name: x.detach() for name, x in told.items()})}

    def passed(
        self, head: Head, hidden: Tensor, needed: Needed, upstream: Upstream | None
    ) -> tuple[Results, list[Tensor | None]]:
        """One pass: values, outputs and, with an upstream, the gradients."""
        pairs, answer = self.answers.pairs, self.answers.answer
        plan = self._plan(head)
        index, groups = self.answers.groups(self.counted, plan.rows)
        spans = [group.span for group in groups]
        plan = plan.holding(max((stop - start for start, stop in spans), default=0))
        if self.reference is not None and "reference" not in self.told:
            self.told["reference"] = self._of_reference(self.reference, index, spans, plan.rows)
        reference = self.told.get("reference")
        products = Products(head, hidden, needed, plan, index)
        values = hidden.new_zeros(pairs, dtype=products.wide)
        told = {name: hidden.new_zeros(len(answer), dtype=products.wide) for name in ("log_prob", *self.names)}
        weights = None if upstream is None or not needed.any else upstream.loss.expand(pairs)

        def judge(group: int, logprob: Tensor, entropy: Tensor | None) -> Slopes | None:
            mine, rows = groups[group].pairs, index[slice(*spans[group])]
            told["log_prob"][rows] = logprob
            if entropy is not None:
                told["entropy"][rows] = entropy
            of_all = self._of_answers(told["log_prob"])
            both = torch.cat([mine, mine + pairs])
            with torch.enable_grad():
                own = of_all[both].requires_grad_()
                found = self._values(own, None if reference is None else reference[both])
            values[mine] = found.detach().to(values.dtype)
            if weights is None:
                return None
            (slope,) = torch.autograd.grad(found, own, weights[mine].to(found.dtype))
            of_answer = torch.zeros_like(of_all)
            of_answer[both] = slope
            if self.average:
                of_answer = of_answer / self.answers.lengths.clamp(min=1)
            return of_answer[answer[rows]].to(logprob.dtype), None

        pass_over(products, Tokens(self.answers.taken[index], spans, entropy="entropy" in self.names), judge)
        return Results(values, self._asked(told)), products.gradients()

    def output(self, name: str, told: dict[str, Tensor], dtype: torch.dtype) -> Tensor:
        """What was found out, by the name that it has in `PreferenceOutput`."""
        if name == "accuracy":
            margin = self.output("margin", told, dtype)
            return (((margin > 0) & self.counted).sum() / self.counted.sum().clamp(min=1)).to(dtype)
        if name == "margin":
            return self.output("chosen_reward", told, dtype) - self.output("rejected_reward", told, dtype)
        side, _, what = name.partition("_")
        found = told["entropy" if what == "entropy" else "log_prob"]
        if what == "reward" and (reference := self.told.get("reference")) is not None:
            found = float(getattr(self.loss, "beta", 1.0)) * (found - reference)
        half = found.reshape(2, -1)[0 if side == "chosen" else 1].to(dtype)
        return torch.where(self.counted, half, torch.zeros_like(half))

    def _values(self, own: Tensor, reference: Tensor | None) -> Tensor:
        """The loss of pairs, from the log-probabilities of chosen answers followed by those of rejected ones."""
        others = () if reference is None else reference.to(own.dtype).reshape(2, -1).unbind()
        return self.loss.per_example(*own.reshape(2, -1).unbind(), *others)

    def _of_answers(self, logprob: Tensor) -> Tensor:
        total = self.answers.sums(logprob)
        return total / self.answers.lengths.clamp(min=1) if self.average else total

    def _asked(self, told: dict[str, Tensor]) -> dict[str, Tensor]:
        """Of numbers of tokens, those of answers: the log-probability as the loss gets it, the mean entropy."""
        means = self.answers.lengths.clamp(min=1)
        return {
            name: self._of_answers(told[name]) if name == "log_prob" else self.answers.sums(told[name]) / means
            for name in self.names
        }

    def _plan(self, head: Head) -> HeadPlan:
        """How many rows of logits to hold: those of the largest pair, or of several small ones."""
        lengths = self.answers.lengths.reshape(2, -1).sum(0)
        largest = int(lengths.max()) if len(lengths) else 0
        count = max(largest, min(int(lengths.sum()), ROWS))
        budget = _BUDGET if self.memory_budget is None else self.memory_budget
        classes, features = head.weight.shape
        return head_plan(count, features, classes, dtype=head.weight.dtype, memory_budget=budget, matrix=False)

    def _of_reference(self, reference: tuple[Tensor, Head], index: Tensor, spans: list[Span], rows: int) -> Tensor:
        """What the reference says of each answer."""
        hidden, head = reference
        products = Products.without_gradient(head, hidden, rows, index)
        logprobs = hidden.new_zeros(len(self.answers.answer), dtype=products.wide)

        def judge(group: int, logprob: Tensor, entropy: Tensor | None) -> None:
            logprobs[index[slice(*spans[group])]] = logprob

        pass_over(products, Tokens(self.answers.taken[index], spans), judge)
        return self._of_answers(logprobs)
