"""The WinDbg commands, typed into Microsoft's own debugger engine with the real pykd loaded."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from livedump.frontends.questions import QUESTIONS, Option, OptionKind, Question
from tests.engines.test_contract import built_or_skip
from tests.lab.frames import frame_lines
from tests.synth.listings import FIRST, FIRST_BUG_CHECK, SECOND, SECOND_BUG_CHECK

if TYPE_CHECKING:
    from tests.lab.lab import Lab, Result

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]

HEADER = " # Child-SP          RetAddr           Call Site\n"
LISTING_2 = HEADER + SECOND
BY_PYKD = "livedump: by pykd (all commands: !livedumphelp)\n"


def load(extensions: Path = ROOT / "extensions") -> str:
    from tests.lab.lab import to_windows

    return f"$$><{to_windows(extensions / 'livedump.wds')}"


def session(lab: Lab, name: str, *commands: str, symbols: bool = True, dml: bool = False) -> Result:
    """What the engine printed for ``commands`` in a session where livedump.wds was run."""
    built = built_or_skip(name)
    path = str(built.symbols) if symbols else None
    result = lab.debugger(built.path, [load(), *commands], symbol_path=path, load_pykd=True, dml=dml)
    assert len(result.outputs) == len(commands) + 1, result.text
    assert result.outputs[0] == BY_PYKD
    return result


@pytest.mark.parametrize(
    ("name", "bug_check", "listing"),
    [("taskmgr-full", FIRST_BUG_CHECK, FIRST), ("powershell-user", SECOND_BUG_CHECK, SECOND)],
)
def test_the_engine_prints_the_papers_listings(lab: Lab, name: str, bug_check: str, listing: str) -> None:
    _, said, stack = session(lab, name, ".bugcheck", "kn").outputs
    assert said.strip() == bug_check.strip()
    assert frame_lines(stack) == listing
    # Today's engine prints four blanks more before the last column.
    assert (HEADER.split() == stack.split("\n")[0].split()) if lab.engine == "today" else stack.startswith(HEADER)


def test_formats_shows_the_text_of_parameter_1(lab: Lab) -> None:
    assert ".Taskmgr" in session(lab, "taskmgr-full", ".formats 00546173`6b6d6772").outputs[1]


def test_livedumpinfo_names_task_manager_with_its_evidence(lab: Lab) -> None:
    said = session(lab, "taskmgr-full", "!livedumpinfo").outputs[1]
    assert said.startswith("Live dump, taken by Task Manager (certain): 0x161 LIVE_SYSTEM_DUMP, complete.")
    assert "parameter 1 = 00546173`6b6d6772, the text 'Taskmgr'" in said
    assert "the requesting process is Taskmgr.exe" in said
    assert "requested through nt!NtSystemDebugControl+0xc41bf" in said
    assert "\nCaptured at  2026-11-22 07:30:33.248 UTC\nUptime       1 days 3:00:00.000\n" in said
    rows = ("File", "Kind", "Scope", "Captured at", "Uptime", "System", "Bug check", "Arg1", "Process", "Origin")
    assert all(f"\n{row} " in said for row in (*rows, "Complete"))


def test_livedumpinfo_prints_its_table_before_it_looks_at_what_was_going_on(lab: Lab) -> None:
    from tests.synth.kernel.scenarios import build
    from tests.synth.toolchain import ToolchainMissing

    try:
        built = build("starvation")
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    result = lab.debugger(built.path, [load(), "!livedumpinfo"], symbol_path=str(built.symbols), load_pykd=True)
    said = result.outputs[1]
    # Engines mix what they cannot load into the line of progress.
    count = len(built.truth.threads)
    steps = (" threads,", f" stacks of {count},", " locks,", " requests,", " memory,", " done")
    progress = ("Looking at what was going on", *steps)
    places = [said.index(each) for each in ("Live dump", "Bug check", "Evidence", *progress, "\n1. ")]
    assert places == sorted(places)
    assert "labsvc.exe" in said[places[-1] :]


def test_livedumpdiff_holds_the_open_dump_against_another(lab: Lab) -> None:
    from tests.lab.lab import to_windows
    from tests.synth.kernel.scenarios import build_series
    from tests.synth.toolchain import ToolchainMissing

    try:
        first, second, _ = build_series("leak", "19041")
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    typed = [load(), f'!livedumpdiff "{to_windows(first.path)}" --time 600', "!livedumpdiff"]
    result = lab.debugger(second.path, typed, symbol_path=str(second.symbols), load_pykd=True)
    said = result.outputs[1]
    assert "Two dumps of one boot of one machine, 5 min apart." in said
    before, after = (
        next(line for line in said.splitlines() if line.startswith(word)) for word in ("Before:", "After:")
    )
    assert (first.path.name in before, second.path.name in after) == (True, True)
    assert "Pool tag Leak (likely of lab) gained 581 MiB of nonpaged pool in 150,000 blocks (116 MiB a minute)" in said
    assert result.outputs[2].startswith("livedump: it takes two dumps or more to see what changed")


def test_livedumpinfo_names_powershell_with_its_evidence(lab: Lab) -> None:
    said = session(lab, "powershell-user", "!livedumpinfo").outputs[1]
    assert said.startswith("Live dump, taken by PowerShell Get-StorageDiagnosticInfo (certain)")
    assert "mispace!CLogCollectionServer::CaptureLiveDump+0x1b3 on the stack" in said


def test_livedumpinfo_shows_what_contradicts(lab: Lab) -> None:
    said = session(lab, "taskmgr-forged", "!livedumpinfo").outputs[1]
    assert "(likely; contradicted" in said
    assert "-  the requesting process is evil.exe" in said


def test_livedumpinfo_does_not_call_a_crash_a_live_dump(lab: Lab) -> None:
    assert session(lab, "crash-d1", "!livedumpinfo").outputs[1].startswith("Crash, not a live dump: 0xd1 ")


def test_livedumpinfo_works_without_symbols(lab: Lab) -> None:
    said = session(lab, "taskmgr-full", "!livedumpinfo", symbols=False).outputs[1]
    assert said.startswith("Live dump, taken by Task Manager (likely)")
    assert "no symbols: frames have no names" in said


def test_livedumpstack_is_k_with_roles(lab: Lab) -> None:
    said = session(lab, "powershell-user", "!livedumpstack").outputs[1]
    rows = said.strip("\n").split("\n")
    assert [row[: len(line)] for row, line in zip(rows, LISTING_2.split("\n"))] == LISTING_2.strip("\n").split("\n")
    roles = [row.rsplit("[", 1)[1].rstrip("]") for row in rows[1:]]
    assert roles == ["capture"] * 7 + ["request"] * 2 + ["user"] * 2


def test_livedumpcodes_without_argument_explains_the_code_of_this_dump(lab: Lab) -> None:
    assert session(lab, "wer-141-full", "!livedumpcodes").outputs[1].startswith("VIDEO_ENGINE_TIMEOUT_DETECTED (141)")


def test_livedumpcontents_lists_what_is_there(lab: Lab) -> None:
    said = session(lab, "partial", "!livedumpcontents").outputs[1]
    assert "\nPRCBs                   partly" in said


def test_livedumpmodules_and_livedumpprocesses_list_what_the_debugger_lists(lab: Lab) -> None:
    modules, loaded, processes = session(lab, "taskmgr-full", "!livedumpmodules", "lm n", "!livedumpprocesses").outputs[
        1:
    ]
    rows = re.findall(r"^([0-9a-f`]{17}) ([0-9a-f`]{17}) +(\w+) ", loaded, re.MULTILINE)
    shown = re.findall(r"^([0-9a-f`]{17})  ([0-9a-f`]{17})  (\w+) ", modules, re.MULTILINE)
    assert sorted(shown) == sorted(rows)
    assert len(rows) >= 6
    assert re.findall(r"^ffff\S+ +(\d+) +(\S+)", processes, re.MULTILINE)[-1] == ("5932", "Taskmgr.exe")
    assert processes.rstrip().endswith("asked for the dump")


THREAD_FIELDS = (
    "WaitTime Priority BasePriority ContextSwitches IdealProcessor",
    "Teb Win32Thread InitialStack StackBase StackLimit KernelStack",
)
"""No more than the engine of 2017 takes in one command."""


@pytest.mark.parametrize("key", ["clussvc.0", "System.1"])
def test_livedumpthread_is_what_dt_and_kn_show(lab: Lab, key: str) -> None:
    # !thread itself needs an extension that the lab does not have.
    from tests.synth.kernel.scenarios import build
    from tests.synth.toolchain import ToolchainMissing

    try:
        built = build("storage-stall")
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    thread = built.truth.thread(key)
    fields = [f"dt nt!_KTHREAD {thread.address:x} {names}" for names in THREAD_FIELDS]
    commands = [load(), *fields, f".thread {thread.address:x}", "!livedumpthread", "kn 40"]
    result = lab.debugger(
        built.path, commands, symbol_path=str(built.symbols), image_path=str(built.images), load_pykd=True
    )
    *shown, _, said, stack = result.outputs[1:]
    lines, _, frames = said.partition(" # Child-SP")
    assert frame_lines(f" # Child-SP{frames}") == frame_lines(stack)
    assert lines.startswith(f"THREAD {thread.address:016x}  Cid {thread.pid:x}.{thread.spec.tid:x}  Teb: ")
    found = dict(re.findall(r"\+0x\w+ (\w+) +: (\S+)", "\n".join(shown)))
    values = {name: int(re.sub("`|0n", "", value), 0 if value[:2] == "0x" else 10) for name, value in found.items()
              if "`" not in value and "null" not in value}  # fmt: skip
    assert f"Priority {values['Priority']} BasePriority {values['BasePriority']}" in lines
    switches, ideal = values["ContextSwitches"], values["IdealProcessor"]
    assert re.search(rf"Context Switch Count +{switches} +IdealProcessor: {ideal}\n", lines)
    for label, name in (("Stack Init ", "InitialStack"), ("Current ", "KernelStack"), ("Base ", "StackBase"),
                        ("Limit ", "StackLimit"), ("Teb: ", "Teb")):  # fmt: skip
        place = 0 if "null" in found[name] else int(found[name].replace("`", ""), 16)
        assert f"{label}{place:016x}" in lines, name


def test_livedumpthread_without_argument_is_the_sessions(lab: Lab) -> None:
    said = session(lab, "taskmgr-full", "!livedumpthread").outputs[1]
    assert said.startswith("THREAD ")
    assert "RUNNING on processor 0, took the dump" in said


def test_arguments_arrive(lab: Lab, tmp_path: Path) -> None:
    kept = tmp_path / "a folder" / "kept.json"
    kept.parent.mkdir()
    from tests.lab.lab import to_windows

    typed = (
        "!livedumpcodes 0x161",
        ".block { !livedumpcodes 193 }; .echo behind",
        "!livedumpcodes",
        "!livedumpstacks --process nobody.exe --idle --format csv",
        f'!livedumpsignature --explain --format json -o "{to_windows(kept)}"',
    )
    given, in_block, none, stacks, _ = session(lab, "wer-141-full", *typed).outputs[1:]
    assert given.startswith("LIVE_SYSTEM_DUMP (161)")
    assert in_block.startswith("VIDEO_DXGKRNL_LIVEDUMP (193)")
    assert in_block.endswith("\nbehind\n")
    assert none.startswith("VIDEO_ENGINE_TIMEOUT_DETECTED (141)")
    assert stacks.startswith("livedump: no thread of the dump is one of nobody.exe; ")
    assert json.loads(kept.read_text())[0]["question"] == "signature"


WORDS = (
    "-?",
    "--all",
    "/x",
    "0x161",
    "a b",
    r"C:\x y\z.dmp",
    "{",
    "}",
    "(1)",
    "@$ip",
    "%TEMP%",
    "'q'",
    "*",
    "a=b,c",
    "é",
    "${x}",
    "n12",
)
ECHO = """\
from livedump.frontends.windbg import typed_words
for word in typed_words("echo"):
    print(ascii(word))
"""


def test_every_word_arrives_as_it_was_typed(lab: Lab, tmp_path: Path) -> None:
    from tests.lab.lab import to_windows

    carrier = "livedumpask.wds"
    (tmp_path / carrier).write_bytes((ROOT / "extensions" / carrier).read_bytes())
    (tmp_path / "livedumpecho.py").write_text(ECHO)
    alias = f'aS !livedumpecho $$>a<"{to_windows(tmp_path / carrier)}" echo'
    line = " ".join(f'"{word}"' if " " in word else word for word in WORDS)
    built = built_or_skip("taskmgr-full")
    commands = [alias, f"!livedumpecho {line}", "!livedumpecho"]
    result = lab.debugger(built.path, commands, load_pykd=True, python_path=[ROOT / "extensions"])
    assert result.outputs[1].splitlines() == [ascii(word) for word in WORDS]
    assert result.outputs[2] == ""


def test_each_command_tells_what_it_takes(lab: Lab) -> None:
    said = session(lab, "taskmgr-full", *(f"!livedump{question.name} -?" for question in QUESTIONS)).outputs[1:]
    for question, text in zip(QUESTIONS, said):
        assert text.startswith(f"usage: !livedump{question.name} ")
        assert all(option.flag in text for option in question.options if option.flag.startswith("-"))


def test_what_a_command_does_not_take_is_told_in_one_line(lab: Lab) -> None:
    typed = ("!livedumpstacks --foo", "!livedumpstack --processor x", "!livedumpstack --all --processor 1")
    for said, name in zip(session(lab, "taskmgr-full", *typed).outputs[1:], ("stacks", "stack", "stack")):
        first, second = said.splitlines()
        assert first.startswith("livedump: ")
        assert second == f"!livedump{name} -? tells what it takes"


def values_typed(question: Question, *words: str) -> dict[str, Any]:
    from livedump.frontends.windbg import options_for, values_of

    return values_of(question, options_for(question).parse_args(words))


VALUES = {
    OptionKind.SWITCH: ([], True), OptionKind.NUMBER: (["12"], 12),
    OptionKind.HEXADECIMAL: (["0x1f"], 0x1F), OptionKind.TEXT: (["a word"], "a word"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("question", "option"),
    [(question, option) for question in QUESTIONS for option in question.options],
    ids=lambda each: each.name or getattr(each, "flag", ""),
)
def test_each_option_of_the_list_is_taken_in_windbg_too(question: Question, option: Option) -> None:
    words, value = VALUES[option.kind]
    usual = {each.keyword: each.in_windbg for each in question.options if each.in_windbg is not None}
    assert values_typed(question) == usual
    given = values_typed(question, *([option.flag] if option.flag.startswith("-") else []), *words)
    assert given == {**usual, option.keyword: value}


def test_livedumpsignature_is_the_line_of_the_command(lab: Lab) -> None:
    assert session(lab, "taskmgr-full", "!livedumpsignature").outputs[1].startswith("task-manager\t")


def test_help_lists_every_command_that_the_script_file_gives(lab: Lab) -> None:
    said, aliases = session(lab, "taskmgr-full", "!livedumphelp", "al").outputs[1:]
    names = [line.split()[0] for line in aliases.splitlines() if line.strip().startswith("!")]
    assert len(names) == len(QUESTIONS) + 2
    assert all(f"\n{name} " in said for name in names)


def test_the_script_file_may_run_twice_and_lie_in_a_folder_with_spaces(lab: Lab, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "a folder" / "extensions"
    shutil.copytree(ROOT / "extensions", copy, ignore=shutil.ignore_patterns("__pycache__"))
    said = session(lab, "taskmgr-full", load(copy), load(copy), "!livedumpinfo").outputs
    assert said[1] == said[2] == BY_PYKD
    assert said[3].startswith("Live dump, taken by Task Manager (certain)")


def test_each_command_runs_as_a_script_too(lab: Lab) -> None:
    from tests.lab.lab import to_windows

    script = to_windows(ROOT / "extensions" / "livedumpinfo.py")
    assert session(lab, "taskmgr-full", f"!py {script}").outputs[1].startswith("Live dump, taken by Task Manager")


def test_of_a_script_whose_arguments_pykd_loses_it_is_told(lab: Lab) -> None:
    from tests.lab.lab import to_windows

    script = to_windows(ROOT / "extensions" / "livedumpcodes.py")
    first, _, rest = session(lab, "wer-141-full", f"!py {script} 161").outputs[1].partition("\n")
    assert first.startswith("livedump: what was typed behind the script was lost on the way here")
    assert rest.startswith("VIDEO_ENGINE_TIMEOUT_DETECTED (141)")


def test_arguments_that_pykd_passes_count(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its bootstrapper does; the debugger's own script files are asked first, and none runs here.
    from livedump.frontends.windbg import typed_words

    monkeypatch.setattr("sys.argv", ["livedumpcodes.py", "161", "a b"])
    assert typed_words("codes") == ["161", "a b"]


def test_the_session_is_left_as_it_was(lab: Lab) -> None:
    state = ("r $proc, $thread", ".process", ".thread", "k", "? 10", "r")
    changes = ("~1s", "n 10")
    said = session(lab, "several-processors", *changes, *state, "!livedumpinfo", "!livedumpstack", *state).outputs
    noise = re.compile("^Unable to load image .*\n", re.MULTILINE)  # printed once, with the first answer
    before, after = ([noise.sub("", each) for each in some] for some in (said[3 : 3 + len(state)], said[-len(state) :]))
    assert before == after
    assert "livedrv!LiveDrvSpin" in before[3]


def test_another_processor_in_the_session_does_not_change_the_verdict(lab: Lab) -> None:
    straight = session(lab, "several-processors", "!livedumpinfo").outputs[1]
    switched = session(lab, "several-processors", "~1s", "!livedumpinfo").outputs[2]
    assert switched == straight


def test_livedump_alone_shows_what_is_to_be_known_first(lab: Lab) -> None:
    said, wrong, usage = session(lab, "wer-141-full", "!livedump", "!livedump --foo", "!livedump -?").outputs[1:]
    first = "Live dump, taken by Windows Error Reporting for dxgkrnl / dxgmms2 (TDR) (certain): 0x141 "
    assert said.startswith(first)
    places = [said.index(f"\n{label} ") for label in ("Driver", "Arg1", "Arg2", "Arg3", "Arg4")]
    assert places == sorted(places)
    assert re.search(r"^Arg3 +00000000`00000000  driver-specific bucketing key$", said, re.MULTILINE)
    stack, _, more = said.partition("\n\nStack\n")[2].partition("\n\nMore\n")
    assert "nt!IopLiveDumpCapture+" not in stack
    assert "dxgkrnl!TdrCollectDbgInfoStage1+0xd69" in stack
    assert all(f"!livedump{question.name} " in more for question in QUESTIONS if not question.others)
    assert wrong.splitlines()[1] == "!livedump -? tells what it takes"
    assert usage.startswith("usage: !livedump [")


def test_the_overview_names_findings_first(lab: Lab) -> None:
    from tests.synth.kernel.scenarios import build
    from tests.synth.toolchain import ToolchainMissing

    try:
        built = build("starvation")
    except ToolchainMissing as missing:
        pytest.skip(str(missing))
    result = lab.debugger(built.path, [load(), "!livedump"], symbol_path=str(built.symbols), load_pykd=True)
    said = result.outputs[1]
    assert 0 <= said.index("Live dump, ") < said.index("\n1. ") < said.index("\nArg1 ")


def test_overview_and_help_are_links_where_the_host_shows_them(lab: Lab) -> None:
    built = built_or_skip("wer-141-full")
    result = lab.debugger(
        built.path,
        [load(), "!livedump", "!livedumphelp", "!livedumpstack"],
        symbol_path=str(built.symbols),
        load_pykd=True,
        dml=True,
        env={"LIVEDUMP_LINKS": "1"},
    )
    overview, listed, stack = result.outputs[1:]
    for said in (overview, listed):
        names = [question.name for question in QUESTIONS if said is listed or not question.others]
        assert all(f'<link cmd="!livedump{name}">!livedump{name}</link>' in said for name in names)
    assert '<link cmd="ln fffff801`7a0a2110">' in overview
    assert '<link cmd="lmvm dxgmms2">' in overview
    assert '<link cmd="ln fffff801`7a141b6e">fffff801`7a141b6e</link> <link cmd="lmvm dxgkrnl">dxgkrnl</link>!' in stack


@pytest.mark.parametrize("command", [f"!livedump{question.name}" for question in QUESTIONS if question.needs_dump])
def test_a_session_without_a_dump_is_told_so_in_one_line(lab_2017: Lab, command: str) -> None:
    from tests.lab.lab import to_windows

    # Without a target this engine cannot run two commands in a row, so the script file is left out.
    script = to_windows(ROOT / "extensions" / f"{command[1:]}.py")
    # Today's engine prints nothing at all there.
    result = lab_2017.debugger(None, [f"!py {script}"], load_pykd=True)
    said = [line for line in result.outputs[0].splitlines() if line.startswith("livedump")]
    assert said == ["livedump: no dump is open in this session; open a kernel dump first (.opendump, or -z)"]
    assert "Traceback" not in result.text


def test_where_todays_engine_has_loaded_no_user_modules_it_is_said_how_to_load_them(lab_today: Lab) -> None:
    before, _, after = session(
        lab_today, "several-processors", "!livedumpinfo", ".reload /user", "!livedumpinfo"
    ).outputs[1:]
    assert "Live dump, taken by PowerShell Get-StorageDiagnosticInfo (possible)" in before
    assert "in a debugger .reload /user may load them" in before
    assert after.startswith("Live dump, taken by PowerShell Get-StorageDiagnosticInfo (certain)")
    assert ".reload" not in after


def user_dump() -> bytes:
    """The smallest dump of a process that the engine opens: one thread, one module. Source: minidumpapiset.h."""
    context = bytes(0x30) + struct.pack("<I", 0x10000B) + bytes(0x4D0 - 0x34)
    name = "a.exe".encode("utf-16-le")
    system = struct.pack("<HHHBBIIIIIHH24s", 9, 6, 0, 1, 1, 10, 0, 19041, 2, 0, 0, 0, b"")
    behind = 32 + 3 * 12 + len(system) + 4 + 48 + 4 + 108
    thread = struct.pack("<IIIIQQIIII", 1, 0, 0, 0, 0x7FF000, 0x10000, 0, 0, len(context), behind)
    module = struct.pack("<QIIII84x", 0x400000, 0x1000, 0, 0, behind + len(context))
    streams = ((7, system), (3, struct.pack("<I", 1) + thread), (4, struct.pack("<I", 1) + module))
    directory, data = b"", b""
    for kind, stream in streams:
        directory += struct.pack("<III", kind, len(stream), 32 + 3 * 12 + len(data))
        data += stream
    header = struct.pack("<4sIIIIIQ", b"MDMP", 0xA793, len(streams), 32, 0, 0, 0)
    return header + directory + data + context + struct.pack("<I", len(name)) + name + b"\0\0"


@pytest.mark.parametrize("command", [f"!livedump{question.name}" for question in QUESTIONS if question.needs_dump])
def test_a_dump_of_a_process_is_told_so_in_one_line(lab: Lab, command: str, tmp_path: Path) -> None:
    dump = tmp_path / "process.dmp"
    dump.write_bytes(user_dump())
    result = lab.debugger(dump, [load(), command], load_pykd=True)
    said = [line for line in result.outputs[1].splitlines() if line.strip()]
    assert said == ["livedump: the open dump is one of a process, not of the kernel; livedump reads kernel dumps"]


def test_commands_become_links_where_the_host_shows_them(lab: Lab) -> None:
    built = built_or_skip("taskmgr-full")
    result = lab.debugger(
        built.path,
        [load(), "!livedumpinfo"],
        symbol_path=str(built.symbols),
        load_pykd=True,
        dml=True,
        env={"LIVEDUMP_LINKS": "1"},
    )
    said = result.outputs[1]
    assert said.startswith("<b>Live dump, taken by Task Manager (certain)")
    assert '<link cmd=".bugcheck; .formats 00546173`6b6d6772">' in said
    assert '<link cmd="k">k</link>' in said


def test_links_are_made_where_the_host_shows_them_and_nothing_of_the_dump_becomes_one() -> None:
    from livedump.report.dml import format_document
    from livedump.report.sections.info import document
    from tests.report.reports import hostile_report

    said = format_document(document(hostile_report(), "hostile.dmp"))
    assert '<link cmd=".bugcheck; .formats 00546173`6b6d6772">' in said
    assert said.count("<link ") == said.count("</link>") >= 3
    assert "<exec" not in said
    assert "evil&lt;/b&gt;" in said
