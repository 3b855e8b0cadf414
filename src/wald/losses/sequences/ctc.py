"""CTC: the likelihood of a text, however its symbols are spread over the frames."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812  (the name that everyone knows it by)

from ...cards import Card, Domain, Formula, Logit, param
from ...core import Loss
from ...core.admission import line_up
from ..pieces.utterances import NEVER, refuse_lengths, unlikely, within


class CTC(Loss):
    """The likelihood of a text given frames of sound, over all ways to spread it over time.

    -log of the sum, over all paths that give the text once repeated symbols are merged and blanks dropped, of the
    path's probability: the product over the frames of the softmax of the scores. Log-probabilities may be given as
    scores too, as their softmax is what they are.

    A text of n symbols needs n frames, and one more for each symbol that follows itself. With fewer, no path is left,
    and the example is left out: it counts as masked, and not in the mean. torch makes the loss infinite, or, as
    SpeechBrain does, with zero_infinity=True a 0 that counts in the mean and hides how many there are.

    Long texts cost more. `average=True` divides each example by its number of symbols, as torch's mean does; Keras and
    Optax do not. `gamma` above 0 is focal CTC: times (1 - p)^gamma for p the probability of the text, so that what is
    likely already counts less.

    It takes as many steps as there are frames, each for all symbols at once; memory grows with frames times labels.

    Shapes: prediction (*batch, time, symbols) scores, target (*batch, labels) symbol ids, of which those beyond the
    length are not looked at; frames and length (*batch) how many frames and labels count. torch's order is (time,
    batch, symbols): use `.transpose(0, 1)`.

    Raises:
        DomainError: an id is the blank or no symbol, or there are fewer frames or labels than is said.

    >>> import torch, wald
    >>> frames, length = torch.tensor([2]), torch.tensor([1])
    >>> wald.CTC()(torch.zeros(1, 2, 3), torch.tensor([[1]]), frames, length)  # 3 of 9 paths: 1-, -1, 11
    tensor(1.0986)
    """

    blank: int = param(default=0, at_least=0, quiet=True, help="the id of the blank")
    average: bool = param(default=False, choices=(False, True), help="divide each example by its number of labels")
    gamma: float = param(
        default=0.0, at_least=0, typical=(2.0,), quiet=True, help="how much likely texts are discounted"
    )

    card = Card(
        task="other",
        inputs=lambda loss: {
            "prediction": Logit.of("time", "symbols"),
            "target": Domain(
                says="a symbol id", low=int(loss.blank == 0), integer=True, axes=("labels",), typical=(1, 4), safe=1.0
            ),
            "frames": Domain(says="a number of frames", low=0, integer=True, typical=(4, 5)),
            "length": Domain(says="a number of labels", low=0, integer=True, typical=(1, 2)),
        },
        formula=Formula(
            "-log(p) * (1 - p)**gamma / (max(1, length) if average else 1)",
            chances="[softmax(z) for z in prediction[:frames]]",
            stays="lambda k, last: k == last or k == blank",
            paths="lambda t, last, left: sum([x * paths(t + 1, k, left if stays(k, last) else left[1:])"
            " for k, x in zip(range(len(chances[t])), chances[t]) if stays(k, last) or left[:1] == [k]])"
            " if t < frames else not left",
            p="paths(0, blank, target[:length])",
        ),
        bounded_below=True,
        denominator="the unmasked examples (utterances) that fit their frames, each counted by its weight",
        when="Speech or handwriting is to become text, and nobody marked when each symbol comes.",
        when_not="Outputs depend on what was said before (Transducer), or the alignment is known (CrossEntropy).",
        points={"perfect": 0, "floor": 0},
        sizes={"time": 200, "labels": 20},
        aliases=("CTCLoss", "connectionist temporal classification", "ctc_loss", "FocalCTC", "focal CTC"),
        ports={
            "torch.nn.CTCLoss": {"average": True},
            "torch.nn.functional.ctc_loss": {"average": True},
            "keras.losses.CTC": {},
            "optax.losses.ctc_loss": {},
        },
        tags=("speech", "recognition", "ASR", "OCR", "handwriting", "alignment", "sequence"),
        cite=("Graves et al. 2006, doi:10.1145/1143844.1143891",),
    )

    def refuse(self, *inputs: Tensor) -> None:
        prediction, target, frames, length = inputs
        refuse_lengths(
            "CTC",
            prediction.shape[-1],
            within(target, length, -1),
            self.blank,
            frames=(frames, prediction.shape[-2]),
            length=(length, target.shape[-1]),
        )

    def kept(self, *inputs: Tensor) -> Tensor | None:
        _, target, frames, length = inputs
        labels = within(target, length, -1)
        again = (labels[..., 1:] == labels[..., :-1]) & (labels[..., 1:] >= 0)
        # What is no number of frames or labels at all is refused, not left out.
        return (frames >= length + again.sum(-1)) | (frames < 0) | (length < 0) | (length > target.shape[-1])

    def arranged(
        self, inputs: tuple[Tensor, ...], weight: Tensor | None, mask: Tensor | None
    ) -> tuple[Loss, tuple[Tensor, ...], Tensor | None, Tensor | None]:
        line_up(self, inputs)
        prediction, target, frames, length = inputs
        return self, (prediction, within(target, length, int(self.blank == 0)), frames, length), weight, mask

    def per_example(self, prediction: Tensor, target: Tensor, frames: Tensor, length: Tensor) -> Tensor:
        labels = within(target, length, self.blank)
        blanks = torch.full_like(labels, self.blank)
        # A blank before, between and after the labels.
        states = F.pad(torch.stack([blanks, labels], -1).flatten(-2), (0, 1), value=self.blank)
        log_p = prediction.log_softmax(-1).clamp(min=NEVER)
        emitted = log_p.gather(-1, states.unsqueeze(-2).expand(*log_p.shape[:-1], states.shape[-1]))
        value = unlikely(_over_paths(emitted, states, self.blank, frames, length))
        if self.gamma:
            # Beyond any precision of p, so that a power below 1 has a slope.
            value = value * (-torch.expm1(-value.clamp(min=1e-30))) ** self.gamma
        return value / length.clamp(min=1) if self.average else value


def _over_paths(emitted: Tensor, states: Tensor, blank: int, frames: Tensor, length: Tensor) -> Tensor:
    """The log of what all paths add up to.

    Args:
        emitted: the log-probability of each state in each frame, (*batch, time, states).
        states: the symbol of each state, (*batch, states).
        blank: the id of the blank.
        frames: how many frames count, (*batch).
        length: how many labels count, (*batch).
    """
    # From one label to the next without the blank between them, unless they are equal.
    hops = F.pad((states[..., 2:] != states[..., :-2]) & (states[..., 2:] != blank), (2, 0), value=False)[
        ..., : states.shape[-1]
    ]
    place = torch.arange(states.shape[-1], device=states.device)
    # A path begins at the first blank, or steps to the first label.
    total = torch.where(place == 0, torch.zeros_like(emitted[..., :1, :].sum(-2)), NEVER)
    for moment in range(emitted.shape[-2]):
        by_one = F.pad(total, (1, 0), value=NEVER)[..., :-1]
        by_two = torch.where(hops, F.pad(total, (2, 0), value=NEVER)[..., : total.shape[-1]], NEVER)
        come = torch.stack([total, by_one, by_two] if moment else [total, by_one]).logsumexp(0)
        total = torch.where((moment < frames).unsqueeze(-1), (come + emitted[..., moment, :]).clamp(min=NEVER), total)
    last = (2 * length).unsqueeze(-1)
    end = total.gather(-1, last).squeeze(-1)
    label = total.gather(-1, (last - 1).clamp(min=0)).squeeze(-1)
    return torch.stack([end, torch.where(length > 0, label, NEVER)]).logsumexp(0)
