"""Call stacks in debugger text: the tables of k, kn, kv, kb and kf, and STACK_TEXT of !analyze."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from livedump.engines.text.bare_stack import has_rows, read_bare_stack
from livedump.engines.text.lines import ADDRESS, iter_commands, parse_address, parse_hex, parse_prompt
from livedump.engines.text.names import plain_module, plain_symbol
from livedump.model.frames import Frame, Stack, Trust

MAX_FRAMES = 1024
MAX_NOISE = 16
"""Lines of other text in a row that a table may hold between two frames."""

_INDEX = r"\s*(?:(?P<index>[0-9a-fA-F]{1,3})\s+)?"
_RETURN = rf"(?P<ret>{ADDRESS}|-{{8}}(?:`-{{8}})?)"
_ROW = re.compile(
    rf"{_INDEX}(?:[0-9a-fA-F]{{1,7}}\s+)?(?:(?P<sp>{ADDRESS})|\(Inline(?: Function)?\))\s+{_RETURN}(?P<rest>\s.*)$"
)
_ROW_WITHOUT_STACK = re.compile(rf"{_INDEX}(?:\(Inline(?: Function)?\)\s+)?{_RETURN}(?P<rest>\s+:\s.*)$")
_STOPPED = re.compile(
    rf"{_INDEX}(?:{ADDRESS}\s+)?{ADDRESS}\s+(?::\s+)?(?P<values>{ADDRESS}(?:\s+{ADDRESS}){{2,3}})\s+(?::\s+)?\w{{1,20}}!_?KeBugCheckEx"
)
_PLACED = re.compile(r"([^\s\[]\S*\+0x[0-9a-fA-F]{1,8})\s+(?!\[)\S")
"""A call site with an offset, behind which other words follow: what an extension says of the frame."""
_ARGUMENTS_32 = re.compile(rf"(?:\s+{ADDRESS}){{3,4}}\s+(?=\S)")
_NOISE = (
    "***", "Unable to ", "WARNING:", "ERROR:", "Page ", "Loading ", "Symbol ", "DBGHELP:", "SYMSRV:", "ReadVirtual",
    "...",
)  # fmt: skip
_POINTERS = ("Child-SP", "ChildEBP", "FramePtr")
_GUESS_WARNING = "Following frames may be wrong"
_USER_START = frozenset({"ntdll", "kernel32", "kernelbase", "wow64"})
_USER_BEGINNINGS = (
    "RtlUserThreadStart", "BaseThreadInitThunk", "BaseProcessStart", "BaseThreadStart", "LdrInitializeThunk",
)  # fmt: skip
_KERNEL = frozenset({"nt", "hal", "win32k", "win32kfull", "win32kbase", "fltmgr", "ndis", "dxgkrnl"})
_CONTEXT_COMMANDS = frozenset({".thread", ".cxr", ".trap", ".tss", ".ecxr"})
_OWN_STACK = frozenset({"!analyze", "!running"})
"""Extension commands that print stacks of processors; the others print those of any thread."""
_SET_CONTEXT = "Stack trace for last set context"
"""What newer versions print above a table while a context is set."""
_PROCESSOR_SWITCH = re.compile(r"~(\d{1,4})s?$")
_RUNNING_ROW = re.compile(r"\s+(\d{1,4})\s+[0-9a-f]{16}\s+[0-9a-f]{16}\s+\(")


class StackTable(NamedTuple):
    """One stack that the text holds, and where in the session it was printed.

    A text may hold thousands: the frames of one are made when somebody asks for them.
    """

    make: Callable[[], Stack]
    reaches_end: bool
    """Whether the table goes to the end of the stack."""
    processor: int | None
    moved: bool
    """Whether the register context had been changed before, so that it may be another thread's stack."""
    analyzed: bool
    """Whether it is the STACK_TEXT of !analyze."""
    has_child_sp: bool

    @property
    def stack(self) -> Stack:
        """The frames, and why there are no more."""
        return self.make()


class _Line(NamedTuple):
    """A row as it was matched."""

    match: re.Match[str]
    guessed: bool
    """Whether the debugger warned that this frame may be wrong."""


class _Row(NamedTuple):
    number: int | None
    child_sp: int | None
    return_address: int | None
    """None for an inline frame."""
    site: str
    guessed: bool
    """Whether the debugger warned that this frame may be wrong."""


class _Place(NamedTuple):
    processor: int | None = None
    moved: bool = False
    """Whether the register context was changed."""
    other_threads: bool = False
    """Whether the command prints stacks of any thread."""


def iter_stack_tables(lines: Sequence[str]) -> Iterator[StackTable]:
    """Every stack in the text, in its order. A table needs its header line: other tables look like its rows."""
    place, at = _Place(), 0
    while at < len(lines):
        header, before = lines[at], lines[at - 1] if at else ""
        place = _place_after(header, place)
        at += 1
        if _is_header(header):
            has_child_sp = "RetAddr" not in header or any(name in header for name in _POINTERS)
            rows, at = _read_rows(lines, at, has_child_sp)
            if rows and not _is_null(_row(rows[0])):
                yield _table(rows, header, has_child_sp, place._replace(moved=place.moved or _SET_CONTEXT in before))
        elif _may_be_frame(header):
            found, at = _read_headless(lines, at - 1, before, place)
            if found:
                yield found


def _may_be_frame(line: str) -> bool:
    # Lines are many, and this is the quickest way past most of them.
    return "!" in line or "+0x" in line or " : " in line


def _read_headless(lines: Sequence[str], at: int, before: str, place: _Place) -> tuple[StackTable | None, int]:
    bare = read_bare_stack(lines, at)
    if bare:
        moved = place.moved or place.other_threads
        return StackTable(bare.stack, bare.reaches_end, None, moved, _is_analyzed(before), False), bare.end
    has_child_sp = has_rows(lines, at)
    if has_child_sp is False:
        return None, at + 1
    rows, end = _read_rows(lines, at, bool(has_child_sp))
    return (_table(rows, before, bool(has_child_sp), place) if rows else None), max(end, at + 1)


def find_bug_check_arguments(lines: Sequence[str]) -> tuple[int, ...] | None:
    """The code and the first parameters that KeBugCheckEx was called with, from a row with arguments; None: no such.

    Three or two parameters: as many as fit into the columns.
    """
    for line in lines:
        found = _STOPPED.match(line) if "KeBugCheckEx" in line else None
        values = [parse_hex(word) for word in found.group("values").split()] if found else []
        known = tuple(value for value in values if value is not None)
        if known and 0 < known[0] < 1 << 32 and len(known) == len(values):
            return known
    return None


def find_stack(lines: Sequence[str], processor: int | None = None) -> Stack | None:
    """The stack of one processor; of the one that wrote the dump when None. None when the text holds no such stack.

    Among several the first complete one that was printed before the context was changed; STACK_TEXT only where no
    ``k`` is as good.
    """
    tables = list(iter_stack_tables(lines))
    if processor is not None:
        tables = [each for each in tables if each.processor == processor and not each.moved]
        return min(tables, key=_rank).stack if tables else None
    home = _first_processor(lines)
    return min(tables, key=lambda each: (_is_foreign(each, home), *_rank(each))).stack if tables else None


def is_user_stack(stack: Stack) -> bool:
    """Whether it is a thread's in user mode: it ends where such threads begin, and nothing of the kernel is on it."""
    last = stack.frames[-1]
    begun = (last.module or "").lower() in _USER_START and (last.symbol or "").lstrip("_").startswith(_USER_BEGINNINGS)
    return begun and not any((frame.module or "").lower() in _KERNEL for frame in stack.frames)


def with_instruction(stack: Stack, instruction: int | None) -> Stack:
    """The stack with the address of its innermost frame filled in, where it was not known."""
    if instruction is None or not stack.frames or stack.frames[0].instruction is not None:
        return stack
    return stack._replace(frames=(stack.frames[0]._replace(instruction=instruction), *stack.frames[1:]))


def _rank(table: StackTable) -> tuple[bool, ...]:
    return table.moved, not table.reaches_end, not table.has_child_sp, table.analyzed


def _is_foreign(table: StackTable, home: int | None) -> bool:
    return not table.analyzed and None not in (table.processor, home) and table.processor != home


def _first_processor(lines: Sequence[str]) -> int | None:
    for line in lines:
        prompt = parse_prompt(line)
        if prompt:
            return prompt.processor
    return None


def _place_after(line: str, place: _Place) -> _Place:
    prompt = parse_prompt(line)
    if prompt:
        commands = tuple(iter_commands(prompt))
        other_threads = any(word.startswith("!") and word not in _OWN_STACK for word, _ in commands)
        return _Place(prompt.processor, _is_moved(commands, place.moved), other_threads)
    running = _RUNNING_ROW.match(line) if line.startswith(" ") else None
    return _Place(int(running.group(1))) if running else place


def _is_moved(commands: Sequence[tuple[str, str]], moved: bool) -> bool:
    for word, arguments in commands:
        if word.startswith("~") and _PROCESSOR_SWITCH.match(word):
            moved = False
        elif word in _CONTEXT_COMMANDS:
            moved = bool(arguments) or word == ".ecxr"
    return moved


def _table(lines: Sequence[_Line], header: str, has_child_sp: bool, place: _Place) -> StackTable:
    analyzed = _is_analyzed(header)
    processor = None if analyzed else place.processor
    # The last row of a stack that was turned upside down is its first.
    complete = any(parse_hex(each.match["ret"]) == 0 for each in (lines[0], lines[-1]))
    moved = (place.moved or place.other_threads) and not analyzed
    return StackTable(lambda: _stack(lines, processor), complete, processor, moved, analyzed, has_child_sp)


def _stack(lines: Sequence[_Line], processor: int | None) -> Stack:
    rows = [_row(line) for line in lines]
    if _is_reversed(rows):
        rows = [row._replace(number=None) for row in reversed(rows)]
    return Stack(tuple(_frames(rows)), _stop_reason(rows), processor)


def _is_analyzed(header: str) -> bool:
    return header.lstrip().startswith("STACK_TEXT")


def _is_reversed(rows: Sequence[_Row]) -> bool:
    # Outermost first: the stack pointer falls from row to row.
    known = [row.child_sp for row in rows if row.child_sp is not None and row.return_address is not None]
    return len(known) > 2 and all(first > second for first, second in zip(known, known[1:]))


def _is_header(line: str) -> bool:
    stripped = line.lstrip()
    if stripped.startswith("STACK_TEXT"):
        return True
    columns = stripped[:40]
    return ("RetAddr" in columns or ("Child-SP" in columns and "Return" in columns)) and parse_prompt(line) is None


def _read_rows(lines: Sequence[str], start: int, has_child_sp: bool) -> tuple[list[_Line], int]:
    rows: list[_Line] = []
    guessed, noise, end = False, 0, start
    pattern = _ROW if has_child_sp else _ROW_WITHOUT_STACK
    for at in range(start, min(len(lines), start + (MAX_NOISE + 1) * MAX_FRAMES)):
        found = pattern.match(lines[at])
        if found and len(rows) < MAX_FRAMES:
            rows.append(_Line(found, guessed))
            noise, end = 0, at + 1
        elif lines[at].lstrip().startswith(_NOISE) and noise < MAX_NOISE:
            noise += 1
            guessed = guessed or _GUESS_WARNING in lines[at]
        else:
            break
    return rows, end


def _row(line: _Line) -> _Row:
    parts = line.match.groupdict()
    index, child_sp = parts["index"], parts.get("sp")
    return _Row(
        number=int(index, 16) if index else None,
        child_sp=parse_address(child_sp) if child_sp else None,
        return_address=parse_address(parts["ret"]),
        site=_site(parts["rest"]),
        guessed=line.guessed,
    )


def _site(rest: str) -> str:
    # The call site alone: without the columns of arguments before it and the remarks behind it.
    text = rest.strip()
    if text.startswith(":"):
        text = text.partition(" : ")[2]
    else:
        arguments = _ARGUMENTS_32.match(rest)
        text = rest[arguments.end() :] if arguments else text
    for remark in (" (TrapFrame", " (FPO:", " (Inline Function", " (CONV:", " (T", " -->", " <-", " \u2190", " //"):
        text = text.partition(remark)[0]
    text = text.strip()
    placed = _PLACED.match(text)
    text = placed.group(1) if placed else text
    return text[: text.rfind(" [")] if text.endswith("]") and " @ " in text and " [" in text else text


def _frames(rows: Sequence[_Row]) -> Iterator[Frame]:
    before: _Row | None = None
    guessed = False
    for position, row in enumerate(rows[: len(rows) - _leads_nowhere(rows)]):
        index = position if row.number is None else row.number
        instruction = _instruction(row, before, index, position)
        guessed = guessed or row.guessed or (before is not None and before.site.startswith("0x"))
        returned = row.return_address if row.return_address is not None else instruction
        module, symbol, offset = split_site(row.site)
        yield Frame(
            index=index,
            child_sp=row.child_sp if row.child_sp is not None else _outer_child_sp(rows, position),
            return_address=returned or 0,
            instruction=instruction,
            module=module,
            symbol=symbol,
            offset=offset,
            trust=_trust(position, guessed),
        )
        before = row._replace(number=index, return_address=returned)


def _leads_nowhere(rows: Sequence[_Row]) -> bool:
    # Of ARM64 the debugger shows the return of the outermost function, when that is a leaf, as a frame at address 0.
    return len(rows) > 1 and parse_hex(rows[-1].site) == 0 and not rows[-1].return_address


def _trust(position: int, guessed: bool) -> Trust:
    # Behind a frame outside of all modules the debugger has nothing to unwind by: it takes the next value on the stack.
    if position == 0:
        return Trust.CONTEXT
    return Trust.SCAN if guessed else Trust.UNWIND


def _instruction(row: _Row, before: _Row | None, index: int, position: int) -> int | None:
    if row.site.startswith("0x"):
        return parse_hex(row.site)
    if before is None or position == 0 or before.number != index - 1:
        return None
    return before.return_address


def _outer_child_sp(rows: Sequence[_Row], position: int) -> int | None:
    # An inline frame has no stack of its own: it lies in that of the next frame out that has one.
    if rows[position].return_address is not None:
        return None
    outer = (row.child_sp for row in rows[position + 1 : position + 1 + MAX_NOISE] if row.return_address is not None)
    return next(outer, None)


def split_site(site: str) -> tuple[str | None, str | None, int | None]:
    """Module, symbol and offset of a call site; all None of a bare address."""
    if not site or site.startswith("0x"):
        return None, None, None
    name, plus, digits = site.rpartition("+0x")
    offset = parse_hex(digits) if plus else None
    if offset is None:
        name, offset = site, 0
    module, bang, symbol = name.partition("!")
    return plain_module(module), (plain_symbol(_without_arguments(symbol)) or None) if bang else None, offset


def _without_arguments(symbol: str) -> str:
    # ``kp`` prints a function's arguments behind its name.
    return symbol if "operator(" in symbol or not symbol.endswith(")") else symbol.partition("(")[0]


def _is_null(row: _Row) -> bool:
    # What the debugger prints when it found no register context: one frame of zeros.
    return row.child_sp == 0 and row.return_address == 0 and parse_hex(row.site) == 0


def _stop_reason(rows: Sequence[_Row]) -> str | None:
    if rows[-1].return_address == 0:
        return None
    if len(rows) >= MAX_FRAMES:
        return f"{MAX_FRAMES} frames were read and there are more"
    return "the debugger's table ends before the end of the stack"
