"""Writes what was measured into docs/performance.md: python benchmarks/page.py.

The figures of the page stand between marks, and come from the newest benchmarks/fast-*.json and accuracy-*.json;
a test holds the page to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import json
from pathlib import Path
import re
from typing import Any

from wald.core.implementation import implementations
import wald.kernels  # noqa: F401  (which registers them)
from wald.timing.table import amount, duration

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"

#: What the rows of the table are about.
ROWS = {
    1: "Linear loss, fp32",
    2: "Half the tokens ignored",
    3: "Linear loss, bf16",
    4: "With everything at once",
    5: "Cross-entropy on logits",
    6: "Elementwise losses",
    7: "Contrastive",
    8: "Triplets",
    9: "Pairs and CRPS by sorting",
    10: "Preferences over a linear head",
    11: "Small calls, import",
}

Found = Mapping[str, Any]


def newest(kind: str) -> Found | None:
    """The latest figures of a kind, `fast`, `gpu` or `accuracy`."""
    files = sorted(HERE.glob(f"{kind}-*.json"))
    return json.loads(files[-1].read_text("utf-8")) if files else None


def figures() -> dict[str, Any]:
    """The latest of all kinds; what was measured on a GPU takes the place of what a machine without one says."""
    fast, gpu = newest("fast"), newest("gpu")
    if fast is None:
        raise FileNotFoundError("there is no benchmarks/fast-*.json; run python benchmarks/fast.py")
    on_gpu = {case["name"]: case for case in gpu["cases"]} if gpu else {}
    cases = [on_gpu.get(case["name"], case) for case in fast["cases"]]
    return {"fast": {**fast, "cases": cases}, "runs": [fast, *([gpu] if gpu else [])], "accuracy": newest("accuracy")}


def times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def table(found: Found) -> Iterator[str]:
    """Every case: what it took, beside floor and rivals, and what was promised."""
    groups = {f"{row}. {title}": [case for case in found["cases"] if case["row"] == row] for row, title in ROWS.items()}
    others = [case for case in found["cases"] if case["row"] is None]
    groups["Also measured"] = [case for case in others if case["device"] == "cpu"]
    groups["On a GPU"] = [case for case in others if case["device"] != "cpu"]
    for title, cases in groups.items():
        if not cases:
            continue
        yield f"**{title}**"
        yield ""
        yield "| case | time | × floor | rivals, × Wald | extra memory | promised: found |"
        yield "|---|---|---|---|---|---|"
        yield from map(line, cases)
        yield ""


def line(case: Found) -> str:
    if case["reason"]:
        return f"| {case['name']} | not measured: {case['reason']} | | | | {promises(case)} |"
    ours = case["sides"]["wald"]
    rivals = [f"{name} {times(side['ratio_to_wald'])}" for name, side in case["sides"].items() if name not in _OWN]
    cells = (
        case["name"],
        duration(ours["ms"]),
        times(ours["ratio_to_floor"]),
        ", ".join(rivals),
        memory(case, ours),
        promises(case),
    )
    return f"| {' | '.join(cells)} |"


_OWN = ("wald", "floor")


def memory(case: Found, side: Found) -> str:
    if not isinstance(side["peak_bytes"], int):
        return ""
    extra = max(0, side["peak_bytes"] - case["owed_bytes"])
    return f"{amount(extra)}, {times(side['memory_ratio'])} × {case['input_name']}"


def promises(case: Found) -> str:
    return "; ".join(map(promise, case["bars"]))


def promise(bar: Found) -> str:
    if bar["found"] is None:
        return f"{bar['promise']}: not measured"
    found = f"{bar['found']:.3g}"
    return f"{bar['promise']}: {found}" if bar["met"] else f"{bar['promise']}: **{found}, not met**"


def summary(runs: list[Found]) -> Iterator[str]:
    """On what and when, and how many promises hold."""
    for found in runs:
        machine = found["machine"]
        bars = [bar for case in found["cases"] for bar in case["bars"] if bar["met"] is not None]
        met = sum(bar["met"] for bar in bars)
        versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
        yield (
            f"Measured on {found['date'][:10]}: {machine['processor']}, {machine['instructions']}, "
            f"{machine['cores']} cores, {machine['memory_gb']:g} GiB, {machine['gpu'] or 'no GPU'}; "
            f"threads: {found['threads']}; {versions}. Of {len(bars)} promises that were measured {met} are met."
        )
        yield ""


def errors(found: Found) -> Iterator[str]:
    """For each implementation its largest errors, and those of the definition in the same dtype."""
    yield "| implementation | losses | value | definition | gradient | definition |"
    yield "|---|---|---|---|---|---|"
    for name in dict.fromkeys(one["implementation"] for one in found["errors"]):
        mine = [one for one in found["errors"] if one["implementation"] == name]
        worst = {key: max(one[key] for one in mine) for key in _ERRORS}
        yield f"| {name} | {len(mine)} | {' | '.join(f'{worst[key]:.1e}' for key in _ERRORS)} |"


_ERRORS = ("value", "definition_value", "gradient", "definition_gradient")


def registered(_: Found) -> Iterator[str]:
    """Every implementation, in the order in which they are asked, and the losses that it is of."""
    yield "| implementation | losses |"
    yield "|---|---|"
    names = dict.fromkeys(each.name for each in implementations())
    for name in names:
        losses = sorted({each.of.__name__ for each in implementations() if each.name == name})
        yield f"| {name} | {', '.join(losses)} |"


#: What stands between the marks: its maker, and the figures that it is made of.
PARTS = {
    "summary": (summary, "runs"),
    "table": (table, "fast"),
    "errors": (errors, "accuracy"),
    "implementations": (registered, "fast"),
}


def written(page: str, measured: Mapping[str, Any]) -> str:
    """The page with these figures."""
    for name, (make, kind) in PARTS.items():
        told = "\n".join(make(measured[kind])).rstrip("\n")
        page, count = re.subn(
            rf"(<!-- {name} -->\n).*?(<!-- end -->)",
            lambda found, told=told: f"{found[1]}\n{told}\n\n{found[2]}",
            page,
            flags=re.DOTALL,
        )
        if count != 1:
            raise ValueError(f"docs/performance.md has {count} places called {name!r}; one is wanted.")
    return page


def main() -> None:
    PAGE.write_text(written(PAGE.read_text("utf-8"), figures()), encoding="utf-8")


if __name__ == "__main__":
    main()
