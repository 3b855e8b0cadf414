"""Floor 4: the command `wald`. One file a command."""

from .frame import COMMANDS as COMMANDS, main as main
