"""One call of `linear_preference`: what each pair of answers is worth, by a kernel and by the definition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ....core import Preference
from ...one_pass import Gradients
from ..arguments import operands
from ..budget import head_plan
from ..row_products import HeadProducts
from ..token_pass import Slopes, Tokens, pass_over
from ..whole_matrix import token_logprobs
from .pairs import ROWS, Answers

#: Without a budget a pair is held whole up to so many bytes of logits.
_BUDGET: Final = 1 << 30

_WHO: Final = "linear_preference: the reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceJob:
    """What is asked about the pairs.

    Attributes:
        loss: the loss of one pair.
        answers: the tokens of the answers.
        counted: for each pair whether it counts.
        average: whether sums of log-probabilities are divided by the number of tokens.
        reference: hidden states (all chosen ones, then all rejected ones), head and bias of the reference, where its
            log-probabilities are to be found out; else nothing.
        memory_budget: bytes for logits.
        entropy: whether entropies are wanted.
        told: what was given or found out on the way, one number an answer: "log_prob", "reference" and "entropy".
    """

    loss: Preference
    answers: Answers
    counted: Tensor
    average: bool
    reference: tuple[Tensor, ...]
    memory_budget: int | None
    entropy: bool
    told: dict[str, Tensor]

    def defined(self, weights: Tensor | None, *tensors: Tensor) -> Tensor:
        """Σ weight · value, or all values, in differentiable torch."""
        tensors = _joined(tensors)
        keep = self.answers.keep & self.counted[self.answers.answer % self.answers.pairs]
        logprob, entropy = token_logprobs(tensors, self.answers.taken, keep)
        if self.reference and "reference" not in self.told:
            self.told["reference"] = self._reference_defined(keep)
        own = self._of_answers(logprob)
        self.told.update(log_prob=own.detach(), entropy=self._means(entropy.detach()))
        values = self._values(own, self.told.get("reference"))
        values = torch.where(self.counted, values, torch.zeros_like(values)).to(logprob.dtype)
        return values if weights is None else (values * weights).sum()

    def passed(self, needed: tuple[bool, ...], weights: Tensor | None, *tensors: Tensor) -> tuple[Tensor, Gradients]:
        """All values, and with weights the gradients of Σ weight · value."""
        pairs, answer = self.answers.pairs, self.answers.answer
        first = len(tensors[0])
        tensors = _joined(tensors)
        head = HeadProducts((needed[0] or needed[1], *needed[2:]), *tensors)
        rows = self._rows(tensors[1])
        groups = self.answers.groups(self.counted, rows)
        tokens = Tokens(
            taken=self.answers.taken, groups=[group.rows for group in groups], rows=rows, entropy=self.entropy
        )
        if self.reference and "reference" not in self.told:
            self.told["reference"] = self._reference_passed(tokens)
        reference = self.told.get("reference")
        values = torch.zeros(pairs, dtype=head.wide, device=answer.device)
        logprobs, entropies = (torch.zeros(len(answer), dtype=head.wide, device=answer.device) for _ in "12")

        def judge(group: int, logprob: Tensor, entropy: Tensor | None) -> Slopes | None:
            mine = groups[group]
            logprobs[mine.rows] = logprob
            if entropy is not None:
                entropies[mine.rows] = entropy
            of_all = self._of_answers(logprobs)
            both = torch.cat([mine.pairs, mine.pairs + pairs])
            with torch.enable_grad():
                own = of_all[both].requires_grad_()
                found = self._values(own, None if reference is None else reference[both])
            values[mine.pairs] = found.detach().to(values.dtype)
            if weights is None or not head.needed:
                return None
            (slope,) = torch.autograd.grad(found, own, weights[mine.pairs].to(found.dtype))
            of_answer = torch.zeros_like(of_all)
            of_answer[both] = slope
            if self.average:
                of_answer = of_answer / self.answers.lengths.clamp(min=1)
            return of_answer[answer[mine.rows]].to(logprob.dtype), None

        pass_over(head, tokens, judge)
        self.told.update(log_prob=self._of_answers(logprobs), entropy=self._means(entropies))
        hidden, *rest = head.gradients()
        halves = (None, None) if hidden is None else (hidden[:first], hidden[first:])
        each = tuple(x if is_needed else None for x, is_needed in zip(halves, needed, strict=False))
        return values, (*each, *rest)[: len(needed)]

    def output(self, name: str, dtype: torch.dtype) -> Tensor:
        """What was found out, by the name that it has in `PreferenceOutput`."""
        if name == "accuracy":
            margin = self.output("margin", dtype)
            return (((margin > 0) & self.counted).sum() / self.counted.sum().clamp(min=1)).to(dtype)
        if name == "margin":
            return self.output("chosen_reward", dtype) - self.output("rejected_reward", dtype)
        side, _, what = name.partition("_")
        found = self.told["entropy" if what == "entropy" else "log_prob"]
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

    def _means(self, entropy: Tensor) -> Tensor:
        return self.answers.sums(entropy) / self.answers.lengths.clamp(min=1)

    def _rows(self, weight: Tensor) -> int:
        """How many rows of logits to hold: those of the largest pair, or of several small ones."""
        lengths = self.answers.lengths.reshape(2, -1).sum(0)
        largest = int(lengths.max()) if len(lengths) else 0
        count = max(largest, min(int(lengths.sum()), ROWS))
        budget = _BUDGET if self.memory_budget is None else self.memory_budget
        classes, features = weight.shape
        return head_plan(count, features, classes, dtype=weight.dtype, memory_budget=budget, matrix=False).rows

    def _reference_passed(self, tokens: Tokens) -> Tensor:
        hidden, weight, *rest = self.reference
        head = HeadProducts((False,) * len(self.reference), *operands(_WHO, hidden, weight), *rest)
        logprobs = torch.zeros(len(self.answers.answer), dtype=head.wide, device=hidden.device)

        def judge(group: int, logprob: Tensor, entropy: Tensor | None) -> None:
            logprobs[tokens.groups[group]] = logprob

        plain = Tokens(taken=tokens.taken, groups=tokens.groups, rows=tokens.rows)
        pass_over(head, plain, judge)
        return self._of_answers(logprobs)

    def _reference_defined(self, keep: Tensor) -> Tensor:
        hidden, weight, *rest = self.reference
        with torch.no_grad():
            tensors = (*operands(_WHO, hidden, weight), *rest)
            return self._of_answers(token_logprobs(tensors, self.answers.taken, keep)[0])


def _joined(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Hidden states of chosen and of rejected answers in one matrix."""
    chosen, rejected, *rest = tensors
    return torch.cat([chosen, rejected]), *rest
