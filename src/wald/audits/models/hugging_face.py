"""Models of Hugging Face: token numbers in, logits out."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..errors import CaseError
from ..metrics.forms import converted, one_column
from .wanted import Wanted

Kind = Literal["classes", "text", "other"]


def is_hugging_face(model: object) -> bool:
    """Whether it is a model of transformers, or behaves like one."""
    return isinstance(model, nn.Module) and hasattr(model, "config") and hasattr(model.config, "model_type")


def kind_of(model: Any) -> Kind:
    """Whether it tells classes apart or goes on with a text."""
    name = type(model).__name__
    if "SequenceClassification" in name or "ImageClassification" in name:
        return "classes"
    return "text" if "CausalLM" in name or "LMHead" in name else "other"


class HuggingFace(nn.Module):
    """Token numbers (rows, time) → what the loss takes: logits of the classes, or of the token that comes next.

    The attention mask is where a token is not padding. Inputs that are no token numbers (images, features) go to the
    model as they are.

    Attributes:
        original: the model.
        pad: the token that pads; None where nothing is padded.
    """

    def __init__(self, original: nn.Module, wanted: Wanted | None) -> None:
        """Wrap a model. It stays the one that was given, parameters and mode included."""
        super().__init__()
        self.inner = original
        # A module is born in training mode; this one is in its model's.
        self.training = original.training
        config: Any = original.config
        self.kind = kind_of(original)
        self.wanted = wanted or Wanted("logits", True)
        pad = getattr(config, "pad_token_id", None)
        self.pad: int | None = pad if isinstance(pad, int) and pad >= 0 else None

    @property
    def original(self) -> nn.Module:
        """The model as it was given."""
        return self.inner

    @property
    def vocabulary(self) -> int | None:
        """How many tokens there are; None where inputs are none."""
        config: Any = self.inner.config
        return getattr(config, "vocab_size", None)

    def mask(self, tokens: Tensor) -> Tensor:
        """1 where a token is there, 0 where it is padding."""
        # A number below 0 is no token, and stands where a model knows no padding.
        here = tokens >= 0 if self.pad is None else (tokens >= 0) & (tokens != self.pad)
        return here.to(tokens.dtype)

    def forward(self, inputs: Tensor) -> Tensor:
        """(rows, time) → (rows, classes), (rows,) of two classes if the loss takes that, or (rows, vocabulary)."""
        if inputs.is_floating_point() and inputs.ndim == 2:
            raise CaseError(
                f"{type(self.inner).__name__} takes token numbers, which are integers; got {inputs.dtype}. Give the "
                "tokenizer's input_ids as inputs."
            )
        if inputs.is_floating_point():
            logits = self.inner(inputs).logits
        else:
            mask = self.mask(inputs)
            logits = self.inner(input_ids=inputs.clamp_min(0), attention_mask=mask).logits
            if self.kind == "text":
                # The last token that is there says what comes next, wherever the padding is.
                last = inputs.shape[1] - 1 - mask.flip(1).argmax(1)
                logits = logits[torch.arange(len(inputs), device=logits.device), last]
        # Half precision is for speed; what is measured here is compared in its last digits.
        logits = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
        if logits.shape[-1] == 1 and logits.ndim == 2:
            return logits[:, 0]
        if not self.wanted.by_class:
            logits = one_column(logits, "logits")
        return converted(logits, "logits", self.wanted.form)
