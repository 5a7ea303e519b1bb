"""The command line, for ``python -m vmeval_hfds``."""

import sys

from vmeval_hfds.cli.main import main

sys.exit(main())
