"""Show the page of one loss: formula, inputs, fields, claims, when to use it, and a picture.

The name may be any that people know the loss by, and fields may be set: the claims and the picture are then
those of that very loss. It reads the catalogue as text and loads nothing, so it answers at once.

Examples:
  wald show Huber                        the page of a loss
  wald show "Focal(gamma=5)"             of a loss with fields: what changes?
  wald show reg:pseudohubererror         by the name that XGBoost gives it
  wald show Huber --plot huber.svg       the picture as a file; needs wald[report]
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from itertools import cycle
from math import isfinite
from pathlib import Path
import re
from typing import Any, Final

from ..cards import REQUIRED, Domain, Formula
from ..findings.sketch import sketch
from .curves import picture
from .expression import Understood, understand
from .terminal import as_json, bold, columns, dim, rows, wrapped

#: Where the second column of the page begins.
MARGIN: Final = 22

SMOOTH: Final = {
    0: "no: it has kinks or jumps, where the gradient is not continuous",
    1: "once: the gradient is continuous, the curvature is not",
    2: "twice: the curvature is continuous",
    3: "yes: it can be differentiated as often as you like",
}

SLOPE: Final = {
    "bounded": "bounded: no error pulls harder than a fixed amount",
    "linear": "linear: twice the error pulls twice as hard",
    "logarithmic": "logarithmic: a larger error pulls harder, and ever less so",
    "sublinear": "sublinear: twice the error pulls less than twice as hard",
    "polynomial": "polynomial: twice the error pulls more than twice as hard",
    "exponential": "exponential: a large error drowns all others",
    "unbounded": "unbounded: near the end of its domain it pulls without limit",
    "vanishing": "vanishing: a very large error hardly pulls at all",
}

COUPLING: Final = {
    "separable": "separable: the loss of an example does not depend on the others",
    "coupled": "coupled: the loss of an example depends on the others in the batch",
}

#: What the words mean that stand where no statistic could be named.
ELICITS: Final = {
    "none": "its minimiser is no statistic that has a name",
    "unresolved": "which statistic its minimiser is depends on more than the loss, or is not known",
}

#: What the answers to a claim mean, in the order in which the page tells them.
YES_NO: Final = {
    "proper": ("only the truth does best in the mean", "something other than the truth can do best in the mean"),
    "calibrated": (
        "the best score decides as the true probability would",
        "the best score can decide otherwise than the true probability would",
    ),
    "invertible": (
        "the true probability can be read from the best score",
        "the true probability cannot be read from the best score",
    ),
    "symmetric": ("the losses of all labels add to a constant", "the losses of all labels do not add to a constant"),
    "convex": ("in the prediction", "not everywhere in the prediction"),
    "bounded_below": ("it cannot fall without end", "it can fall without end"),
    "perfect_is_minimal": ("predicting the target costs least", "something other than the target can cost least"),
}


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `wald show` takes."""
    parser.add_argument("name", metavar="NAME", help='a name, an alias, or an expression such as "Focal(gamma=5)"')
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.add_argument(
        "--plot", metavar="FILE", type=Path, help="write the picture to FILE (.svg, .png or .pdf); needs matplotlib"
    )


def run(arguments: Namespace) -> int:
    """Write the page."""
    loss = understand(arguments.name)
    if arguments.plot:
        _plot(loss, arguments.plot)
    if arguments.json:
        print(as_json(_facts(loss)))
    else:
        print("\n".join(_page(loss)))
        if arguments.plot:
            print(f"\nThe picture is in {arguments.plot}.")
    return 0


# The page.


def _page(loss: Understood) -> Iterator[str]:
    card = loss.card
    inputs = [(name, _input(domain)) for name, domain in card.inputs.items()]
    yield from _title(loss)
    yield ""
    yield from _formula(card.formula)
    if loss.unspoken:
        yield from wrapped(f"where {' and '.join(loss.unspoken)} is at its default", 4)
    yield from _section("Inputs", inputs)
    yield from _section("Fields", [(name, _field_line(name, loss)) for name in loss.entry.fields])
    yield ""
    yield from _picture(loss)
    yield from _section("Claims", list(_claims(card)))
    yield from _section("Values to know", list(_points(card)))
    yield from _section("Use", list(_use(loss)))
    yield from _others(card)
    yield from _section("More", list(_more(loss)))


def _title(loss: Understood) -> Iterator[str]:
    kind = f"{loss.entry.family.lower()}, {loss.card.task}"
    name = str(loss)
    room = columns() - len(name) - len(kind)
    if room >= 2:
        yield f"{bold(name)}{' ' * room}{dim(kind)}"
    else:
        yield from (bold(line) for line in wrapped(name, 0))
        yield dim(kind)
    for paragraph in _prose(loss.entry.doc):
        yield ""
        # A list keeps its items apart.
        for item in re.split(r"\n(?=- )", paragraph):
            yield from wrapped(item.removeprefix("- "), 2, first="- ") if item.startswith("- ") else wrapped(item, 0)


def _prose(doc: str) -> Iterator[str]:
    """The paragraphs of a docstring that the page does not say in its own way."""
    for paragraph in doc.split("\n\n"):
        if not re.match(r"\s*(>>>|Shapes?:|Args:|Raises:|Attributes:)", paragraph):
            yield paragraph


def _formula(formula: Formula | str) -> Iterator[str]:
    if isinstance(formula, str):
        yield from wrapped(formula, 4)
        return
    yield from wrapped(formula.text, 4)
    width = max((len(name) for name, _ in formula.where), default=0)
    for number, (name, part) in enumerate(formula.where):
        begin = "    where " if number == 0 else " " * 10
        yield from wrapped(part, 13 + width, first=f"{begin}{name:<{width}} = ")


def _input(domain: Domain) -> str:
    told = f"({', '.join(('*batch', *domain.axes))}) · {domain.says}"
    if domain.bounded:
        told += f", {domain.interval}"
    if domain.soft:
        told += f"; or ({', '.join(('*batch', *domain.soft))}) · probabilities, as floats"
    return told


def _field_line(name: str, loss: Understood) -> str:
    declared, value = loss.entry.fields[name], loss.values[name]
    told = [repr(value), declared.metadata["help"].rstrip("."), _allowed(declared)]
    if declared.default is REQUIRED:
        told.append("yours to choose")
    elif value != declared.default:
        told.append(f"default {declared.default!r}")
    return " · ".join(filter(None, told))


def _allowed(declared: Any) -> str:
    if choices := declared.metadata["choices"]:
        return " or ".join(map(repr, choices))
    signs = {"above": ">", "at_least": ">=", "below": "<", "at_most": "<="}
    bounds = declared.metadata["bounds"]
    return " and ".join(f"{sign} {bounds[bound]:g}" for bound, sign in signs.items() if bound in bounds)


def _claims(card: Any) -> Iterator[tuple[str, str]]:
    if card.elicits is not None:
        yield "elicits", f"{card.elicits}: {ELICITS.get(card.elicits, 'its minimiser is this of the target')}"
    if card.threshold is not None:
        yield "threshold", f"{card.threshold:g}: the probability at which its decision flips"
    for name, (yes, no) in YES_NO.items():
        claim = getattr(card, name)
        if claim is not None:
            yield name.replace("_", " "), f"yes: {yes}" if claim else f"no: {no}"
    if card.smooth is not None:
        yield "smooth", SMOOTH[card.smooth]
    if card.slope is not None:
        yield "slope", SLOPE[card.slope]
    yield "coupling", COUPLING[card.coupling]
    yield "mean divides by", card.denominator


def _use(loss: Understood) -> Iterator[tuple[str, str]]:
    if loss.card.when:
        yield "when", loss.card.when
    if loss.card.when_not:
        yield "when not", loss.card.when_not
    yield "like this", "loss = " + re.sub(r"\b([A-Z]\w*\()", r"wald.\1", str(loss))
    yield "", f"loss({', '.join(loss.card.inputs)}).backward()"


def _points(card: Any) -> Iterator[tuple[str, str]]:
    for name, value in card.points.items():
        yield name, value if isinstance(value, str) else f"{value:g}"


def _others(card: Any) -> Iterator[str]:
    """What other libraries call it. Their names are long, so the fields go below."""
    if card.ports:
        yield from ("", bold("In other libraries"))
    for port, fields in card.ports.items():
        yield f"  {port}"
        if fields:
            told = ", ".join(f"{name}={value!r}" for name, value in fields.items())
            yield from wrapped(f"at {told}", 4, first="    ")


def _more(loss: Understood) -> Iterator[tuple[str, str]]:
    if loss.card.aliases:
        yield "also known as", ", ".join(loss.card.aliases)
    for number, source in enumerate(loss.card.cite):
        yield ("source" if number == 0 else ""), source
    yield "measure it", f'wald check "{loss}"'


def _section(heading: str, pairs: list[tuple[str, str]]) -> Iterator[str]:
    if pairs:
        yield ""
        yield bold(heading)
        yield from rows(pairs, least=MARGIN)


def _picture(loss: Understood) -> Iterator[str]:
    found = picture(loss)
    if isinstance(found, str):
        yield from wrapped(found, 9, first=bold("Picture") + "  ")
        return
    yield from wrapped(f"the loss of one example against {found.axis}", 9, first=bold("Picture") + "  ")
    # What is nothing beside the rest is labelled 0, not 9.02e-14.
    span = max(abs(v) for curve in found.curves.values() for v in curve if isfinite(v))
    curves = {label: [0.0 if abs(v) < span / 1000 else v for v in curve] for label, curve in found.curves.items()}
    yield from sketch(found.x, curves, width=min(columns() - 12, 72), height=12).splitlines()


# The same for machines, and the picture as a file.


def _facts(loss: Understood) -> dict[str, Any]:
    return {
        "schema": 1,
        "kind": "show",
        "name": loss.entry.name,
        "loss": str(loss),
        "family": loss.entry.family,
        "summary": loss.entry.summary,
        "doc": loss.entry.doc,
        "fields": [_field(name, loss) for name in loss.entry.fields],
        "card": loss.card.to_dict(),
    }


def _field(name: str, loss: Understood) -> dict[str, Any]:
    declared = loss.entry.fields[name]
    required = declared.default is REQUIRED
    told = ("help", "bounds", "choices", "typical")
    facts = {"name": name, "value": loss.values[name], "required": required}
    return facts | {"default": None if required else declared.default} | {k: declared.metadata[k] for k in told}


def _plot(loss: Understood, path: Path) -> None:
    found = picture(loss)
    if isinstance(found, str):
        raise ValueError(f"{found} There is nothing to write to {path}.")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("--plot draws with matplotlib: pip install 'wald[report]'") from None
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot(xlabel=found.axis, ylabel="loss of one example", title=str(loss))
    # Told apart by more than colour.
    for (label, values), style in zip(found.curves.items(), cycle(("-", "--", ":", "-.")), strict=False):
        axes.plot(found.x, values, style, label=label)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)
