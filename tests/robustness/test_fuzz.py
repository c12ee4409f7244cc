"""A short, always equal run of the fuzzer: the first damaged files of every target."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.robustness.fuzz import ROOT, judge, make_case
from tests.robustness.targets import TARGETS

pytestmark = pytest.mark.skipif(
    not (shutil.which("clang") and shutil.which("lld-link")), reason="made-up dumps need clang and lld-link"
)
CASES = {"header": 3000, "pages": 2000, "path": 2000, "cabinet": 2000, "pdb": 1000, "index": 500, "kdbg": 300,
         "unwind": 300, "unwind-arm64": 60, "arm64": 60,
         "modules": 120, "processes": 120, "stack": 120, "image": 80, "transcript": 40,
         "texts": 60, "records": 60, "evtx": 60, "report": 40,
         "census": 25, "threads": 10, "waits": 25, "requests": 25, "memory": 25, "symptoms": 10,
         "triage": 60, "types": 300, "dump": 25, "paging": 3,
         "said": 150, "saved": 150, "zip": 200, "gzip": 200, "report-cabinet": 200,
         **({"7z": 60} if "7z" in TARGETS else {})}  # fmt: skip


@pytest.fixture(autouse=True)
def _caches_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_every_target_has_cases() -> None:
    assert set(CASES) == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_sound_files_are_answered(name: str) -> None:
    for seed in TARGETS[name].seeds():
        assert not judge(name, seed.data).trace, seed.name


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_get_an_answer_or_a_dump_error_in_time(name: str) -> None:
    outcomes = {number: judge(name, make_case(name, 1, number)) for number in range(CASES[name])}
    failed = {number: outcome for number, outcome in outcomes.items() if outcome.failed}
    assert not failed, "\n".join(f"--target {name} --case {number}: {each}" for number, each in failed.items())


def test_a_number_stands_for_one_file() -> None:
    assert make_case("pdb", 1, 5) == make_case("pdb", 1, 5)
    assert len({make_case("pdb", 1, number) for number in range(50)}) > 40


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="limits of memory are set by Linux's own means")
def test_the_program_counts_and_keeps_to_its_limits(tmp_path: Path) -> None:
    arguments = ["--seconds", "0.5", "--target", "header", "--keep", str(tmp_path)]
    run = subprocess.run(
        [sys.executable, "-m", "tests.robustness.fuzz", *arguments],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'extensions'}"},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "not-a-kernel-dump" in run.stdout
    assert run.stdout.rstrip().endswith(" 0 ways to fail")
