"""``python -P -m livedump``; the installed command ``livedump`` is the same.

Without ``-P``, which Python has since 3.11, Python looks for modules in the current folder first, also before it comes
here: from then on it does no more. Where dumps come from, a ``dis.py`` may lie beside them.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and not getattr(sys.flags, "safe_path", False) and not sys.flags.isolated:
    del sys.path[0]

from livedump.frontends.command_line import main

if __name__ == "__main__":
    sys.exit(main())
