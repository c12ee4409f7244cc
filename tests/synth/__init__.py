"""Made-up kernel dumps with known truths, built with clang and lld and without the reader under test.

``build("taskmgr-full")`` answers a dump, its symbols and its truth, and
``build_spec(replace(SCENARIOS[name].spec(), code=0))`` a variant.
``python -m tests.synth OUTDIR [NAME ...]`` writes them for use elsewhere.
"""

from tests.synth.builder import Built, build, build_spec
from tests.synth.scenarios import ARM64_SCENARIOS, SCENARIOS, Scenario
from tests.synth.spec import UNSET, Blob, DumpSpec, Truth
from tests.synth.toolchain import ToolchainMissing

__all__ = [
    "ARM64_SCENARIOS",
    "SCENARIOS",
    "UNSET",
    "Blob",
    "Built",
    "DumpSpec",
    "Scenario",
    "ToolchainMissing",
    "Truth",
    "build",
    "build_spec",
]
