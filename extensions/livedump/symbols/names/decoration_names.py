"""Names of functions, variables and classes, as decorated names of C++ spell them."""

from __future__ import annotations

from livedump.symbols.names.c_decoration import (
    BASE_CLASS_DESCRIPTOR,
    CONSTRUCTOR,
    CONVERSION,
    DESTRUCTOR,
    EMPTY_PACKS,
    INITIALIZERS,
    LITERAL_OPERATOR,
    OPERATORS,
    TEMPLATE_SYMBOLS,
    TYPE_DESCRIPTOR,
    VIRTUAL_CALL,
)
from livedump.symbols.names.decoration_text import NotUnderstood, bounded
from livedump.symbols.names.decoration_types import TypeReader

MAX_SCOPES = 64

CONSTRUCTED, DESTROYED, CONVERTED = "\0c", "\0d", "\0v"
"""Stand for names that are known only when what follows has been read."""


class NameReader(TypeReader):
    """Reads the names of functions, variables and classes."""

    def symbol_name(self) -> str:
        """Reads a whole symbol as far as its name goes."""
        self.need("?")
        if self.take("?_C@"):
            return "`string'"
        if self.take("?" + TYPE_DESCRIPTOR):
            return f"{self.return_type()} `RTTI Type Descriptor'"
        if self.take("?" + VIRTUAL_CALL):
            return self._virtual_call()
        name = self._symbol_qualified_name()
        return name.replace(CONVERTED, self._conversion()) if CONVERTED in name else name

    def qualified_name(self) -> str:
        """Reads the name of a class with its scopes."""
        digit = self.digit()
        if digit is not None:
            name = self.recall(digit)
        elif self.take("?$"):
            name = self.remember(self._template())
        else:
            name = self.remember(self.until("@"))
        return "::".join([*self._scopes(), name])

    def _symbol_qualified_name(self) -> str:
        name = self._unqualified_name()
        scopes = self._scopes()
        owner = scopes[-1] if scopes else ""
        name = name.replace(CONSTRUCTED, owner).replace(DESTROYED, f"~{owner}")
        return bounded("::".join([*scopes, name]))

    def _unqualified_name(self) -> str:
        digit = self.digit()
        if digit is not None:
            return self.recall(digit)
        if self.take("?$"):
            return self._template()
        return self._special_name() if self.take("?") else self.remember(self.until("@"))

    def _special_name(self) -> str:
        initializer = self.take_any(INITIALIZERS)
        if initializer:
            return f"`{INITIALIZERS[initializer]} for '{self._initialized()}''"
        if self.take(LITERAL_OPERATOR):
            return f'operator ""{self.until("@")}'
        if self.take(BASE_CLASS_DESCRIPTOR):
            numbers = ",".join(str(self.number()) for _ in range(4))
            return f"`RTTI Base Class Descriptor at ({numbers})'"
        for code, name in ((CONSTRUCTOR, CONSTRUCTED), (DESTRUCTOR, DESTROYED), (CONVERSION, f"operator {CONVERTED}")):
            if self.take(code):
                return name
        operator = self.take_any(sorted(OPERATORS, key=len, reverse=True))
        if operator is None:
            raise NotUnderstood
        return OPERATORS[operator]

    def _initialized(self) -> str:
        """The variable of an initializer: a whole symbol when it is a member, else its name."""
        if not self.at("?"):
            return self.remember(self.until("@"))
        name = self._nested_symbol()
        self.take("@")
        return name

    def _virtual_call(self) -> str:
        scopes = self._scopes()
        self.need("$B")
        return "::".join([*scopes, f"`vcall'{{{self.number()}}}'"])

    def _conversion(self) -> str:
        """The type that a conversion operator converts to: what it returns."""
        self._skip_function_access(self.character())
        self.character()
        return str(self.return_type())

    def _scopes(self) -> list[str]:
        """Reads scopes up to the closing @; outermost first."""
        scopes: list[str] = []
        while not self.take("@"):
            if len(scopes) >= MAX_SCOPES:
                raise NotUnderstood
            scopes.append(self._scope())
        return scopes[::-1]

    def _scope(self) -> str:
        digit = self.digit()
        if digit is not None:
            return self.recall(digit)
        if not self.take("?"):
            return self.remember(self.until("@"))
        if self.take("$"):
            return self.remember(self._template())
        if self.take("A"):
            self.remember("A" + ("" if self.take("@") else self.until("@")))
            return "`anonymous namespace'"
        if self.at("?"):
            return f"`{self._nested_symbol()}'"
        return f"`{self.number()}'"

    def _nested_symbol(self) -> str:
        """Reads a whole symbol inside of another, with its type; its name is what is kept."""
        self.deeper()
        name = self.symbol_name_and_type()
        self.back()
        return name

    def symbol_name_and_type(self) -> str:
        """Reads a whole symbol to its end."""
        self.need("?")
        name = self._symbol_qualified_name()
        code = self.character()
        if code in "01234":
            self.skip_variable()
        elif code in "67":
            self._skip_table()
        elif code not in "589":
            self._skip_function_access(code)
            name = name.replace(CONVERTED, self.function().returned)
        return bounded(name)

    def _skip_table(self) -> None:
        self.character()
        while not self.take("@"):
            self.qualified_name()

    def _skip_function_access(self, code: str) -> None:
        """Reads what stands between a function's name and its calling convention."""
        if code in "YZ":
            return
        kind = "ABCDEFGHIJKLMNOPQRSTUVWX".find(code)
        if kind < 0:
            raise NotUnderstood
        if kind % 8 >= 6:
            self.number()  # how far a thunk moves its object
        if kind % 8 not in (2, 3):
            self.object_qualifiers()

    def _template(self) -> str:
        """Reads a template's name and arguments; inside, digits count anew."""
        self.deeper()
        outer_names, self._names = self._names, []
        outer_parameters, self._parameters = self._parameters, []
        name = self._unqualified_name()
        arguments = self._template_arguments()
        self._names, self._parameters = outer_names, outer_parameters
        self.back()
        gap = " " if arguments.endswith(">") else ""
        return bounded(f"{name}<{arguments}{gap}>")

    def _template_arguments(self) -> str:
        arguments: list[str] = []
        while not self.take("@"):
            if not self.take_any(EMPTY_PACKS):
                arguments.append(self._template_argument())
                bounded("".join(arguments))
        return ",".join(arguments)

    def _template_argument(self) -> str:
        if self.take("$0"):
            return str(self.number())
        symbol = self.take_any(TEMPLATE_SYMBOLS)
        if symbol:
            return TEMPLATE_SYMBOLS[symbol] + self._nested_symbol()
        return str(self.type())
