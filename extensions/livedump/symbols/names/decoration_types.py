"""Types in decorated names, spelled as dbghelp spells them: ``S const * __ptr64``, ``void (__cdecl*)(int)``."""

from __future__ import annotations

from typing import NamedTuple

from livedump.symbols.names.c_decoration import (
    CALLS,
    CLASS_KINDS,
    MEMBER_QUALIFIERS,
    PLAIN_TYPES,
    POINTER_MODIFIERS,
    POINTERS,
    QUALIFIERS,
)
from livedump.symbols.names.decoration_text import MAX_REFERENCES, DecoratedText, NotUnderstood, bounded

MAX_ARRAY_DIMENSIONS = 16


class Spelling(NamedTuple):
    """A type around the name it would declare: ``void (__cdecl*`` and ``)(int)``."""

    left: str
    right: str = ""
    call: str | None = None
    """Calling convention, for a function that nothing points to yet."""
    array: bool = False
    """Whether it is an array that nothing points to yet."""
    returned: str = ""
    """What a function returns."""

    def __str__(self) -> str:
        call = "" if self.call is None else f" {self.call}"
        return f"{self.left}{call}{self.right}"


class TypeReader(DecoratedText):
    """Reads types. Names of classes are read by the subclass, which also reads types: the two need each other."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._parameters: list[str] = []
        """Up to ten parameter types that a digit can stand for."""

    def qualified_name(self) -> str:
        """Reads the name of a class."""
        raise NotImplementedError

    def type(self) -> Spelling:
        """Reads one type."""
        self.deeper()
        pointer = self.take_any(POINTERS)
        spelling = self._pointer(*POINTERS[pointer]) if pointer else self._other_type()
        self.back()
        return spelling._replace(left=bounded(spelling.left), right=bounded(spelling.right))

    def return_type(self) -> Spelling:
        """Reads a type with the qualifiers that a returned class has before it."""
        qualifiers = self._qualifiers(QUALIFIERS) if self.take("?") else ""
        return _qualified(self.type(), qualifiers)

    def function(self) -> Spelling:
        """Reads a function's type."""
        call = CALLS.get(self.character().translate(EXPORTED_CALLS))
        if call is None:
            raise NotUnderstood
        returned = Spelling("") if self.take("@") else self.return_type()
        parameters = self._parameter_list()
        if not self.take("Z"):
            self.need("_E")  # noexcept
        return Spelling(returned.left, f"({parameters}){returned.right}", call, returned=bounded(str(returned)))

    def object_qualifiers(self) -> str:
        """Reads what a member function says of its object, as it stands behind the parameters."""
        modifiers = self._modifiers()
        qualifiers = self._qualifiers(QUALIFIERS)
        return f"{qualifiers} {' '.join(modifiers)}" if qualifiers or modifiers else ""

    def skip_variable(self) -> None:
        """Reads the type of a variable, and how it is stored."""
        self.type()
        self._modifiers()
        if self.take_any(MEMBER_QUALIFIERS):
            self.qualified_name()
        else:
            self._qualifiers(QUALIFIERS)

    def _other_type(self) -> Spelling:
        kind = self.take_any(CLASS_KINDS)
        if kind:
            return Spelling(CLASS_KINDS[kind] + self.qualified_name())
        plain = self.take_any(PLAIN_TYPES)
        if plain:
            return Spelling(PLAIN_TYPES[plain])
        if self.take("$$A6"):
            return self.function()
        if self.take("$$C"):
            return self._swapped()
        if self.take("$$B"):
            return self.type()
        if self.take("Y"):
            return self._array()
        self.need("?")  # a type that the compiler made up: <auto>
        return Spelling(self.qualified_name())

    def _swapped(self) -> Spelling:
        """A type whose qualifiers stand before it; dbghelp leaves a space behind them."""
        qualifiers = self._qualifiers(QUALIFIERS)
        spelling = _qualified(self.type(), qualifiers)
        return spelling if spelling.array or not qualifiers else spelling._replace(left=spelling.left + " ")

    def _pointer(self, sign: str, own: str) -> Spelling:
        if self.take("6"):
            return _pointer_to(self.function(), "", sign, own)
        if self.take("8"):
            return self._member_function_pointer(sign, own)
        modifiers = self._modifiers()
        member = self.take_any(MEMBER_QUALIFIERS)
        scope = f"{self.qualified_name()}::" if member else ""
        qualifiers = MEMBER_QUALIFIERS[member] if member else self._qualifiers(QUALIFIERS)
        unaligned = "__unaligned" if "__unaligned" in modifiers else ""
        target = _qualified(_qualified(self._target(), qualifiers), unaligned)
        after = [word for word in ("__ptr64", own, "__restrict") if word == own or word in modifiers]
        return _pointer_to(target, scope, sign, " ".join(word for word in after if word))

    def _target(self) -> Spelling:
        return self.function() if self.take("6") else self.type()

    def _member_function_pointer(self, sign: str, own: str) -> Spelling:
        scope = f"{self.qualified_name()}::"
        object_is = self.object_qualifiers()
        target = self.function()
        return _pointer_to(target._replace(right=target.right + object_is), f" {scope}", sign, own)

    def _array(self) -> Spelling:
        dimensions = self.number()
        if not 0 < dimensions <= MAX_ARRAY_DIMENSIONS:
            raise NotUnderstood
        sizes = "".join(f"[{self.number()}]" for _ in range(dimensions))
        element = self._swapped() if self.take("$$C") else self.type()
        return Spelling(element.left.rstrip() + " ", sizes + element.right, array=True)

    def _parameter_list(self) -> str:
        if self.take("X"):
            return "void"
        parameters: list[str] = []
        while not self.take("@"):
            if self.take("Z"):
                return ",".join([*parameters, "..."])
            parameters.append(self._parameter())
            bounded("".join(parameters))
        return ",".join(parameters)

    def _parameter(self) -> str:
        digit = self.digit()
        if digit is not None:
            if digit >= len(self._parameters):
                raise NotUnderstood
            return self._parameters[digit]
        start = self._at
        text = str(self.type())
        if self._at - start > 1 and len(self._parameters) < MAX_REFERENCES:
            self._parameters.append(text)
        return text

    def _modifiers(self) -> list[str]:
        found: list[str] = []
        while True:
            code = self.take_any(POINTER_MODIFIERS)
            if code is None or len(found) > len(POINTER_MODIFIERS):
                return found
            found.append(POINTER_MODIFIERS[code])

    def _qualifiers(self, table: dict[str, str]) -> str:
        code = self.take_any(table)
        if code is None:
            raise NotUnderstood
        return table[code]


EXPORTED_CALLS = str.maketrans("BDFHJNPR", "ACEGIMOQ")


def _qualified(spelling: Spelling, qualifiers: str) -> Spelling:
    """The type with ``const`` or the like behind it, once."""
    if not qualifiers or spelling.left.endswith(qualifiers) or spelling.call is not None:
        return spelling
    gap = "" if spelling.left.endswith(" ") else " "
    return spelling._replace(left=f"{spelling.left}{gap}{qualifiers}{' ' if spelling.array else ''}")


def _pointer_to(target: Spelling, scope: str, sign: str, own: str) -> Spelling:
    """A pointer or reference to the type; ``scope`` names the class of a pointer to a member."""
    if target.call is not None:
        gap = "" if target.left.endswith("*") else " "
        mark = f"{target.left}{gap}({target.call}{scope}{sign}{own}"
        return Spelling(mark, f"){target.right}")
    words = f"{scope}{sign} {own}".rstrip()
    if target.array:
        return Spelling(f"{target.left}({words}", f"){target.right}")
    gap = "" if target.left.endswith("*") and target.right else " "
    return Spelling(f"{target.left}{gap}{words}", target.right)
