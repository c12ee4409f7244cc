"""What follows from the list of questions stands in files as it follows: scripts, aliases, README, schemas."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from livedump.frontends.questions import COMMANDS, Batch, Question
from livedump.frontends.windbg import command_of, help_document
from livedump.frontends.windbg_scripts import carrier_script, command_names, command_script, start_script
from livedump.model.examination import Symptoms
from livedump.model.series import SeriesPlace
from livedump.report.plain import format_document
from livedump.report.triage_page import TriagePage
from tests.golden.conftest import Held
from tests.report.answers_schema import schema_of, whole_schema

ROOT = Path(__file__).parents[2]
EXTENSIONS = ROOT / "extensions"
SCHEMA = EXTENSIONS / "livedump" / "report" / "livedump-answer-1.schema.json"
REPORT_SCHEMA = SCHEMA.with_name("livedump-1.schema.json")
SCRIPTS = command_names()


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_windbg_command_is_a_script(name: str, held: Held) -> None:
    held(EXTENSIONS / f"livedump{name}.py", command_script(name))


def test_no_script_is_left_over() -> None:
    assert {path.stem for path in EXTENSIONS.glob("*.py")} == {f"livedump{name}" for name in SCRIPTS}


def test_the_debuggers_scripts_have_every_command(held: Held) -> None:
    held(EXTENSIONS / "livedump.wds", start_script())
    held(EXTENSIONS / "livedumpask.wds", carrier_script())


def test_help_in_windbg_names_every_command() -> None:
    shown = format_document(help_document())
    assert all(re.search(rf"^{command_of(name)} ", shown, re.MULTILINE) for name in SCRIPTS)


def test_readme_has_a_line_for_each_command(held: Held) -> None:
    path = ROOT / "README.md"
    lines = path.read_text(encoding="utf-8").splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("| `livedump "))
    count = sum(line.startswith("| `livedump ") for line in lines)
    held(path, "\n".join([*lines[:first], *map(readme_line, COMMANDS), *lines[first + count :]]) + "\n")


def readme_line(command: Question | Batch) -> str:
    if isinstance(command, Batch):
        return f"| `livedump {command.name} {command.place}` | | {command.what} |"
    files = f"BEFORE {command.others}..." if command.others else "FILE" if command.has_place else "FILE..."
    places = [files] if command.needs_dump else []
    places += [f"[{option.value}]" for option in command.options if not option.flag.startswith("-")]
    flags = [f"`{' '.join(filter(None, (each.flag, each.value)))}`" for each in command.options if each.flag[:1] == "-"]
    flags = [flag.replace("|", "\\|") for flag in flags]  # else it would end the cell
    usage = " ".join((f"livedump {command.name}", *places))
    also = "".join(f", `{alias}`" for alias in command.aliases)
    return (
        f"| `{usage}`{also} | `!livedump{command.name}` | {'; '.join(filter(None, (command.what, ', '.join(flags))))} |"
    )


def test_the_schema_of_answers_follows_from_the_records(held: Held) -> None:
    held(SCHEMA, json.dumps(whole_schema(), indent=2) + "\n")


def test_the_schema_of_pages_of_a_folder_follows_from_their_record(held: Held) -> None:
    names: dict[str, Any] = {}
    page = schema_of(TriagePage, names)
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "livedump triage, a page for assistants, version 1",
        **page,
        "$defs": dict(sorted(names.items())),
    }
    held(SCHEMA.with_name("livedump-triage-1.schema.json"), json.dumps(whole, indent=2) + "\n")


def test_the_schema_of_reports_knows_symptoms_and_series_by_their_records(held: Held) -> None:
    whole = json.loads(REPORT_SCHEMA.read_text())
    names: dict[str, Any] = {}
    whole["$defs"]["report"]["properties"]["symptoms"] = {"anyOf": [schema_of(Symptoms, names), {"type": "null"}]}
    place = "Where the dump stands among others of its boot; null where it stands alone or nobody put them together."
    series = {"description": place, "anyOf": [schema_of(SeriesPlace, names), {"type": "null"}]}
    whole["$defs"]["report"]["properties"]["series"] = series
    whole["$defs"].update(sorted(names.items()))
    held(REPORT_SCHEMA, json.dumps(whole, indent=2) + "\n")
