"""Transducer (RNN-T): the likelihood of a text, one symbol after the other, over all ways to spread it over time."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...cards import Card, Domain, Formula, Logit, param
from ...core import Loss
from ...core.admission import line_up
from ..pieces.utterances import NEVER, refuse_lengths, unlikely, within


class Transducer(Loss):
    """The likelihood of a text where each symbol depends on those before it, over all ways in time.

    At frame t, with u symbols said, the model scores what comes next: a symbol, which is then said at the same frame,
    or the blank, which goes on to the next frame. The loss is -log of the sum over all ways that say the whole text
    and end with the blank of the last frame. Log-probabilities may be given as scores too.

    The blank is symbol 0 here, as in CTC; torchaudio puts it last (`blank=-1` there: use `blank=symbols - 1`). Long
    texts cost more: `average=True` divides by the number of labels. Other than in CTC a text always fits, as any number
    of symbols may be said at one frame.

    The scores are a table of time times labels times symbols for each example: that is what fills the memory. It
    takes as many steps as there are frames and labels together.

    Shapes: prediction (*batch, time, labels + 1, symbols) scores, target (*batch, labels) symbol ids, of which those
    beyond the length are not looked at; frames and length (*batch) how many frames and labels count.

    Raises:
        DomainError: an id is the blank or no symbol, or there are fewer frames or labels than is said.
        ShapeError: the last axis but one of prediction is not one more than the labels of target.

    >>> import torch, wald
    >>> frames, length = torch.tensor([2]), torch.tensor([1])
    >>> wald.Transducer()(torch.zeros(1, 2, 2, 3), torch.tensor([[1]]), frames, length)  # 2 ways of 3 steps
    tensor(2.6027)
    """

    blank: int = param(default=0, at_least=0, quiet=True, help="the id of the blank")
    average: bool = param(default=False, quiet=True, help="divide each example by its number of labels")

    card = Card(
        task="other",
        inputs=lambda loss: {
            "prediction": Logit.of("time", "states", "symbols"),
            "target": Domain(
                says="a symbol id", low=int(loss.blank == 0), integer=True, axes=("states",), typical=(1, 4), safe=1.0
            ),
            "frames": Domain(says="a number of frames", low=1, integer=True, typical=(3, 5), safe=1.0),
            "length": Domain(says="a number of labels", low=0, integer=True, typical=(0, 4)),
        },
        formula=Formula(
            "-log(ways(0, 0)) / (max(1, length) if average else 1)",
            chances="[[softmax(z) for z in row] for row in prediction]",
            waits="lambda t, u: chances[t][u][blank] * (ways(t + 1, u) if t + 1 < frames else u == length)",
            speaks="lambda t, u: chances[t][u][target[u]] * ways(t, u + 1) if u < length else 0",
            ways="lambda t, u: waits(t, u) + speaks(t, u)",
        ),
        bounded_below=True,
        when="Speech becomes text as it is spoken, and what was said helps to tell what comes.",
        when_not="Symbols are independent given the sound (CTC, far less memory).",
        points={"perfect": 0, "floor": 0},
        sizes={"time": 100, "states": 20},
        aliases=("RNN-T", "RNNT", "RNNTLoss", "rnnt_loss", "RNN transducer", "TransducerLoss"),
        tags=("speech", "recognition", "ASR", "streaming", "alignment", "sequence"),
        cite=("Graves 2012, arXiv:1211.3711",),
    )

    def refuse(self, *inputs: Tensor) -> None:
        prediction, target, frames, length = inputs
        refuse_lengths(
            "Transducer",
            prediction.shape[-1],
            within(target, length, -1),
            self.blank,
            frames=(frames, prediction.shape[-3]),
            length=(length, target.shape[-1] - 1),
        )

    def arranged(
        self, inputs: tuple[Tensor, ...], weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Loss, tuple[Tensor, ...], Tensor | None, Tensor | None]:
        if len(inputs) == 4 and isinstance(inputs[1], Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
            prediction, target, frames, length = inputs
            # A label for each state: after the last there is none, and what stands there is not looked at.
            if prediction.ndim >= 3 and target.ndim and prediction.shape[-2] == target.shape[-1] + 1:
                target = F.pad(target, (0, 1), value=int(self.blank == 0))
            inputs = (prediction, target, frames, length)
        line_up(self, inputs)
        prediction, target, frames, length = inputs
        return self, (prediction, within(target, length, int(self.blank == 0)), frames, length), weight, mask

    def per_example(self, prediction: Tensor, target: Tensor, frames: Tensor, length: Tensor) -> Tensor:
        log_p = prediction.log_softmax(-1).clamp(min=NEVER)
        labels = within(target, length, 0).unsqueeze(-2).unsqueeze(-1)
        said = log_p.gather(-1, labels.expand(*log_p.shape[:-1], 1)).squeeze(-1)
        value = unlikely(_over_ways(log_p[..., self.blank], said, frames, length))
        return value / length.clamp(min=1) if self.average else value


def _over_ways(blank: Tensor, said: Tensor, frames: Tensor, length: Tensor) -> Tensor:
    """The log of what all ways add up to.

    All states that are equally many steps from the beginning are worked out at once: a step is a blank or a label.

    Args:
        blank: the log-probability of the blank at each frame and state, (*batch, time, states).
        said: that of the next label.
        frames: how many frames count, (*batch).
        length: how many labels count, (*batch).
    """
    time, states = blank.shape[-2:]
    state = torch.arange(states, device=blank.device)
    ways = torch.where(state == 0, torch.zeros_like(blank[..., :1, :].sum(-2)), NEVER)
    reached = [ways]
    for step in range(1, time + states - 1):
        frame = step - state
        waited = _at(blank, frame - 1) + ways
        # From the state before, at the same frame.
        spoken = F.pad((_at(said, step - 1 - state) + ways)[..., :-1], (1, 0), value=NEVER)
        ways = torch.stack([waited, spoken]).logsumexp(0)
        ways = torch.where((frame >= 0) & (frame < time), ways, NEVER).clamp(min=NEVER)
        reached.append(ways)
    table = torch.stack(reached, -2)
    last = frames.clamp(min=1) - 1
    end = (last + length).unsqueeze(-1).unsqueeze(-1).expand(*length.shape, 1, states)
    found = table.gather(-2, end).squeeze(-2).gather(-1, length.unsqueeze(-1)).squeeze(-1)
    close = blank.gather(-2, last.unsqueeze(-1).unsqueeze(-1).expand(*length.shape, 1, states)).squeeze(-2)
    return (found + close.gather(-1, length.unsqueeze(-1)).squeeze(-1)).clamp(min=NEVER)


def _at(table: Tensor, frame: Tensor) -> Tensor:
    """The entry of each state at its frame; of frames that are not there, what cannot be."""
    inside = (frame >= 0) & (frame < table.shape[-2])
    place = frame.clamp(0, table.shape[-2] - 1).expand(*table.shape[:-2], 1, table.shape[-1])
    return torch.where(inside, table.gather(-2, place).squeeze(-2), NEVER)
