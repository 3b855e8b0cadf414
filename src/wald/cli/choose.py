"""Choose a loss for a table by evidence: what each would estimate, then a race on the same rows with the same learner.

DATA is a table (CSV, TSV or Parquet). The report is printed, and written to the folder DIR as a page (.html), as JSON
and as JUnit XML. What finished is kept in DIR as well: Ctrl-C, then the same command again, goes on where it stopped.

What mistakes cost, in money, is the best metric there is: --costs fn=100,fp=1, or fn=amount where a column says what
each row is worth. Losses of your own are added with --loss, which may be given several times.

Examples:
  wald choose fraud.csv --target fraud --costs fn=amount,fp=5 --unit dollars
  wald choose fraud.csv --target fraud --metric average_precision --loss "Focal(gamma=3)"
  wald choose sales.parquet --target sold --metric mape --time day
  wald choose loans.csv --target bad --metric log_loss --group region --learner boosting --jobs 2
  wald choose loans.csv --target bad --metric roc_auc --json | jq -r .answers
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
import sys
from textwrap import indent
from typing import TYPE_CHECKING, Any

from .folder import write_report
from .names import names_in
from .progress import progress
from .terminal import bold, columns

if TYPE_CHECKING:
    from ..audits.tables.source import TableFile
    from ..choices import Choice


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `wald choose` takes."""
    parser.add_argument("data", metavar="DATA", type=Path, help="a table: CSV, TSV or Parquet")
    parser.add_argument("--target", metavar="COLUMN", required=True, help="what is to be predicted")
    parser.add_argument(
        "--metric", metavar="NAME", help='what counts: "average_precision", "mape" ..., or file.py:name'
    )
    parser.add_argument("--costs", metavar="fn=N,fp=N", help="what mistakes cost: numbers, or names of columns")
    parser.add_argument("--unit", default="", help="what costs or predictions are counted in, such as dollars")
    parser.add_argument(
        "--loss", action="append", default=[], metavar="TARGET", help="a loss to be among the candidates; several times"
    )
    parser.add_argument("--only", action="store_true", help="race the losses of --loss alone, beside the baselines")
    parser.add_argument(
        "--learner", default="linear", choices=("linear", "boosting", "mlp"), help="what is trained (default: linear)"
    )
    parser.add_argument("--features", metavar="COLUMN[,COLUMN...]", help="what is learned from (default: all others)")
    parser.add_argument("--drop", metavar="COLUMN[,COLUMN...]", help="what must not be learned from")
    parser.add_argument("--weight", metavar="COLUMN", help="what each row counts for")
    parser.add_argument("--group", metavar="COLUMN", action="append", default=[], help="compare groups; several times")
    parser.add_argument("--cluster", metavar="COLUMN", help="rows with one value belong together (a patient, a day)")
    parser.add_argument(
        "--time", metavar="COLUMN", help="when each row was: later rows are predicted from earlier ones"
    )
    parser.add_argument("--task", choices=("binary", "multiclass", "ordinal", "regression"), help="(default: seen)")
    parser.add_argument("--folds", type=int, default=5, help="(default: 5)")
    parser.add_argument("--repeats", type=int, default=1, help="how often all folds are drawn anew (default: 1)")
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="about how long it may take")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("wald-choose"), help="where to write (default: wald-choose)"
    )
    parser.add_argument("--fresh", action="store_true", help="do not go on from what DIR holds")
    parser.add_argument("--json", action="store_true", help="print JSON in place of text")
    parser.add_argument("--seed", type=int, default=0, help="of every random number (default: 0)")
    better = parser.add_mutually_exclusive_group()
    for word in ("lower", "higher"):
        better.add_argument(
            f"--{word}-is-better",
            dest="better",
            action="store_const",
            const=word,
            help=f"of a metric of your own, {word}",
        )


def run(arguments: Namespace) -> int:
    """Choose, and write what was found."""
    with progress() as step:
        choice = _chosen(arguments, step)
    written = write_report(choice, arguments.out, arguments.data.stem)
    if arguments.json:
        print(choice.json())
    else:
        print(choice.text(width=columns(), colour=sys.stdout.isatty()))
        told = f"with the columns in X, {arguments.target} in y, and the rows to predict in new"
        print(f"\n{bold('To use it')}, {told}:\n{indent(choice.code(), '  ')}")
    print(
        f"\nThe page is {written}; beside it the same as JSON and JUnit XML.",
        file=sys.stderr if arguments.json else sys.stdout,
    )
    return choice.exit_code()


def _chosen(arguments: Namespace, step: Callable[[str, int, int], None]) -> Choice:
    from ..audits.tables.source import TableFile
    from ..checks.subjects.target import named_thing, resolve
    from ..choices import Costs, choose

    file = TableFile(arguments.data)
    costs = None if arguments.costs is None else Costs.read(arguments.costs, unit=arguments.unit)
    roles = [arguments.target, arguments.weight, arguments.cluster, arguments.time]
    asked = [*roles, *arguments.group, *names_in(arguments.features), *names_in(arguments.drop)]
    for name in filter(None, [*asked, *(costs.columns if costs else ())]):
        file.refuse_missing(name)
    step("reading the table", 0, 1)
    frame = _frame(file)
    if arguments.time:
        frame = frame.sort_values(arguments.time, kind="stable").reset_index(drop=True)
    left_out = {name for name in roles if name} | set(names_in(arguments.drop))
    features = names_in(arguments.features) or [name for name in frame.columns if name not in left_out]
    metric: Any = arguments.metric
    if metric is not None and ":" in metric:
        metric = named_thing(metric)
    return choose(
        frame[features],
        frame[arguments.target],
        metric=metric,
        lower_is_better=None if arguments.better is None else arguments.better == "lower",
        costs=costs,
        losses=[resolve(one, pairs=True).loss for one in arguments.loss],
        only=arguments.only,
        columns={name: frame[name] for name in (costs.columns if costs else ())},
        learner=arguments.learner,
        weights=None if arguments.weight is None else frame[arguments.weight],
        groups={name: frame[name] for name in arguments.group} or None,
        clusters=None if arguments.cluster is None else frame[arguments.cluster],
        ordered=arguments.time is not None,
        task=arguments.task,
        folds=arguments.folds,
        repeats=arguments.repeats,
        budget=arguments.budget,
        jobs=arguments.jobs,
        resume=None if arguments.fresh else arguments.out / "finished",
        seed=arguments.seed,
        name=f"{arguments.target} in {arguments.data.name}",
        unit=arguments.unit,
        progress=step,
    )


def _frame(file: TableFile) -> Any:
    """The whole table: what is trained on has to be held."""
    from ..audits.reading.libraries import pandas

    return pandas().concat(list(file.batches(file.columns)), ignore_index=True)
