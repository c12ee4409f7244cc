"""One contract for every engine: equal answers about the same dumps, and those that the dumps were made with."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from livedump.analysis.triage import triage
from livedump.engines.choose import open_engine
from tests.engines.answers import answers, questioned
from tests.engines.differences import DIFFERENCES
from tests.synth import SCENARIOS, Built
from tests.synth.kernel.scenarios import KERNEL_SCENARIOS

if TYPE_CHECKING:
    from tests.lab.lab import Lab
    from tests.synth.kernel.building import BuiltSystem

ROOT = Path(__file__).parents[2]

SYSTEMS = [name for name, scenario in KERNEL_SCENARIOS.items() if not scenario.large]
"""On real kernel layouts, with hundreds of structures that both sides read."""
NOT_OPENED_IN_2017 = ("rdmp-8", "rdmp-9", "rdmp-a")
"""That engine does not know the kinds 8, 9 and 0xA."""


def declared_or_skip(name: str) -> Built:
    """A dump whose every field was declared by hand."""
    from tests.synth import build
    from tests.synth.toolchain import ToolchainMissing

    try:
        return build(name)
    except ToolchainMissing as error:
        pytest.skip(str(error))


def system_or_skip(name: str) -> BuiltSystem:
    """A made-up system on a real kernel's layouts."""
    from tests.synth.kernel.scenarios import build
    from tests.synth.toolchain import ToolchainMissing

    try:
        return build(name)
    except ToolchainMissing as error:
        pytest.skip(str(error))


def built_or_skip(name: str) -> Built | BuiltSystem:
    """A made-up dump of either kind."""
    return declared_or_skip(name) if name in SCENARIOS else system_or_skip(name)


def symbols_of(built: Built | BuiltSystem) -> str:
    return f"{built.symbols};{built.images}"


def native_answers(built: Built | BuiltSystem) -> dict[str, Any]:
    said = json.loads(json.dumps(answers("native", str(built.path), symbols_of(built))))
    assert isinstance(said, dict)
    return said


def debugger_answers(lab: Lab, built: Built | BuiltSystem) -> dict[str, Any]:
    from tests.lab.lab import to_windows

    symbols = f"{to_windows(built.symbols)};{to_windows(built.images)}"
    script = ROOT / "tests" / "engines" / "answers.py"
    result = lab.pykd_standalone(
        script,
        "pykd",
        to_windows(built.path),
        symbols,
        python_path=[ROOT / "extensions", ROOT],
        env={"_NT_EXECUTABLE_IMAGE_PATH": to_windows(built.images)},
    )
    assert result.stdout.strip(), result.stderr
    said = json.loads(result.stdout.strip().splitlines()[-1])[0]
    assert isinstance(said, dict)
    return said


def opens(lab: Lab, name: str) -> bool:
    return lab.engine != "2017" or name not in NOT_OPENED_IN_2017


@pytest.mark.lab
@pytest.mark.parametrize("name", [*SCENARIOS, *SYSTEMS])
def test_native_says_what_the_debugger_says(lab: Lab, name: str) -> None:
    built = built_or_skip(name)
    ours, theirs = native_answers(built), debugger_answers(lab, built)
    assert ("open" not in theirs) == opens(lab, name)
    if not opens(lab, name):
        return
    different = {
        question: (answer, theirs[question]) for question, answer in ours.items() if not agree(answer, theirs[question])
    }
    assert {question: different[question] for question in set(different) - set(DIFFERENCES.get(name, {}))} == {}
    assert set(different) == set(DIFFERENCES.get(name, {})), "a difference that is no more"


THROUGH_CDB = ("taskmgr-full", "powershell-user", "taskmgr-stacks", "tool-zero", "wer-141-full", "crash-d1",
               "several-processors", "full-type1")  # fmt: skip


@pytest.mark.lab
@pytest.mark.parametrize("name", THROUGH_CDB)
def test_native_says_what_cdb_says(lab: Lab, name: str) -> None:
    from livedump.engines.cdb import CdbEngine

    built = built_or_skip(name)
    engine = CdbEngine(str(built.path), cdb=str(lab.cdb), symbol_path=str(built.symbols))
    theirs = json.loads(json.dumps(questioned(engine)))
    # The list of processes takes an extension that the lab's debugger does not have.
    assert theirs.pop("processes") == "error: not-known"
    different = {
        question: (native, theirs[question])
        for question, native in native_answers(built).items()
        if question in theirs and not agree(native, theirs[question])
    }
    assert different == {}


@pytest.mark.lab
@pytest.mark.parametrize("name", SCENARIOS)
def test_cdb_calls_no_dump_complete_that_is_not_known_to_be(lab: Lab, name: str) -> None:
    from livedump.engines.cdb import CdbEngine

    if not opens(lab, name):
        pytest.skip("the engine of 2017 knows no range dumps")
    built = built_or_skip(name)
    theirs = CdbEngine(str(built.path), cdb=str(lab.cdb), symbol_path="").dump()
    with closing(open_engine(str(built.path), "native", symbols_of(built))) as engine:
        ours = triage(engine).dump
    assert ours is not None
    assert theirs.complete is None or theirs.complete == ours.complete


def agree(ours: Any, theirs: Any) -> bool:
    """Equal; where the debugger knows less (an unreadable header's time stamp), ours may say more."""
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return all(map(agree, ours, theirs))
    both_failed = str(ours).startswith("error: ") and str(theirs).startswith("error: ")
    return ours == theirs or theirs is None or both_failed


@pytest.mark.parametrize("name", SCENARIOS)
def test_native_says_what_the_dump_was_made_with(name: str) -> None:
    built = declared_or_skip(name)
    truth = built.truth
    engine = open_engine(str(built.path), "native", symbols_of(built))
    try:
        assert engine.bug_check() == (truth.code, truth.parameters)
        dump = engine.dump()
        assert dump.type == truth.dump_type
        if name != "elf2dmp":  # which writes no times
            assert dump.captured_at == truth.captured_at
            assert dump.uptime is not None
            assert dump.uptime.total_seconds() == truth.uptime_seconds
        assert engine.system().build == truth.build
        assert dump.size == built.path.stat().st_size
        if dump.pages_present is not None:
            assert (dump.pages_present, dump.pages_promised) == (truth.pages_present, truth.pages_promised)
    finally:
        engine.close()


WITH_MEMORY = [
    name
    for name in SCENARIOS
    if not name.startswith(("arm64", "x86")) and name not in {"truncated", "triage-live-141", "triage-old-141"}
]


@pytest.mark.parametrize("name", WITH_MEMORY)
def test_native_finds_process_modules_and_stack(name: str) -> None:
    built = declared_or_skip(name)
    truth = built.truth
    engine = open_engine(str(built.path), "native", symbols_of(built))
    try:
        process = engine.requesting_process()
        assert (process.name, process.process_id) == (truth.process_name[:14], truth.process_id)
        found = {(m.name, m.base, m.size, m.timestamp) for m in engine.modules()}
        assert {(m.name, m.base, m.size, m.timestamp) for m in truth.modules} <= found
        assert [(p.process_id, p.name) for p in engine.processes()] == list(truth.processes)
        frames = [(f.child_sp, f.return_address, f.call_site.replace("`", "")) for f in engine.stack().frames]
        assert frames == [(f.child_sp, f.return_address, f.site) for f in truth.stack]
    finally:
        engine.close()


SAMPLES = ROOT.parent / "shared" / "samples" / "dumps"


@pytest.mark.lab
@pytest.mark.parametrize("name", ["083125-14875-01.dmp", "triage_x64.dmp"])
def test_real_dumps_give_equal_answers(lab: Lab, name: str) -> None:
    from tests.lab.lab import to_windows

    path = SAMPLES / name
    if not path.exists():
        pytest.skip("the real dumps are not part of the project")
    script = ROOT / "tests" / "engines" / "answers.py"
    extensions = [ROOT / "extensions", ROOT]
    result = lab.pykd_standalone(script, "pykd", to_windows(path), "Z:\\none", python_path=extensions)
    theirs = json.loads(result.stdout.strip().splitlines()[-1])[0]
    ours = json.loads(json.dumps(answers("native", str(path), "/none")))
    # Without the images the debugger takes each word of the stack for a return address; the process is a copy that
    # it does not look into.
    excused = {"contents", "process", "stack", "stacks", "verdict"}
    for question in set(ours) - excused:
        assert agree(ours[question], theirs[question]), question
    innermost, theirs_innermost = ours["stack"][0], theirs["stack"][0]
    assert innermost == theirs_innermost
    assert ours["verdict"][:4] == theirs["verdict"][:4]
