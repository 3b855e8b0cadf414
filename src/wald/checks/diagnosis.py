"""`wald.why`: why a saved batch gives NaN, an infinity, nothing, or a loss that does not move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
import math
from typing import Any

import torch

from ..findings import Finding, Report
from .batches import Batch, Run, calling, read
from .batches.plateau import chance, told
from .causes.ranked import ranked
from .causes.shown import METHOD, finding_of, unexplained
from .subjects.subject import undisturbed


def why(batch: object, loss: object, *, seed: int = 0) -> Report:
    """Say why a batch gives NaN, an infinity, no gradient, or a loss that does not move.

    Causes are looked for one by one. Each that is found is taken away again, to see whether the batch is whole without
    it, and shown on the smallest part of the batch that has it. The report ranks them, the surest first; `evidence`
    holds the rows, that part as tensors, what was tried with the value after, and two lines that reproduce it.

    Takes less than a second for a million numbers. The batch is not changed.

    Args:
        batch: a path to what `torch.save` wrote (a dict of tensors, loaded with `weights_only=True`), to a .npz or
            .npy file, or such a dict itself. Its names are matched with the inputs of the loss by the usual aliases
            (logits, y_pred, labels, y_true, ...), else by order; `loss` and `grad` may hold what was computed before.
        loss: what `wald.check` takes; also a callable of several inputs, such as `triplet_margin_loss`.
        seed: written into the report; nothing here is random.

    Returns:
        A report of kind "why". Its verdict is `fail` where a cause was found, `pass` where nothing is wrong.

    Raises:
        BatchError: the batch cannot be read, or an input of the loss is not in it.
        TargetError: `loss` is no loss.

    >>> import torch, wald
    >>> batch = {"logits": torch.tensor([2.0, -1.0]), "labels": torch.tensor([255.0, 0.0])}
    >>> report = wald.why(batch, torch.nn.functional.binary_cross_entropy_with_logits)
    >>> report.findings[0].fix
    'Use labels / 255.'
    """
    held = read(batch)
    call, inputs, unused = calling(loss, held)
    if "gradient" in inputs:
        held = replace(held, slope=None)
    with undisturbed():
        return _report(Run(call, inputs), held, unused, seed)


def _report(run: Run, held: Batch, unused: tuple[str, ...], seed: int) -> Report:
    found = ranked(run)
    findings = [finding_of(run, held, one, found) for one in found]
    if not any(one.state == "fail" for one in findings) and run.outcome.broken:
        findings.insert(0, unexplained(run, held, _symptom(run)))
    card = _card(run)
    answers = {"symptom": _symptom(run)}
    if not findings:
        findings.append(_healthy(run, card))
        answers["cause"] = findings[0].says
    findings += _recorded(run, held)
    notes = [f"not used by the loss: {', '.join(unused)}"] if unused else []
    return Report(
        kind="why",
        subject=run.call.name,
        card=card,
        findings=tuple(findings),
        answers=answers,
        notes=tuple(notes),
        seed=seed,
    )


def _healthy(run: Run, numbers: dict[str, Any]) -> Finding:
    said = [f"loss {told(numbers['loss'], run)}", f"gradient norm {numbers['gradient norm']:.3g}"]
    if (top := numbers["top row"]) is not None:
        said.append(f"the largest row has {top:.1%} of the loss")
    if (level := numbers["chance level"]) is not None:
        said.append(f"a constant prediction costs {level:.4g} ({numbers['chance is']})")
    if run.outcome.kind == "zero gradient":
        said.append("its gradient is zero, and no other prediction that was tried is cheaper: nothing is left to learn")
    return Finding(
        code="W900",
        state="pass",
        question="cause",
        says=f"nothing is wrong with this batch: {', '.join(said)}",
        method=METHOD,
    )


def _recorded(run: Run, held: Batch) -> Iterator[Finding]:
    """What was saved with the batch, against what the loss gives now."""
    saved, now = held.loss, run.outcome
    if now.broken:
        return
    if saved is not None and saved.numel() == 1 and not math.isfinite(saved.item()):
        narrow = next((d for d in (torch.float16, torch.bfloat16) if run.cast(d).outcome.broken), None)
        where = f" In {str(narrow).removeprefix('torch.')} it breaks here too" * (narrow is not None)
        yield _elsewhere(
            f"the loss that was saved with the batch is {saved.item():g}, and here it is {now.total:.4g}.{where}",
            "Compute the loss outside of autocast, in float32."
            if narrow is not None
            else "Look at the other terms of the objective, at autocast, and at what is done to the loss afterwards.",
        )
    elif saved is not None and saved.numel() == 1 and abs(saved.item() - now.total) > 0.02 * (1e-3 + abs(now.total)):
        yield _elsewhere(
            f"the loss that was saved with the batch is {saved.item():.6g}, and here it is {now.total:.6g}",
            "Check that this is the loss that was trained: its fields, its reduction, and other terms added to it.",
        )
    if held.slope is not None and not bool(held.slope.isfinite().all()):
        bad = int((~held.slope.isfinite()).sum())
        yield _elsewhere(
            f"{bad} of {held.slope.numel()} values of the gradient that was saved are not finite, and the gradient of "
            "the loss in its inputs is: it breaks behind the prediction, in the model",
            "Look at the layers before the prediction: a root, norm, division or attention mask in the backward pass.",
        )


def _elsewhere(says: str, fix: str) -> Finding:
    return Finding(code="W971", state="inconclusive", question="what was recorded", says=says, fix=fix, method=METHOD)


# Its numbers.


def _symptom(run: Run) -> str:
    outcome, count = run.outcome, run.rows
    if outcome.error is not None:
        said = f"{type(outcome.error).__name__}: {outcome.error}".partition("\n")[0]
        return f"the loss raises {said[:300]}"
    word = {"nan": "NaN", "inf": "infinite"}.get(outcome.kind.partition(" ")[0], "")
    if outcome.kind in ("nan", "inf"):
        values = run.values if outcome.value is None or outcome.value.ndim == 0 else outcome.value
        bad = 0 if values is None else int((~values.isfinite()).sum())
        # Where rows need each other, each alone is not finite, and that says nothing of the batch.
        some = values is not None and 0 < bad < max(values.numel(), 2)
        return f"the loss is {word}" + (f": {bad} of {values.numel()} values" if some and values is not None else "")
    if outcome.kind in ("nan gradient", "inf gradient"):
        return f"the loss is {outcome.total:.4g} and its gradient {word}: {len(run.suspects)} of {count} rows"
    if outcome.kind in ("no gradient", "zero gradient"):
        return f"the loss is {told(outcome.total, run)} and has {outcome.kind.replace('zero', 'a zero')}"
    return f"the loss is {told(outcome.total, run)} and finite, its gradient too (norm {outcome.steepness:.3g})"


def _card(run: Run) -> dict[str, Any]:
    outcome = run.outcome
    broken = outcome.broken
    values = None if broken else run.values
    level = None if broken else chance(run)
    size = values.abs() if values is not None and values.numel() else None
    total = 0.0 if size is None else size.sum().item()
    return {
        "symptom": outcome.kind,
        "loss": outcome.total,
        "gradient norm": None if broken else outcome.steepness,
        "rows": run.rows,
        "top row": size.max().item() / total if size is not None and total > 0 else None,
        "chance level": level[0] if level else None,
        "chance is": level[1] if level else None,
    }
