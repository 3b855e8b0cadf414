"""Cross-entropy of a language model: each position against the token that follows it."""

from __future__ import annotations

from torch import Tensor

from ...cards import Card, ClassId, Formula, Logits, param
from ...core import Loss, ShapeError, Supervised
from ...core.admission import line_up
from ..pieces.softmax import cross_entropy, not_ignored


class NextToken(Supervised):
    """Cross-entropy of the next token, with an explicit shift.

    Cross-entropy over a vocabulary, for targets that are the text itself or already moved by one.
    Whether the targets have been shifted cannot be seen in them, and shifting twice or never trains a model for
    the wrong task, so `shift` has no default. `shift=True`: target is the text, and the scores at position t are
    held against the token at t + 1; the last scores and the first token have no partner. `shift=False`: target
    already holds the next token at each position.

    A mask, a weight and `ignore_index` belong to a token of the target, and move with it. The mean divides by the
    tokens that count; for several micro-batches or ranks add tallies, or give their number of tokens
    (Hugging Face's num_items_in_batch) as `normalizer`.

    Shapes: prediction (*batch, time, vocabulary), unnormalised; target (*batch, time) token ids. With shift=True
    `reduction="none"` gives (*batch, time - 1), and one position alone is an empty batch.

    Raises:
        DomainError: an id is not in the vocabulary, or the rows of prediction look like probabilities.
        ShapeError: prediction and target, or a mask or weight and target, do not line up.

    >>> import torch, wald
    >>> logits, text = torch.zeros(1, 4, 8), torch.tensor([[5, 1, 2, -100]])
    >>> wald.NextToken(shift=True)(logits, text)
    tensor(2.0794)
    >>> wald.NextToken(shift=True).tally(logits, text).count
    tensor(2., dtype=torch.float64)
    """

    shift: bool = param(
        typical=(False,),
        help="True: target is the text, shift it here; False: target already holds the next token",
    )
    ignore_index: int = param(default=-100, quiet=True, help="the id that marks tokens to leave out")
    label_smoothing: float = param(
        default=0.0,
        at_least=0,
        below=1,
        quiet=True,
        typical=(0.1,),
        help="the share of the target spread evenly over the vocabulary",
    )
    z_loss: float = param(
        default=0.0,
        at_least=0,
        quiet=True,
        typical=(1e-2,),
        help="adds this much of the squared log-partition, which keeps logits near normalised",
    )

    card = Card(
        task="multiclass",
        inputs={"prediction": Logits, "target": ClassId},
        formula=lambda loss: (
            Formula("-(1 - label_smoothing) * s[target] - label_smoothing * mean(s)", s="log_softmax(prediction)")
            if loss.label_smoothing
            else Formula("-log_softmax(prediction)[target] + z_loss * logsumexp(prediction)**2")
            if loss.z_loss
            else Formula("-log_softmax(prediction)[target]")
        ),
        elicits=lambda loss: "distribution" if loss.label_smoothing == 0 else "unresolved",
        proper=lambda loss: loss.label_smoothing == 0,
        calibrated=True,
        invertible=True,
        symmetric=False,
        convex=lambda loss: loss.z_loss == 0,
        perfect_is_minimal=lambda loss: loss.label_smoothing == 0,
        smooth=3,
        slope=lambda loss: "linear" if loss.z_loss else "bounded",
        denominator="the tokens of the target that count, each by its weight",
        when="Pre-training or fine-tuning a language model.",
        when_not="Rewards or preferences are given instead of text, or the text is one label (CrossEntropy).",
        points=lambda loss: {
            **({} if loss.label_smoothing else {"perfect": 0}),
            "chance": "log(classes) + z_loss * log(classes)**2" if loss.z_loss else "log(classes)",
            "floor": 0,
        },
        sizes={"classes": 32_000},
        aliases=(
            "causal LM",
            "ForCausalLM",
            "causal language modeling",
            "language modeling",
            "next token prediction",
            "SFT",
            "supervised fine-tuning",
        ),
        tags=("language model", "tokens", "llm", "transformers", "trl", "shift", "packing"),
        cite=(
            "Bengio et al. 2003, A Neural Probabilistic Language Model, JMLR 3",
            "Chowdhery et al. 2022, arXiv:2204.02311 (z-loss)",
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.shift, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"NextToken: shift must be True or False, got {self.shift!r}")

    def in_plain_layout(self) -> Loss:
        return self.replace(shift=False) if self.shift else self

    def arranged(
        self, inputs: tuple[Tensor, ...], weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Loss, tuple[Tensor, ...], Tensor | None, Tensor | None]:
        if not self.shift:
            return self, inputs, weight, mask
        # What does not line up is refused before it is shifted, in the shapes that the caller knows.
        tokens = line_up(self, inputs)
        if not tokens:
            raise ShapeError(f"NextToken: target is one token, {tuple(inputs[1].shape)}; a text has a time axis.")
        for name, given in (("weight", weight), ("mask", mask)):
            if given is not None and given.shape != tokens:
                raise ShapeError(
                    f"NextToken: {name} {tuple(given.shape)} must have the shape of target, {tuple(tokens)}: it "
                    "belongs to the tokens and is shifted with them."
                )
        weight, mask = (None if given is None else given[..., 1:] for given in (weight, mask))
        return self.plain, _shifted(*inputs), weight, mask

    def kept(self, *inputs: Tensor) -> Tensor | None:
        return not_ignored(inputs[1][..., 1:] if self.shift else inputs[1], self.ignore_index)

    def per_example(self, prediction: Tensor, target: Tensor) -> Tensor:
        if self.shift:
            prediction, target = _shifted(prediction, target)
        return cross_entropy(prediction, target, label_smoothing=self.label_smoothing, z_loss=self.z_loss)


def _shifted(prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Each position's scores beside the token that follows it."""
    return prediction[..., :-1, :], target[..., 1:]
