"""A driver in C that has one member of each kind, and what Microsoft's debugger says of it."""

from __future__ import annotations

from pathlib import Path

from livedump.model.layout import Layout
from tests.symbols.toolchain import Built, build

FLAGS = ("-x", "c", "-fstandalone-debug", "-ffreestanding")

SOURCE = r"""
typedef unsigned char UCHAR; typedef unsigned short USHORT; typedef unsigned long ULONG;
typedef unsigned long long ULONG64; typedef long long LONG64; typedef __WCHAR_TYPE__ wide;
typedef enum _KTHREAD_STATE { Initialized, Ready, Running, Waiting = 5, Negative = -3, Big = 0x7fffffff } KTHREAD_STATE;
typedef struct _LIST_ENTRY { struct _LIST_ENTRY *Flink; struct _LIST_ENTRY *Blink; } LIST_ENTRY;
typedef union _LARGE_INTEGER {
    struct { ULONG LowPart; long HighPart; };
    struct { ULONG LowPart; long HighPart; } u;
    LONG64 QuadPart;
} LARGE_INTEGER;
struct _LATER; struct _NOWHERE;
typedef void (*ROUTINE)(void *a, int b);
typedef struct _SHAPES {
    UCHAR Type; signed char Signed; short Short; USHORT UShort; long Long; ULONG ULong; LONG64 I64; ULONG64 U64;
    wide *WideText;
    LIST_ENTRY Links; struct _LATER *Later; struct _NOWHERE *Nowhere; void *Void; ULONG64 **PointerToPointer;
    ROUTINE Routine; ROUTINE Routines[3];
    UCHAR Name[15]; ULONG Grid[2][3]; LIST_ENTRY Heads[4]; struct _LIST_ENTRY *Pointers[2];
    KTHREAD_STATE State; KTHREAD_STATE States[2]; const volatile ULONG Cv; volatile LIST_ENTRY VolatileLinks;
    LIST_ENTRY *volatile VolatilePointer; volatile LIST_ENTRY *PointerToVolatile;
    ULONG One:1; ULONG Three:3; ULONG Rest:28; ULONG64 Lock:1; ULONG64 Wide:47; ULONG64 :4; ULONG64 Last:12;
    signed int SignedBits:5; UCHAR B:3; UCHAR C:5; KTHREAD_STATE EnumBits:4;
    union { struct { ULONG Low; ULONG High; }; ULONG64 Whole; void *Either; };
    struct {
        union { LIST_ENTRY QueueEntry; struct { void *Thread; struct { ULONG Deep; ULONG Deeper:7; } Overlay; } Inner; }
            Tail;
        struct { ULONG X; } Array[2];
    } Named;
    union { LONG64 Alignment; struct { ULONG A; ULONG B; } u1[2]; } u;
    LARGE_INTEGER Time; _Bool Bool; wide Wide16[4]; char Char; char Chars[8]; int Int; unsigned int UInt;
    struct _LATER *Many[2][2]; LIST_ENTRY (*PointerToArray)[4]; float Real; double Double; ULONG Flexible[];
} SHAPES;
typedef struct _LATER { ULONG Number; SHAPES *Back; } LATER;
SHAPES shape; LATER later; KTHREAD_STATE state;
void *KiProcessorBlock[64]; static ULONG hidden = 5;
int _fltused;
int entry(void) { return shape.ULong + later.Number + hidden++; }
"""

SHAPES_SIZE = 0x1D0
SHAPES = """\
000 Type u8
001 Signed i8
002 Short i16
004 UShort u16
008 Long i32
00c ULong u32
010 I64 i64
018 U64 u64
020 WideText ptr u16
028 Links _LIST_ENTRY
038 Later ptr _LATER
040 Nowhere ptr _NOWHERE
048 Void ptr void
050 PointerToPointer ptr ptr u64
058 Routine ptr function
060 Routines ptr function[3]
078 Name u8[15]
088 Grid u32[2][3]
0a0 Heads _LIST_ENTRY[4]
0e0 Pointers ptr _LIST_ENTRY[2]
0f0 State enum _KTHREAD_STATE
0f4 States enum _KTHREAD_STATE[2]
0fc Cv u32
100 VolatileLinks _LIST_ENTRY
110 VolatilePointer ptr _LIST_ENTRY
118 PointerToVolatile ptr _LIST_ENTRY
120 One 0:1
120 Three 1:3
120 Rest 4:28
128 Lock 0:1
128 Wide 1:47
128 Last 52:12
130 SignedBits 0:5
134 B 0:3
134 C 3:5
138 EnumBits 0:4
140 Low u32
144 High u32
140 Whole u64
140 Either ptr void
148 Named _SHAPES.Named
160 u _SHAPES.u
170 Time _LARGE_INTEGER
178 Bool u8
17a Wide16 u16[4]
182 Char i8
183 Chars i8[8]
18c Int i32
190 UInt u32
198 Many ptr _LATER[2][2]
1b8 PointerToArray ptr _LIST_ENTRY[4]
1c0 Real float
1c8 Double float
1d0 Flexible u32[0]
""".splitlines()
"""Offset, name, and type or bits, as ``dt -v`` prints them."""


def build_shapes(folder: Path) -> Built:
    """The image and its private PDB."""
    return build(folder, "shapes", SOURCE, *FLAGS, private=True)


def member_lines(layout: Layout) -> list[str]:
    """A line a member, like those of SHAPES."""
    kinds = [str(each.type) if each.bits is None else f"{each.first_bit}:{each.bits}" for each in layout.members]
    return [f"{each.offset:03x} {each.name} {kind}" for each, kind in zip(layout.members, kinds)]
