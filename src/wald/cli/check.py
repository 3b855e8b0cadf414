"""Measure a loss from outside, without data or a model, in about two seconds.

It finds out what the loss elicits (mean, median, a quantile, a probability ...), whether it is proper, convex and
bounded below, where value and gradient break, how it is called, and whether its card says the truth.

TARGET is a loss of the catalogue, as in "Focal(gamma=2)", or one of your own: file.py:name or package.module:name,
where name is anything that is called as name(prediction, target), or a class that makes one.

Examples:
  wald check "Focal(gamma=2, alpha=0.25)"
  wald check my_losses.py:my_loss
  wald check torch.nn.functional:mse_loss
  wald check my_losses.py:FocalLoss --claims focal
  wald check my_losses.py:brier --task binary --domain probability
  wald check my_losses.py:my_loss --out report --tests tests/test_my_loss.py
  wald check my_losses.py:my_loss --json | jq -r .card.elicits

Exit codes: 0 nothing failed, 1 something failed, 2 wrong usage, 3 something errored or, with --strict, was not run
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
import sys

from .folder import write_report


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `wald check` takes."""
    parser.add_argument("target", metavar="TARGET", help='"Huber(delta=1.0)", file.py:name or package.module:name')
    parser.add_argument(
        "--claims", metavar="NAME", help='what it is said to be: "focal", "Focal(gamma=2, alpha=0.25)", ...'
    )
    parser.add_argument("--task", help="what it is for, where that cannot be seen: regression, binary, multiclass ...")
    parser.add_argument(
        "--domain", help="where its prediction lives, where that cannot be seen: real, positive, probability, logit ..."
    )
    parser.add_argument("--seed", type=int, default=0, help="of every random number (default 0)")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="also write the page with its pictures, and the same as JSON and JUnit"
    )
    parser.add_argument(
        "--tests", metavar="FILE", type=Path, help="also write what was found as tests for pytest; they fail today"
    )
    parser.add_argument("--strict", action="store_true", help="what was not run counts as an error")
    parser.add_argument("--json", action="store_true", help="write the report as JSON")


def run(arguments: Namespace) -> int:
    """Measure it, write the report, and return the exit code."""
    from ..checks import check

    report = check(
        arguments.target,
        claims=arguments.claims,
        task=arguments.task,
        domain=arguments.domain,
        seed=arguments.seed,
    )
    if arguments.json:
        print(report.json())
    else:
        from rich.console import Console

        Console(highlight=False, soft_wrap=True).print(report)
    beside = sys.stderr if arguments.json else sys.stdout
    if arguments.out is not None:
        print(f"\nThe page is {write_report(report, arguments.out, report.subject)}.", file=beside)
    if arguments.tests is not None:
        arguments.tests.write_text(report.regression_tests(), encoding="utf-8")
        print(f"\nThe tests are {arguments.tests}; they fail until the loss is mended.", file=beside)
    return report.exit_code(strict=arguments.strict)
