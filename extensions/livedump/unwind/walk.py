"""Call stacks, from the memory of the dump alone: what WinDbg's ``k`` shows, without symbols."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Optional

from livedump.images.module_images import FindImage, ModuleImages
from livedump.model.addresses import MAX_U64, Memory, canonical, format_address, is_kernel_address
from livedump.model.errors import DamagedDump, DumpError, NotKnown
from livedump.model.frames import Frame, Stack, Trust
from livedump.model.images import Module
from livedump.model.machines import MACHINES, X64
from livedump.model.processors import Registers
from livedump.unwind.unwinder import Position, Undoing, Unwinder, position_of, unwinder_of

if TYPE_CHECKING:
    from livedump.model.threads import Thread

MAX_FRAMES = 1024
MAX_READS = 60_000
"""For one walk. A frame needs some thirty; only unwind data made to waste time needs more."""
SCAN_LIMIT = 0x8000
"""Bytes of stack that are searched for one return address when the stack's limits are not known."""
SCAN_TOTAL = 0x12000
"""Bytes of stack that are searched in one walk: as much as the largest kernel stack."""
NO_CODE_BELOW = 0x10000
"""Windows maps nothing into the first 64 KiB: an address there is a call through a pointer that was null, or nearly."""
MAX_KEPT = 1 << 16
"""Addresses of which a walker keeps what it learned."""


class StackLimits(NamedTuple):
    """The stack that a thread runs on. It grows from ``high`` down to ``low``."""

    low: int
    high: int


def stack_limits_of(thread: Thread) -> StackLimits | None:
    """The kernel stack of a thread; None where it is not known."""
    if thread.stack_limit is None or thread.stack_base is None:
        return None
    return StackLimits(thread.stack_limit, thread.stack_base)


Name = Callable[[Module, int], tuple[Optional[str], int]]
"""The symbol at an address of a module, None without one, and how far behind it or behind the module's base that is."""


class StackWalker:
    """Walks the stacks of one dump. What it learns of an address it keeps: many threads wait at the same places."""

    def __init__(
        self,
        memory: Memory,
        modules: Sequence[Module],
        find_image: FindImage | None = None,
        name: Name | None = None,
        machine: str = X64,
    ) -> None:
        """Unwind data comes from ``memory``; where it has a gap, from the image file that ``find_image`` gives for
        the module. Without ``name`` symbols are left None and offsets count from the module's base.

        Raises:
            Unsupported: stacks of this machine are not unwound.
        """
        self._counted = _CountedMemory(memory)
        self._images = ModuleImages(self._counted, modules, find_image)
        self._unwinder = unwinder_of(machine)
        self._code = _Code(self._images, self._unwinder)
        self._name = name or _from_base
        self._sites: dict[tuple[int, int], _Site] = {}

    def walk(
        self,
        registers: Registers,
        limits: StackLimits | None = None,
        *,
        limit: int = MAX_FRAMES,
        read_ahead: bool = False,
    ) -> Stack:
        """The frames from ``registers`` out, at most ``limit``, and in plain words why there are no more.

        Where unwind data is missing, a kernel stack is searched for return addresses; from there on no frame is
        better than SCAN. With ``read_ahead`` the stack is read at once up to its limits, which is faster for those
        of waiting threads.
        """
        self._counted.start()
        stack = _ahead(self._images, registers.stack_pointer, limits) if read_ahead and limits else self._images
        walk = _Walk(self._images, self._unwinder, self._code, stack, limits)
        walk.run(position_of(registers), limit)
        return Stack(tuple(self._frames(walk)), walk.stop_reason())

    def _frames(self, walk: _Walk) -> Iterator[Frame]:
        # The debugger shows a return address that no code of the function follows, as behind a call that never
        # returns, as the last byte of that call.
        steps = walk.steps
        shown = [step.position.instruction - (index in walk.behind_last_call) for index, step in enumerate(steps)]
        for index, (step, instruction, following) in enumerate(zip(steps, shown, [*shown[1:], 0])):
            module, symbol, offset = self._site(step.position.call, instruction)
            sp = step.position.stack_pointer
            yield Frame(index, sp, following, instruction, module, symbol, offset, step.trust)

    def _site(self, call: int, instruction: int) -> _Site:
        found = self._sites.get((call, instruction))
        if found is None:
            if len(self._sites) >= MAX_KEPT:
                self._sites.clear()
            module = self._images.find_module(call)
            found = _Site(module.name, *self._name(module, instruction)) if module else _NOWHERE
            self._sites[call, instruction] = found
        return found


class _Site(NamedTuple):
    # The last three columns of a frame.
    module: str | None
    symbol: str | None
    offset: int | None


_NOWHERE = _Site(None, None, None)


def _from_base(module: Module, instruction: int) -> tuple[str | None, int]:
    return None, instruction - module.base


class _Code:
    # What to undo at an address, worked out once.

    def __init__(self, images: ModuleImages, unwinder: Unwinder) -> None:
        self._images = images
        self._unwinder = unwinder
        self._known: dict[tuple[int, bool], Undoing] = {}

    def undoing(self, position: Position) -> Undoing:
        key = position.instruction, position.exact
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MAX_KEPT:
                self._known.clear()
            found = self._known[key] = self._plan(position)
        return found

    def _plan(self, position: Position) -> Undoing:
        module = self._images.find_module(position.call)
        if module is None:
            return self._outside(position)
        image = self._images.image(module)
        if MACHINES.get(image.machine) != self._unwinder.machine:
            raise NotKnown(f"{module.name} is no {self._unwinder.machine} image")
        found = self._unwinder.plan(self._images, image, position)
        return self._leaf(position, f"in {module.name} has no unwind data") if found is None else found

    def _leaf(self, position: Position, what: str, assumed: str | None = None) -> Undoing:
        # A function that calls others is no leaf.
        if not position.exact:
            raise NotKnown(f"{format_address(position.instruction)} {what}")
        return self._unwinder.leaf(assumed)

    def _outside(self, position: Position) -> Undoing:
        # Taken for a leaf, as the debugger takes it. Were its module known, it might be none. Where no code can be,
        # nothing ran after the call.
        what = "lies in no module"
        why = f"{format_address(position.instruction)} {what}" if position.instruction >= NO_CODE_BELOW else None
        return self._leaf(position, what, why)


class _ReadAhead:
    # A stretch of memory that was read at once, in front of the memory that it came from.

    def __init__(self, memory: Memory, start: int, data: bytes) -> None:
        self._memory = memory
        self._start = start
        self._data = data

    def read(self, address: int, size: int) -> bytes:
        at = address - self._start
        found = self._data[at : at + size] if at >= 0 else b""
        return found if len(found) == size else self._memory.read(address, size)


def _ahead(memory: Memory, start: int, limits: StackLimits) -> Memory:
    if not limits.low <= start < limits.high or limits.high - start > SCAN_TOTAL:
        return memory
    try:
        return _ReadAhead(memory, start, memory.read(start, limits.high - start))
    except DumpError:  # some page of it is missing, and may not be needed
        return memory


class _CountedMemory:
    # Bounds the work that hostile unwind data can cause.

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.start()

    def start(self) -> None:
        self._left = MAX_READS

    def read(self, address: int, size: int) -> bytes:
        if self._left <= 0:
            raise DamagedDump(f"the unwind data is endless: {MAX_READS} reads did not reach the end of the stack")
        self._left -= 1
        return self._memory.read(address, size)


class _Step(NamedTuple):
    position: Position
    trust: Trust


class _Walk:
    # The frames found so far, innermost first.

    def __init__(
        self, images: ModuleImages, unwinder: Unwinder, code: _Code, stack: Memory, limits: StackLimits | None
    ) -> None:
        self._images = images
        self._unwinder = unwinder
        self._code = code
        self._stack = stack
        self._limits = limits
        self.steps: list[_Step] = []
        self.behind_last_call: set[int] = set()
        """Frames whose instruction lies right behind their function."""
        self._seen: set[tuple[int, int]] = set()
        self._scan_left = SCAN_TOTAL
        self._notes: list[str] = []

    def run(self, start: Position, limit: int) -> None:
        step: _Step | None = _Step(start, Trust.CONTEXT)
        while step is not None:
            if len(self.steps) >= limit:
                self._notes.append(f"more than {limit} frames")
                return
            self.steps.append(step)
            self._seen.add((step.position.instruction, step.position.stack_pointer))
            step = self._caller(step)

    def stop_reason(self) -> str | None:
        return "; ".join(self._notes) or None

    def _caller(self, step: _Step) -> _Step | None:
        # None at the end of the stack, and where nothing leads on.
        try:
            undoing = self._code.undoing(step.position)
            caller = self._undone(undoing, step.position)
            if caller.instruction == 0:
                return None
            self._check(step.position, caller)
        except DumpError as error:
            return self._scanned(step, str(error))
        if undoing.assumed is not None:
            self._note_guesses(step, undoing.assumed)
        guessed = step.trust is Trust.SCAN or undoing.assumed is not None
        return _Step(caller, Trust.SCAN if guessed else Trust.UNWIND)

    def _undone(self, undoing: Undoing, position: Position) -> Position:
        if undoing.ends_function:
            self.behind_last_call.add(len(self.steps) - 1)
        return undoing.caller(self._stack, position)

    def _check(self, position: Position, caller: Position) -> None:
        rip = format_address(caller.instruction)
        if (caller.instruction, caller.stack_pointer) in self._seen:
            raise DamagedDump(f"the stack runs in a circle at {rip}")
        if canonical(caller.instruction) != caller.instruction:
            raise DamagedDump(f"{rip} cannot be a return address")
        if caller.machine_frame or self._comes_back(position, caller):
            return  # to another stack, which may lie lower
        if caller.stack_pointer <= position.stack_pointer and not self._may_stay(position, caller):
            raise DamagedDump(f"the stack pointer does not rise at {rip}")
        if is_kernel_address(caller.instruction) != is_kernel_address(position.stack_pointer):
            raise DamagedDump(f"{rip} cannot be the return address of {format_address(position.instruction)}")

    def _may_stay(self, position: Position, caller: Position) -> bool:
        # A leaf may have its caller's stack pointer, where calls take no stack.
        leaf = position.exact and not self._unwinder.call_takes_stack
        return leaf and caller.stack_pointer == position.stack_pointer

    def _comes_back(self, position: Position, caller: Position) -> bool:
        # DPCs run on a stack of the processor's own; below them the thread's stack goes on.
        limits = self._limits
        if limits is None or limits.low <= position.stack_pointer < limits.high:
            return False
        return limits.low <= caller.stack_pointer < limits.high

    def _scanned(self, step: _Step, why: str) -> _Step | None:
        try:
            caller = self._guessed(step.position)
        except DumpError as error:
            self._notes += [each for each in dict.fromkeys((why, str(error))) if not self._said(each)]
            return None
        self._note_guesses(step, why)
        return _Step(caller, Trust.SCAN)

    def _said(self, why: str) -> bool:
        return any(note.endswith(why) for note in self._notes)

    def _note_guesses(self, step: _Step, why: str) -> None:
        if step.trust is not Trust.SCAN:
            self._notes.append(f"frames from {len(self.steps)} on are guessed from what lies on the stack: {why}")

    def _guessed(self, position: Position) -> Position:
        start = position.stack_pointer
        end = self._scan_end(start)
        guess = self._unwinder.find_caller(self._images, position, end)
        if guess is None:
            raise NotKnown(f"no return address lies between {format_address(start)} and {format_address(end)}")
        self._scan_left -= guess.slot + 8 - start
        self._check(position, guess.position)
        return guess.position

    def _scan_end(self, start: int) -> int:
        limits = self._limits
        high = limits.high if limits and limits.low <= start < limits.high else start + SCAN_LIMIT
        return min(high, start + self._scan_left, MAX_U64)
