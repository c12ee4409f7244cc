"""Made-up ARM64 systems: read as their truths say, as today's engine shows them, and as their twins of x64 are."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from livedump.analysis.signature import signed
from livedump.analysis.triage import triage
from livedump.engines.cdb import CdbEngine
from livedump.engines.native import NativeEngine
from livedump.frontends.command_line import main
from livedump.model.addresses import is_kernel_address
from livedump.model.frames import Stack, Trust
from livedump.model.threads import Thread
from livedump.report.dump_row import dump_row
from tests.engines.answers import questioned
from tests.engines.differences import NO_UNWIND_DATA, TRIAGE_COPY
from tests.engines.test_contract import agree, debugger_answers, native_answers, symbols_of
from tests.engines.test_transcript_contract import BY_THE_PROCESS, TYPED, columns
from tests.engines.transcripts import saved_transcript
from tests.lab.lab import Lab
from tests.synth import ARM64_SCENARIOS, SCENARIOS, Built, ToolchainMissing, build
from tests.synth.execution import Frame
from tests.synth.scenarios import ARM64_TWINS

UNWOUND = [name for name in ARM64_SCENARIOS if name != "arm64-no-kdbg-symbols"]
WHOLE = [name for name in UNWOUND if "triage" not in name]
FOLLOWED = [name for name in UNWOUND if name != "arm64-signed"]
"""Those that today's engine follows to the end: it leaves the codes of authentication in return addresses."""
ABOVE_SWITCH = 0x20
"""How far above KernelStack the engine puts the stack pointer of a thread that waits, as if a KSWITCH_FRAME lay there.
It takes that, as we do, from the thread."""


def made(name: str) -> Built:
    try:
        return build(name)
    except ToolchainMissing as missing:
        pytest.skip(str(missing))


@contextlib.contextmanager
def opened(dump: Built) -> Iterator[NativeEngine]:
    engine = NativeEngine(str(dump.path), symbols=f"{dump.symbols};{dump.images}")
    try:
        yield engine
    finally:
        engine.close()


Row = tuple[int, int, str]
"""Child-SP, return address, call site."""


def rows(stack: Stack) -> list[Row]:
    return [(frame.child_sp or 0, frame.return_address or 0, site(frame.call_site)) for frame in stack.frames]


def true_rows(frames: tuple[Frame, ...]) -> list[Row]:
    return [(frame.child_sp, frame.return_address, site(frame.site)) for frame in frames]


def site(text: str) -> str:
    return text.replace("`", "")


def waiting_threads(engine: NativeEngine) -> dict[int, Thread]:
    return {thread.address: thread for thread in engine.census(lambda: True).threads}


# --- our own reading


@pytest.mark.parametrize("name", WHOLE)
def test_every_stack_is_the_true_one(name: str) -> None:
    dump = made(name)
    with opened(dump) as engine:
        assert rows(engine.stack()) == true_rows(dump.truth.stack)
        for processor in dump.truth.processors:
            stack = engine.stack(processor.number)
            assert rows(stack) == true_rows(processor.stack)
            trusts = {frame.trust for frame in stack.frames if frame.kernel_mode or name != "arm64-powershell-nouser"}
            assert trusts <= {Trust.CONTEXT, Trust.UNWIND}
        threads = waiting_threads(engine)
        for address, _, frames in dump.truth.waiting:
            assert rows(engine.thread_stack(threads[address])) == true_rows(frames)


def test_there_are_threads_that_wait_and_processors_that_are_stopped() -> None:
    truth = made("arm64-several-processors").truth
    assert len(truth.waiting) == 2
    assert len(truth.processors) == 4


def test_the_stack_of_a_triage_dump_is_the_true_one_where_the_images_are_at_hand() -> None:
    dump = made("arm64-triage-live-141")
    with opened(dump) as engine:
        assert rows(engine.stack()) == true_rows(dump.truth.stack)


@pytest.mark.parametrize("name", ["arm64-triage-live-141", "arm64-no-kdbg-symbols"])
def test_without_unwind_data_the_true_frames_are_found_and_marked_as_guessed(name: str) -> None:
    dump = made(name)
    engine = NativeEngine(str(dump.path), symbols="")
    try:
        frames = engine.stack().frames
    finally:
        engine.close()
    found = [frame.instruction for frame in frames if is_kernel_address(frame.instruction or 0)]
    true = [frame.instruction for frame in dump.truth.stack if is_kernel_address(frame.instruction)]
    chained = [address for address in true if address in found]
    assert found[0] == true[0]
    assert found == chained  # nothing that is no frame; functions that keep no chain may be left out
    assert len(found) > len(true) // 2
    assert {frame.trust for frame in frames[1:]} == {Trust.SCAN}


@pytest.mark.parametrize("name", UNWOUND)
def test_modules_and_the_process_that_asked_are_the_true_ones(name: str) -> None:
    dump = made(name)
    with opened(dump) as engine:
        listed = {(each.name, each.base, each.size) for each in engine.modules()}
        assert listed >= {(each.name, each.base, each.size) for each in dump.truth.modules}
        assert engine.requesting_process().name == dump.truth.process_name


@pytest.mark.parametrize("name", WHOLE)
def test_processes_are_the_true_ones(name: str) -> None:
    dump = made(name)
    with opened(dump) as engine:
        assert engine.system().build_lab == dump.truth.build_lab
        assert [(each.process_id, each.name) for each in engine.processes()] == list(dump.truth.processes)


# --- the twins


class Made(Protocol):
    """A dump with what belongs to it."""

    @property
    def path(self) -> Path: ...
    @property
    def symbols(self) -> Path: ...
    @property
    def images(self) -> Path: ...


def printed(dump: Made, *arguments: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        main([*arguments, str(dump.path), "-y", f"{dump.symbols};{dump.images}"])
    return out.getvalue()


def but_for_addresses_and_machine(text: str, name: str) -> str:
    for pattern, shown in (
        (re.escape(name), "NAME"),
        (r"\b(arm64-)?NAME\S*", "NAME"),
        (r"amd64fre|arm64fre", "FLAVOUR"),
        (r"\b(x64|ARM64)\b", "MACHINE"),
        (r"\b[0-9a-f]{8}`[0-9a-f]{8}\b|\b0x[0-9a-f]{16}\b", "ADDRESS"),
        (r"\+0x[0-9a-f]+", "+OFFSET"),
        (r"[\d,]+ of [\d,]+ (pages|bytes)|\([\d,]+ bytes\)", "SIZE"),
        (r"\S*/NAME", "NAME"),
        (r" +", " "),
    ):
        text = re.sub(pattern, shown, text)
    return text


MORE_THAN_THE_TWIN = {
    "no-kdbg-symbols": "a chain of frame pointers is followed, which x64 has not",
    "powershell-nouser": "the link register, which a system call keeps, leads to the caller of a leaf in user mode",
}


@pytest.mark.parametrize("name", [name for name in ARM64_TWINS if name not in MORE_THAN_THE_TWIN])
def test_info_says_the_same_as_of_the_twin(name: str) -> None:
    ours = but_for_addresses_and_machine(printed(made(f"arm64-{name}"), "info"), name)
    twin = but_for_addresses_and_machine(printed(made(name), "info"), name)
    assert ours == twin
    assert "Origin" in ours


def test_twins_are_there() -> None:
    assert set(ARM64_TWINS) <= set(SCENARIOS)


# --- today's engine


def engine_rows(output: str) -> list[Row]:
    """The rows of ``kn``; that for the return to address 0, which the engine shows behind a leaf, is none."""
    found = []
    for line in output.splitlines():
        row = re.match(r"[0-9a-f]{2} ([0-9a-f`]{17}) ([0-9a-f`]{17})     (\S.*)", line)
        if row and row[3].strip() != "0x0":
            sp, back = (int(row[at].replace("`", ""), 16) for at in (1, 2))
            found.append((sp, back, site(row[3].strip())))
    return found


@pytest.mark.lab
@pytest.mark.parametrize("name", FOLLOWED)
def test_todays_engine_shows_every_stack_as_we_do(lab_today: Lab, name: str) -> None:
    dump = made(name)
    processors = dump.truth.processors if name in WHOLE else ()
    commands = [".reload /user", "kn"]
    commands += [text for each in processors for text in (f"~{each.number}s", "kn")]
    commands += [text for address, _, _ in dump.truth.waiting for text in (f".thread {address:#x}", "kn")]
    shown = lab_today.debugger(dump.path, commands, symbol_path=str(dump.symbols), image_path=str(dump.images)).outputs
    stacks = [engine_rows(shown[at]) for at in range(1, len(shown), 2)]
    with opened(dump) as engine:
        threads = waiting_threads(engine) if dump.truth.waiting else {}
        ours = [rows(engine.stack()), *(rows(engine.stack(each.number)) for each in processors)]
        ours += [_as_shown(rows(engine.thread_stack(threads[address]))) for address, _, _ in dump.truth.waiting]
    assert stacks == ours


def _as_shown(waiting: list[Row]) -> list[Row]:
    (sp, back, where), *rest = waiting
    return [(sp + ABOVE_SWITCH, back, where), *rest]


@pytest.mark.lab
def test_todays_engine_ends_where_a_return_address_carries_a_code_and_we_go_on(lab_today: Lab) -> None:
    dump = made("arm64-signed")
    (shown,) = lab_today.debugger(dump.path, "kn", symbol_path=str(dump.symbols)).outputs
    with opened(dump) as engine:
        ours = rows(engine.stack())
    theirs = engine_rows(shown)
    assert ours == true_rows(dump.truth.stack)
    assert 0 < len(theirs) < len(ours)
    assert [where for _, _, where in theirs[:-1]] == [where for _, _, where in ours[: len(theirs) - 1]]


SIGNED = "the debugger leaves codes of authentication in return addresses, and ends there"
DIFFERENT: dict[str, dict[str, str]] = {
    "arm64-no-kdbg-symbols": dict.fromkeys(("stack", "stacks", "verdict"), NO_UNWIND_DATA),
    "arm64-signed": dict.fromkeys(("stack", "stacks", "verdict"), SIGNED),
    "arm64-triage-live-141": {"process": TRIAGE_COPY},
}
"""Name of the dump, question, reason: all that there are with today's engine; that of 2017 knows no code 0xFC."""


@pytest.mark.lab
@pytest.mark.parametrize("name", ARM64_SCENARIOS)
def test_native_says_what_todays_debugger_says(lab_today: Lab, name: str) -> None:
    dump = made(name)
    ours, theirs = native_answers(dump), debugger_answers(lab_today, dump)
    different = {question for question, answer in ours.items() if not agree(answer, theirs[question])}
    assert different == set(DIFFERENT.get(name, {}))


THROUGH_CDB = ("arm64-taskmgr-full", "arm64-powershell-user", "arm64-several-processors", "arm64-wer-141-full")


@pytest.mark.lab
@pytest.mark.parametrize("name", THROUGH_CDB)
def test_native_says_what_cdb_says(lab_today: Lab, name: str) -> None:
    dump = made(name)
    theirs = questioned(CdbEngine(str(dump.path), cdb=str(lab_today.cdb), symbol_path=str(dump.symbols)))
    theirs = json.loads(json.dumps(theirs))
    # The list of processes takes an extension that the lab's debugger does not have.
    assert theirs.pop("processes") == "error: not-known"
    ours = {question: answer for question, answer in native_answers(dump).items() if question in theirs}
    assert {question for question, answer in ours.items() if not agree(answer, theirs[question])} == set()


@pytest.mark.lab
@pytest.mark.parametrize("name", [name for name in FOLLOWED if name != "arm64-no-kdbg-symbols"])
def test_the_row_of_a_transcript_is_that_of_the_dump(lab_today: Lab, tmp_path: Path, name: str) -> None:
    dump = made(name)
    log = tmp_path / "log.txt"
    log.write_text(lab_today.transcript(dump.path, TYPED, symbols_of(dump)))
    theirs = dump_row(signed(triage(saved_transcript(log))))
    with opened(dump) as engine:
        ours = dump_row(signed(triage(engine)))
    assert columns(ours, theirs) - BY_THE_PROCESS == set()
    assert theirs.machine == "ARM64"
