"""`python -m wald` is the command `wald`."""

import sys

from .cli import main

sys.exit(main())
