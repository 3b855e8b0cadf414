"""A NaN or an infinity that came in with the batch.

Whatever is computed with a NaN is NaN, and one value in a million is enough. Where the prediction holds it, the model
made it before the loss was asked; where the target holds it, the data did, most often for a value that is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ..batches import Run, Slot
from .cause import Cause, Cure, Suspect, called, drop, listed, numbers, rows_of, run_of, short, swap_in


def look(run: Run) -> Iterator[Suspect]:
    """NaN first, then infinities, input by input; targets before what the model made of them."""
    for code, word, bad in (("W901", "NaN", torch.isnan), ("W902", "infinite", torch.isinf)):
        for slot in sorted(run.call.slots, key=lambda slot: slot.role == "prediction"):
            x = run.inputs[slot.name]
            if not x.is_floating_point():
                continue
            found = bad(x)
            if bool(found.any()):
                yield _suspect(run, slot, code, word, bad, found)


def _suspect(run: Run, slot: Slot, code: str, word: str, bad: Callable[[Tensor], Tensor], found: Tensor) -> Suspect:
    x, count = run.inputs[slot.name], int(found.sum())
    rows = rows_of(run, slot, found)
    all_of_them = count == x.numel()
    seen = f"every value of {called(slot)} is {word}" if all_of_them else (
        f"{count} of {x.numel()} values of {called(slot)} {'is' if count == 1 else 'are'} {word}: {listed(rows)}"
    )  # fmt: skip
    whole = len(rows) == run.rows
    cure: Cure = (
        swap_in(slot.name, bad, _stand_in(run, slot))
        if whole
        else drop(lambda part: rows_of(part, slot, bad(part.inputs[slot.name])))
    )
    return Suspect(
        code=code,
        says=f"{seen}. Whatever is computed with it is {'not finite' if word != 'NaN' else 'NaN'} too",
        fix=_fix(slot, x, word, all_of_them),
        tried=f"replacing them by {_stand_in(run, slot):g}" if whole else "leaving these rows out",
        cure=cure,
        rows=rows,
        facts={"slot": slot.name, "count": count},
    )


def _stand_in(run: Run, slot: Slot) -> float:
    x = run.inputs[slot.name]
    finite = x[x.isfinite()]
    if finite.numel():
        return finite.flatten()[: 1 << 16].float().median().item()
    domain = run.domain(slot)
    return 1.0 if slot.role in ("weight", "class weight") else 0.5 if domain is None else domain.safe


def _fix(slot: Slot, x: Tensor, word: str, all_of_them: bool) -> str:
    name = called(slot)
    if slot.role in ("target", "reference"):
        return f"Leave such rows out: pass mask={name}.isfinite() to a loss of wald, or index with {name}.isfinite()."
    if slot.role != "prediction":
        return f"Find where {name} is computed; use torch.nan_to_num({name}) only if such a row may count."
    if all_of_them:
        return (
            "The weights of the model are broken already, so an earlier step did it: go back to a checkpoint, and save "
            "the first batch whose gradient is not finite."
        )
    if word == "infinite" and x.dtype == torch.float16:
        return (
            f"float16 ends at 65504: compute {name} in float32 or bfloat16, as with the last layer outside of "
            "torch.autocast."
        )
    return (
        f"The model made it before the loss was asked ({short(x.dtype)}): look at its inputs in these rows, then at "
        "its activations layer by layer."
    )


RULE = Cause(
    codes={"W901": "NaN in an input", "W902": "an infinity in an input"},
    explains=__doc__ or "",
    look=look,
    when="broken",
    planted=lambda: run_of(torch.nn.functional.mse_loss, input=numbers(1, 2, 3), target=numbers(0, torch.nan, 1)),
    clean=lambda: run_of(torch.nn.functional.mse_loss, input=numbers(1, 2, 3), target=numbers(0, 2, 1)),
)
