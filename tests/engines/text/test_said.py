"""What a log with the output of commands on symptoms tells, in the shapes in which debuggers print it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livedump.analysis.symptoms.asking import (
    find_memory,
    find_requests,
    find_running,
    find_stacks_of_threads,
    find_waits,
)
from livedump.analysis.symptoms.reporting import report_dump
from livedump.engines.text.locks import parse_locks
from livedump.engines.text.memory_use import parse_pool_tags, parse_totals
from livedump.engines.text.said import read_symptoms
from livedump.engines.transcript import TranscriptEngine, read_transcripts
from livedump.model.errors import NotKnown
from livedump.model.findings import Confidence
from livedump.model.memory_use import PoolTag
from livedump.model.symptoms import AnalysisState, SymptomKind
from livedump.model.waits import ObjectKind, WaitedObject
from tests.effort import at_most
from tests.engines.transcripts import transcript

OPENED = """\
Windows 10 Kernel Version 26100 MP (2 procs) Free x64
Kernel base = 0xfffff801`77e00000 PsLoadedModuleList = 0xfffff801`78727400
0: kd> .bugcheck
Bugcheck code 00000161
Arguments 00000000`00000001 00000000`00000002 00000000`00000003 00000000`00000004
"""
RUNNING = """\
0: kd> !running -it

System Processors:  (0000000000000003)
  Idle Processors:  (0000000000000002)

       Prcbs             Current         (pri) Next            (pri) Idle
  0    fffff80526ad6180  ffffda0273eea040 ( 8) ffffda02746490c0 (14) fffff80599bd15c0  ................

 # Child-SP          RetAddr               Call Site
00 ffff968b`f8207710 fffff805`2d9c1718     kdnic!TXTransmitQueuedSends+0x180
01 ffff968b`f82077a0 00000000`00000000     kdnic!HandleSend+0x228

  1    ffffaa80efed1180  ffffda02717a4080 ( 0)                       ffffda02717a4080  ................

 # Child-SP          RetAddr               Call Site
00 ffff968b`f7a4f960 00000000`00000000     nt!PpmIdleGuestExecute+0x15

"""
LOCKS = """\
0: kd> !locks
**** DUMP OF ALL RESOURCE OBJECTS ****
KD: Scanning for held locks..................

Resource @ 0xffff8b035731cea0    Exclusively owned
     Threads: ffff8b034f13e080-01<*>
KD: Scanning for held locks.....

Resource @ 0xffff8b0352014a90    Exclusively owned
    Contention Count = 1
    NumberOfExclusiveWaiters = 3
     Threads: ffff8b0351756040-01<*>

     Threads Waiting On Exclusive Access:
              ffff8b03515d5040       ffff8b03515d6080       0000000000060001       ffff8b03515d7080

27708 total locks, 2 locks currently held
"""
DEADLOCK = """\
0: kd> !locks
Resource @ nt!CmpRegistryLock (0xffff8b0352014a90)    Exclusively owned
    Contention Count = 9
    NumberOfSharedWaiters = 1
     Threads: ffff8b0351756040-01<*> ffff8b0351111080-01
Resource @ 0xffff8b0352014b80    Shared 1 owning threads
    NumberOfExclusiveWaiters = 1
     Threads: ffff8b0351111080-01<*>

     Threads Waiting On Exclusive Access:
              ffff8b0351756040
2 total locks, 2 locks currently held
"""
VM = """\
0: kd> !vm 1
Page File: \\??\\C:\\pagefile.sys
  Current:   2096632 Kb  Free Space:   2085468 Kb
  Minimum:   2096632 Kb  Maximum:      6289896 Kb

Physical Memory:           524158 (    2096632 Kb)
Available Pages:           235317 (     941268 Kb)
ResAvail Pages:            441236 (    1764944 Kb)
Locked IO Pages:                0 (          0 Kb)
Free System PTEs:        33484771 (  133939084 Kb)
NonPagedPool Usage:           239 (        956 Kb)
NonPagedPoolNx Usage:       30120 (     120480 Kb)
NonPagedPool Max:          382974 (    1531896 Kb)
PagedPool Usage:            33184 (     132736 Kb)
PagedPool Maximum:       33554432 (  134217728 Kb)
Pages For MDLs:               588 (       2352 Kb)
PagedPool Commit:  18446735300397918280 (73786941201591673120 Kb)
Committed pages:           295783 (    1183132 Kb)
Commit limit:             1048316 (    4193264 Kb)
"""
POOL = """\
0: kd> !poolused 2
....................
 Sorting by NonPaged Pool Consumed

               NonPaged                  Paged
 Tag     Allocs         Used     Allocs         Used

 amda   5768754   1938325232         32         9360\tUNKNOWN pooltag 'amda', please update pooltag.txt
 IoWI   5769999    646239888          0            0\tIo work items , Binary: nt!io
 Mm        1428    254173440          6       196608\tgeneral Mm Allocations , Binary: nt!mm
 TOTAL 11540181   2838738560         38       205968
"""
DETAILED = """\
 Sorting by Tag

               NonPaged                                         Paged
 Tag    Allocs    Frees     Diff     Used   Allocs    Frees     Diff     Used
 Leak  820000      800   819200 3355443200       5        5        0        0
"""
STACKS = """\
0: kd> !stacks 2
Proc.Thread  .Thread  Ticks   ThreadState Blocker
                            [ffffb80f4d683040 System]
   4.000050  ffffb80f4d6c5080 ffff5ac1 Blocked    nt!KiSwapContext+0x76
                                        nt!KiSwapThread+0xab5
                                        nt!KeWaitForSingleObject+0x256
                                        TestDriver!FileMoveThread+0x47
   4.000054  ffffb80f4d6c6080 ffff5ac1 Blocked    nt!KiSwapContext+0x76
                                        nt!KiSwapThread+0xab5
                                        nt!KeWaitForSingleObject+0x256
                                        TestDriver!FileMoveThread+0x47
   4.000058  ffffb80f4d6c7080 ffff5ac1 Blocked    Stack paged out
                            [ffffb80f51234080 smss.exe]
 1b4.0001b8  ffffb80f51299080 ffff5ac1 READY      nt!KiSwapContext+0x76
                                        nt!NtWaitForSingleObject+0xfc

Threads Processed: 4
"""
OLD_STACKS = """\
kd> !stacks 0
Proc.Thread  .Thread  ThreadState  Blocker
                                     [System]
   4.000050  827eea10  Blocked    +0xfe0343a5

                                     [csrss.exe]
  b0.0000a8  82723b70  Blocked    ntoskrnl!_KiSystemService+0xc4
  b0.0000c8  82719620  Blocked    ntoskrnl!_KiSystemService+0xc4
"""
MEX_STACKS = """\
0: kd> !mex.us TestDriver
2 threads [stats]: ffffc983f3fb4040 ffffc983f3fb5040
    fffff8054d61fe76 nt!KiSwapContext+0x76
    fffff8054d4cf4f6 nt!KeWaitForSingleObject+0x256
    fffff805735d12c7 TestDriver!FileMoveThread+0x47 (C:\\Driver.c @ 58)

1 thread [stats]: ffffc983f2d47040
    fffff8054d4d1e29 nt!KeDelayExecutionThread+0xf9

Threads matching filter: 3 out of 257
"""
MEX_RUNNING = """\
0: kd> !mex.running
Process           PID Thread             Id Pri Base Pri Next CPU CSwitches   User     Kernel State      Time Reason
================ ==== ================ ==== === ======== ======== ========= ====== ========== ======= ======= ==========
MsMpEng.exe       fac ffffc983ebd6e080 18cc   9        8        0      7857  922ms      250ms Running     0 UserRequest
Idle                0 ffffc983ebd89080    0   0        0        1    278333      0 15m:37.641 Running   125ms Executive

Count: 2 | Show Unique Stacks
0: kd> !mex.tl
PID           Address          Name
============= ================ ========================
0xfac  0n4012 ffffc983ece4e0c0 MsMpEng.exe
"""
PROCESSES = """\
0: kd> !process 0 0
**** NT ACTIVE PROCESS DUMP ****
PROCESS ffffb80f4d683040
    SessionId: none  Cid: 0004    Peb: 00000000  ParentCid: 0000
    DirBase: 001ad002  ObjectTable: ffffe08a1d204c40  HandleCount: 2345.
    Image: System

PROCESS ffffb80f51234080
    SessionId: none  Cid: 01b4    Peb: 12a53e0000  ParentCid: 0004
    DirBase: 12a53e002  ObjectTable: ffffe08a1d99ec40  HandleCount: 31000.
    Image: smss.exe

"""


def log(*outputs: str) -> TranscriptEngine:
    return transcript("".join((OPENED, *outputs)), "session.log")


def test_running_tells_who_is_on_each_processor() -> None:
    running = find_running(log(RUNNING)).processors
    assert running.state is AnalysisState.FOUND
    assert running.reason == "said by the debugger: output of !running; what it does not print is not known"
    assert [(each.number, each.thread, each.priority, each.idle) for each in running.processors] == [
        (0, 0xFFFFDA0273EEA040, 8, False),
        (1, 0xFFFFDA02717A4080, 0, True),
    ]
    assert running.processors[0].own_frame == "kdnic!TXTransmitQueuedSends+0x180"
    assert [(each.thread, each.priority, each.processor) for each in running.ready] == [(0xFFFFDA02746490C0, 14, 0)]
    assert running.processors[0].dpc_percent is None
    nobody = RUNNING.replace("ffffda02746490c0 (14)", " " * 21)
    assert "nobody is seen to wait for one" in find_running(log(nobody)).processors.summary


def test_locks_tells_who_waits_behind_whom() -> None:
    found = find_waits(log(LOCKS))
    (chain,) = found.waits.chains
    assert (chain.head, chain.behind) == (0xFFFF8B0351756040, 3)
    assert chain.objects == (WaitedObject(ObjectKind.RESOURCE, 0xFFFF8B0352014A90),)
    assert {each.thread for each in found.waits.waits} == {
        0xFFFF8B03515D5040, 0xFFFF8B03515D6080, 0xFFFF8B03515D7080,
    }  # fmt: skip
    assert found.waits.summary.startswith("2 of 27,708 ERESOURCEs held")
    (finding,) = found.findings
    assert (finding.kind, finding.confidence, finding.count) == (SymptomKind.BLOCKED, Confidence.POSSIBLE, 3)
    assert finding.text == "3 threads wait behind thread ffff8b0351756040"


def test_a_deadlock_of_a_text_is_never_certain() -> None:
    found = find_waits(log(DEADLOCK))
    (finding,) = found.findings
    assert (finding.kind, finding.confidence) == (SymptomKind.DEADLOCK, Confidence.LIKELY)
    assert set(finding.threads) == {0xFFFF8B0351756040, 0xFFFF8B0351111080}


def test_owners_that_are_no_threads_are_not_known() -> None:
    text = LOCKS.replace("ffff8b0351756040-01<*>", "ffff8b0351756043-01<*>")
    found = find_waits(log(text))
    assert {each.owners for each in found.waits.waits} == {()}
    assert {each.owner_problem for each in found.waits.waits} == {"its owner is no thread"}
    actual = LOCKS.replace("ffff8b0351756040-01<*>", "ffff8b0351756043-01<*> *** Actual Thread ffff8b0351756040")
    assert find_waits(log(actual)).waits.chains[0].head == 0xFFFF8B0351756040


def test_locks_that_were_cut_say_so() -> None:
    cut = LOCKS.rsplit("27708", 1)[0]
    facts = parse_locks(cut.split("\n"))
    assert facts is not None
    assert facts.waits.problem == "the list of locks has no end"
    assert find_waits(log(cut)).waits.summary.startswith("2 held of the 2 ERESOURCEs that could be read; ")


def test_vm_tells_the_totals_and_leaves_out_what_no_machine_can_have() -> None:
    totals = parse_totals(VM.split("\n"))
    assert totals is not None
    assert (totals.committed, totals.commit_limit, totals.physical) == (295783, 1048316, 524158)
    assert (totals.available, totals.nonpaged_pool, totals.paged_pool) == (235317, 30359, 33184)
    assert (totals.locked, totals.commit_peak) == (588, None)
    nonsense = VM.replace("33184 (     132736 Kb)", "33184 (     132737 Kb)")
    assert (parse_totals(nonsense.split("\n")) or totals).paged_pool is None


def test_commit_near_its_limit_is_possibly_trouble() -> None:
    full = VM.replace("295783 (    1183132 Kb)", "1048000 (    4192000 Kb)")
    assert find_memory(log(VM)).findings == ()
    (finding,) = find_memory(log(full)).findings
    assert (finding.kind, finding.confidence, finding.count) == (SymptomKind.COMMIT, Confidence.POSSIBLE, 1048000)


def test_poolused_tells_the_largest_tags() -> None:
    found = find_memory(log(POOL))
    first, second, third = found.memory.tags
    assert first == PoolTag("amda", 1938325232, 5768754, 9360, 32, None, None)
    assert (second.tag, second.nonpaged_blocks, third.tag) == ("IoWI", 5769999, "Mm")
    assert found.memory.pools is not None
    assert found.memory.pools.nonpaged == 2838738560 // 4096 * 4096
    kinds = {(each.kind, each.subject, each.confidence) for each in found.findings}
    assert (SymptomKind.POOL_TAG, "amda", Confidence.POSSIBLE) in kinds
    assert (SymptomKind.POOL_TAG, "Mm", Confidence.POSSIBLE) not in kinds


def test_a_pool_is_no_smaller_than_what_its_tags_hold() -> None:
    # 119 MiB of nonpaged pool by !vm, 2.6 GiB by !poolused
    found = find_memory(log(VM, POOL))
    assert found.memory.pools is not None
    assert found.memory.pools.nonpaged == 2838738560 // 4096 * 4096
    assert found.memory.pools.paged == 33184 * 4096


def test_locks_that_nobody_waits_for_are_no_trouble() -> None:
    quiet = "0: kd> !locks\nResource @ 0xffff8b035731cea0    Exclusively owned\n     Threads: ffff8b034f13e080-01<*>\n"
    found = find_waits(log(quiet + "27708 total locks, 1 locks currently held\n"))
    assert (found.findings, found.waits.chains, found.waits.state) == ((), (), AnalysisState.FOUND)
    assert found.waits.summary.startswith("1 of 27,708 ERESOURCEs held; no thread is listed that waits for one")


def test_poolused_with_frees_tells_what_was_never_freed() -> None:
    tags = parse_pool_tags(DETAILED.split("\n"))
    assert tags is not None
    assert tags.tags == (PoolTag("Leak", 3355443200, 819200, 0, 0, 820000, 5),)
    (finding,) = find_memory(log("0: kd> !poolused 1\n" + DETAILED)).findings
    assert (finding.kind, finding.subject) == (SymptomKind.POOL_TAG, "Leak")
    assert finding.evidence[0].fact.endswith("of 820,000 allocations 800 were freed")


def test_stacks_tells_where_threads_stand() -> None:
    survey = find_stacks_of_threads(log(STACKS)).stacks
    assert (survey.state, survey.threads, survey.unique, survey.paged_out) == (AnalysisState.FOUND, 4, 2, 1)
    first, second = survey.groups
    assert first.frames == (
        "nt!KiSwapContext", "nt!KiSwapThread", "nt!KeWaitForSingleObject", "TestDriver!FileMoveThread",
    )  # fmt: skip
    assert (first.count, first.processes, first.waits_in) == (2, ("System",), "TestDriver!FileMoveThread")
    assert set(first.threads) == {0xFFFFB80F4D6C5080, 0xFFFFB80F4D6C6080}
    assert (second.count, second.processes) == (1, ("smss.exe",))


def test_threads_of_one_process_can_be_asked_for() -> None:
    survey = find_stacks_of_threads(log(STACKS), process="smss.exe").stacks
    assert [each.threads for each in survey.groups] == [(0xFFFFB80F51299080,)]


def test_stacks_of_32_bit_systems_are_read_too() -> None:
    survey = find_stacks_of_threads(log(OLD_STACKS)).stacks
    assert (survey.groups[0].frames, survey.groups[0].count) == (("ntoskrnl!KiSystemService",), 2)
    assert survey.groups[0].threads == (0xFFFFFFFF82719620, 0xFFFFFFFF82723B70)


def test_mex_tells_stacks_by_groups() -> None:
    survey = find_stacks_of_threads(log(MEX_STACKS)).stacks
    assert (survey.groups[0].count, survey.groups[0].waits_in) == (2, "TestDriver!FileMoveThread")
    assert survey.threads == 3
    assert "MEX !us" in (survey.reason or "")


def test_mex_tells_who_runs() -> None:
    running = find_running(log(MEX_RUNNING)).processors
    assert [(each.number, each.thread, each.process, each.priority) for each in running.processors] == [
        (0, 0xFFFFC983EBD6E080, "MsMpEng.exe", 9),
        (1, 0xFFFFC983EBD89080, None, 0),
    ]
    assert [each.idle for each in running.processors] == [False, True]


def test_processes_tell_handles_and_the_names_of_others() -> None:
    found = find_memory(log(PROCESSES))
    assert [(each.process, each.count) for each in found.memory.handles] == [("smss.exe", 31000), ("System", 2345)]
    (finding,) = found.findings
    assert (finding.kind, finding.processes, finding.confidence) == (
        SymptomKind.HANDLES, ("smss.exe",), Confidence.POSSIBLE,
    )  # fmt: skip


def test_what_the_text_does_not_tell_is_not_known() -> None:
    engine = log(LOCKS)
    assert find_running(engine).processors.state is AnalysisState.NOT_KNOWN
    assert "!running" in (find_running(engine).processors.reason or "")
    assert find_stacks_of_threads(engine).stacks.state is AnalysisState.NOT_KNOWN
    assert find_memory(engine).memory.state is AnalysisState.NOT_KNOWN
    assert find_requests(engine).requests.state is AnalysisState.NOT_KNOWN


def test_a_log_without_such_output_tells_nothing() -> None:
    with pytest.raises(NotKnown, match="!running, !locks"):
        log().said_symptoms()
    assert find_waits(log()).waits.state is AnalysisState.NOT_KNOWN


def test_the_report_shows_all_that_is_said() -> None:
    symptoms = report_dump(log(RUNNING, LOCKS, VM, POOL, STACKS, PROCESSES)).symptoms
    assert symptoms is not None
    told = (symptoms.processors, symptoms.stacks, symptoms.waits, symptoms.memory)
    assert {each.state for each in told} == {AnalysisState.FOUND}
    assert all("said by the debugger" in each.summary for each in told)
    assert symptoms.requests.state is AnalysisState.NOT_KNOWN
    assert Confidence.CERTAIN not in {each.confidence for each in symptoms.findings}


def test_a_quoted_log_tells_the_same() -> None:
    quoted = "".join(f"> {line}\n" for line in (OPENED + LOCKS + VM + POOL).split("\n"))
    engine = transcript(quoted, "mail.txt")
    assert find_waits(engine).waits.chains == find_waits(log(LOCKS)).waits.chains
    assert find_memory(engine).memory.commit == find_memory(log(VM)).memory.commit
    assert find_memory(engine).memory.tags[0].tag == "amda"


PARTS = (
    "Resource @ 0x", "ffff8b0351756040", "-01<*> ", "\n", " ", "Threads:", "Threads Waiting On Exclusive Access:",
    "Proc.Thread", "4.000050 ", "Blocked ", "[System]", " Tag Allocs Used Allocs Used", "9" * 30, "Physical Memory:",
    " ( 8 Kb)", "1 thread [stats]: ", "0: kd> !locks", "    ", "nt!X+0x1", "Process CSwitches", "Exclusively owned",
    "0x4 0n4 ", "PROCESS ", "HandleCount: 5.",
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=60).map("".join))
def test_any_text_is_read_without_an_error(text: str) -> None:
    engine = log(text)
    find_running(engine), find_stacks_of_threads(engine), find_waits(engine), find_memory(engine)


@pytest.mark.parametrize(
    "line",
    [
        "              ffff8b03515d5040       ffff8b03515d6080",
        "     Threads: ffff8b0351756040-01<*> ffff8b0351756080-01<*>",
        "Resource @ 0xffff8b0352014a90    Exclusively owned",
        " amda   5768754   1938325232         32         9360",
        "   4.000050  ffffb80f4d6c5080 ffff5ac1 Blocked    nt!KiSwapContext+0x76",
        "1 thread [stats]: ffffc983f3fb4040",
        " " * 2000 + "x",
        "Process " + "a " * 1000,
    ],
)
def test_endless_output_is_read_once(line: str) -> None:
    heads = "Resource @ 0xffff8b0352014a90    Exclusively owned\nThreads Waiting On Exclusive Access:\n"
    text = [*heads.split("\n"), "Proc.Thread", " Tag Allocs Used Allocs Used", "Process CSwitches", *[line] * 20_000]
    with at_most(60):
        read_symptoms(text)


def test_stacks_of_threads_alone_are_something_to_tell_of() -> None:
    text = (
        "0: kd> !mex.us lab\n2 threads [stats]: ffffc983f3fb4040 ffffc983f3fb5040\n"
        "    fffff8077c8125b6 nt!KiSwapContext+0x76\n    fffff8077c66d5a7 nt!KeWaitForSingleObject+0x257\n"
        "    fffff8078a0d1234 lab!WaitForDevice+0x44\n\nThreads matching filter: 2 out of 1228\n"
    )
    [engine] = read_transcripts(text, "threads.txt")
    said = engine.said_symptoms()
    assert {frame.module for stack in said.thread_stacks.values() for frame in stack.frames} == {"nt", "lab"}
    assert len(said.thread_stacks) == 2
    assert report_dump(engine).judged
    assert not report_dump(engine, no_symptoms=True).judged
