"""The source paper's two listings (LP2142), character for character."""

from __future__ import annotations

FIRST = """\
00 fffffc05`f6f5a310 fffff801`781565d5 nt!IopLiveDumpCollectPages+0xd9
01 fffffc05`f6f5a360 fffff801`78725307 nt!IopLiveDumpEndMirroringCallback+0x55
02 fffffc05`f6f5a390 fffff801`78155bfa nt!MmDuplicateMemory+0x2e7
03 fffffc05`f6f5a420 fffff801`78155cdc nt!IopLiveDumpCapture+0x86
04 fffffc05`f6f5a480 fffff801`780a9fca nt!IopLiveDumpCaptureMemoryPages+0x50
05 fffffc05`f6f5a5c0 fffff801`7813aa4e nt!IoCaptureLiveDump+0x432
06 fffffc05`f6f5a7f0 fffff801`786f1caf nt!DbgkCaptureLiveKernelDump+0x336
07 fffffc05`f6f5a890 fffff801`7828a255 nt!NtSystemDebugControl+0xc41bf
08 fffffc05`f6f5a9b0 00007ffc`d2563054 nt!KiSystemServiceCopyEnd+0x25
09 0000007b`b6f7f838 00000000`00000000 0x00007ffc`d2563054
"""
FIRST_BUG_CHECK = """\
Bugcheck code 00000161
Arguments 00546173`6b6d6772 00000000`00000000 00000000`00000000 00000000`00000000
"""
SECOND = """\
00 ffffbd09`a52ced50 fffff802`d57565d5 nt!IopLiveDumpCollectPages+0xd9
01 ffffbd09`a52ceda0 fffff802`d5d25307 nt!IopLiveDumpEndMirroringCallback+0x55
02 ffffbd09`a52cedd0 fffff802`d5755bfa nt!MmDuplicateMemory+0x2e7
03 ffffbd09`a52cee60 fffff802`d5755cdc nt!IopLiveDumpCapture+0x86
04 ffffbd09`a52ceec0 fffff802`d56a9fca nt!IopLiveDumpCaptureMemoryPages+0x50
05 ffffbd09`a52cf000 fffff802`d573aa4e nt!IoCaptureLiveDump+0x432
06 ffffbd09`a52cf230 fffff802`d5cf1caf nt!DbgkCaptureLiveKernelDump+0x336
07 ffffbd09`a52cf2d0 fffff802`d588a255 nt!NtSystemDebugControl+0xc41bf
08 ffffbd09`a52cf3f0 00007ffc`c6dc3054 nt!KiSystemServiceCopyEnd+0x25
09 000000bb`ce27d458 00007ffc`9077eddf ntdll!NtSystemDebugControl+0x14
0a 000000bb`ce27d460 00000000`00000000 mispace!CLogCollectionServer::CaptureLiveDump+0x1b3
"""
SECOND_BUG_CHECK = """\
Bugcheck code 00000161
Arguments 00000000`00000000 00000000`00000000 00000000`00000000 00000000`00000000
"""
