"""The stacks of processors, as an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livedump.analysis.roles import with_roles
from livedump.model.errors import DumpError
from livedump.model.frames import Stack
from livedump.model.listing import Listing
from livedump.model.stacks import Stacks

if TYPE_CHECKING:
    from livedump.model.engine import Engine


def find_stacks(engine: Engine, processor: int | None = None, every: bool = False) -> Stacks:
    """The stack of one processor, of that which wrote the dump when None, or of every one; its frames have roles.

    Raises:
        DumpError: there is no such processor, or its stack cannot be had.
    """
    return _every_stack(engine) if every else Stacks(Listing((with_roles(engine.stack(processor)),)))


def _every_stack(engine: Engine) -> Stacks:
    try:
        processors = engine.processors()
    except DumpError as error:
        return Stacks(Listing((with_roles(engine.stack()),), f"{_others(engine)} ({error})"))
    found = Listing(tuple(_stack_or_why_not(engine, each.number) for each in processors), processors.problem)
    if not any(stack.frames for stack in found):
        engine.stack()  # what is in the way of the writer's stack is in the way of all
    return Stacks(found)


def _others(engine: Engine) -> str:
    try:
        count = engine.system().processors
    except DumpError:
        count = None
    if count == 1:
        return "the number of this one is not captured"
    return f"{'the others' if count is None else f'the other {count - 1}'} are not captured"


def _stack_or_why_not(engine: Engine, number: int) -> Stack:
    try:
        return with_roles(engine.stack(number))
    except DumpError as error:
        return Stack((), f"not captured: {error}", number)
