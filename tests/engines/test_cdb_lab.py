"""The cdb engine on Microsoft's own engine: against the truths of made-up dumps, and on real files."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

import pytest

from livedump.engines.cdb import CdbEngine
from livedump.engines.transcript import looks_like_transcript
from livedump.model.bug_check import BugCheck
from livedump.model.errors import DamagedDump, NotAKernelDump, NotKnown, Unsupported
from tests.engines.transcripts import saved_transcript
from tests.lab.lab import Lab
from tests.synth import UNSET, Built, build

pytestmark = pytest.mark.lab

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples" / "dumps"
PRODUCTS = {1: "workstation", 2: "domain-controller", 3: "server"}
OPENED = (
    "taskmgr-full", "powershell-user", "taskmgr-stacks", "tool-zero", "wer-141-full", "crash-d1", "triage-live-141",
    "several-processors", "full-type1", "summary-type2", "bitmap-full-type5", "vbs",
)  # fmt: skip


@functools.cache
def engine_over(cdb: Path, path: Path, symbols: Path) -> CdbEngine:
    return CdbEngine(str(path), cdb=str(cdb), symbol_path=str(symbols))


def engine_on(lab: Lab, built: Built) -> CdbEngine:
    """One engine for each dump, so that each dump is opened once."""
    return engine_over(lab.cdb, built.path, built.symbols)


@pytest.mark.parametrize("name", OPENED)
def test_the_container_is_as_it_was_made(lab: Lab, name: str) -> None:
    built = build(name)
    dump, truth = engine_on(lab, built).dump(), built.truth
    assert dump.path == str(built.path)
    assert (dump.size, dump.type, dump.machine) == (truth.file_size, truth.dump_type, truth.architecture)
    assert dump.attributes == (None if truth.attributes == UNSET else truth.attributes)
    assert dump.captured_at == truth.captured_at
    assert dump.uptime is not None
    assert dump.uptime.total_seconds() == truth.uptime_seconds
    assert dump.directory_table_base == truth.directory_base
    assert dump.truncated in (False, None)


@pytest.mark.parametrize("name", OPENED)
def test_system_and_bug_check_are_as_they_were_made(lab: Lab, name: str) -> None:
    built = build(name)
    engine, truth = engine_on(lab, built), built.truth
    system = engine.system()
    assert (system.build, system.processors) == (truth.build, truth.processor_count)
    assert (system.product, system.kernel_base) == (PRODUCTS[truth.product_type], truth.kernel_base)
    assert system.build_lab in (truth.build_lab, None)
    assert engine.bug_check() == BugCheck(truth.code, truth.parameters)


@pytest.mark.parametrize("name", OPENED)
def test_the_stack_is_as_it_was_made(lab: Lab, name: str) -> None:
    built = build(name)
    found = [
        (frame.child_sp, frame.return_address, frame.instruction, frame.call_site)
        for frame in engine_on(lab, built).stack().frames
    ]
    truth = [(frame.child_sp, frame.return_address, frame.instruction, frame.site) for frame in built.truth.stack]
    assert [(*place, site.replace("`", "")) for *place, site in found] == truth


@pytest.mark.parametrize("name", OPENED)
def test_the_requesting_process_is_as_it_was_made(lab: Lab, name: str) -> None:
    built = build(name)
    process = engine_on(lab, built).requesting_process()
    assert (process.name, process.process_id) == (built.truth.process_name, built.truth.process_id)
    assert process.directory_table_base == built.truth.directory_base


@pytest.mark.parametrize("name", OPENED)
def test_modules_are_as_they_were_made(lab: Lab, name: str) -> None:
    built = build(name)
    engine = engine_on(lab, built)
    modules = [module for module in engine.modules() if not module.user]
    assert modules[0].name == "nt"
    assert {(each.name, each.base, each.size, each.timestamp) for each in modules} == {
        (each.name, each.base, each.size, each.timestamp) for each in built.truth.modules
    }
    assert {(each.start, each.end) for each in engine.unloaded_modules()} == {
        (each.start, each.end) for each in built.truth.unloaded
    }


def test_each_processor_is_as_it_was_made(lab: Lab) -> None:
    built = build("several-processors")
    engine = engine_on(lab, built)
    processors = engine.processors()
    assert [(each.number, each.current_thread, each.idle) for each in processors] == [
        (each.number, each.thread, each.idle) for each in built.truth.processors
    ]
    for truth in built.truth.processors:
        stack = engine.stack(truth.number)
        registers = processors[truth.number].registers
        assert [frame.call_site for frame in stack.frames] == [frame.site for frame in truth.stack]
        assert stack.frames[0].instruction == truth.stack[0].instruction
        assert registers is not None
        assert (registers.instruction, registers.stack_pointer) == (truth.stack[0].instruction, truth.stack[0].child_sp)


def test_a_processor_that_is_not_there_has_no_stack(lab: Lab) -> None:
    with pytest.raises(NotKnown, match="processor 9"):
        engine_on(lab, build("several-processors")).stack(9)


def test_user_pages_are_there_or_not(lab: Lab) -> None:
    assert engine_on(lab, build("powershell-user")).holds_user_pages() is True
    assert engine_on(lab, build("powershell-nouser")).holds_user_pages() is False


def test_a_truncated_dump_keeps_its_bug_check(lab: Lab) -> None:
    built = build("truncated")
    engine = engine_on(lab, built)
    dump = engine.dump()
    assert (dump.truncated, dump.reported_truncated) == (True, True)
    assert (dump.pages_present, dump.pages_promised) == (built.truth.pages_present, built.truth.pages_promised)
    assert engine.bug_check() == BugCheck(built.truth.code, built.truth.parameters)
    with pytest.raises(NotKnown):
        engine.stack()


def test_a_format_that_this_version_does_not_know(lab_2017: Lab) -> None:
    with pytest.raises(Unsupported, match="Could not match Dump File signature"):
        engine_on(lab_2017, build("rdmp-8")).dump()


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"hello\n", NotAKernelDump, "Win32 error 0n87"),
        (b"PAGEDU64" + bytes(90), DamagedDump, "Win32 error 0n"),
        (b"", NotAKernelDump, "NTSTATUS 0xC000011E"),
    ],
    ids=["text", "cut header", "empty"],
)
def test_files_that_are_no_dumps(lab: Lab, tmp_path: Path, content: bytes, error: type[Exception], words: str) -> None:
    file = tmp_path / "x.dmp"
    file.write_bytes(content)
    with pytest.raises(error, match=words):
        CdbEngine(str(file), cdb=str(lab.cdb), symbol_path="").bug_check()


def test_odd_names_are_opened(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "a folder; with 'odd' name"
    folder.mkdir()
    odd = folder / "dump; of $(odd) %PATH% name ü日.dmp"
    built = build("taskmgr-full")
    shutil.copy(built.path, odd)
    engine = CdbEngine(str(odd), cdb=str(lab.cdb), symbol_path=str(built.symbols))
    assert engine.bug_check().code == built.truth.code
    assert len(engine.stack().frames) == len(built.truth.stack)


def test_a_dump_whose_symbols_are_missing(lab: Lab) -> None:
    built = build("taskmgr-full")
    engine = CdbEngine(str(built.path), cdb=str(lab.cdb), symbol_path="")
    first = engine.stack().frames[0]
    # nt + (instruction - base), from the truth
    assert (first.module, first.symbol) == ("nt", None)
    assert first.offset == built.truth.stack[0].instruction - built.truth.kernel_base
    assert first.instruction == built.truth.stack[0].instruction
    process = engine.requesting_process()
    assert process.name is None
    assert process.directory_table_base == built.truth.directory_base


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no sample dumps at {SAMPLES}")
def test_a_real_triage_dump(lab: Lab) -> None:
    # oracle: samples/logs/32, which is this file in a newer debugger with symbols
    engine = CdbEngine(str(SAMPLES / "083125-14875-01.dmp"), cdb=str(lab.cdb), symbol_path="")
    assert engine.bug_check() == BugCheck(0x4A, (0x7FFE7350D0C4, 2, 0, 0xFFFFA704EEB6BEC0))
    assert engine.dump().attributes == 8
    assert len(engine.modules()) == 156
    assert len(engine.unloaded_modules()) == 9
    assert engine.stack().frames[0].child_sp == 0xFFFFA704EEB6BC88


def saved_log(lab: Lab, built: Built, folder: Path, switch: str) -> Path:
    log = folder / "saved.log"
    command = [lab.cdb, "-z", built.path, "-y", built.symbols, switch, log, "-c", ".bugcheck;k;lm t n;.dumpdebug;q"]
    quiet = subprocess.DEVNULL
    subprocess.run(list(map(str, command)), stdin=quiet, stdout=quiet, stderr=quiet, timeout=120, check=True)
    return log


@pytest.mark.parametrize("switch", ["-logo", "-logou"])
def test_a_log_that_the_debugger_saved(lab: Lab, tmp_path: Path, switch: str) -> None:
    built = build("powershell-user")
    log = saved_log(lab, built, tmp_path, switch)
    assert looks_like_transcript(log.read_bytes())
    engine, truth = saved_transcript(log), built.truth
    assert engine.bug_check() == BugCheck(truth.code, truth.parameters)
    assert [frame.call_site for frame in engine.stack().frames] == [frame.site for frame in truth.stack]
    assert engine.modules()[0].base == truth.kernel_base
    assert engine.dump().directory_table_base == truth.directory_base
