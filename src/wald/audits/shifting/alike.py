"""Whether training, test and shifted rows are of one kind."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...findings import Controls, Finding, judge
from ..evidence import Evidence
from ..grouping.members import units_of
from ..inspecting.features import described
from ..probe import ADVICE, Outcome
from ..statistics import Sample
from .apart import ROWS, Apart, apart
from .silent import QUESTION, silent

#: Inputs that can be told apart as well as this are not of one kind.
DIFFERENT = 0.6

#: Fewer rows, or clusters of rows, than this are not compared.
FEWEST = 40


def alike(evidence: Evidence) -> Outcome:
    """Try to tell training and shifted rows from test rows by their inputs."""
    case, what = evidence.case, "whether training, test and shifted rows are of one kind"
    others = ({} if case.train is None else {"training": case.train[0]}) | {
        name: inputs for name, (inputs, _) in case.shifted.items()
    }
    if not others:
        return silent("R211", what, "the case gives no train", fix=ADVICE["train"], state="not_run")
    if (units := units_of(evidence.sample)) < FEWEST:
        return silent("R211", what, f"{units} test rows, or clusters of them, are too few to tell")
    if not bool((evidence.inputs != evidence.inputs[:1]).any()):
        return silent("R211", what, "the inputs of the test rows are all the same")
    found = {name: _told_apart(evidence, name, inputs) for name, inputs in others.items()}
    names = case.features if evidence.inputs.ndim == 2 else ()
    lines = [f"{name} {one.auc:.2f}{' (p < 0.01)' if one.p < 0.01 else ''}" for name, one in found.items()]
    facts: dict[str, Any] = {
        "AUC": {name: one.auc for name, one in found.items()},
        "p": {name: one.p for name, one in found.items()},
    }
    first = found.get("training") if case.train is not None else None
    if first is None:
        says = f"told apart from the test rows by their inputs (AUC, 0.5 is not at all): {', '.join(lines)}"
        finding = Finding(code="R211", state="not_applicable", question=QUESTION, says=says, evidence=facts)
        return Outcome((finding,))
    controls = _apart_controls(evidence)
    state = judge(effect=first.auc, interval=first.interval, threshold=torch.inf, warn=DIFFERENT, controls=controls)
    if names and len(first.means) == len(names):
        order = first.means.abs().argsort(descending=True)[:5].tolist()
        facts["columns that differ most, in sd"] = {names[one]: float(first.means[one]) for one in order}
    difference = (
        "are not of one kind" if first.interval[0] > DIFFERENT else "look alike" if first.p >= 0.01 else "differ"
    )
    says = (
        f"training and test rows {difference}: by their inputs a simple classifier tells them apart with an AUC of "
        f"{first.auc:.2f} (0.5 is not at all, 1 is wholly)"
    ) + (f"; from the test rows it also tells {', '.join(lines[1:])}" if len(lines) > 1 else "")
    finding = Finding(
        code="R211",
        state=state,
        question=QUESTION,
        says=says,
        fix="find out where the rows come from: measure on rows like those of use, or weight the training rows to be "
        "like them",
        effect=first.auc,
        unit="AUC",
        interval=first.interval,
        controls=controls,
        evidence=facts,
        method="a ridge discriminant on the inputs and their squares, fitted on one half and tried on the other, and "
        f"the other way round; up to {ROWS} rows of either set; the error of the AUC by its placement values, by whole "
        f"clusters. Warns beyond {DIFFERENT:g}. Controls: one half of the test rows against the other, and with half "
        "of its columns moved by 1 sd",
        source="Lopez-Paz & Oquab 2017, arXiv:1610.06545; DeLong et al. 1988, doi:10.2307/2531595",
    )
    return Outcome((finding,), answer="the test rows are unlike the training rows" if state == "warn" else "")


def _told_apart(evidence: Evidence, name: str, inputs: Tensor) -> Apart:
    source = evidence.random("apart", name)
    few = torch.randperm(len(inputs), generator=source)[:ROWS].sort().values
    own = _some_rows(evidence)
    both = torch.cat(
        [inputs[few.to(inputs.device)].detach().cpu(), evidence.inputs[own.to(evidence.inputs.device)].cpu()]
    )
    columns = described(both, source, tokens=evidence.case.input_space.tokens)
    train = Sample(len(few), evidence.seed, ordered=evidence.case.ordered)
    return apart(columns[: len(few)], columns[len(few) :], train, evidence.sample.part(own))


def _some_rows(evidence: Evidence) -> Tensor:
    if evidence.rows <= ROWS:
        return torch.arange(evidence.rows)
    return torch.randperm(evidence.rows, generator=evidence.random("apart rows"))[:ROWS].sort().values


def _apart_controls(evidence: Evidence) -> Controls:
    own = _some_rows(evidence)
    inputs = evidence.inputs[own.to(evidence.inputs.device)].detach().cpu()
    columns = described(inputs, evidence.random("apart controls"), tokens=evidence.case.input_space.tokens)
    sample = evidence.sample.part(own)
    first, second = sample.halves("apart controls")
    quiet = apart(columns[first], columns[second], sample.part(first), sample.part(second))
    moved = columns[second].clone()
    moved[:, : (moved.shape[1] + 1) // 2] += 1
    loud = apart(columns[first], moved, sample.part(first), sample.part(second))
    return Controls(positive=loud.p <= 0.01, negative=quiet.p > 0.005)
