"""Answer the five questions about a loss, a model, its data and the metric that counts.

CASE is a built-in case, a table with the names of its columns, or a Python file that defines case(), which returns a
wald.Case. The report is printed, and written to the folder DIR as a page (.html), as JSON and as JUnit XML. Ctrl-C
ends an audit early and keeps what it has.

A table (CSV, TSV or Parquet) may be larger than memory: the loss and the metric are measured on all of its rows, the
rest on a sample. A model is a pickled estimator (.pkl, .joblib), a file of XGBoost (.json, .ubj), LightGBM (.txt) or
CatBoost (.cbm), or file.py:name for a torch module, a model of Hugging Face or a function. Reading a pickle or a
Python file runs the code that is in it: give only files that you trust.

Examples:
  wald audit --list                                        the built-in cases
  wald audit loans                                         the folk recipe for imbalance, in dollars
  wald audit loans --plan                                  what would run, and what it would cost
  wald audit loans --loss "BinaryCrossEntropy()"           the same model and data, with another loss
  wald audit scored.csv --target paid --prediction p --loss log_loss --metric roc_auc --group region
  wald audit test.parquet --target y --model model.joblib --loss log_loss --metric average_precision
  wald audit my_case.py --quick --strict                   for CI: 1 if something failed, 3 if not all was run
  wald audit --compare old.json new.json                   what changed, where both saw the same rows
  wald audit loans --json | jq -r '.findings[].says'
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
import inspect
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Any

from .audit_table import add_table_arguments, given_for_tables, table_case
from .folder import write_report
from .progress import progress
from .terminal import bold, columns, rows

if TYPE_CHECKING:
    from ..audits import Case
    from ..findings import Report


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `wald audit` takes."""
    parser.add_argument(
        "case", nargs="?", metavar="CASE", help="a built-in case, a table, or a Python file that defines case()"
    )
    parser.add_argument("--list", action="store_true", help="list the built-in cases")
    parser.add_argument(
        "--loss",
        metavar="TARGET",
        help='the loss of a table; or train a case with this one instead: "Focal(gamma=2)", file.py:name, module:name',
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("wald-audit"), help="where to write (default: wald-audit)"
    )
    levels = parser.add_mutually_exclusive_group()
    for level, cost in (("quick", "seconds"), ("standard", "under a minute, the default"), ("deep", "minutes")):
        levels.add_argument(f"--{level}", dest="level", action="store_const", const=level, help=cost)
    parser.add_argument("--plan", action="store_true", help="say what would run and what it would cost; run nothing")
    parser.add_argument(
        "--compare", nargs=2, metavar=("OLD.json", "NEW.json"), help="what changed between two audits of the same rows"
    )
    parser.add_argument("--json", action="store_true", help="print JSON in place of text")
    parser.add_argument("--seed", type=int, default=0, help="of every random number (default: 0)")
    parser.add_argument("--strict", action="store_true", help="exit with 3 if something was not run")
    add_table_arguments(parser)
    parser.set_defaults(level="standard")


def run(arguments: Namespace) -> int:
    """Audit a case, and write what was found."""
    if arguments.list:
        return _list()
    if arguments.compare:
        return _compare(arguments)
    if arguments.case is None:
        raise ValueError(
            "which case? `wald audit --list` shows the built-in ones; or give a table, or a Python file with case()."
        )
    from ..audits import audit
    from ..audits.running import was_interrupted

    with progress() as step:
        step("making the case", 0, 1)
        case = _case(arguments)
        if arguments.plan:
            return _plan(case, arguments)
        report = audit(case, level=arguments.level, seed=arguments.seed, progress=step)
    _tell(report, arguments, case.name)
    code = report.exit_code(strict=arguments.strict)
    # What was cut short has not shown that nothing fails.
    return 3 if code == 0 and was_interrupted(report) else code


def _tell(report: Report, arguments: Namespace, name: str) -> None:
    written = write_report(report, arguments.out, name)
    if arguments.json:
        print(report.json())
    else:
        print(report.text(width=columns(), colour=sys.stdout.isatty()))
    print(
        f"\nThe page is {written}; beside it the same as JSON and JUnit XML.",
        file=sys.stderr if arguments.json else sys.stdout,
    )


def _list() -> int:
    from ..audits.cases import BUILT_IN

    print(bold("Built-in cases"))
    print("\n".join(rows(BUILT_IN.items())))
    print('\n`wald audit NAME` runs one; the data come with: pip install "wald[examples]"')
    return 0


def _plan(case: Case, arguments: Namespace) -> int:
    from ..audits.planning import plan

    found = plan(case, arguments.level)
    if arguments.json:
        import json

        print(json.dumps(found.to_dict(), indent=2))
    else:
        print(found)
    return 0


def _compare(arguments: Namespace) -> int:
    from ..audits.comparing import compare

    if arguments.case is not None:
        raise ValueError(f"{arguments.case}: --compare takes two reports, and no case. Leave it out.")
    report = compare(*arguments.compare)
    _tell(report, arguments, f"{Path(arguments.compare[0]).stem} to {Path(arguments.compare[1]).stem}")
    return report.exit_code(strict=arguments.strict)


def _case(arguments: Namespace) -> Case:
    from ..audits.cases import BUILT_IN, load
    from ..audits.tables.source import is_table_file
    from ..checks import resolve

    if arguments.case not in BUILT_IN and is_table_file(Path(arguments.case)):
        return table_case(arguments)
    if named := given_for_tables(arguments):
        raise ValueError(
            f"{', '.join(named)}: for a table, and {arguments.case!r} is none. A built-in case or a Python file says "
            "itself what is what."
        )
    loss: Callable[..., Any] | None = None if arguments.loss is None else resolve(arguments.loss, pairs=True).loss
    if arguments.case in BUILT_IN:
        import torch

        # These models are small: threads that wait for each other on a busy machine made them ten times slower.
        torch.set_num_threads(1)
        return load(arguments.case, loss=loss, seed=arguments.seed)
    return _from_file(Path(arguments.case), loss)


def _from_file(path: Path, loss: Callable[..., Any] | None) -> Case:
    from ..audits import Case
    from ..audits.cases import BUILT_IN
    from ..audits.tables.source import ENDINGS

    if path.suffix != ".py":
        raise ValueError(
            f"{str(path)!r} is no built-in case ({', '.join(BUILT_IN)}), no table ({', '.join(ENDINGS)}) and no Python "
            "file that defines case()."
        )
    if not path.is_file():
        raise ValueError(f"there is no file {str(path)!r} here.")
    make = _loaded(path)
    given: dict[str, Any] = {}
    if loss is not None:
        if "loss" not in inspect.signature(make).parameters:
            raise ValueError(
                f"{path}: case() takes no loss=, so --loss cannot replace it. Write `def case(loss=None):`."
            )
        given["loss"] = loss
    made = make(**given)
    if not isinstance(made, Case):
        raise ValueError(f"{path}: case() returned {type(made).__name__}, and a wald.Case is wanted.")
    return made


def _loaded(path: Path) -> Callable[..., Any]:
    from importlib import util

    spec = util.spec_from_file_location(f"wald_case_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} cannot be read as Python.")
    module = util.module_from_spec(spec)
    # A model that is defined in the file can then be copied and pickled.
    sys.modules[module.__name__] = module
    folder = str(path.parent.resolve())
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)
    make = getattr(module, "case", None)
    if not callable(make):
        raise ValueError(f"{path} defines no function case(). Write `def case(): return wald.Case(...)`.")
    return make
