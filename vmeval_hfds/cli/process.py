"""The command line as a process of its own."""

from __future__ import annotations

import gc

#: How many more objects than before make Python look for garbage; by default 700.
_OBJECTS = 20_000


def run() -> int:
    """Run the command line, and give the process's exit code.

    What is imported and what a command keeps is no garbage before the end: looking for it takes a tenth of a short one.
    """
    gc.set_threshold(_OBJECTS)
    from vmeval_hfds.cli.main import main

    code = main()
    # Python looks for garbage once more while it ends, among what the system takes back anyway.
    gc.freeze()
    return code
