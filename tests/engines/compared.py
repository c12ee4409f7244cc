"""Counts what was held against both of Microsoft's engines: ``python -m tests.engines.compared`` writes COMPARED.md.

Everything that is counted is equal, or it ends with an error. README shows the table.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from livedump.model.layout import find_member
from tests.engines.differences import DIFFERENCES
from tests.engines.test_contract import (
    SYSTEMS,
    agree,
    built_or_skip,
    debugger_answers,
    native_answers,
    opens,
)
from tests.kernel.test_debugger_model import model_of, opened, resting_stacks
from tests.kernel.test_declared_members import WANTED, shown_place, types_of
from tests.lab import setup_lab
from tests.lab.lab import Lab, require
from tests.synth import SCENARIOS
from tests.synth.kernel.layout import BUILDS

COMPARED = Path(__file__).with_name("COMPARED.md")
README = Path(__file__).parents[2] / "README.md"
NAMES = {setup_lab.ENGINE_2017: "10.0.15063, of 2017", setup_lab.ENGINE_TODAY: "10.0.29507, of 2026"}
COLUMNS = (
    "dumps", "answers", "differ", "stacks", "frames", "modules", "processes", "fields (`dt`)", "threads (`dx`)",
    "stacks of threads (`dx`)",
)  # fmt: skip
HEAD = """\
# Held against both of Microsoft's engines

Counted on {day} by `python -m tests.engines.compared`, which wants the lab with both engines: everything is equal but
for what differs, or it ends with an error. Answers are verdict, origin, process, contents and nine more of each made-up
dump; stacks are those of processors, modules have their time stamps, fields are members of kernel structures on nine
builds of Windows. The engine of 2017 has no `dx`, and opens no dumps of types 8, 9 and 0xA.

"""
DIFFERENT = """
## What differs, with both engines, and why

| dump | answers | why |
|---|---|---|
"""


def main() -> None:
    """Writes the document, and the table into README."""
    counts = {NAMES[engine]: counted(require(engine)) for engine in setup_lab.ENGINES}
    new = HEAD.format(day=date.today().isoformat()) + table(counts) + DIFFERENT + differences()
    readme = README.read_text(encoding="utf-8")
    README.write_text(readme.replace(shown_table(readme), shown_table(new)), encoding="utf-8")
    COMPARED.write_text(new, encoding="utf-8")


def shown_table(text: str) -> str:
    """The table of one of the documents."""
    found = re.search(r"^\| dbgeng \|.*(?:\n\|.*)*", text, re.MULTILINE)
    assert found
    return found[0]


def table(counts: Mapping[str, Mapping[str, int]]) -> str:
    """One line an engine."""
    lines = [f"| dbgeng | {' | '.join(COLUMNS)} |", f"|---|{'---|' * len(COLUMNS)}"]
    lines += [
        f"| {name} | {' | '.join(f'{found[what]:,}' if what in found else '' for what in COLUMNS)} |"
        for name, found in counts.items()
    ]
    return "\n".join(lines) + "\n"


def differences() -> str:
    """One line for each dump and reason."""
    return "".join(
        f"| `{name}` | {', '.join(questions)} | {reason} |\n"
        for name, found in DIFFERENCES.items()
        for reason, questions in _by_reason(found).items()
    )


def _by_reason(found: Mapping[str, str]) -> Mapping[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for question, reason in found.items():
        reasons.setdefault(reason, []).append(question)
    return reasons


def counted(lab: Lab) -> Counter[str]:
    """How many of each thing are equal."""
    counts: Counter[str] = Counter()
    for name in (*SCENARIOS, *SYSTEMS):
        if opens(lab, name):
            counts.update(dict(dump_counts(lab, name)))
    counts["fields (`dt`)"] = sum(members(lab, build) for build in BUILDS)
    if lab.engine == setup_lab.ENGINE_TODAY:
        for name in SYSTEMS:
            counts.update(dict(model_counts(lab, name)))
    return counts


def dump_counts(lab: Lab, name: str) -> Iterator[tuple[str, int]]:
    """What is equal of one dump."""
    built = built_or_skip(name)
    ours, theirs = native_answers(built), debugger_answers(lab, built)
    different = {question for question in ours if not agree(ours[question], theirs[question])}
    assert different == set(DIFFERENCES.get(name, {})), (name, different)
    yield "dumps", 1
    yield "answers", len(ours) - len(different)
    yield "differ", len(different)
    if "stacks" not in different and isinstance(ours["stacks"], list):
        yield "stacks", len(ours["stacks"])
        yield "frames", sum(map(len, ours["stacks"]))
    for question in ("modules", "processes"):
        if question not in different and isinstance(ours[question], list):
            yield question, len(ours[question])


def members(lab: Lab, build: str) -> int:
    """Members that stand where ``dt`` shows them."""
    with tempfile.TemporaryDirectory() as folder:
        types, image = types_of(Path(folder), build)
        commands = [f"dt types!{name} {path}" for name, path in WANTED]
        outputs = lab.debugger(image, commands, symbol_path=folder, timeout=300).outputs
        places = [find_member(types.layout, name, path) for name, path in WANTED]
    shown = [shown_place(output, path) for (_, path), output in zip(WANTED, outputs)]
    assert [place and place[0] for place in shown] == [place and place.offset for place in places]
    return len(shown) - shown.count(None)


def model_counts(lab: Lab, name: str) -> Iterator[tuple[str, int]]:
    """What is equal of one system to the debugger's object model."""
    with opened(name) as (built, engine):
        model = model_of(lab, built)
        threads = engine.census(lambda: True).threads.items
        stacks = resting_stacks(engine, threads)
    assert sorted((each.process_id, each.thread_id, each.address) for each in threads) == sorted(model.threads)
    assert stacks == {address: model.stacks[address] for address in stacks}
    yield "threads (`dx`)", len(threads)
    yield "stacks of threads (`dx`)", len(stacks)


if __name__ == "__main__":
    main()
