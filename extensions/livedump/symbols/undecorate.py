"""Names as the debugger shows them.

Oracle: dbghelp 10.0.15063 (SYMOPT_UNDNAME, which is UNDNAME_NAME_ONLY) on public symbols.
"""

from __future__ import annotations

import re

C_SUFFIX = re.compile(r"@\d+$")


def undecorate(name: str) -> str:
    """A public name as the debugger shows it: C++ decoration removed, and of a C name its prefix and stack size.

    dbghelp takes one leading underscore away on x64 too: ``__C_specific_handler`` is shown as ``_C_specific_handler``.
    """
    if name.startswith("?"):
        return name
    stripped = C_SUFFIX.sub("", name[1:] if name[:1] in ("_", "@") else name)
    return stripped or name
