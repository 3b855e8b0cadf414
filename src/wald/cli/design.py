"""The loss that follows from what is wanted, where a decision follows from it, and why.

Say what is wanted in exactly one way: what decisions cost, what a piece too little and too much cost, a statistic, a
weight of decisions over thresholds, a metric, or a loss to be changed.

Examples:
  wald design --cost fn=100,fp=1 --unit dollars
  wald design --cost fn=amount,fp=5
  wald design --cost "0,1,1;10,0,10;1,1,0"
  wald design --underage 3 --overage 1
  wald design --statistic quantile=0.9
  wald design --statistic mean --counts --heavy-tails
  wald design --thresholds beta=2,6
  wald design --metric "recall at fpr=0.01"
  wald design --loss "Pinball(level=0.9)" --make smooth=0.1
  wald design --metric f1 --json | jq -r .loss

Exit codes: 0 a design was found and holds; 1 --check or --out measured otherwise; 2 wrong usage; 3 something errored
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
import sys

from .folder import write_report


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `wald design` takes."""
    wish = parser.add_argument_group("what is wanted, in one of these ways")
    wish.add_argument(
        "--cost", "--costs", metavar="COSTS", dest="costs",
        help='"fn=100,fp=1" (tp and tn too; a name for a column), or a matrix "0,1,1;10,0,10;1,1,0", a row a truth',
    )  # fmt: skip
    wish.add_argument("--underage", type=float, metavar="COST", help="what one piece too little costs, with --overage")
    wish.add_argument("--overage", type=float, metavar="COST", help="what one piece too much costs")
    wish.add_argument(
        "--statistic", metavar="NAME", help='mean, median, quantile=0.9, quantiles=0.05,0.95, "var and es=0.025" ...'
    )
    wish.add_argument("--thresholds", metavar="WEIGHT", help="beta=2,6, an even range 0.05-0.2, or points 0.1:2,0.5:1")
    wish.add_argument("--metric", metavar="NAME", help='f1, fbeta=2, "precision at 100", auc, ndcg, mape, r2 ...')
    wish.add_argument("--loss", metavar="LOSS", help='a loss to be changed, such as "Pinball(level=0.9)", with --make')
    wish.add_argument("--make", metavar="WHAT", help="smooth=0.1, bounded=4, calibrated, asymmetric=3, symmetric")
    known = parser.add_argument_group("what is known besides")
    known.add_argument("--classes", type=int, default=2, help="how many classes the target has (default 2)")
    known.add_argument("--rate", type=float, help="the share of yes in the training data")
    known.add_argument("--positive", action="store_true", help="the target is always above 0")
    known.add_argument("--zeros", action="store_true", help="it is never below 0, and often exactly 0")
    known.add_argument("--counts", action="store_true", help="it counts something")
    known.add_argument("--heavy-tails", action="store_true", help="a few values are enormous")
    known.add_argument("--unit", default="", help="what costs are counted in, such as dollars")
    parser.add_argument("--check", action="store_true", help="also measure the loss, and hold it to the design")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="also write the page with its pictures, and JSON and JUnit"
    )
    parser.add_argument("--json", action="store_true", help="write the design as JSON")


def run(arguments: Namespace) -> int:
    """Make the design, write it, and return the exit code."""
    from ..choices import design

    wish = {name: value for name, value in vars(arguments).items() if name not in ("check", "out", "json")}
    found = design(**wish)
    if arguments.json:
        print(found.json())
    else:
        from rich.console import Console

        Console(highlight=False, soft_wrap=True).print(found)
    beside = sys.stderr if arguments.json else sys.stdout
    code = 0
    if arguments.check:
        report = found.check()
        print(f"\n{report}", file=beside)
        code = report.exit_code()
    if arguments.out is not None:
        report = found.report()
        print(f"\nThe page is {write_report(report, arguments.out, 'design')}.", file=beside)
        code = max(code, report.exit_code())
    return code
