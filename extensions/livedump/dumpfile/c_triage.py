"""TRIAGE_DUMP64: what follows the header of a triage dump (type 4). The same for x64 and ARM64.

Source: dump.h of the Singularity research kit; checked on x64 and ARM64 dumps of builds 19041 and 22000, which differ
from it in two points: a string's length counts characters, and TopOfStack is the lowest address of the stack copy.
Offsets stored in it are file offsets; 0 means that the part is absent.
"""

from __future__ import annotations

from livedump.model.fields import U16, U32, U64, Field

SIZE = 0x80
SERVICE_PACK_BUILD = Field(0x00, U32)
SIZE_OF_DUMP = Field(0x04, U32)
VALID_OFFSET = Field(0x08, U32)
VALID_MARK = b"TRGD"
UNLOADED_DRIVERS_OFFSET = Field(0x18, U32)
PRCB_OFFSET = Field(0x1C, U32)
PROCESS_OFFSET = Field(0x20, U32)
THREAD_OFFSET = Field(0x24, U32)
CALL_STACK = Field(0x28, "<2I")
"""File offset and size, as in the other pairs."""
DRIVER_LIST = Field(0x30, "<2I")
"""File offset and number of entries."""
STRING_POOL = Field(0x38, "<2I")
TRIAGE_OPTIONS = Field(0x44, U32)
OPTION_OVERFLOWED = 0x100
OPTIONS_OF_A_DEBUGGER = 0xFFFFFFFF
"""What a debugger writes there, which means nothing."""
TOP_OF_STACK = Field(0x48, U64)
DATA_PAGE_ADDRESS = Field(0x60, U64)
DATA_PAGE = Field(0x68, "<2I")
DEBUGGER_DATA = Field(0x70, "<2I")
DATA_BLOCKS = Field(0x78, "<2I")
"""File offset and number of blocks."""

DATA_BLOCK = "<QII"
"""Virtual address, file offset, size."""
DATA_BLOCK_SIZE = 16

DRIVER_SIZE = 0x90
"""A string's offset, padding, and a KLDR_DATA_TABLE_ENTRY at +8."""
DRIVER_NAME_OFFSET = Field(0x00, U32)
DRIVER_BASE = Field(0x38, U64)
DRIVER_IMAGE_SIZE = Field(0x48, U32)
DRIVER_CHECKSUM = Field(0x80, U32)
DRIVER_TIMESTAMP = Field(0x88, U32)

STRING_LENGTH = Field(0x00, U32)
"""UTF-16 characters that follow, without the NUL behind them."""
STRING_TEXT = 0x04

UNLOADED_COUNT = Field(0x00, U64)
UNLOADED_FIRST = 0x08
UNLOADED_SIZE = 0x38
UNLOADED_NAME_BYTES = Field(0x00, U16)
UNLOADED_NAME = Field(0x10, "<24s")
"""Twelve characters of UTF-16; a longer name is cut."""
UNLOADED_RANGE = Field(0x28, "<2Q")
"""First address and end."""
