"""Say why a saved batch gives NaN, an infinity, no gradient, or a loss that does not move.

BATCH is what torch.save wrote of a dict of tensors (it is loaded with weights_only=True), or a .npz or .npy file. Its
names are matched with what the loss takes: prediction, logits, y_pred ... and target, labels, y ...; `loss` and `grad`
may hold what was computed before. TARGET is as in `wald check`; losses of several inputs will do too.

Each cause is proved: by the smallest part of the batch that shows it, and by taking it away.

Examples:
  wald why batch.pt --loss "CrossEntropy(label_smoothing=0.1)"
  wald why batch.pt --loss my_losses.py:my_loss
  wald why triplets.npz --loss torch.nn.functional:triplet_margin_loss
  wald why batch.pt --loss my_losses.py:my_loss --json | jq -r .findings[0].evidence.reproduce

Exit codes: 0 nothing found, 1 a cause was found, 2 wrong usage, 3 something errored
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import replace


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `wald why` takes."""
    parser.add_argument("batch", metavar="BATCH", help="a file of torch.save, .npz or .npy with named tensors")
    parser.add_argument(
        "--loss", required=True, metavar="TARGET", help='"Huber(delta=1.0)", file.py:name or package.module:name'
    )
    parser.add_argument("--json", action="store_true", help="write the report as JSON")


def run(arguments: Namespace) -> int:
    """Look for causes, write the report, and return the exit code."""
    from ..checks import why

    report = why(arguments.batch, arguments.loss)
    if arguments.json:
        print(report.json())
        return report.exit_code()
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    # What a person sees first is what they came with.
    console.print(report.answers["symptom"], markup=False)
    console.print()
    console.print(replace(report, answers={name: told for name, told in report.answers.items() if name != "symptom"}))
    return report.exit_code()
