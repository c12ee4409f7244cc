"""Real dumps and logs of ../shared, each by its name: what else lies there one day changes no test."""

from __future__ import annotations

from pathlib import Path

SAMPLES = Path(__file__).parents[2] / "shared" / "samples"
DUMPS = SAMPLES / "dumps"
LOGS = SAMPLES / "logs"
CRASH_4A = DUMPS / "083125-14875-01.dmp"
CRASH_7E = DUMPS / "triage_x64.dmp"
TRIAGE_ARM64 = SAMPLES / "arm64" / "triage_arm64.dmp"
LOG_NAMES = (
    "01-141-full-cdb-gpu-flare.txt",
    "03-113-bsod-cdb-gpu-flare.txt",
    "09-141-gpu-flare-WATCHDOG-20260515-0932.txt",
    "15-193-gpu-flare-WATCHDOG-20260514-1142.txt",
    "17-1b0-gpu-flare-WATCHDOG-20260514-1118.txt",
    "31-141-gpu-flare-WATCHDOG-20260514-2314.txt",
    "32-4a-bsod-minidump-diagnostics-tool.txt",
    "33-193-rx9070xt-video-engine-hang.txt",
    "36-117-windows-graphics-stack-bug-blog.txt",
    "40-mirror-dumpanalysis-part248.txt",
    "43-144-pastebin-yJUEDPm1.txt",
    "44-1a1-pastebin-xuXdV53s.txt",
    "49-9f-bsod-windbg-mcp.txt",
)


def sample_dumps() -> list[Path]:
    """The two crash dumps, where they are at hand."""
    return [path for path in (CRASH_4A, CRASH_7E) if path.exists()]


def sample_logs() -> list[Path]:
    """The debugger logs, where they are at hand."""
    return [LOGS / name for name in LOG_NAMES if (LOGS / name).exists()]
