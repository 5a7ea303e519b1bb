"""The command line, for ``python -m vmeval_hfds``."""

import sys

from vmeval_hfds.cli.process import run

sys.exit(run())
