"""Hold two losses beside each other: equal, equal up to scale and shift, same direction, or different.

Value and gradient are compared on the same inputs, each loss called as it wants to be: scores or probabilities,
labels 0 and 1 or -1 and 1, ids or rows. Where they differ, the input where they differ most is told, with both values
and gradients; how each reduces a batch is told apart, and so is where they part far out.

A and B are losses of the catalogue, as in "Focal(gamma=2)", or your own: file.py:name or package.module:name.

Examples:
  wald diff my_losses.py:focal "Focal(gamma=2, alpha=0.25)"
  wald diff torch.nn.functional:smooth_l1_loss Huber
  wald diff old.py:loss new.py:loss --json | jq -r .card.relation

Exit codes: 0 equal, or equal up to scale, shift or length of the gradient (a warning); 1 different; 2 wrong usage;
3 something errored
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what `wald diff` takes."""
    parser.add_argument("a", metavar="A", help='"Huber(delta=1.0)", file.py:name or package.module:name')
    parser.add_argument("b", metavar="B", help="another")
    parser.add_argument("--task", help="what both are for, where that cannot be seen: regression, binary ...")
    parser.add_argument("--domain", help="where their predictions live, where that cannot be seen: real, logit ...")
    parser.add_argument("--seed", type=int, default=0, help="of every random number (default 0)")
    parser.add_argument("--json", action="store_true", help="write the report as JSON")


def run(arguments: Namespace) -> int:
    """Compare them, write the report, and return the exit code."""
    from ..checks import diff

    report = diff(arguments.a, arguments.b, task=arguments.task, domain=arguments.domain, seed=arguments.seed)
    if arguments.json:
        print(report.json())
    else:
        from rich.console import Console

        Console(highlight=False, soft_wrap=True).print(report)
    return report.exit_code()
