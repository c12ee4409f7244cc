"""What all analyses say of a dump in which there is nothing to examine."""

from __future__ import annotations

from livedump.model.errors import DumpError, MemoryGap
from livedump.model.examination import Symptoms
from livedump.model.memory_use import MemoryUse
from livedump.model.requests import Requests
from livedump.model.running import Running
from livedump.model.stack_survey import StackSurvey
from livedump.model.symptoms import AnalysisState
from livedump.model.waits import Waits


def nothing_known(error: DumpError) -> Symptoms:
    """What there is to say when there was no pass over the kernel."""
    state = AnalysisState.NOT_CAPTURED if isinstance(error, MemoryGap) else AnalysisState.NOT_KNOWN
    said = (state, str(error), "not known")
    return Symptoms((), 0, Running(*said), StackSurvey(*said), Waits(*said), MemoryUse(*said), Requests(*said))
