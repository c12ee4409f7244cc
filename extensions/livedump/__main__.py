"""``python -m livedump``."""

from __future__ import annotations

import sys

from livedump.frontends.command_line import main

if __name__ == "__main__":
    sys.exit(main())
