"""Reports made by hand, for tests of what formats do with them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from livedump.model.bug_check import BugCheck
from livedump.model.dump import Dump, Scope, System
from livedump.model.findings import Confidence, Evidence, Origin, OriginKind
from livedump.model.frames import Frame, Role, Stack, Trust
from livedump.model.listing import Listing
from livedump.model.processors import Process
from livedump.model.report import Problem, Report

HOSTILE = 'evil</b><exec cmd="q">\x1b[31m=1+1|`'


def hostile_report(text: str = HOSTILE) -> Report:
    """A live dump by Task Manager in which every text that a dump can choose is ``text``."""
    frame = Frame(0, 0xFFFFFC05F6F5A310, 0, 0xFFFFF80178155AD9, text, text, 0xD9, Trust.CONTEXT, Role.CAPTURE)
    parameter = "00546173`6b6d6772"
    for_it = Evidence("task_manager_parameter", "parameter 1 is Taskmgr", f".bugcheck; .formats {parameter}")
    against = Evidence("task_manager_process", f"the requesting process is {text}", "!process -1 0")
    return Report(
        engine="native",
        path=f"/tmp/{text}.dmp",
        size=4096,
        dump=Dump(
            path=f"/tmp/{text}.dmp",
            size=4096,
            type=6,
            machine="x64",
            attributes=0x10,
            captured_at=datetime(2026, 11, 22, 7, 30, 33, 248000, tzinfo=timezone.utc),
            uptime=timedelta(days=1, hours=3),
            directory_table_base=0x14D000,
        ),
        live=True,
        scope=Scope.FULL,
        system=System(26100, text, 1, "server", 0xFFFFF80177E00000),
        bug_check=BugCheck(0x161, (0x005461736B6D6772, 0, 0, 0)),
        process=Process(None, text, 4, None),
        modules=Listing(()),
        stack=Stack((frame,), None),
        origin=Origin(OriginKind.TASK_MANAGER, "Task Manager", Confidence.LIKELY, (for_it,), (against,)),
        notes=(f"a note on {text}",),
    )


def failed() -> Report:
    """A file that could not be judged."""
    problem = Problem("not-a-kernel-dump", "the file is empty")
    return Report(engine="auto", path="empty.dmp", size=0, problems=(problem,))
