"""One contract for what went on: the file's own reader and the debugger's session say the same of each made-up system.

On every build they also say what the system was made to have; that is asked here, not with the analyses, because it
takes all of the nine builds' systems.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.analysis.symptoms.examined import ALL, OWN, QUIET, SERVER, Case, examined, finding_differences
from tests.engines.symptom_answers import answers

if TYPE_CHECKING:
    from tests.lab.lab import Lab

ROOT = Path(__file__).parents[2]
SOME = tuple(
    Case(*pair)
    for pair in (
        ("starvation", "19041"), ("spin-lock-convoy", "14393"), ("resource-deadlock", "9600"), ("lock-chain", "22000"),
        ("orphaned-lock", "26100"), ("storage-stall", "20348"), ("stuck-work-queue", "17763"),
        ("nonpaged-leak", "7601"),
        ("handle-leak", "18362"),
    )
)  # fmt: skip
"""One of each analysis, on all nine builds."""
EVERY = tuple(dict.fromkeys((*SOME, *OWN, *QUIET, SERVER)))


@pytest.mark.lab
@pytest.mark.parametrize("case", SOME, ids=str)
def test_both_engines_say_the_same(lab_2017: Lab, case: Case) -> None:
    assert differences(lab_2017, case) == {}


@pytest.mark.lab
@pytest.mark.slow
@pytest.mark.parametrize("case", EVERY, ids=str)
def test_both_engines_say_the_same_of_every_system(lab: Lab, case: Case) -> None:
    assert differences(lab, case) == {}


def differences(lab: Lab, case: Case) -> dict[str, tuple[Any, Any]]:
    """Question -> what either says, where they differ."""
    from tests.lab.lab import to_windows

    built = examined(case).built
    ours: dict[str, Any] = json.loads(json.dumps(answers("native", str(built.path), str(built.symbols))))
    result = lab.pykd_standalone(
        ROOT / "tests" / "engines" / "symptom_answers.py",
        "pykd",
        to_windows(built.path),
        to_windows(built.symbols),
        python_path=[ROOT / "extensions", ROOT],
        env={"_NT_EXECUTABLE_IMAGE_PATH": to_windows(built.images)},
    )
    assert result.stdout.strip(), result.stderr
    (theirs,) = json.loads(result.stdout.strip().splitlines()[-1])
    assert ours.keys() == theirs.keys()
    assert len(ours) > 20
    assert not [answer for answer in ours.values() if str(answer).startswith("error")]
    unlike = [question for question in ours if ours[question] != theirs[question]]
    return {question: different(ours[question], theirs[question]) for question in unlike}


def different(ours: Any, theirs: Any) -> tuple[Any, Any]:
    """The first parts that differ."""
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return next((one, other) for one, other in zip(ours, theirs) if one != other)
    return ours, theirs


@pytest.mark.slow
@pytest.mark.parametrize("case", ALL, ids=str)
def test_the_planted_findings_and_no_others_on_every_build(case: Case) -> None:
    found = examined(case)
    assert finding_differences(found.truth, found.symptoms) == []
