"""The frame of the command: it finds what is asked for, loads that alone, and answers what went wrong."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib import import_module
import inspect
import os
import sys
from textwrap import fill
import traceback
from typing import Any, Final, NoReturn, TextIO

from .. import __version__

#: Every command, and what it is for. `wald NAME` runs the file of that name in this folder.
COMMANDS: Final = {
    "list": "every loss of the catalogue, or those that speak of some words",
    "show": "one loss: formula, fields, claims, when to use it, a picture",
    "check": "measure a loss from outside: no data, no model, about two seconds",
    "diff": "whether two losses are the same, and where they part",
    "why": "why a saved batch is NaN, zero or stuck",
    "choose": "which loss for this data: evidence, intervals, and a tie where it is one",
    "audit": "the five questions about a loss, a model, its data and its metric",
    "design": "the loss that follows from costs, a statistic, thresholds or a metric",
    "doctor": "which fast implementations run on this machine, and what is missing",
    "bench": "how fast losses are here, beside their floor, torch and other libraries",
}

HELP: Final = """\
Wald designs, computes, chooses and audits loss functions, in PyTorch.

usage: wald COMMAND ...

{commands}

Start here:
  wald list imbalanced             losses for a rare class
  wald show "Focal(gamma=2)"       what one of them is, claims and looks like
  wald check mine.py:my_loss       what your own loss really does
  wald audit --list                cases to audit that come with the library

`wald COMMAND --help` says more, with examples; `wald --version` says which this is.
Exit codes: 0 nothing failed, 1 something failed, 2 wrong usage, 3 something errored."""

#: Stopped by Ctrl-C, and stopped because nobody reads on: 128 and the number of the signal, as everywhere.
INTERRUPTED: Final = 130
UNREAD: Final = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 1, 2 or 3, 130 after Ctrl-C, 141 when the pipe closes."""
    _write_what_the_terminal_can()
    try:
        code = _dispatched(list(sys.argv[1:] if arguments is None else arguments))
        # Output that nobody reads must show here, not when Python shuts down.
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _discard(sys.stdout)
        return UNREAD
    return code


def _dispatched(arguments: list[str]) -> int:
    match arguments:
        case [name, *rest] if name in COMMANDS:
            return _run(name, rest)
        case ["--version" | "-V", *_]:
            print(f"wald {__version__}")
            return 0
        case ["--help" | "-h"] | ["help"]:
            print(_help())
            return 0
        case ["help", name, *_] if name in COMMANDS:
            return _run(name, ["--help"])
        case []:
            print(_help(), file=sys.stderr)
            return 2
        case _:
            name = arguments[0]
            kind = "option" if name.startswith("-") else "command"
            choices = ["--help", "--version"] if kind == "option" else list(COMMANDS)
            print(f"wald: there is no {kind} {name!r}. {_nearest(name, choices)}", file=sys.stderr)
            return 2


def _run(name: str, rest: list[str]) -> int:
    command: Any = import_module(f"wald.cli.{name}")
    parser = _Parser(
        prog=f"wald {name}",
        description=inspect.cleandoc(command.__doc__ or ""),
        formatter_class=_Help,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    try:
        arguments = parser.understood(rest)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    try:
        return command.run(arguments)
    except BrokenPipeError:
        raise
    except Exception as error:
        told = _sentence(error)
        if not told or "WALD_TRACEBACK" in os.environ:
            traceback.print_exc()
        if told:
            print(f"wald {name}: {told}", file=sys.stderr)
            return 2
        print(
            f"wald {name}: unless the last file above is yours, this is a defect of Wald. Please report it.",
            file=sys.stderr,
        )
        return 3


class _Help(RawDescriptionHelpFormatter):
    """Help whose paragraphs fill the terminal and whose examples stay as they are written."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.split("\n\n")
        return "\n\n".join(p if p.lower().startswith("examples:") else fill(p, width) for p in paragraphs)


class _Parser(ArgumentParser):
    """An argument parser whose errors say what to write instead."""

    def understood(self, given: list[str]) -> Namespace:
        """The arguments; an unknown one is answered with the nearest option."""
        found, extra = self.parse_known_args(given)
        if extra:
            options = [option for action in self._actions for option in action.option_strings]
            self.error(f"{extra[0]!r} is one argument too many. {_nearest(extra[0], options)}")
        return found

    def error(self, message: str) -> NoReturn:
        usage = " ".join(self.format_usage().split())
        self.exit(2, f"{self.prog}: {message}\n{usage}\n`{self.prog} --help` has examples.\n")


def _help() -> str:
    rows = [f"  {name:<8} {purpose}" for name, purpose in COMMANDS.items()]
    return HELP.format(commands="\n".join(rows))


def _nearest(name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}."


def _sentence(error: Exception) -> str:
    """What an error says to the person who caused it; nothing where it speaks to nobody, as `KeyError('x')` does."""
    match error:
        case OSError(filename=str(filename), strerror=str(reason)):
            return f"{filename}: {reason}"
        case KeyError() | ValueError() | TypeError() | OSError() | ImportError():
            # The text of a KeyError is the repr of its argument.
            told = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
            return told if " " in told else ""
        case _:
            return ""


def _write_what_the_terminal_can() -> None:
    # A terminal without σ or ⣀ should show a question mark in their place, not a traceback.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def _discard(stream: TextIO) -> None:
    """Let the interpreter flush `stream` into nothing, so that it has nothing to complain of."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
