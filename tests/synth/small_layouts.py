"""Layouts of the kernel structures that a made-up dump holds, as C types for its symbols and as writers of bytes.

The offsets resemble the builds named and were not compared with Microsoft's symbols, so they prove nothing about a real
Windows; a dump and its own symbols agree, which is what matters here. Fields that no dump needs are padding.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

C_TYPES = {1: "unsigned char", 2: "unsigned short", 4: "unsigned long", 8: "unsigned long long"}


@dataclass(frozen=True)
class Field:
    """One field: a number of 1, 2, 4 or 8 bytes, or something of a named C type."""

    offset: int
    name: str
    size: int = 8
    c_type: str | None = None
    """C type when the field is no plain number; ``%`` stands for the name where the type needs it inside."""

    def declaration(self) -> str:
        """The field's line of C."""
        c_type = self.c_type or C_TYPES[self.size]
        return c_type.replace("%", self.name) if "%" in c_type else f"{c_type} {self.name}"


@dataclass(frozen=True)
class Struct:
    """A structure of known size with some of its fields."""

    name: str
    size: int
    fields: tuple[Field, ...]

    def offset(self, name: str) -> int:
        """Offset of the field called ``name``."""
        return next(each.offset for each in self.fields if each.name == name)

    def has(self, name: str) -> bool:
        """Whether there is a field called ``name``."""
        return any(each.name == name for each in self.fields)

    def pack(self, **values: int | bytes) -> bytes:
        """Bytes of the structure with ``values`` in their fields and zeros elsewhere."""
        packed = bytearray(self.size)
        sizes = {each.name: each.size for each in self.fields}
        for name, value in values.items():
            raw = value.to_bytes(sizes[name], "little") if isinstance(value, int) else value
            if len(raw) > sizes[name]:
                raise ValueError(f"{self.name}.{name} holds {sizes[name]} bytes, got {len(raw)}")
            packed[self.offset(name) : self.offset(name) + len(raw)] = raw
        return bytes(packed)

    def c_definition(self) -> str:
        """C definition with padding between the fields."""
        lines, position = [], 0
        for each in sorted(self.fields, key=lambda item: item.offset):
            lines += [*_padding(position, each.offset), each.declaration() + ";"]
            position = each.offset + each.size
        return f"struct {self.name} {{\n  " + "\n  ".join(lines + _padding(position, self.size)) + "\n};"


def _padding(start: int, end: int) -> list[str]:
    if end < start:
        raise ValueError(f"fields overlap at {end:#x}")
    return [f"unsigned char Padding_{start:x}[{end - start}];"] if end > start else []


def _pointer(offset: int, name: str, target: str = "void") -> Field:
    return Field(offset, name, 8, f"{target} *%")


def _links(offset: int, name: str) -> Field:
    return Field(offset, name, 16, "struct _LIST_ENTRY")


def _text(offset: int, name: str) -> Field:
    return Field(offset, name, 16, "struct _UNICODE_STRING")


@dataclass(frozen=True)
class BuildOffsets:
    """What differs between builds: offsets inside EPROCESS and ETHREAD."""

    process_size: int
    process: Mapping[str, int]
    """Of _EPROCESS."""
    thread_size: int
    thread_header_size: int
    thread: Mapping[str, int]
    """Of _ETHREAD."""
    kprocess_size: int


BUILD_22621 = BuildOffsets(
    process_size=0xB80,
    kprocess_size=0x438,
    thread_size=0x910,
    thread_header_size=0x480,
    process={
        "UniqueProcessId": 0x440,
        "ActiveProcessLinks": 0x448,
        "CreateTime": 0x468,
        "SectionBaseAddress": 0x520,
        "InheritedFromUniqueProcessId": 0x540,
        "Peb": 0x550,
        "ImageFileName": 0x5A8,
        "ThreadListHead": 0x5E0,
        "ActiveThreads": 0x5F0,
    },
    thread={
        "CreateTime": 0x480,
        "StartAddress": 0x4A0,
        "Cid": 0x4C8,
        "Win32StartAddress": 0x520,
        "ThreadListEntry": 0x538,
    },
)
BUILD_26100 = BuildOffsets(
    process_size=0x840,
    kprocess_size=0x1C8,
    thread_size=0x950,
    thread_header_size=0x4C0,
    process={
        "UniqueProcessId": 0x1D0,
        "ActiveProcessLinks": 0x1D8,
        "CreateTime": 0x1F8,
        "SectionBaseAddress": 0x2B0,
        "InheritedFromUniqueProcessId": 0x2D0,
        "Peb": 0x2E0,
        "ImageFileName": 0x338,
        "ThreadListHead": 0x370,
        "ActiveThreads": 0x380,
    },
    thread={
        "CreateTime": 0x4C0,
        "StartAddress": 0x4E0,
        "Cid": 0x508,
        "Win32StartAddress": 0x560,
        "ThreadListEntry": 0x578,
    },
)
BUILD_OFFSETS = {22621: BUILD_22621, 26100: BUILD_26100}

GENERAL_REGISTERS = (
    "Rax",
    "Rcx",
    "Rdx",
    "Rbx",
    "Rsp",
    "Rbp",
    "Rsi",
    "Rdi",
    *(f"R{number}" for number in range(8, 16)),
    "Rip",
)

LIST_ENTRY = Struct(
    "_LIST_ENTRY", 0x10, (_pointer(0, "Flink", "struct _LIST_ENTRY"), _pointer(8, "Blink", "struct _LIST_ENTRY"))
)
UNICODE_STRING = Struct(
    "_UNICODE_STRING",
    0x10,
    (Field(0, "Length", 2), Field(2, "MaximumLength", 2), _pointer(8, "Buffer", "unsigned short")),
)
CLIENT_ID = Struct("_CLIENT_ID", 0x10, (_pointer(0, "UniqueProcess"), _pointer(8, "UniqueThread")))
DISPATCHER_HEADER = Struct(
    "_DISPATCHER_HEADER", 0x18, (Field(0, "Type", 1), Field(4, "SignalState", 4), _links(8, "WaitListHead"))
)
KAPC_STATE = Struct(
    "_KAPC_STATE",
    0x30,
    (Field(0, "ApcListHead", 0x20, "struct _LIST_ENTRY %[2]"), _pointer(0x20, "Process", "struct _KPROCESS")),
)
M128A = Struct("_M128A", 0x10, (Field(0, "Low"), Field(8, "High")))
CONTEXT = Struct(
    "_CONTEXT",
    0x4D0,
    (
        Field(0x30, "ContextFlags", 4),
        Field(0x34, "MxCsr", 4),
        *(Field(0x38 + 2 * index, "Seg" + name, 2) for index, name in enumerate(("Cs", "Ds", "Es", "Fs", "Gs", "Ss"))),
        Field(0x44, "EFlags", 4),
        *(Field(0x78 + 8 * index, name) for index, name in enumerate(GENERAL_REGISTERS)),
        Field(0x118, "FltSaveMxCsr", 4),
        Field(0x1A0, "Xmm", 0x100, "struct _M128A %[16]"),
    ),
)
KSPECIAL_REGISTERS = Struct(
    "_KSPECIAL_REGISTERS",
    0xF0,
    (
        Field(0, "Cr0"),
        Field(8, "Cr2"),
        Field(0x10, "Cr3"),
        Field(0x18, "Cr4"),
        Field(0x56, "GdtrLimit", 2),
        Field(0x58, "GdtrBase"),
        Field(0x66, "IdtrLimit", 2),
        Field(0x68, "IdtrBase"),
        Field(0x70, "Tr", 2),
        Field(0x74, "MxCsr", 4),
    ),
)
KPROCESSOR_STATE = Struct(
    "_KPROCESSOR_STATE",
    0x5C0,
    (
        Field(0, "SpecialRegisters", 0xF0, "struct _KSPECIAL_REGISTERS"),
        Field(0xF0, "ContextFrame", 0x4D0, "struct _CONTEXT"),
    ),
)
KPRCB = Struct(
    "_KPRCB",
    0xBF00,
    (
        Field(0, "MxCsr", 4),
        _pointer(8, "CurrentThread", "struct _KTHREAD"),
        _pointer(0x10, "NextThread", "struct _KTHREAD"),
        _pointer(0x18, "IdleThread", "struct _KTHREAD"),
        Field(0x20, "NestingLevel", 1),
        Field(0x24, "Number", 4),
        Field(0x44, "MHz", 4),
        Field(0x100, "ProcessorState", 0x5C0, "struct _KPROCESSOR_STATE"),
        _pointer(0x89C0, "Context", "struct _CONTEXT"),
    ),
)
KPCR = Struct(
    "_KPCR",
    0x180 + KPRCB.size,
    (
        _pointer(0, "GdtBase"),
        _pointer(8, "TssBase"),
        Field(0x10, "UserRsp"),
        _pointer(0x18, "Self", "struct _KPCR"),
        _pointer(0x20, "CurrentPrcb", "struct _KPRCB"),
        _pointer(0x30, "Used_Self"),
        _pointer(0x38, "IdtBase"),
        Field(0x50, "Irql", 1),
        Field(0x60, "MajorVersion", 2),
        Field(0x62, "MinorVersion", 2),
        Field(0x180, "Prcb", KPRCB.size, "struct _KPRCB"),
    ),
)
KLDR_DATA_TABLE_ENTRY = Struct(
    "_KLDR_DATA_TABLE_ENTRY",
    0xA0,
    (
        _links(0, "InLoadOrderLinks"),
        _pointer(0x10, "ExceptionTable"),
        Field(0x18, "ExceptionTableSize", 4),
        _pointer(0x30, "DllBase"),
        _pointer(0x38, "EntryPoint"),
        Field(0x40, "SizeOfImage", 4),
        _text(0x48, "FullDllName"),
        _text(0x58, "BaseDllName"),
        Field(0x68, "Flags", 4),
        Field(0x6C, "LoadCount", 2),
        Field(0x78, "CheckSum", 4),
        Field(0x80, "CoverageSection"),
        Field(0x98, "SizeOfImageNotRounded", 4),
        Field(0x9C, "TimeDateStamp", 4),
    ),
)
LDR_DATA_TABLE_ENTRY = Struct(
    "_LDR_DATA_TABLE_ENTRY",
    0x138,
    (
        _links(0, "InLoadOrderLinks"),
        _links(0x10, "InMemoryOrderLinks"),
        _links(0x20, "InInitializationOrderLinks"),
        _pointer(0x30, "DllBase"),
        _pointer(0x38, "EntryPoint"),
        Field(0x40, "SizeOfImage", 4),
        _text(0x48, "FullDllName"),
        _text(0x58, "BaseDllName"),
        Field(0x68, "Flags", 4),
        Field(0x80, "TimeDateStamp", 4),
    ),
)
PEB_LDR_DATA = Struct(
    "_PEB_LDR_DATA",
    0x58,
    (
        Field(0, "Length", 4),
        Field(4, "Initialized", 1),
        _links(0x10, "InLoadOrderModuleList"),
        _links(0x20, "InMemoryOrderModuleList"),
        _links(0x30, "InInitializationOrderModuleList"),
    ),
)
PEB = Struct("_PEB", 0x7D0, (_pointer(0x10, "ImageBaseAddress"), _pointer(0x18, "Ldr", "struct _PEB_LDR_DATA")))
UNLOADED_DRIVER = Struct(
    "_UNLOADED_DRIVERS",
    0x28,
    (_text(0, "Name"), _pointer(0x10, "StartAddress"), _pointer(0x18, "EndAddress"), Field(0x20, "CurrentTime")),
)
KTHREAD_FIELDS = (
    Field(0, "Header", 0x18, "struct _DISPATCHER_HEADER"),
    _pointer(0x28, "InitialStack"),
    _pointer(0x30, "StackLimit"),
    _pointer(0x38, "StackBase"),
    _pointer(0x58, "KernelStack"),
    _pointer(0x90, "TrapFrame"),
    Field(0x98, "ApcState", 0x30, "struct _KAPC_STATE"),
    Field(0xC8, "WaitIrql", 1),
    _pointer(0xF0, "Teb"),
    Field(0x154, "ContextSwitches", 4),
    Field(0x184, "State", 1),
    _pointer(0x220, "Process", "struct _KPROCESS"),
    Field(0x232, "PreviousMode", 1),
    Field(0x283, "WaitReason", 1),
    Field(0x28C, "KernelTime", 4),
    Field(0x2DC, "UserTime", 4),
    _links(0x2F8, "ThreadListEntry"),
)


@dataclass(frozen=True)
class Layouts:
    """Structures of one build that differ between builds, beside those that do not."""

    build: int
    kprocess: Struct
    eprocess: Struct
    kthread: Struct
    ethread: Struct
    same: tuple[Struct, ...] = field(
        default=(
            LIST_ENTRY,
            UNICODE_STRING,
            CLIENT_ID,
            DISPATCHER_HEADER,
            KAPC_STATE,
            M128A,
            CONTEXT,
            KSPECIAL_REGISTERS,
            KPROCESSOR_STATE,
            KPRCB,
            KPCR,
            KLDR_DATA_TABLE_ENTRY,
            LDR_DATA_TABLE_ENTRY,
            PEB_LDR_DATA,
            PEB,
            UNLOADED_DRIVER,
        )
    )

    def struct(self, name: str) -> Struct:
        """One of those that do not differ."""
        return next(each for each in self.same if each.name == name)

    def c_source(self) -> str:
        """C text that defines every structure and keeps each one in the debug information."""
        first = [each.name for each in self.same].index("_CONTEXT") + 1
        structs = (*self.same[:first], self.kprocess, self.kthread, *self.same[first:], self.eprocess, self.ethread)
        names = ["struct _KPROCESS;", "struct _KTHREAD;", "#pragma pack(1)"]
        keep = [f"struct {each.name} *Keep{each.name};" for each in structs]
        return "\n".join(names + [each.c_definition() for each in structs] + keep) + "\n"


def layouts(build: int) -> Layouts:
    """Structures of ``build``."""
    offsets = BUILD_OFFSETS[build]
    kprocess = Struct(
        "_KPROCESS",
        offsets.kprocess_size,
        (
            Field(0, "Header", 0x18, "struct _DISPATCHER_HEADER"),
            Field(0x28, "DirectoryTableBase"),
            _links(0x30, "ThreadListHead"),
        ),
    )
    kthread = Struct("_KTHREAD", offsets.thread_header_size, KTHREAD_FIELDS)
    return Layouts(build, kprocess, _eprocess(offsets), kthread, _ethread(offsets))


def _eprocess(offsets: BuildOffsets) -> Struct:
    at = offsets.process
    return Struct(
        "_EPROCESS",
        offsets.process_size,
        (
            Field(0, "Pcb", offsets.kprocess_size, "struct _KPROCESS"),
            _pointer(at["UniqueProcessId"], "UniqueProcessId"),
            _links(at["ActiveProcessLinks"], "ActiveProcessLinks"),
            Field(at["CreateTime"], "CreateTime"),
            _pointer(at["SectionBaseAddress"], "SectionBaseAddress"),
            _pointer(at["InheritedFromUniqueProcessId"], "InheritedFromUniqueProcessId"),
            _pointer(at["Peb"], "Peb", "struct _PEB"),
            Field(at["ImageFileName"], "ImageFileName", 15, "unsigned char %[15]"),
            _links(at["ThreadListHead"], "ThreadListHead"),
            Field(at["ActiveThreads"], "ActiveThreads", 4),
        ),
    )


def _ethread(offsets: BuildOffsets) -> Struct:
    at = offsets.thread
    return Struct(
        "_ETHREAD",
        offsets.thread_size,
        (
            Field(0, "Tcb", offsets.thread_header_size, "struct _KTHREAD"),
            Field(at["CreateTime"], "CreateTime"),
            _pointer(at["StartAddress"], "StartAddress"),
            Field(at["Cid"], "Cid", 16, "struct _CLIENT_ID"),
            _pointer(at["Win32StartAddress"], "Win32StartAddress"),
            _links(at["ThreadListEntry"], "ThreadListEntry"),
        ),
    )


PFN_SIZE = 0x30
ACTIVE_AND_VALID = 6
"""PageLocation of a page that some page table maps."""
PFN_TYPES = """
struct _MMPFNENTRY1 {
  unsigned short ReferenceCount_;
  unsigned char PageLocation : 3, WriteInProgress : 1, Modified : 1, ReadInProgress : 1, CacheAttribute : 2;
};
struct _MMPFN {
  union { unsigned long long Flink; void *Next; } u1;
  union { void *PteAddress; unsigned long long PteLong; };
  union { unsigned long long Long; } OriginalPte;
  unsigned long long u2;
  union { unsigned short ReferenceCount; struct _MMPFNENTRY1 e1; unsigned int EntireField; } u3;
  unsigned int u5;
  union {
    unsigned long long EntireField;
    struct {
      unsigned long long PteFrame : 40, ResidentPage : 1, Unused : 13, PfnExists : 1, Rest : 8, PrototypePte : 1;
    };
  } u4;
};
struct _MMPFN *Keep_MMPFN;
"""
"""What a debugger looks at of the PFN database when it saves the pages in use (``.dump /ka``)."""


def page_in_use() -> bytes:
    """An entry of the PFN database."""
    return struct.pack("<QQQQHBBIQ", 0, 0, 0, 1, 1, ACTIVE_AND_VALID, 0, 0, 1 << 54)
