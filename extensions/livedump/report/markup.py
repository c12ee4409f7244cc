"""HTML that is safe by construction: all text is escaped but what an element was made of."""

from __future__ import annotations

from livedump.report import escape

_VOID = frozenset({"input", "link", "meta"})


class Markup(str):
    """Text that is HTML already. Made by ``element`` and ``joined``; nothing that a dump holds ever is one."""

    __slots__ = ()


def element(name: str, /, *children: str | None, **attributes: str | int | None) -> Markup:
    """One element; children that are no Markup are escaped, None is left out.

    Attributes are written like ``class_="x"`` and ``aria_label="y"``; one that is None is left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape.html(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>" if name in _VOID else f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*children: str | None) -> Markup:
    """The children one behind the other, with everything escaped that is no Markup."""
    return Markup("".join(child if isinstance(child, Markup) else escape.html(child or "") for child in children))
