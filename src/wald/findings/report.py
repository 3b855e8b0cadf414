"""What a check, an audit, a diff or a choice gives back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from wald.findings.environment import environment as describe_environment
from wald.findings.figure import Figure
from wald.findings.finding import Finding
from wald.findings.plain import to_plain
from wald.findings.state import State, count_states, overall_state

if TYPE_CHECKING:
    from rich.text import Text

ReportKind: TypeAlias = Literal["check", "audit", "why", "diff", "choose", "design"]

_KINDS: tuple[ReportKind, ...] = get_args(ReportKind)
_SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Report:
    """Findings about one subject, and the same thing for a person, a page, a program and a CI system.

    `print(report)` is for a person. There is no overall score: the verdict is the worst that was found.

    Attributes:
        kind: Which command made it: check, audit, why, diff, choose or design.
        subject: What it is about, such as "Focal(gamma=2.0)".
        findings: The results.
        card: The facts measured about the loss.
        figures: The pictures of its page.
        answers: For each question, the answer in at most four short sentences.
        further: For each question, what else was seen, a sentence each: for whoever wants more than the answer.
        notes: What else the reader must know.
        environment: Where it was made.
        seed: With which seed.
        paired: What a later report needs to be compared with this one row by row; empty where that has no meaning.
    """

    kind: ReportKind
    subject: str
    findings: tuple[Finding, ...] = ()
    card: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)
    figures: tuple[Figure, ...] = field(default=(), hash=False)
    answers: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    notes: tuple[str, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=describe_environment, hash=False)
    seed: int = 0
    further: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]], hash=False)
    paired: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"A report is one of {', '.join(_KINDS)}; got kind={self.kind!r}.")
        for name, kind in (("findings", Finding), ("figures", Figure)):
            members: tuple[object, ...] = tuple(getattr(self, name))
            for member in members:
                if not isinstance(member, kind):
                    raise TypeError(f"Report wants {name} of type {kind.__name__}; got {type(member).__name__}.")
            object.__setattr__(self, name, members)
        notes: Iterable[str] = (self.notes,) if isinstance(self.notes, str) else self.notes
        object.__setattr__(self, "notes", tuple(notes))
        for name in ("card", "answers", "environment", "further", "paired"):
            object.__setattr__(self, name, to_plain(getattr(self, name)))

    @property
    def counts(self) -> dict[str, int]:
        """How many findings were planned, and how many are in each state."""
        return count_states(finding.state for finding in self.findings)

    @property
    def verdict(self) -> State:
        """The worst of the states: fail, else error, warn, inconclusive, pass; `not_run` where nothing ran."""
        return overall_state(finding.state for finding in self.findings)

    def exit_code(self, strict: bool = False) -> int:
        """Return what a command exits with: 0 nothing failed, 1 something failed, 3 something errored.

        Args:
            strict: Whether what was not run counts as an error, an empty plan included.
        """
        counts = self.counts
        if counts["fail"]:
            return 1
        unrun = counts["not_run"] or not self.findings
        return 3 if counts["error"] or (strict and unrun) else 0

    def raise_if_failed(self, strict: bool = False) -> None:
        """Raise `ReportFailed` unless `exit_code(strict)` is 0, so that one line in a test holds a loss to this.

        An error raises too: a check that broke has shown nothing, and must not read as passed.
        """
        if self.exit_code(strict):
            raise ReportFailed(self)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that strict JSON can hold."""
        return {
            "schema": _SCHEMA,
            "kind": self.kind,
            "subject": self.subject,
            "verdict": self.verdict,
            "counts": self.counts,
            "card": to_plain(self.card),
            "findings": [finding.to_dict() for finding in self.findings],
            "environment": to_plain(self.environment),
            "seed": self.seed,
            "answers": dict(self.answers),
            "figures": [figure.to_dict() for figure in self.figures],
            "notes": list(self.notes),
            # Only an audit has these.
            **{name: to_plain(getattr(self, name)) for name in ("further", "paired") if getattr(self, name)},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Report:
        """Take back what `to_dict` gave. Verdict and counts are counted anew, not believed.

        Raises:
            ValueError: If the data are of another schema.
        """
        if data.get("schema") != _SCHEMA:
            raise ValueError(f"This version of wald reads reports of schema {_SCHEMA}; got {data.get('schema')!r}.")
        return cls(
            kind=data["kind"],
            subject=data["subject"],
            findings=tuple(Finding.from_dict(one) for one in data.get("findings", ())),
            card=data.get("card") or {},
            figures=tuple(Figure.from_dict(one) for one in data.get("figures", ())),
            answers=data.get("answers") or {},
            notes=tuple(data.get("notes", ())),
            environment=data.get("environment") or {},
            seed=data.get("seed", 0),
            further=data.get("further") or {},
            paired=data.get("paired") or {},
        )

    def json(self, indent: int | None = 2) -> str:
        """Return the report as strict JSON: no NaN, no Infinity."""
        import json

        return json.dumps(self.to_dict(), indent=indent, allow_nan=False, ensure_ascii=False)

    def text(self, *, width: int = 100, colour: bool = False) -> str:
        """Return about 25 lines for a person, the most severe first.

        Args:
            width: The most columns that a line takes.
            colour: Whether to colour the states, for a terminal.
        """
        from wald.findings.text import render_text

        return render_text(self, width=width, colour=colour)

    def html(self) -> str:
        """Return one self-contained page that asks nothing of any network."""
        from wald.findings.page import render_page

        return render_page(self)

    def junit(self) -> str:
        """Return JUnit XML, which CI systems show as tests."""
        from wald.findings.junit import render_junit

        return render_junit(self)

    def regression_tests(self) -> str:
        """Return what failed as a file of tests for pytest: they fail today, and pass once the loss is mended.

        Raises:
            ValueError: If this is no report of a check, nothing failed, or the loss cannot be imported.
        """
        from wald.findings.regression_tests import render_tests

        return render_tests(self)

    def __str__(self) -> str:
        return self.text()

    def __rich__(self) -> Text:
        from wald.findings.text import render_rich

        return render_rich(self)

    def _repr_html_(self) -> str:
        from wald.findings.page import render_frame

        return render_frame(self)


class ReportFailed(AssertionError):  # noqa: N818  (the name says what happened, as a failed assertion does)
    """A report in which something failed, or errored.

    Attributes:
        report: The report.
    """

    def __init__(self, report: Report) -> None:
        # The report itself is the argument, so that the exception survives pickling between processes.
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        from wald.findings.text import render_failure

        return render_failure(self.report)
