"""Text that comes from a dump: hostile until it went through here."""

from __future__ import annotations


def clean_text(text: str) -> str:
    """The text with everything that is not plainly visible written out: ``\\x07``, ``\\u202e``, ``\\ud800``.

    Kept are letters, marks, digits, punctuation, symbols and the ASCII space. Written out are control characters,
    bidirectional overrides and other format characters, unpaired surrogates, private use, unassigned code points and
    every other kind of space. The result cannot reorder, hide or forge what stands beside it, and encodes as UTF-8.
    A backslash stays as it is, for paths are full of them: the result is for people and is not decoded again.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _written_out(character) for character in text)


def _written_out(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
