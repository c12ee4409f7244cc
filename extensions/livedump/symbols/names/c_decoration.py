"""The letters of Microsoft's C++ name decoration.

Source: what dbghelp 10.0.15063 prints for names made by clang for a Windows target and by MSVC; the codes have no
official description.
"""

from __future__ import annotations

PLAIN_TYPES = {
    "C": "signed char", "D": "char", "E": "unsigned char", "F": "short", "G": "unsigned short", "H": "int",
    "I": "unsigned int", "J": "long", "K": "unsigned long", "M": "float", "N": "double", "O": "long double",
    "X": "void", "_D": "__int8", "_E": "unsigned __int8", "_F": "__int16", "_G": "unsigned __int16", "_H": "__int32",
    "_I": "unsigned __int32", "_J": "__int64", "_K": "unsigned __int64", "_L": "__int128", "_M": "unsigned __int128",
    "_N": "bool", "_Q": "char8_t", "_S": "char16_t", "_U": "char32_t", "_W": "wchar_t", "$$T": "std::nullptr_t",
}  # fmt: skip

QUALIFIERS = {"A": "", "B": "const", "C": "volatile", "D": "const volatile"}
MEMBER_QUALIFIERS = {"Q": "", "R": "const", "S": "volatile", "T": "const volatile"}
"""In the place of QUALIFIERS when a pointer points to a member of a class, whose name follows."""

POINTERS = {
    "P": ("*", ""), "Q": ("*", "const"), "R": ("*", "volatile"), "S": ("*", "const volatile"),
    "A": ("&", ""), "B": ("&", "volatile"), "$$Q": ("&&", ""), "$$R": ("&&", "volatile"),
}  # fmt: skip
"""The sign, and what the pointer itself is."""

POINTER_MODIFIERS = {"E": "__ptr64", "F": "__unaligned", "G": "&", "H": "&&", "I": "__restrict"}
"""Before the qualifiers of what is pointed to, or of a member function's object."""

CLASS_KINDS = {"T": "", "U": "", "V": "", "W4": "enum "}
"""Unions, structures and classes go by their name alone; the debugger keeps the word only with an enum."""

CALLS = {
    "A": "__cdecl", "C": "__pascal", "E": "__thiscall", "G": "__stdcall", "I": "__fastcall", "M": "__clrcall",
    "O": "__eabi", "Q": "__vectorcall",
}  # fmt: skip
"""The letter after each says the same of an exported function."""

OPERATORS = {
    "2": "operator new", "3": "operator delete", "4": "operator=", "5": "operator>>", "6": "operator<<",
    "7": "operator!", "8": "operator==", "9": "operator!=", "A": "operator[]", "C": "operator->", "D": "operator*",
    "E": "operator++", "F": "operator--", "G": "operator-", "H": "operator+", "I": "operator&", "J": "operator->*",
    "K": "operator/", "L": "operator%", "M": "operator<", "N": "operator<=", "O": "operator>", "P": "operator>=",
    "Q": "operator,", "R": "operator()", "S": "operator~", "T": "operator^", "U": "operator|", "V": "operator&&",
    "W": "operator||", "X": "operator*=", "Y": "operator+=", "Z": "operator-=",
    "_0": "operator/=", "_1": "operator%=", "_2": "operator>>=", "_3": "operator<<=", "_4": "operator&=",
    "_5": "operator|=", "_6": "operator^=", "_7": "`vftable'", "_8": "`vbtable'", "_A": "`typeof'",
    "_B": "`local static guard'", "_D": "`vbase destructor'", "_E": "`vector deleting destructor'",
    "_F": "`default constructor closure'", "_G": "`scalar deleting destructor'", "_H": "`vector constructor iterator'",
    "_I": "`vector destructor iterator'", "_J": "`vector vbase constructor iterator'",
    "_K": "`virtual displacement map'", "_L": "`eh vector constructor iterator'",
    "_M": "`eh vector destructor iterator'", "_N": "`eh vector vbase constructor iterator'",
    "_O": "`copy constructor closure'", "_S": "`local vftable'", "_T": "`local vftable constructor closure'",
    "_U": "operator new[]", "_V": "operator delete[]", "_X": "`placement delete closure'",
    "_Y": "`placement delete[] closure'", "_R2": "`RTTI Base Class Array'", "_R3": "`RTTI Class Hierarchy Descriptor'",
    "_R4": "`RTTI Complete Object Locator'", "__A": "`managed vector constructor iterator'",
    "__B": "`managed vector destructor iterator'", "__C": "`eh vector copy constructor iterator'",
    "__D": "`eh vector vbase copy constructor iterator'", "__G": "`vector copy constructor iterator'",
    "__H": "`vector vbase copy constructor iterator'",
    "__I": "`managed vector vbase copy constructor iterator'", "__J": "`local static thread guard'",
    "__L": "operator co_await", "__M": "operator<=>",
}  # fmt: skip
CONSTRUCTOR, DESTRUCTOR, CONVERSION = "0", "1", "B"
LITERAL_OPERATOR = "__K"
INITIALIZERS = {"__E": "dynamic initializer", "__F": "dynamic atexit destructor"}
TYPE_DESCRIPTOR, BASE_CLASS_DESCRIPTOR = "_R0", "_R1"
VIRTUAL_CALL = "_9"

TEMPLATE_SYMBOLS = {"$1": "&", "$E": ""}
"""A template argument that is a symbol, and what stands before its name."""
EMPTY_PACKS = ("$$V", "$$$V", "$$Z", "$S")
