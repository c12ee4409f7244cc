"""Marks that a web page, a forum, a terminal or an editor puts into debugger text, and the text without them.

Each step takes a whole text and gives it back with a word on what was undone, None when there was nothing. Only marks
that are known are taken off: names of C++ are full of angle brackets. All of it takes time that grows with the text.
"""

from __future__ import annotations

import html
import re
from typing import Callable, NamedTuple


class Undone(NamedTuple):
    """A text after one step."""

    text: str
    repair: str | None
    """What was undone, for people; None: nothing was."""


Step = Callable[[str], Undone]

_ANSI = re.compile(r"\x1b(?:\[[0-?]{0,40}[ -/]{0,4}[@-~]|\][^\x07\x1b]{0,500}(?:\x07|\x1b\\)|[@-Z\\-_])")
_ESCAPED_END = re.compile(r"\\r\\n|\\n")
_ESCAPED = re.compile(r'\\(["\\/t])')
_BREAKS = r"br|p|div|tr|li|h[1-6]|pre|blockquote|table|ul|ol|dt|dd"
_INLINE = r"a|b|i|u|em|strong|code|span|font|tt|small|col|link|altlink|exec|td|th|tbody|html|head|body|title|meta|img"
_BREAK_TAG = re.compile(rf"</?(?:{_BREAKS})(?:\s[^<>]{{0,1000}})?/?>\n?", re.IGNORECASE)
_INLINE_TAG = re.compile(rf"</?(?:{_INLINE})(?:\s[^<>]{{0,1000}})?/?>", re.IGNORECASE)
_SURE_TAG = re.compile(rf"<br\s?/?>|</(?:{_BREAKS}|{_INLINE})>|<!doctype html", re.IGNORECASE)
_HIDDEN = re.compile(r"<(?:script|style)\b", re.IGNORECASE)
_HIDDEN_END = re.compile(r"</(?:script|style)\b[^<>]{0,100}>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:nbsp|lt|gt|amp|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});")
_BLOCKS_BB = r"code|quote|pre|php|spoiler|hide|noparse|list|left|center|indent|plain|text"
_INLINE_BB = r"b|i|u|s|color|size|font|url|icode|tt|highlight|background"
_BLOCK_BB = re.compile(rf"\[/?(?:{_BLOCKS_BB})(?:=[^\[\]\n]{{0,200}})?\]", re.IGNORECASE)
_INLINE_BBCODE = re.compile(rf"\[/?(?:{_INLINE_BB})(?:=[^\[\]\n]{{0,200}})?\]", re.IGNORECASE)
_SURE_BBCODE = re.compile(rf"\[/(?:{_BLOCKS_BB}|{_INLINE_BB})\]", re.IGNORECASE)
_MARKDOWN_SIGNS = re.compile(r"\\\*\\\*\\\*|\b[A-Z]{2,20}\\_[A-Z]{2,20}|\w\\!\w|\w\\\+0x")
_MARKDOWN_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!<>|~&:'\"=])")
_EMPHASIS = re.compile(r"\*\*(?<![*\w]\*\*)(?=[^\s*])([^*\n]{1,200})(?<=\S)\*\*(?!\*)")
"""Begins with what is looked for, so that the search passes by the rest of a text at once."""
_BLANKS = re.compile("[\u00a0\u2000-\u200a\u202f\u3000]")
_INVISIBLE = re.compile("[\u200b-\u200d\u2060\ufeff\u00ad]")
_LINE_ENDS = "\x0b\x0c\u2028\u2029"


def without_markup(text: str) -> tuple[str, tuple[str, ...]]:
    """The text as plain lines that end in ``\\n``, and what was undone on the way, for people."""
    repairs: list[str] = []
    for step in STEPS:
        text, repair = step(text)
        if repair:
            repairs.append(repair)
    return text, tuple(repairs)


def plain_line_ends(text: str) -> Undone:
    """Every kind of line end as ``\\n``. Only those of nothing but carriage returns count as damage."""
    if "\r\r\n" in text:
        text = re.sub("\r+\n", "\n", text)
    lone = "\r" in text and "\n" not in text
    plain = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    for end in _LINE_ENDS:
        if end in plain:
            plain = plain.replace(end, "\n")
    return Undone(plain, "carriage returns alone ended the lines" if lone else None)


def unescaped_line_ends(text: str) -> Undone:
    """Line ends that were written out, as in JSON: ``\\n`` for each."""
    written_out = text.count("\\n")
    if written_out < 3 or written_out < 4 * text.count("\n"):
        return Undone(text, None)
    text = _ESCAPED_END.sub("\n", text)
    text = _ESCAPED.sub(lambda found: "\t" if found.group(1) == "t" else found.group(1), text)
    return Undone(text, "line ends were written out as \\n")


def without_terminal_codes(text: str) -> Undone:
    """No colours and cursor movements of a terminal."""
    return Undone(_ANSI.sub("", text), "terminal codes taken out") if "\x1b" in text else Undone(text, None)


def without_tags(text: str) -> Undone:
    """No tags of HTML and of the debugger's own markup, their line breaks as line ends, and no entities."""
    tagged = _SURE_TAG.search(text) if "<" in text else None
    entities = _ENTITY.search(text) if "&" in text else None
    if tagged:
        text = _INLINE_TAG.sub("", _BREAK_TAG.sub("\n", _without_hidden(text)))
    if entities:
        text = _ENTITY.sub(lambda found: html.unescape(found.group()), text)
    return Undone(text, "tags and entities of HTML or DML taken out" if tagged or entities else None)


def _without_hidden(text: str) -> str:
    # Scripts and style sheets of a saved page, with what is in them.
    kept, at = [], 0
    while (found := _HIDDEN.search(text, at)) and (end := _HIDDEN_END.search(text, found.end())):
        kept.append(text[at : found.start()])
        at = end.end()
    return "".join(kept) + text[at:]


def without_bbcode(text: str) -> Undone:
    """No tags of forums."""
    if "[/" not in text or not _SURE_BBCODE.search(text):
        return Undone(text, None)
    return Undone(_INLINE_BBCODE.sub("", _BLOCK_BB.sub("\n", text)), "tags of a forum taken out")


def without_markdown(text: str) -> Undone:
    """No backslashes before signs that mean something in Markdown, and no emphasis."""
    repair = None
    escaped = any(sign in text for sign in ("\\*", "\\_", "\\!", "\\+"))
    if escaped and sum(1 for _, _ in zip(range(2), _MARKDOWN_SIGNS.finditer(text))) == 2:
        text, repair = _MARKDOWN_ESCAPE.sub(r"\1", text), "escapes and emphasis of Markdown taken out"
    if "**" in text and _EMPHASIS.search(text):
        text, repair = _EMPHASIS.sub(r"\1", text), "escapes and emphasis of Markdown taken out"
    return Undone(text, repair)


def with_plain_blanks(text: str) -> Undone:
    """Blanks of every width as plain ones, and no invisible characters."""
    if text.isascii():
        return Undone(text, None)
    plain = _INVISIBLE.sub("", _BLANKS.sub(" ", text))
    return Undone(plain, "special blanks made plain" if plain != text else None)


STEPS: tuple[Step, ...] = (
    unescaped_line_ends, plain_line_ends, without_terminal_codes, without_tags, without_bbcode, without_markdown,
    with_plain_blanks,
)  # fmt: skip
"""In this order: what is escaped hides what else there is."""
