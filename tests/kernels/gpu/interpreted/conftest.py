"""Programs interpreted by NumPy, in a process that said so before Triton was loaded (see ../test_interpreted.py)."""

import os

if os.environ.get("TRITON_INTERPRET") != "1":
    collect_ignore_glob = ["test_*.py"]
