"""Processes and processors in debugger text."""

from __future__ import annotations

from livedump.engines.text.bug_check import parse_analysis
from livedump.engines.text.lines import lines_at_processor, split_lines
from livedump.engines.text.processes import (
    find_requesting_process,
    parse_process_fields,
    parse_processes,
    parse_processor,
    parse_processors,
    parse_registers,
)
from livedump.machine import x64
from livedump.model.processors import Process, Processor

# The shape of !process in the debugger's documentation.
SYSTEM = """\
PROCESS ffffa705dc563040
    SessionId: none  Cid: 0004    Peb: 00000000  ParentCid: 0000
    DirBase: 001ad000  ObjectTable: ffffcb0b9a404f40  HandleCount: 2345.
    Image: System

"""
TASKMGR = """\
PROCESS ffffa705e1234080
    SessionId: 1  Cid: 172c    Peb: bbce0b1000  ParentCid: 0a10
    DirBase: 14d002000  ObjectTable: ffffcb0ba1111111  HandleCount: 800.
    Image: Taskmgr.exe

"""
SYSTEM_PROCESS = Process(0xFFFFA705DC563040, "System", 4, 0x1AD000)
TASKMGR_PROCESS = Process(0xFFFFA705E1234080, "Taskmgr.exe", 0x172C, 0x14D002000)


def test_the_list_of_all_processes() -> None:
    text = f"0: kd> !process -1 0\n{TASKMGR}0: kd> !process 0 0\n**** NT ACTIVE PROCESS DUMP ****\n{SYSTEM}{TASKMGR}"
    assert parse_processes(split_lines(text)) == (SYSTEM_PROCESS, TASKMGR_PROCESS)


def test_the_current_process_alone_is_no_list() -> None:
    assert parse_processes(split_lines(f"0: kd> !process -1 0\n{TASKMGR}")) is None


def test_the_current_process_is_the_one_asked_for_by_minus_one() -> None:
    text = f"0: kd> !process 0 0\n{SYSTEM}{TASKMGR}0: kd> !process -1 0\n{TASKMGR}"
    assert find_requesting_process(split_lines(text), parse_analysis(split_lines(text))) == TASKMGR_PROCESS


def test_analyze_names_the_process_too() -> None:
    text = "PROCESS_NAME:  Darktide.exe\nSTACK_COMMAND: .process /r /p 0xffffc28fc8747080; .thread 0x1 ; kb\n"
    assert find_requesting_process(split_lines(text), parse_analysis(split_lines(text))) == Process(
        0xFFFFC28FC8747080, "Darktide.exe", None, None
    )


def test_no_process_is_none() -> None:
    assert find_requesting_process(split_lines(f"0: kd> !process 0 0\n{SYSTEM}"), None) is None
    assert find_requesting_process(["0: kd> !process -1 0", "No export process found"], None) is None


def test_dt_prints_the_fields_of_a_process() -> None:
    # 10.0.15063 on a made-up dump with symbols
    text = """\
2: kd> dt nt!_EPROCESS ImageFileName UniqueProcessId Pcb.DirectoryTableBase @$proc
   +0x000 Pcb                    :\x20
      +0x028 DirectoryTableBase     : 0x14d000
   +0x440 UniqueProcessId        : 0x00000000`00000ccc Void
   +0x5a8 ImageFileName          : [15]  "WmiPrvSE.exe"
"""
    assert parse_process_fields(split_lines(text)) == Process(None, "WmiPrvSE.exe", 0xCCC, 0x14D000)


def test_dt_without_symbols_tells_nothing() -> None:
    text = "***    Type referenced: nt!_EPROCESS                                  ***\nSymbol nt!_EPROCESS not found.\n"
    assert parse_process_fields(split_lines(text)) == Process(None, None, None, None)


RUNNING = """\
0: kd> !running

System Processors:  (000000000000000f)
  Idle Processors:  (000000000000000e)

       Prcbs             Current         (pri) Next            (pri) Idle
  0    fffff80312345180  ffffe00112345080 ( 8)                       fffff8031234a900  ................
  1    ffffd00023456180  ffffe00123456080 (15) ffffe00199999080 (12) ffffd0002345b900  ................
"""


def test_running_prints_a_table_of_processors() -> None:
    assert parse_processors(split_lines(RUNNING)) == (
        Processor(0, 0xFFFFF80312345180, 0xFFFFE00112345080, 0xFFFFF8031234A900, None),
        Processor(1, 0xFFFFD00023456180, 0xFFFFE00123456080, 0xFFFFD0002345B900, None),
    )


def test_text_without_the_table_tells_no_processors() -> None:
    assert parse_processors(split_lines(SYSTEM)) is None


# r and dt of 10.0.15063
STATE = """\
1: kd> r
rax=ffffa704eeb6bd90 rbx=0000000000000000 rcx=000000000000004a
rdx=00007ffe7350d0c4 rsi=0000000000000000 rdi=00000000000001dc
rip=fffff8075c00b6f0 rsp=ffffa704eeb6bc88 rbp=ffffa704eeb6bec0
 r8=0000000000000002  r9=0000000000000000 r10=ffffa704eeb6bec0
r11=ffffd20bfc13c080 r12=00000000000304a2 r13=00000000000304a3
r14=0000000000000111 r15=0000000000000001
iopl=0         nv up ei ng nz na po nc
cs=0010  ss=0018  ds=002b  es=002b  fs=0053  gs=002b             efl=00000286
nt+0x3fd6f0:
1: kd> dt nt!_KPRCB CurrentThread IdleThread 0xffffaf8000010180
   +0x008 CurrentThread : 0xffffd20b`fc13c080 _KTHREAD
   +0x018 IdleThread    : 0xffffaf80`00011000 _KTHREAD
"""


def test_r_prints_the_registers() -> None:
    assert parse_registers(split_lines(STATE)) == x64.registers(
        0xFFFFF8075C00B6F0,
        general=(
            0xFFFFA704EEB6BD90, 0x4A, 0x7FFE7350D0C4, 0, 0xFFFFA704EEB6BC88, 0xFFFFA704EEB6BEC0, 0, 0x1DC,
            2, 0, 0xFFFFA704EEB6BEC0, 0xFFFFD20BFC13C080, 0x304A2, 0x304A3, 0x111, 1,
        ),
    )  # fmt: skip


def test_half_the_registers_are_none() -> None:
    assert parse_registers(split_lines(STATE)[:4]) is None


def test_a_processor_is_its_registers_and_threads() -> None:
    processor = parse_processor(split_lines(STATE), 1, 0xFFFFAF8000010180)
    assert (processor.number, processor.current_thread, processor.idle_thread) == (
        1, 0xFFFFD20BFC13C080, 0xFFFFAF8000011000,
    )  # fmt: skip
    assert processor.registers is not None
    assert processor.idle is False


def test_lines_at_a_processor_begin_with_its_prompt() -> None:
    lines = split_lines("0: kd> ~1s\nnt!X:\n1: kd> r\nrip=1\n1: kd> k\n0: kd> r\nrip=0\n")
    assert lines_at_processor(lines, 1) == ("1: kd> r", "rip=1", "1: kd> k")
    assert lines_at_processor(lines, 2) == ()


def test_the_registers_of_arm64() -> None:
    # As dbgeng 10.0.29507 prints those of a real dump of build 22000.
    text = """\
 x0=0000000000000000   x1=0000000000000001   x2=ffffffffffffff80   x3=fffff803f3a36aa0
 x4=0000000000000000   x5=0000000000000000   x6=fffff803f3a16000   x7=000000000000064d
 x8=0000000000000000   x9=fffff803f3a2d000  x10=0000000000008000  x11=ffffe00e0e4bd000
x12=ffffe00e0e4b5000  x13=0000000000000017  x14=0000000000124925  x15=0000000000000fff
x16=0000000080000001  x17=00006402a279369a  x18=fffff803efd00000  x19=fffff803efd00980
x20=0000000000000001  x21=0000000000000001  x22=0000000000000000  x23=0000000000000000
x24=0000000000000000  x25=0000000000001b58  x26=fffff803f3a20860  x27=0000000000000000
x28=0000000000000000   fp=ffffe00e0e4bc4a0   lr=fffff803f33442a0   sp=ffffe00e0e4bc4b0
 pc=fffff803f32de014  psr=80000144 N--- EL1
nt+0x4de014:
fffff803`f32de014 91010260 add         x0,x19,#0x40
"""
    registers = parse_registers(text.splitlines())
    assert registers is not None
    assert (registers.machine, registers.instruction) == ("ARM64", 0xFFFFF803F32DE014)
    assert registers.stack_pointer == 0xFFFFE00E0E4BC4B0
    assert registers.general[3] == 0xFFFFF803F3A36AA0
    assert registers.general[28:] == (0, 0xFFFFE00E0E4BC4A0, 0xFFFFF803F33442A0)
    assert parse_registers(text.splitlines()[:7]) is None
