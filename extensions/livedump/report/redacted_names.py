"""Names that are taken out of texts, each by the same replacement wherever it stands in one output.

Every pattern is bounded: texts of a dump are as long as somebody wants them to be.

Nothing stays for want of a rule that would take it: of a path only parts that every Windows has, of a program only one
that many people have, of a sentence only words of our own, numbers, and the names of modules and functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from livedump.model.images import KERNEL_IMAGE_NAMES
from livedump.reference.own_words import own_words
from livedump.reference.public_names import NameClass, is_public
from livedump.reference.secondary_data import secondary_data_name

SHORTEST = 3
"""Letters of a name that is looked for in sentences."""
MAX_LEARNT = 20_000
"""Names that are looked for in sentences; further ones are replaced all the same, as words that nobody knows."""

_PART = re.compile(r"([\\/]+)")
_WORD = r"[^\W_]+"
_WORDS = re.compile(_WORD)
_GUID = r"\{?[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\}?"
_MAIL = r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
_IPV4 = r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.]*\d)"
_IPV6 = r"(?<![\w:])(?=[0-9A-Fa-f:]{0,45}?(?:[A-Fa-f]|::))(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{1,4}(?![\w:])"
_MAC = r"(?<![\w-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![\w-])"
_SID = r"S-1-\d{1,20}(?:-\d{1,20}){1,16}"
_CODES = rf"(?P<mail>{_MAIL})|(?P<guid>{_GUID})|(?P<sid>{_SID})|(?P<mac>{_MAC})|(?P<ip>{_IPV4}|{_IPV6})"
_CODE = re.compile(_CODES)
_INSIDE = r"[^\\/:*?\"'<>|,;\r\n]"
_PATH = (
    rf"(?:\\\\|[A-Za-z]:[\\/]|\\(?=[^\s\\]{{1,255}}\\))(?:{_INSIDE}{{1,255}}[\\/]{{1,2}}){{0,128}}[^\\/:*?\"'<>|\s,;]*"
    r"|(?<![\w/.])(?:~|\.{1,2})?/(?:[^/\s\"'<>|:;,]{1,255}/){0,128}[^/\s\"'<>|:;,]+"
)
_FIRST = rf"(?P<url>[A-Za-z][\w+.-]{{0,15}}://[^\s\"'<>,;]+)|{_CODES}|(?P<path>{_PATH})"
_LAST = (
    r"(?P<host>(?<![\w.])(?:[\w-]{1,63}\.){1,8}(?:com|net|org|edu|gov|io|local|lan|corp|internal|intranet|home|arpa)\b)"
    r"|(?P<program>[\w.+$-]{1,255}\.exe\b)"
    r"|(?P<number>0x[0-9A-Fa-f]{1,16}(?!\w)|(?<![\w`])[0-9a-f]{8}`[0-9a-f]{8}"
    r"|(?<![\w.])[0-9a-f]{1,8}\.[0-9a-f]{1,8} (?=\S)"
    r"|(?<!\w)(?=[0-9A-Fa-f]{0,16}\d)[0-9A-Fa-f]{1,16}(?!\w)|(?<!\w)[0-9A-F]{33,40}(?!\w))"
    rf"|(?P<word>{_WORD})"
)
_BEFORE_NAMES = frozenset({"url", "mail", "guid", "sid", "mac", "ip", "path"})
"""What of a sentence is taken as a whole, though a name may begin it."""
_OF_SENTENCE, _OF_CODE = (re.compile(each, re.IGNORECASE) for each in (f"{_FIRST}|{_LAST}", _CODES))
_ADDRESS = re.compile(r"([A-Za-z][\w+.-]*)://")
_HOMES = frozenset({"users", "home", "documents and settings", "profiles"})
_STANDARD_PART = re.compile(
    r"[A-Za-z]:|HarddiskVolume\d+|Harddisk\d+|DR\d+|cdrom\d+|[0-9A-F]{33,40}|-|"
    r"WATCHDOG-\d{8}-\d{4}(?:-\d+)?\.dmp|\d{6}-\d+-\d+\.dmp|\d+\.\d+\.\d+\.\d+",
    re.IGNORECASE,
)
_LEADING = re.compile(r"(?<![^\s|<])[\w.$-]+")
"""What may be a module in a line of symbols."""
_BUILD = re.compile(r"[\w.]*\d[\w.-]*|[\w.$]{1,4}|[\w.!+:$-]+")
_TAIL = re.compile(r"(!|#\d+)+\Z")
"""What stands behind the name of an archive or of a text that tells of several dumps."""


class Key(NamedTuple):
    """One replacement."""

    replacement: str
    original: str


class _Learnt(NamedTuple):
    # What is looked for in texts, in small letters, and its words.
    text: str
    words: frozenset[str]


class Names:
    """The replacements of one output."""

    def __init__(self) -> None:
        self._labels: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._originals: list[Key] = []
        self._ours: set[str] = set()
        self._allowed: set[str] = set()
        self._learnt: dict[str, str] = {}
        self._by_word: dict[str, list[_Learnt]] = {}
        """Each under one word of it: a text is searched for those alone whose words it has."""

    @property
    def key(self) -> tuple[Key, ...]:
        """Each replacement with what it stands for, in the order in which they were made."""
        return tuple(self._originals)

    def allow(self, text: str) -> None:
        """Lets the words of a name stay that stands for no person: a module, a function, a tag."""
        self._allowed.update(_WORDS.findall(text.casefold()))

    def learn(self, text: str, replacement: str) -> None:
        """Lets a text be found in sentences."""
        known = len(text) < SHORTEST or text == replacement or text in self._ours
        if not known and text.casefold() not in self._learnt and len(self._learnt) < MAX_LEARNT:
            self._learnt[text.casefold()] = replacement
            words = frozenset(_WORDS.findall(text.casefold()))
            rarest = min(words, key=lambda word: len(self._by_word.get(word, ())), default="")
            self._by_word.setdefault(rarest, []).append(_Learnt(text.casefold(), words))

    def label(self, text: str, what: str) -> str:
        """``user-1``: the replacement of a name, always the same for the same name in any case."""
        if text in self._ours:
            return text
        key = text.casefold()
        if key not in self._labels:
            self._counts[what] = self._counts.get(what, 0) + 1
            made = self._labels[key] = f"{what}-{self._counts[what]}"
            self._ours.add(made)
            self._originals.append(Key(made, text))
        return self._labels[key]

    def process(self, name: str) -> str:
        """A program: as it is where many people have it."""
        if not name or name in self._ours or is_public(name, NameClass.PROGRAM):
            return name
        made = self.label(name, "process")
        stem = name.rpartition(".")[0]
        self.learn(name, made)
        if stem and stem.casefold() not in own_words():
            self.learn(stem, made)
            self._labels.setdefault(stem.casefold(), made)
        return made

    def module(self, name: str) -> str:
        """A module or the file of its image: as it is, but for a path, and for what names a program of its own."""
        folder, slash, file = _last_part(name)
        if file.lower().endswith(".exe") and not is_public(file, NameClass.PROGRAM) and not _is_kernel(file):
            file = self.process(file)
        else:
            file = self._labels.get(file.casefold(), self._codes(file))
        return f"{self.path(folder)}{slash}{file}" if slash else file

    def symbol(self, text: str) -> str:
        """Modules and functions: as they are, but for a module that is a program of its own."""
        if "\\" in text or "://" in text or _CODE.search(text):
            return self.sentence(text)
        return _LEADING.sub(self._leading, text)

    def _leading(self, found: re.Match[str]) -> str:
        made = self._labels.get(found.group().casefold(), "")
        return made if made.startswith("process-") else found.group()

    def code(self, text: str) -> str:
        """A version, a build, a tag, a bucket: as it is where it looks like one."""
        if _BUILD.fullmatch(text) and ".exe" not in text.lower():
            return self._replaced_in(text, _OF_CODE, frozenset())
        return self.sentence(text)

    def path(self, path: str, image: bool = False) -> str:
        """A path or an address: parts that every system has stay, and of an image its name."""
        address = _ADDRESS.match(path)
        if address:
            return self._url(address[1], path[address.end() :])
        parts = _PART.split(path)
        last = len(parts) - 1
        made: list[str] = []
        for index, part in enumerate(parts):
            before = [each.casefold() for each in parts[:index:2] if each]
            if index % 2 or not part:
                made.append(part)
            elif image and index == last:
                made.append(self.module(part))
            elif path.startswith(("\\\\", "//")) and not before and part not in ("?", "."):
                made.append(self._named(part, "host", NameClass.HOST))
            elif before[-1:] and before[-1] in _HOMES and index < last:
                made.append(self._named(part, "user", NameClass.ACCOUNT))
            else:
                made.append(self._part(part, index == last))
        return "".join(made)

    def sentence(self, text: str) -> str:
        """A sentence of our own: what names anybody or anything in it is replaced, and so is every unknown word."""
        return self._replaced_in(text, _OF_SENTENCE, _BEFORE_NAMES)

    def foreign(self, text: str) -> str:
        """What somebody wrote, as a whole."""
        if not text.strip():
            return text
        made = self.label(text, "text")
        self.learn(text, made)
        return made

    def _replaced_in(self, text: str, pattern: re.Pattern[str], before_names: frozenset[str]) -> str:
        """The text without what the pattern finds and what was learnt; of both at one place the kinds come first."""
        known = self._known_in(text)
        if not known:
            return pattern.sub(self._replaced, text)
        names, made, at = _any_of(known), [], 0
        name, other = names.search(text), pattern.search(text)
        while found := _first(name, other, before_names):
            made += [text[at : found.start()], self._replaced(found)]
            at = found.end()
            # What begins behind is still the next one.
            name = names.search(text, at) if name and name.start() < at else name
            other = pattern.search(text, at) if other and other.start() < at else other
        return "".join((*made, text[at:]))

    def _known_in(self, text: str) -> list[str]:
        """What was learnt and may stand in the text: all of its words do."""
        words = {"", *map(str.casefold, _WORDS.findall(text))}
        near = (each for word in words for each in self._by_word.get(word, ()))
        return [each.text for each in near if words.issuperset(each.words)]

    def _replaced(self, found: re.Match[str]) -> str:
        text, kind = found.group(), found.lastgroup
        if kind == "name":
            # The dotless i counts as an i where case is ignored, and yet is another letter.
            return self._learnt.get(text.casefold()) or self.label(text, "text")
        if kind == "word":
            return text if self._is_harmless(text) else self.label(text, "text")
        if kind == "number":
            return text
        if kind in ("path", "url"):
            end = text.rstrip(".,;:)")
            return self.path(end) + text[len(end) :]
        if kind == "program":
            return self.process(text)
        if kind == "host":
            known = all(map(self._is_harmless, _WORDS.findall(text)))
            return text if known else self._named(text, "host", NameClass.HOST)
        return self._code_replaced(found)

    def _code_replaced(self, found: re.Match[str]) -> str:
        text, kind = found.group(), found.lastgroup or "text"
        if kind == "guid" and (secondary_data_name(text.strip("{}").upper()) or not text.strip("{}-0")):
            return text
        return text if text in ("127.0.0.1", "0.0.0.0") else self.label(text, kind)  # noqa: S104 - nobody's address

    def _codes(self, text: str) -> str:
        return _CODE.sub(self._code_replaced, text)

    def _is_harmless(self, word: str) -> bool:
        if word.isdigit() or word.casefold() in self._allowed:
            return True
        return word.rstrip("0123456789").casefold() in own_words() or word.casefold() in own_words()

    def _named(self, name: str, what: str, public: NameClass) -> str:
        if name in self._ours or is_public(name, public):
            return name
        made = self.label(name, what)
        self.learn(name, made)
        return made

    def _part(self, part: str, last: bool) -> str:
        tail = (_TAIL.search(part) or [""])[0]
        name = part[: len(part) - len(tail)]
        if not name or name in self._ours or self._is_common_part(name):
            return part
        stem, dot, ending = name.rpartition(".")
        if dot and is_public(ending, NameClass.ENDING):
            if stem in self._ours or self._is_module_file(name):
                return part
            made = f"{self.label(stem, 'file')}.{ending}"
        else:
            made = self.label(name, "file" if last else "folder")
        self.learn(name, made)
        return f"{made}{tail}"

    def _is_common_part(self, name: str) -> bool:
        if _STANDARD_PART.fullmatch(name) or is_public(name, NameClass.FILE):
            return True
        return is_public(name, NameClass.FOLDER) or is_public(name, NameClass.PROGRAM)

    def _is_module_file(self, name: str) -> bool:
        stem, _, ending = name.rpartition(".")
        return ending.lower() in ("sys", "dll", "pdb") and all(
            word in self._allowed for word in _WORDS.findall(stem.casefold())
        )

    def _url(self, scheme: str, rest: str) -> str:
        host, slash, path = rest.partition("/")
        bare = host.rpartition("@")[2].partition(":")[0]
        made = self._named(bare, "host", NameClass.HOST)
        return f"{scheme}://{made}{slash}{self.path(path) if path else ''}"


def _any_of(texts: Iterable[str]) -> re.Pattern[str]:
    words = "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))
    return re.compile(rf"(?P<name>(?<![^\W_])(?:{words})(?![^\W_]))", re.IGNORECASE)


def _first(
    name: re.Match[str] | None, other: re.Match[str] | None, before_names: frozenset[str]
) -> re.Match[str] | None:
    """What begins first; at one place a path that was learnt, what comes before names, a name, and then the rest."""
    if name is None or other is None or name.start() != other.start():
        return min(filter(None, (name, other)), key=re.Match.start, default=None)
    is_path = "/" in name.group() or "\\" in name.group()
    return other if other.lastgroup in before_names and not is_path else name


def _last_part(name: str) -> tuple[str, str, str]:
    parts = _PART.split(name)
    return ("".join(parts[:-2]), parts[-2], parts[-1]) if len(parts) > 1 else ("", "", name)


def _is_kernel(file: str) -> bool:
    return file.lower() in KERNEL_IMAGE_NAMES
