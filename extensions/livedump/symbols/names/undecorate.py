"""Names as the debugger shows them.

Oracle: dbghelp 10.0.15063 (SYMOPT_UNDNAME, which is UNDNAME_NAME_ONLY) on public symbols. What that version does not
know yet (empty packs, rvalue references, char8_t) is spelled as C++ does; what is not understood stays as it is.
"""

from __future__ import annotations

import re

C_STACK_SIZE = re.compile(r"@\d.*", re.DOTALL)


def undecorate(name: str) -> str:
    """A public name as the debugger shows it: C++ decoration removed, and of a C name its prefix and stack size.

    dbghelp takes one leading underscore away on x64 too: ``__C_specific_handler`` is shown as ``_C_specific_handler``.
    """
    if not name.startswith("?"):
        bare = name[1:] if name[:1] in ("_", "@", ".") else name
        return C_STACK_SIZE.sub("", bare).replace("@", "") or name
    return _undecorate_cpp(name)


def _undecorate_cpp(name: str) -> str:
    from livedump.symbols.names.decoration_names import NameReader  # noqa: PLC0415 - exports of Windows are names of C
    from livedump.symbols.names.decoration_text import MAX_TEXT, NotUnderstood  # noqa: PLC0415

    try:
        return (NameReader(name).symbol_name() if len(name) <= MAX_TEXT else name) or name
    except NotUnderstood:
        return name
