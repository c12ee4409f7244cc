"""Counts what was held against both of Microsoft's engines, as a table: ``python -m tests.engines.compared``.

Everything that is counted is equal, or it ends with an error. The table stands in tests/benchmarks/FIGURES.md.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
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


def main() -> None:
    """Prints the table."""
    counts = {engine: counted(require(engine)) for engine in setup_lab.ENGINES}
    rows = list(dict.fromkeys(what for found in counts.values() for what in found))
    print(f"| held against | {' | '.join(f'dbgeng of {engine}' for engine in counts)} |")
    print(f"|---|{'---|' * len(counts)}")
    for what in rows:
        print(f"| {what} | {' | '.join(f'{found[what]:,}' for found in counts.values())} |")


def counted(lab: Lab) -> Counter[str]:
    """How many of each thing are equal."""
    counts: Counter[str] = Counter()
    for name in (*SCENARIOS, *SYSTEMS):
        if opens(lab, name):
            counts.update(dict(dump_counts(lab, name)))
    counts["members of structures, on nine builds (`dt`)"] = sum(members(lab, build) for build in BUILDS)
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
    yield "different, with a reason", len(different)
    if "stacks" not in different and isinstance(ours["stacks"], list):
        yield "stacks of processors", len(ours["stacks"])
        yield "frames of them", sum(map(len, ours["stacks"]))
    for what, question in (("modules with their time stamps", "modules"), ("processes", "processes")):
        if question not in different and isinstance(ours[question], list):
            yield what, len(ours[question])


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
    yield "stacks of those that do not run (`dx`)", len(stacks)


if __name__ == "__main__":
    main()
