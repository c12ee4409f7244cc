"""The report on a dump with what was going on in the machine. What is not asked for, or cannot be, is not imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from livedump.analysis.triage import triage
from livedump.model.errors import DumpError
from livedump.model.report import Report

if TYPE_CHECKING:
    from livedump.model.engine import Engine
    from livedump.model.examination import Symptoms
    from livedump.model.patience import Time


def report_dump(engine: Engine, no_symptoms: bool = False, time: Time = None) -> Report:
    """The report on the dump that the engine has open, and what was going on in the machine; ``time`` is in seconds.

    Raises:
        DumpError: the engine cannot say what the file is.
    """
    report = triage(engine)
    return report if no_symptoms else with_symptoms(engine, report, time)


def with_symptoms(
    engine: Engine, report: Report, time: Time = None, tell: Callable[[str], None] = lambda _: None
) -> Report:
    """The report with what was going on in the machine; ``tell`` is told in a few words what is looked at next."""
    return report._replace(symptoms=_symptoms(engine, report, time, tell))


def _symptoms(engine: Engine, report: Report, time: Time, tell: Callable[[str], None]) -> Symptoms:
    """What was going on in the machine; what cannot be known is said, never guessed."""
    from livedump.analysis.symptoms.gathering import gather  # noqa: PLC0415
    from livedump.model.patience import patience_of  # noqa: PLC0415

    try:
        scene = gather(engine, report.live, patience_of(time, size=report.dump.size if report.dump else None), tell)
    except DumpError as error:
        from livedump.analysis.symptoms.unexamined import nothing_known  # noqa: PLC0415

        return nothing_known(error)
    from livedump.analysis.symptoms.examining import judge  # noqa: PLC0415
    from livedump.analysis.symptoms.occasion import occasion_of  # noqa: PLC0415

    return judge(scene, occasion_of(report))
