"""Call stacks in debugger text, in every shape that a table of frames has had."""

from __future__ import annotations

from livedump.engines.text.lines import split_lines
from livedump.engines.text.stack import MAX_FRAMES, find_stack, iter_stack_tables
from livedump.model.frames import Frame, Stack, Trust


def stack_in(text: str, processor: int | None = None) -> Stack:
    found = find_stack(split_lines(text), processor)
    assert found is not None
    return found


def sites(stack: Stack) -> list[str]:
    return [frame.call_site for frame in stack.frames]


# Listing 1 of LP2142, the first three and the last frame.
TASK_MANAGER = """\
0: kd> k
 # Child-SP          RetAddr           Call Site
00 fffffc05`f6f5a310 fffff801`781565d5 nt!IopLiveDumpCollectPages+0xd9
01 fffffc05`f6f5a360 fffff801`78725307 nt!IopLiveDumpEndMirroringCallback+0x55
02 fffffc05`f6f5a390 00007ffc`d2563054 nt!MmDuplicateMemory+0x2e7
03 0000007b`b6f7f838 00000000`00000000 0x00007ffc`d2563054
"""


def test_each_column_of_k_becomes_a_field() -> None:
    frames = stack_in(TASK_MANAGER).frames
    assert frames[1] == Frame(
        index=1,
        child_sp=0xFFFFFC05F6F5A360,
        return_address=0xFFFFF80178725307,
        instruction=0xFFFFF801781565D5,
        module="nt",
        symbol="IopLiveDumpEndMirroringCallback",
        offset=0x55,
        trust=Trust.UNWIND,
    )


def test_the_innermost_frame_of_a_table_has_no_address() -> None:
    first = stack_in(TASK_MANAGER).frames[0]
    assert (first.instruction, first.trust, first.kernel_mode) == (None, Trust.CONTEXT, True)


def test_a_bare_address_is_a_frame_outside_of_all_modules() -> None:
    last = stack_in(TASK_MANAGER).frames[3]
    assert (last.module, last.symbol, last.offset, last.instruction) == (None, None, None, 0x7FFCD2563054)


def test_a_table_that_ends_with_return_address_zero_is_complete() -> None:
    assert stack_in(TASK_MANAGER).stop_reason is None


def test_a_table_that_was_cut_says_so() -> None:
    cut = TASK_MANAGER.rsplit("03 ", 1)[0] + "03 0000007b`b6f7"
    stack = stack_in(cut)
    assert len(stack.frames) == 3
    assert stack.stop_reason == "the debugger's table ends before the end of the stack"


def test_the_wide_header_of_newer_versions_is_read() -> None:
    wide = TASK_MANAGER.replace("RetAddr           Call Site", "RetAddr               Call Site")
    wide = wide.replace(" nt!", "     nt!")
    assert stack_in(wide) == stack_in(TASK_MANAGER)


def test_k_of_older_versions_has_no_frame_numbers() -> None:
    # k of 10.0.15063 on samples/dumps/083125-14875-01.dmp
    text = """\
kd> k
Child-SP          RetAddr           Call Site
ffffa704`eeb6bc88 fffff807`5c01faa9 nt+0x3fd6f0
ffffa704`eeb6bc90 00000000`00000000 nt+0x411aa9
"""
    assert sites(stack_in(text)) == ["nt+0x3fd6f0", "nt+0x411aa9"]
    assert stack_in(text).processor == 0  # one processor: the prompt has no number


def test_kv_has_arguments_and_remarks() -> None:
    text = """\
# Child-SP          RetAddr               : Args to Child                                                           : Call Site
02 ffffa704`eeb6bdd0 00007ffe`7350d0c4     : 00000000`00000000 00000000`00000000 00000000`00000000 00000000`00000000 : nt!KiSystemServiceExitPico+0x34d (TrapFrame @ ffffa704`eeb6be40)
03 0000007d`488fe9b8 00000000`00000000     : 00000000`00000000 00000000`00000000 00000000`00000000 00000000`00000000 : 0x00007ffe`7350d0c4
"""  # noqa: E501 - as printed
    stack = stack_in(text)
    assert sites(stack) == ["nt!KiSystemServiceExitPico+0x34d", "0x00007ffe`7350d0c4"]
    assert [frame.index for frame in stack.frames] == [2, 3]


def test_kb_tells_no_stack_pointer() -> None:
    # kb of 10.0.15063
    text = """\
RetAddr           : Args to Child                                                           : Call Site
fffff801`781565d5 : 00000000`00000000 00000000`00000000 00000000`00000000 00000000`00000000 : nt!IopLiveDumpCollectPages+0xd9
00000000`00000000 : 00000000`00000000 00000000`00000000 00000000`00000000 00000000`00000000 : nt!IopLiveDumpEndMirroringCallback+0x55
"""  # noqa: E501 - as printed
    frames = stack_in(text).frames
    assert [(frame.child_sp, frame.symbol) for frame in frames] == [
        (None, "IopLiveDumpCollectPages"),
        (None, "IopLiveDumpEndMirroringCallback"),
    ]


def test_kf_has_a_column_of_bytes() -> None:
    text = """\
 #   Memory  Child-SP          RetAddr               Call Site
00           fffffc05`f6f5a310 fffff801`781565d5     nt!IopLiveDumpCollectPages+0xd9
01        50 fffffc05`f6f5a360 00000000`00000000     nt!IopLiveDumpEndMirroringCallback+0x55
"""
    assert [frame.child_sp for frame in stack_in(text).frames] == [0xFFFFFC05F6F5A310, 0xFFFFFC05F6F5A360]


def test_a_32_bit_table_is_read() -> None:
    # the engine extends 32-bit addresses by their sign, so that they lie in the system half
    text = """\
ChildEBP RetAddr  Args to Child
80548d3c 804f8afb 00000003 00000000 8054fa2c nt!RtlpBreakWithStatusInstruction
80548d88 00000000 00000003 f76f9d94 80549188 nt!KiBugCheckDebugBreak+0x19
"""
    frames = stack_in(text).frames
    assert [(frame.child_sp, frame.call_site) for frame in frames] == [
        (0xFFFFFFFF80548D3C, "nt!RtlpBreakWithStatusInstruction"),
        (0xFFFFFFFF80548D88, "nt!KiBugCheckDebugBreak+0x19"),
    ]


def test_an_inline_frame_stands_where_the_next_real_one_stands() -> None:
    text = """\
 # Child-SP          RetAddr               Call Site
00 fffffc05`f6f5a310 fffff801`781565d5     nt!IopLiveDumpCollectPages+0xd9
01 (Inline Function) --------`--------     nt!IopInlined+0x12 [minkernel\\ntos\\io\\livedump.c @ 123]
02 fffffc05`f6f5a360 00000000`00000000     nt!IopLiveDumpEndMirroringCallback+0x55 [minkernel\\ntos\\io\\x.c @ 7]
"""
    _, inline, outer = stack_in(text).frames
    assert inline.symbol == "IopInlined"
    assert (inline.child_sp, inline.instruction) == (0xFFFFFC05F6F5A360, 0xFFFFF801781565D5)
    assert (outer.instruction, outer.call_site) == (0xFFFFF801781565D5, "nt!IopLiveDumpEndMirroringCallback+0x55")


def test_inline_frames_are_read_in_stack_text() -> None:
    text = """\
STACK_TEXT:
fffffc05`f6f5a310 fffff801`781565d5     : 00000000`00000001 00000000`00000000 00000000`00000000 00000000`00000000 : nt!A+0xd9
(Inline Function) --------`--------     : --------`-------- --------`-------- --------`-------- --------`-------- : nt!B+0x12
fffffc05`f6f5a360 00000000`00000000     : 00000000`00000000 00000000`00000000 00000000`00000000 00000000`00000000 : nt!C+0x55
"""  # noqa: E501 - as printed
    assert sites(stack_in(text)) == ["nt!A+0xd9", "nt!B+0x12", "nt!C+0x55"]


def test_warnings_between_frames_are_no_end_of_the_table() -> None:
    noisy = TASK_MANAGER.replace(
        "02 fffffc05",
        "*** WARNING: Unable to verify checksum for x.sys\n"
        "*** ERROR: Module load completed but symbols could not be loaded for x.sys\n"
        "Unable to load image \\SystemRoot\\x.sys, Win32 error 0n2\n02 fffffc05",
    )
    assert stack_in(noisy) == stack_in(TASK_MANAGER)


def test_frames_behind_the_debuggers_own_warning_are_guesses() -> None:
    warned = TASK_MANAGER.replace(
        "02 ", "WARNING: Stack unwind information not available. Following frames may be wrong.\n02 "
    )
    assert [frame.trust for frame in stack_in(warned).frames] == [
        Trust.CONTEXT, Trust.UNWIND, Trust.SCAN, Trust.SCAN,
    ]  # fmt: skip


def test_frames_behind_one_outside_of_all_modules_are_guesses() -> None:
    # kn of 10.0.15063 on samples/dumps/triage_x64.dmp, without symbols and images
    text = """\
 # Child-SP          RetAddr           Call Site
00 ffff8504`29890ee8 fffff804`7be0f4e1 nt+0x3f5a80
01 ffff8504`29890ef0 00000000`0000007e nt+0x40f4e1
02 ffff8504`29890ef8 ffffffff`c0000005 0x7e
03 ffff8504`29890f00 fffff804`8b58334c 0xffffffff`c0000005
04 ffff8504`29890f08 ffff8504`29891ee8 amdppm+0x334c
"""
    assert [frame.trust for frame in stack_in(text).frames] == [
        Trust.CONTEXT, Trust.UNWIND, Trust.UNWIND, Trust.SCAN, Trust.SCAN,
    ]  # fmt: skip


def test_names_with_odd_characters_stay_whole() -> None:
    text = """\
 # Child-SP          RetAddr               Call Site
00 fffffc05`f6f5a310 fffff801`781565d5     dxgkrnl!DXGDEVICE::DestroyAllDeviceState+0x250
01 fffffc05`f6f5a320 fffff801`781565d6     win32k!`anonymous namespace'::f<int,char *>::operator()+0x1
02 fffffc05`f6f5a330 fffff801`781565d7     <Unloaded_dump_x.sys>+0x1234
03 fffffc05`f6f5a340 fffff801`781565d8     nt!KeBugCheckEx(unsigned long code = 0x161)+0x10
04 fffffc05`f6f5a350 00000000`00000000     nt
"""
    assert [(frame.module, frame.symbol, frame.offset) for frame in stack_in(text).frames] == [
        ("dxgkrnl", "DXGDEVICE::DestroyAllDeviceState", 0x250),
        ("win32k", "`anonymous namespace'::f<int,char *>::operator()", 0x1),
        ("<Unloaded_dump_x.sys>", None, 0x1234),
        ("nt", "KeBugCheckEx", 0x10),
        ("nt", None, 0),
    ]


def test_a_hole_in_the_numbers_leaves_the_next_address_unknown() -> None:
    holed = TASK_MANAGER.replace("01 fffffc05`f6f5a360 fffff801`78725307 nt!IopLiveDumpEndMirroringCallback+0x55\n", "")
    assert [frame.instruction for frame in stack_in(holed).frames] == [None, None, 0x7FFCD2563054]


def test_other_tables_with_two_addresses_are_no_stacks() -> None:
    # lm prints two addresses and a name, as a row of k does
    text = "start             end                 module name\nfffff804`79440000 fffff804`79446000   hal   (deferred)\n"
    assert find_stack(split_lines(text)) is None


def test_a_frame_of_zeros_is_no_stack() -> None:
    # kn of 10.0.15063 on a dump whose debugger data it cannot read
    text = """\
 # Child-SP          RetAddr           Call Site
00 00000000`00000000 00000000`00000000 0x00000000`00000000
"""
    assert find_stack(split_lines(text)) is None


OTHER = TASK_MANAGER.replace("nt!Iop", "other!Iop").replace("0: kd> k\n", "")


def test_the_first_k_is_the_dumps_own_stack() -> None:
    assert stack_in(TASK_MANAGER + "0: kd> .thread ffff8000`12345678\n0: kd> k\n" + OTHER) == stack_in(TASK_MANAGER)


def test_a_stack_after_a_change_of_thread_comes_last() -> None:
    moved = "0: kd> .thread ffff8000`12345678\n0: kd> k\n" + OTHER
    reset = "0: kd> .thread\n" + TASK_MANAGER
    assert stack_in(moved + reset) == stack_in(TASK_MANAGER)


def test_the_debugger_says_when_a_context_is_set() -> None:
    # 10.0.26100, after .cxr in a script that printed no prompt
    said = "  *** Stack trace for last set context - .thread/.cxr resets it\n" + OTHER
    assert stack_in(said + "0: kd> .cxr\n" + TASK_MANAGER) == stack_in(TASK_MANAGER)


def test_stacks_of_any_thread_come_after_the_dumps_own() -> None:
    assert stack_in("0: kd> !process 0 7\n" + OTHER + TASK_MANAGER) == stack_in(TASK_MANAGER)


def test_a_stack_of_another_processor_is_not_the_dumps_own() -> None:
    text = "0: kd> vertarget\n0: kd> ~2s\n2: kd> k\n" + OTHER + TASK_MANAGER
    assert stack_in(text) == stack_in(TASK_MANAGER)
    assert stack_in(text, 2).frames[0].module == "other"
    assert find_stack(split_lines(text), 1) is None


def test_running_prints_a_stack_for_each_processor() -> None:
    text = """\
0: kd> !running -it

System Processors:  (0000000000000003)
  Idle Processors:  (0000000000000000)

       Prcbs             Current         (pri) Next            (pri) Idle
  0    fffff80312345180  ffffe00112345080 ( 8)                       fffff8031234a900  ................

 # Child-SP          RetAddr               Call Site
00 fffffc05`f6f5a310 00000000`00000000     nt!Zero+0xd9

  1    fffff80312346180  ffffe00112346080 (15)                       fffff8031234b900  ................

 # Child-SP          RetAddr               Call Site
00 fffffc05`f6f5b310 00000000`00000000     nt!One+0xd9
"""
    assert sites(stack_in(text, 0)) == ["nt!Zero+0xd9"]
    assert sites(stack_in(text, 1)) == ["nt!One+0xd9"]


def test_stack_text_is_used_when_k_was_cut() -> None:
    cut = TASK_MANAGER.rsplit("02 ", 1)[0]
    analyzed = """
STACK_TEXT:
fffffc05`f6f5a310 fffff801`781565d5     : 0 0 0 0 : nt!IopLiveDumpCollectPages+0xd9
fffffc05`f6f5a360 00000000`00000000     : 0 0 0 0 : nt!IopLiveDumpEndMirroringCallback+0x55
"""
    assert len(stack_in(cut + analyzed).frames) == 2
    assert stack_in(cut + analyzed).stop_reason is None


def test_a_table_of_endless_frames_is_cut() -> None:
    row = "fffffc05`f6f5a310 fffff801`781565d5 nt!Recursive+0xd9\n"
    stack = stack_in("Child-SP          RetAddr           Call Site\n" + row * (MAX_FRAMES + 5))
    assert len(stack.frames) == MAX_FRAMES
    assert stack.stop_reason == "1024 frames were read and there are more"


def test_tables_are_found_in_order() -> None:
    tables = list(iter_stack_tables(split_lines(TASK_MANAGER + OTHER.replace("RetAddr", "RetAddr"))))
    assert [table.stack.frames[0].module for table in tables] == ["nt", "other"]


def test_the_return_of_an_outermost_leaf_is_no_frame() -> None:
    # As dbgeng 10.0.29507 shows a made-up ARM64 dump.
    text = """\
 # Child-SP          RetAddr               Call Site
00 fffffc05`f6f5aae0 00007ffc`d2563054     nt!KiSystemServiceCopyEnd+0x28
01 0000007b`b6f7f830 00000000`00000000     0x00007ffc`d2563054
02 0000007b`b6f7f830 00000000`00000000     0x0
"""
    stack = find_stack(text.splitlines())
    assert stack is not None
    assert [frame.instruction for frame in stack.frames] == [None, 0x7FFCD2563054]
