"""What people cut out of a debugger's output, in the forms that stand in forums, issues and documentation."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from livedump.analysis.signature import signature_of
from livedump.analysis.triage import triage
from livedump.engines.texts import engines_of
from livedump.model.bug_check import BugCheck
from livedump.model.errors import DumpError, NotAKernelDump
from livedump.model.report import Report


def report(text: str) -> Report:
    [engine] = engines_of(text, None, "pasted.txt")
    return triage(engine)


CODES = {
    "heading and arguments": (
        "DRIVER_POWER_STATE_FAILURE (9f)\nArguments:\nArg1: 0000000000000003, A device\nArg2: ffffe000f38c06a0\n"
        "Arg3: fffff803c596cad0\nArg4: ffffe000f46a1010\n",
        (0x9F, (3, 0xFFFFE000F38C06A0, 0xFFFFF803C596CAD0, 0xFFFFE000F46A1010)),
    ),
    "heading with a remark": ("EXRESOURCE_TIMEOUT_LIVEDUMP (1cc)\t\t// x\nArg1: 5\t// y\n", (
        0x1CC, (5, None, None, None),
    )),
    "short form": ("BugCheck 9F, {3, ffffe000f38c06a0, 5, 6}\n", (0x9F, (3, 0xFFFFE000F38C06A0, 5, 6))),
    "kd": (
        "*** Fatal System Error: 0x00000050\n     (0xFFFFF78000001000,0x0000000000000000,0xFFFFF80528F293CB,0x2)\n",
        (0x50, (0xFFFFF78000001000, 0, 0xFFFFF80528F293CB, 2)),
    ),
    "blue screen": ("*** STOP: 0x0000007E (0xC0000005,0XF76120BF,0XF7A5E208,0XF7A5DF08)\n", (
        0x7E, (0xC0000005, 0xF76120BF, 0xF7A5E208, 0xF7A5DF08),
    )),
    "MEX": ("0: kd> !mex.di\nBugcheck: 5A (0, 0, 0, 0)\n", (0x5A, (0, 0, 0, 0))),
    "MEX crash": ("0: kd> !mex.crash\nBugcheck code 00000080\nArguments 004f4454 00000000 00000000 00000000\n", (
        0x80, (0x4F4454, 0, 0, 0),
    )),
    "WhoCrashed": ("Bugcheck code: 0x3B (0xC0000005, 0xFFFFF80004212DD3, 0x0, 0x1)\n", (
        0x3B, (0xC0000005, 0xFFFFF80004212DD3, 0, 1),
    )),
    "code of a page": ("Bugcheck: `0x00000133` (`0x1`, `0x1e00`, `0xfffff8062f1c5340`, `0x0`)\n", (
        0x133, (1, 0x1E00, 0xFFFFF8062F1C5340, 0),
    )),
    "line of code of a page": ("Bugcheck: `0x133 (0x1, 0x1e00, 0xfffff8062f1c5340, 0x0)`\n", (
        0x133, (1, 0x1E00, 0xFFFFF8062F1C5340, 0),
    )),
    "emphasis": ("* **Bugcheck**: `0x133`\n* seen twice\n", (0x133, (None,) * 4)),
    "code above a list of frames": (
        "Bugcheck: `0x00000133`\nnt!KeBugCheckEx\nnt!KeAccumulateTicks+0x1\nlab!Wait+0x3\n", (0x133, (None,) * 4),
    ),
    "listed": ("BUGCHECK_CODE:  193\n\nBUGCHECK_P1: 80e\n", (0x193, (0x80E, None, None, None))),
    "BUGCHECK_STR": ("BUGCHECK_STR:  0x9F_3_POWER_DOWN\nPROCESS_NAME:  System\n", (0x9F, (None,) * 4)),
    "key": ("    Key  : Bugcheck.Code.TargetModel\n    Value: 0x141\n", (0x141, (None,) * 4)),
    "bucket": ("FAILURE_BUCKET_ID:  LKD_0x117_IMAGE_igdkmd64.sys\n", (0x117, (None,) * 4)),
    "crash bucket": ("FAILURE_BUCKET_ID:  X64_0xC5_2_VBoxNetFlt+3aca\n", (0xC5, (None,) * 4)),
    "stack": (
        "ffff8880`4e795ca8 fffff801`8db78569     : 00000000`0000000a ffff8882`181330e8 00000000`00000002 "
        "00000000`00000001 : nt!KeBugCheckEx\n"
        "ffff8880`4e795cb0 fffff801`8db75077     : ffff8880`4e795cf0 00000000`00000000 00000010`00020000 "
        "00000000`00000006 : nt!KiBugCheckDispatch+0x69\n",
        (0xA, (0xFFFF8882181330E8, 2, 1, None)),
    ),
    "stack of a 32-bit system": (
        "ChildEBP RetAddr  Args to Child\n8013eecc 801389ee 0000000a 00000000 0000001c NT!_KeBugCheckEx+0x194\n"
        "8013eecc 00000000 0000000a 00000000 0000001c NT!_KiTrap0E+0x256\n",
        (0xA, (0, 0x1C, None, None)),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CODES.values(), ids=CODES)
def test_a_code_is_known_with_the_parameters_that_are_there(text: str, expected: tuple[int, object]) -> None:
    found = report(text).bug_check
    assert found is not None
    assert (found.code, found.parameters) == expected


def rows(form: str, frames: Iterable[str] = ()) -> str:
    """A line for each frame, numbered from 0."""
    return "".join(form.format(n=number, m=9 - number, name=name) for number, name in enumerate(frames or FRAMES))


FRAMES = ["nt!KeBugCheckEx", "ndis!NdisAllocateCloneOidRequest+0x3d494", "npcap!NPF_OidRequest+0x2e", "npcap+0x7150"]
ADDRESSES = "ffff8880`4e79{n:x}ca8 fffff801`8db7{n:x}569"
SHORT = "ffff88804e79{n:x}ca8 fffff8018db7{n:x}569"
ARGUMENTS = "00000000`00000001 00000000`00000002 00000000`00000003 00000000`00000004"
STACKS = {
    "kc": " # Call Site\n" + rows("{n:02x} {name}\n"),
    "bare": rows("{name}\n"),
    "outermost first": rows("  {name}\n", FRAMES[::-1]),
    "list marks": rows("- {name}\n"),
    "with source lines": rows("{name} [d:\\src\\a.c @ {n}] \n"),
    "with remarks": rows("{name}  <-- here\n"),
    "elided columns": "STACK_TEXT:\n" + rows("... : {name} ...\n"),
    "k without a header": rows(ADDRESSES + " {name}\n"),
    "kL without backticks": " # Child-SP RetAddr Call Site\n" + rows("{n:02x} " + SHORT + " {name}\n"),
    "MEX": "# Child-SP         Return           Call Site\n" + rows(" {n:x} " + SHORT + " {name}\n"),
    "kb": "RetAddr           : Args to Child    : Call Site\n"
    + rows("fffff801`8db7{n:x}569 : " + ARGUMENTS + " : {name}\n"),
    "kp": rows(ADDRESSES + " {name}\n").replace("OidRequest+", "OidRequest(void * a = 0x1, int b = 0n2)+"),
    "upside down": rows("ffff8880`4e79{m:x}ca8 fffff801`8db7{n:x}569 {name}\n", FRAMES[::-1]),
}


@pytest.mark.parametrize("text", STACKS.values(), ids=STACKS)
def test_a_stack_is_read_in_every_form_innermost_first(text: str) -> None:
    found = report(text)
    assert found.stack is not None
    assert [frame.call_site for frame in found.stack.frames] == FRAMES
    assert found.live is False


def test_raw_memory_is_no_stack() -> None:
    # dps prints what lies on the stack, eight bytes from line to line
    lines = (f"ffff9486`795268{n * 8:02x}  fffff807`8f504f{n:02x} nt!Function{n}+0x8e\n" for n in range(12))
    with pytest.raises(NotAKernelDump):
        report("0: kd> dps @rsp\n" + "".join(lines))


def test_the_driver_of_a_reset_is_named_by_the_debugger_where_no_modules_are_listed() -> None:
    code = "VIDEO_ENGINE_TIMEOUT_DETECTED (141)\nArg1: 1\nArg2: fffff807676b6740\nArg3: 0\nArg4: 0\n"
    names = {
        "nvlddmkm": "IMAGE_NAME:  nvlddmkm.sys\n",
        "amdkmdag": "FAILURE_BUCKET_ID: LKD_0x141_IMAGE_amdkmdag.sys\n",
        "igdkmd64": "MODULE_NAME: igdkmd64\n",
    }
    for name, line in names.items():
        assert signature_of(report(code + line)).text == f"0x141 VIDEO_ENGINE_TIMEOUT_DETECTED | {name}"
    for line in ("IMAGE_NAME:  dxgkrnl.sys\n", "IMAGE_NAME:  ntkrnlmp.exe\n", "MODULE_NAME: Unknown_Module\n"):
        assert "dxgkrnl!" not in signature_of(report(code + line)).text
        assert "nt" not in signature_of(report(code + line)).text.split(" | ")[1:]


def test_whom_the_debugger_blames_stands_apart() -> None:
    found = report(
        "BugCheck 9F, {3, 1, 2, 3}\nSYMBOL_NAME:  hidusb!Foo+12\nMODULE_NAME: hidusb\nIMAGE_NAME:  hidusb.sys\n"
        "IMAGE_VERSION:  10.0.26100.1\nFAILURE_BUCKET_ID:  0x9F_3_IMAGE_hidusb.sys\n"
        "FAILURE_ID_HASH:  {341dd0b3-9ebd-47a8-9de8-23f4b00fabbc}\n"
    )
    assert found.dump is not None
    assert found.dump.told is not None
    assert found.dump.told.blame == (
        "hidusb.sys", "hidusb", "hidusb!Foo+12", "10.0.26100.1", "0x9F_3_IMAGE_hidusb.sys",
        "341dd0b3-9ebd-47a8-9de8-23f4b00fabbc",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "name", "cut"),
    [
        ("PROCESS_NAME:  chrome.exe", "chrome.exe", False),
        ("PROCESS_NAME:  chrome.exe  CURRENT_IRQL 0 and more", "chrome.exe", True),
        ("PROCESS_NAME:  Secure System", "Secure System", False),
        ("PROCESS_NAME:  System which is the kernel", "System", True),
    ],
)
def test_what_stands_behind_a_process_name_is_cut_off_and_said(line: str, name: str, cut: bool) -> None:
    found = report(f"BugCheck 9F, {{3, 1, 2, 3}}\n{line}\n")
    assert found.process is not None
    assert found.process.name == name
    assert any("behind the process name" in note for note in found.notes) is cut


def test_the_thread_that_mex_shows_names_its_process() -> None:
    text = (
        "0: kd> !mex.t\nProcess                   Thread                       CID       UserTime\n"
        "System (ffffd80bf5902080) ffffd80c204a6040 (E|K|W|R|V) 4.2fc            0      219ms\n" + STACKS["MEX"]
    )
    found = report(text).process
    assert found is not None
    assert (found.name, found.address, found.process_id) == ("System", 0xFFFFD80BF5902080, 4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "0:000> !analyze -v\n*                        Exception Analysis                                   *\n",
            "user-mode",
        ),
        (
            "Loading Dump File [C:\\a.dmp]\nUser Mini Dump File: Only registers, stack and portions of memory\n",
            "user-mode",
        ),
        (
            "STACK_TEXT:\n0006b9dc 01050963 00000000 0006ba04 000603fd MyApp!Function+0x73\n"
            "0006fff0 00000000 01062bc0 00000000 000000c8 KERNEL32!BaseProcessStart+0x3d\n",
            "user-mode",
        ),
        (
            "0: kd> !analyze -show 0x9F 0x3\nDRIVER_POWER_STATE_FAILURE (9f)\nArguments:\nArg1: 0000000000000003\n",
            "looked up",
        ),
        ("Arguments:\nArg1: 00000018940ffbe8\nArg2: 0000000000000003\n", "without its code"),
        ('{\n  "a": 1,\n  "b": [1, 2]\n}\n', "JSON"),
        ("<html><body><h1>Hello</h1>\n<p>there</p>\n</body></html>\n", "it looks like"),
        (
            "Dear support,\nmy machine is slow since I put the new memory into it.\nWhat shall I do about it now?\n",
            "prose",
        ),
        ("a=1\nb=2\nc=3\n", "settings"),
        ("Oops: 0000 [#1] SMP\nCall Trace:\n ? foo+0x12/0x30\n", "another system's kernel"),
        ("   \n\n", "empty"),
    ],
)
def test_a_text_about_no_kernel_dump_is_refused_with_a_word_on_what_it_is(text: str, words: str) -> None:
    with pytest.raises(DumpError, match=words):
        report(text)


def test_no_word_of_a_log_is_about_a_file_that_is_not_there() -> None:
    found = report(STACKS["k without a header"])
    said = " ".join([*found.notes, *(each.fact for finding in found.findings for each in finding.evidence)])
    assert "never written" not in said
    assert "give a symbol path" not in said


def test_a_bug_check_is_complete_with_four_zeros() -> None:
    assert BugCheck(0x161, (0, 0, 0, 0)).all_zero
    assert not BugCheck(0x161, (0, 0, 0, None)).all_zero


def test_a_system_that_crashed_while_it_crashed_is_one_dump() -> None:
    text = "0: kd> !mex.di\nKernel base = 0xfffff806`0b200000 PsLoadedModuleList = 0xfffff806`0be2a770\n"
    found = report(text + "Bugcheck: D1 (8, 2, 0, FFFFF806203F12D0)\nBugcheck: 162 (FFFF910142869040, 1, F, 0)\n")
    assert found.bug_check is not None
    assert found.bug_check.code == 0xD1


def test_what_an_extension_says_behind_a_frame_is_no_part_of_its_name() -> None:
    text = STACKS["MEX"].replace("+0x2e", "+0x2e   Thread: ffffdf8217a30040 (System) exclusive owner")
    found = report(text).stack
    assert found is not None
    assert [frame.call_site for frame in found.frames] == FRAMES


DUMPCHK = "Loading dump file C:\\a\\two.dmp\n\nLoading Dump File [C:\\a\\two.dmp]\n"


def test_dumpchk_names_its_file_twice_and_means_one() -> None:
    text = DUMPCHK + (
        "Mini Kernel Dump File: Only registers and stack trace are available\n\n"
        "----- 64 bit Kernel Mini Dump Analysis\n\n"
        "DUMP_HEADER64:\nMajorVersion        0000000f\nMinorVersion        00006658\nMachineImageType    00008664\n"
        "BugCheckCode        00000141\nBugCheckParameter1  ffffa706`47d06060\nBugCheckParameter2  00000000`00000002\n"
        "BugCheckParameter3  00000000`00000000\nBugCheckParameter4  00000000`00000000\n\nFinished dump check\n"
    )
    found = report(text)
    assert found.bug_check == BugCheck(0x141, (0xFFFFA70647D06060, 2, 0, 0))
    assert found.system is not None
    assert found.system.build == 26200
    assert found.path == "C:\\a\\two.dmp"


def test_a_dump_that_the_debugger_could_not_open_is_refused_in_its_words() -> None:
    text = (
        DUMPCHK
        + "Could not match Dump File signature - invalid file format\nCould not open dump file [C:\\a\\two.dmp]\n"
    )
    with pytest.raises(DumpError, match="could not open the dump: Could not match Dump File signature"):
        report(text)


def test_two_dumps_that_somebody_tells_of_are_two() -> None:
    told = "Bugcheck: `0x{code:x}`\nnt!KeBugCheckEx\n{driver}!Wait+0x3\n{driver}!Work+0x1\n\n"
    text = told.format(code=0x133, driver="lab") + told.format(code=0xD1, driver="other")
    reports = [triage(engine) for engine in engines_of(text, None, "post.md")]
    codes = [each.bug_check.code for each in reports if each.bug_check]
    drivers = [each.stack.frames[1].module for each in reports if each.stack]
    assert (codes, drivers) == ([0x133, 0xD1], ["lab", "other"])


def test_a_prompt_of_the_kernel_behind_one_of_a_process_is_the_kernels() -> None:
    # As a page of the debugger's own documentation has it.
    text = "   0:000>2: kd> k\n   Child-SP            RetAddr             Call Site\n" + rows(
        "   ffffd000`224b4c8{n} fffff800`02d9683{m} {name}\n"
    )
    assert report(text).stack is not None
