"""Guided attention: text is read from beginning to end, so attention should lie near the diagonal."""

from __future__ import annotations

import torch
from torch import Tensor

from ...cards import Card, Domain, Formula, param
from ...core import DomainError, Loss


class GuidedAttention(Loss):
    """How far the attention of a speech synthesiser strays from the diagonal.

    The mean over frames t and letters n of attention[t, n] · (1 - exp(-(n / letters - t / frames)² / 2 width²)), with
    n and t from 0. Attention along the diagonal costs next to nothing; it is a term to be added while alignment is
    learned. `width` is a share of the sentence.

    The mean is over all places, as in the paper, so it falls with 1 / letters for the same quality of alignment; where
    attention adds to 1 over the letters of a frame, it is below 1 / letters.

    Shapes: attention (*batch, time, text), as far as frames and letters (*batch) say; what is beyond is not looked at.

    Raises:
        DomainError: there are fewer frames or letters than is said.

    >>> import torch, wald
    >>> attention = torch.eye(2)[[1, 0]].unsqueeze(0)  # backwards
    >>> wald.GuidedAttention()(attention, torch.tensor([2]), torch.tensor([2]))  # (1 - exp(-0.25 / 0.08)) / 2
    tensor(0.4780)
    """

    width: float = param(default=0.2, above=0, help="how far attention may stray, as a share of the sentence")

    card = Card(
        task="other",
        inputs={
            "attention": Domain(says="an attention weight", axes=("time", "text"), typical=(0.0, 1.0)),
            "frames": Domain(says="a number of frames", low=1, integer=True, typical=(2, 5), safe=1.0),
            "letters": Domain(says="a number of letters", low=1, integer=True, typical=(2, 5), safe=1.0),
        },
        formula=Formula(
            "sum([attention[t][n] * (1 - exp(-((n / letters - t / frames) / width)**2 / 2))"
            " for t in range(frames) for n in range(letters)]) / (frames * letters)"
        ),
        convex=True,
        bounded_below=False,
        slope="bounded",
        when="Speech is synthesised from text by attention, and the alignment is slow to be found.",
        when_not="The alignment need not go forward, as between languages.",
        aliases=("GuidedAttentionLoss", "guided attention loss", "GuidedMultiHeadAttentionLoss", "diagonal attention"),
        ports={"speechbrain.nnet.loss.guidedattn_loss.GuidedAttentionLoss": {}},
        tags=("speech", "synthesis", "TTS", "attention", "alignment", "penalty"),
        cite=("Tachibana et al. 2018, arXiv:1710.08969",),
    )

    def refuse(self, *inputs: Tensor) -> None:
        attention, frames, letters = inputs
        for name, count, most in (
            ("frames", frames, attention.shape[-2]),
            ("letters", letters, attention.shape[-1]),
        ):
            beyond = count[count > most]
            if beyond.numel():
                raise DomainError(
                    f"GuidedAttention: {name} says {beyond[0].item()}, and attention {tuple(attention.shape)} has "
                    f"{most}. Use {name}.clamp(max={most}), or give the whole table."
                )

    def per_example(self, attention: Tensor, frames: Tensor, letters: Tensor) -> Tensor:
        frames, letters = (count.clamp(min=1).unsqueeze(-1).to(attention.dtype) for count in (frames, letters))
        t, n = (torch.arange(size, device=attention.device) for size in attention.shape[-2:])
        stray = (n / letters).unsqueeze(-2) - (t / frames).unsqueeze(-1)
        price = -torch.expm1(-stray.square() / (2 * self.width**2))
        there = (t < frames).unsqueeze(-1) & (n < letters).unsqueeze(-2)
        total = torch.where(there, attention * price, torch.zeros_like(attention)).sum((-2, -1))
        return total / (frames * letters).squeeze(-1)
