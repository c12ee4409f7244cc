"""An assistant that has our tools alone is asked what was wrong with thirty dumps."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engines.test_contract import built_or_skip
from tests.frontends.test_mcp import MAX_BYTES, with_client
from tests.synth.kernel.scenarios import KERNEL_SCENARIOS
from tests.synth.scenarios import SCENARIOS

ROOT = Path(__file__).parents[2]
DUMPS = 30
CALLS = 10
TOKENS = 20_000
LETTERS = 3
"""Of a token, at the least: English has four, hexadecimal digits fewer."""
MADE = [name for name, scenario in KERNEL_SCENARIOS.items() if not scenario.large]
NAMES = [*MADE, *(name for name in SCENARIOS if not name.startswith(("arm64", "x86")))][:DUMPS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Thirty dumps, and the symbol path on which those of each are found."""
    place = tmp_path_factory.mktemp("thirty")
    symbols = []
    for name in NAMES:
        built = built_or_skip(name)
        shutil.copyfile(built.path, place / f"{name}.dmp")
        symbols.append(str(built.symbols))
    return place, ";".join(dict.fromkeys(symbols))


def wanted(name: str) -> set[str]:
    """The kinds of findings that a system was made to have."""
    if name not in KERNEL_SCENARIOS:
        return set()
    scenario = KERNEL_SCENARIOS[name]
    return {each.kind for each in scenario.system(scenario.build).expected if not each.optional}


def test_what_was_wrong_with_thirty_dumps_takes_few_calls_and_tokens(folder: tuple[Path, str]) -> None:
    place, symbols = folder
    letters: list[int] = []

    async def use(client: Any) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        cursor: dict[str, str] = {}
        while True:
            said = await client.call_tool("triage", {"path": str(place), **cursor})
            assert not said.is_error
            # A client shows its model the text, the object, or both: both count.
            letters.append(len(said.content[0].text) + len(json.dumps(said.structured_content)))
            for row in said.structured_content["rows"]:
                keys = (row["symptoms"] or "").split(", ")
                found[Path(row["path"]).stem] = {key.partition(":")[0] for key in keys} - {""}
            if said.structured_content["next_cursor"] is None:
                return found
            cursor = {"cursor": said.structured_content["next_cursor"]}

    found = with_client(place, "auto", use, symbols)
    assert set(found) == set(NAMES)
    assert {name: wanted(name) - kinds for name, kinds in found.items() if wanted(name) - kinds} == {}
    assert sum(bool(wanted(name)) for name in NAMES) >= DUMPS // 2
    assert len(letters) < CALLS
    assert sum(letters) / LETTERS < TOKENS
    print(f"{len(letters)} calls, {sum(letters):,} characters, {sum(letters) // LETTERS:,} tokens at most")


@pytest.mark.skipif(not shutil.which("mcp-inspector"), reason="no mcp-inspector here: npm install it, and set PATH")
def test_the_inspectors_command_line_gets_the_same(folder: tuple[Path, str]) -> None:
    pytest.importorskip("mcp")
    server = [sys.executable, "-m", "livedump", "mcp", "--allow", str(folder[0]), "-y", folder[1]]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "extensions")}

    def asked(*words: str) -> Any:
        run = ["mcp-inspector", "--cli", *server, "--method", *words]
        return json.loads(subprocess.run(run, capture_output=True, check=True, env=environment, timeout=120).stdout)

    tools = asked("tools/list")["tools"]
    assert len(json.dumps(tools)) <= MAX_BYTES
    assert len(tools) == 8
    said = asked("tools/call", "--tool-name", "codes", "--tool-arg", "code=0x141")
    assert said["structuredContent"]["answer"]["codes"][0]["name"] == "VIDEO_ENGINE_TIMEOUT_DETECTED"
    said = asked("tools/call", "--tool-name", "report", "--tool-arg", "path=storage-stall.dmp")
    assert "waits in Ntfs!NtfsWaitSync" in said["content"][0]["text"]
    assert len(asked("prompts/list")["prompts"]) == 2
    assert asked("resources/templates/list")["resourceTemplates"]
