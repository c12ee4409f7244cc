"""Kernel structures in dump memory: where each field stands. 64-bit Windows throughout.

Sources: wdbgexts.h of the Windows SDK (KDDEBUGGER_DATA64); Microsoft's public symbols, ``dt nt!<type>``, for
structures whose layout is the same in every 64-bit build; winnt.h for LIST_ENTRY and UNICODE_STRING. What moves from
build to build is not here: its offset comes from the debugger data block, from symbols, or is probed for.
"""

from __future__ import annotations

from livedump.model.fields import U8, U16, U32, U64, Field

POINTER = Field(0x0, U64)
POINTER_SIZE = 8

# LIST_ENTRY
FLINK = Field(0x0, U64)
BLINK = Field(0x8, U64)
LIST_ENTRY_SIZE = 0x10

# UNICODE_STRING
STRING_LENGTH = Field(0x0, U16)
"""Bytes, without the terminator."""
STRING_BUFFER = Field(0x8, U64)

# KDDEBUGGER_DATA64, as far as it is needed to find and decode one; the rest stands in c_layouts
KDBG_TAG = b"KDBG"
KDBG_OWNER_TAG = Field(0x010, U32)
KDBG_SIZE = Field(0x014, U32)
KDBG_HEADER_SIZE = 0x18
KDBG_LARGEST_SIZE = 0x3A0
"""The largest that is known; a larger one only has fields appended."""
KDBG_PS_LOADED_MODULE_LIST = Field(0x048, U64)
KDBG_PS_ACTIVE_PROCESS_HEAD = Field(0x050, U64)
KDBG_MM_PAGE_SIZE = Field(0x138, U64)

# KLDR_DATA_TABLE_ENTRY and, in user mode, LDR_DATA_TABLE_ENTRY: alike as far as is read here
LDR_DLL_BASE = Field(0x30, U64)
LDR_SIZE_OF_IMAGE = Field(0x40, U32)
LDR_FULL_DLL_NAME = 0x48
LDR_BASE_DLL_NAME = 0x58
KLDR_CHECK_SUM = Field(0x78, U32)
"""In user mode this is a list link."""
KLDR_TIME_DATE_STAMP = Field(0x9C, U32)
"""Kernel mode, since Windows 10; the type is in no public symbols before. Source: ``dt nt!_KLDR_DATA_TABLE_ENTRY``."""
LDR_TIME_DATE_STAMP = Field(0x80, U32)
"""User mode, and the copies in a triage dump's list of drivers; in the kernel's list this is CoverageSection."""
LDR_ENTRY_SIZE = 0x88
"""What every build has."""

# UNLOADED_DRIVERS
UNLOADED_DRIVER_START = Field(0x10, U64)
UNLOADED_DRIVER_END = Field(0x18, U64)
UNLOADED_DRIVER_SIZE = 0x28
UNLOADED_DRIVER_SLOTS = 50
"""MI_UNLOADED_DRIVERS: the kernel goes round in as many slots."""

IMAGE_ALIGNMENT = 0x10000
"""Images of user mode begin at multiples of the allocation granularity."""

# PEB and PEB_LDR_DATA
PEB_LDR = Field(0x18, U64)
PEB_LDR_IN_LOAD_ORDER_LIST = 0x10

# DISPATCHER_HEADER and KPROCESS, which begin EPROCESS
DISPATCHER_TYPE = Field(0x0, U8)
DISPATCHER_TYPE_PROCESS = 3
"""KOBJECTS.ProcessObject."""
DISPATCHER_WAIT_LIST = Field(0x8, "<2Q")
KPROCESS_PROFILE_LIST = Field(0x18, "<2Q")
"""An empty list, which points at itself, unless the process is being profiled."""
KPROCESS_PROBE_SIZE = 0x28
PHYSICAL_ADDRESS_BITS = 52
"""x64 at most. Source: Intel SDM, volume 3A, 4.1.4."""
DIRECTORY_TABLE_BASE_FLAGS = 0xFFF
"""Low bits of a saved CR3: address space identifiers and hints, no part of the address."""

# EPROCESS
IMAGE_FILE_NAME_SIZE = 15
PRIORITY_CLASS_LARGEST = 6
"""EPROCESS.PriorityClass, the byte behind ImageFileName; PROCESS_PRIORITY_CLASS_ABOVE_NORMAL."""
PROCESS_ID_BEFORE_LINKS = 8
"""UniqueProcessId stands right in front of ActiveProcessLinks in every build."""
SYSTEM_PROCESS_ID = 4
SYSTEM_PROCESS_NAME = b"System"
EPROCESS_DEFAULT_SIZE = 0x1000
"""How far to look where the debugger data block does not say; the largest known is 0xC80."""
EPROCESS_ALIGNMENT = 0x10

# CLIENT_ID
CLIENT_ID_STEP = 4
"""Process and thread ids are multiples of it."""

# KUSER_SHARED_DATA
KI_USER_SHARED_DATA = 0xFFFFF78000000000
