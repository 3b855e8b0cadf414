"""What `wald audit` takes for a table: which column is what."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from .names import names_in

if TYPE_CHECKING:
    from ..audits import Case

#: Options that only a table has, by the name of the argument.
_OPTIONS = {
    "target": ("COLUMN", "what was observed"),
    "prediction": ("COLUMN[,COLUMN...]", "what was predicted; of several classes one column for each"),
    "model": ("FILE", "in place of --prediction: the model, as .pkl, .joblib, .json, .ubj, .txt, .cbm or file.py:name"),
    "features": ("COLUMN[,COLUMN...]", "what the model takes, in its order (default: what it was trained on)"),
    "metric": ("NAME", 'what counts: "roc_auc", "f1", "mape" ..., or file.py:name'),
    "group": ("COLUMN", "compare the groups of this column; may be given several times"),
    "weight": ("COLUMN", "what each row counts for"),
    "cluster": ("COLUMN", "rows with one value belong together (a patient, a day)"),
    "time": ("COLUMN", "when each row was"),
    "train": ("FILE", "a table of the rows that the model was trained on"),
    "shifted": ("FILE", "a table of rows from elsewhere or later; may be given several times"),
}
_SEVERAL = ("group", "shifted")


def add_table_arguments(parser: ArgumentParser) -> None:
    """Declare the options of a table."""
    table = parser.add_argument_group("for a table as CASE")
    for name, (value, says) in _OPTIONS.items():
        if name in _SEVERAL:
            table.add_argument(f"--{name}", metavar=value, action="append", default=[], help=says)
        else:
            table.add_argument(f"--{name}", metavar=value, help=says)
    table.add_argument(
        "--prediction-is",
        choices=("probabilities", "logits"),
        help="how predictions are written (default: probabilities, where all are between 0 and 1)",
    )
    better = table.add_mutually_exclusive_group()
    for word in ("lower", "higher"):
        better.add_argument(
            f"--{word}-is-better",
            dest="better",
            action="store_const",
            const=word,
            help=f"of a metric of your own, {word} is better",
        )


def given_for_tables(arguments: Namespace) -> list[str]:
    """The options of a table that were given."""
    named = [f"--{name}" for name in _OPTIONS if getattr(arguments, name)]
    return named + [f"--{name.replace('_', '-')}" for name in ("prediction_is",) if getattr(arguments, name)]


def table_case(arguments: Namespace) -> Case:
    """The case in a table.

    Raises:
        ValueError: something that a table needs was not given, or a column is missing.
    """
    _refuse_missing(arguments)
    import torch

    from ..audits.models.files import runs_code
    from ..audits.tables.table_case import table_case as made
    from ..checks.subjects.target import named_thing

    # The probes look at a few thousand rows: threads that wait for each other cost more than they save.
    torch.set_num_threads(1)
    if arguments.model and runs_code(arguments.model):
        print(
            f"Reading {arguments.model} runs the code that is in it; only open a pickle that you trust.",
            file=sys.stderr,
        )
    metric = named_thing(arguments.metric) if ":" in arguments.metric else arguments.metric
    return made(
        arguments.case,
        target=arguments.target,
        loss=arguments.loss,
        metric=metric,
        prediction=names_in(arguments.prediction),
        model=arguments.model,
        features=names_in(arguments.features),
        groups=arguments.group,
        weight=arguments.weight,
        cluster=arguments.cluster,
        time=arguments.time,
        train=None if arguments.train is None else Path(arguments.train),
        shifted=[Path(one) for one in arguments.shifted],
        prediction_is=arguments.prediction_is,
        lower_is_better=None if arguments.better is None else arguments.better == "lower",
    )


def _refuse_missing(arguments: Namespace) -> None:
    missing = [f"--{name}" for name in ("target", "loss", "metric") if not getattr(arguments, name)]
    if not arguments.prediction and not arguments.model:
        missing.insert(1 if "--target" in missing else 0, "--prediction or --model")
    if missing:
        raise ValueError(
            f"{arguments.case}: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing. As in: wald audit "
            f"{arguments.case} --target y --prediction p --loss log_loss --metric roc_auc."
        )
    if arguments.prediction and arguments.model:
        raise ValueError("--prediction and --model: give one of the two.")
    if arguments.prediction and (arguments.shifted or arguments.train or arguments.features):
        raise ValueError(
            "--shifted, --train and --features are for a model that can be asked; with --prediction alone leave them "
            "out."
        )
