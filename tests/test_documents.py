"""What the documents name is there, and what they say of the code is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from livedump.frontends.command_line import main
from tests.engines.compared import COMPARED, differences, shown_table
from tests.test_architecture import MAY_IMPORT, PACKAGE

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "tests/benchmarks/FIGURES.md")
README, CONTRIBUTING, _ = ((ROOT / name).read_text(encoding="utf-8") for name in DOCUMENTS)


def named() -> Iterator[tuple[str, str]]:
    """Each document with each path that it names: of the project, of the package, and behind links."""
    for document in DOCUMENTS:
        text = (ROOT / document).read_text(encoding="utf-8")
        places = set(re.findall(r"(?<![\w/])((?:examples|extensions|tests)/[\w./-]*\w)", text))
        rooms = "|".join(MAY_IMPORT)
        places |= {f"extensions/livedump/{path}" for path in re.findall(rf"`((?:{rooms})/[\w./-]*\w)", text)}
        links = {link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link}
        beside = Path(document).parent
        places |= {(beside / link).as_posix() for link in links}
        yield from ((document, path) for path in sorted(places) if "NAME" not in path)


@pytest.mark.parametrize(("document", "path"), list(named()))
def test_the_files_they_name_are_there(document: str, path: str) -> None:
    assert (ROOT / path).exists(), document


def test_readme_shows_what_was_counted() -> None:
    assert shown_table(COMPARED.read_text(encoding="utf-8")) in README


def test_each_difference_that_is_known_is_listed() -> None:
    assert COMPARED.read_text(encoding="utf-8").endswith(differences())


def test_readme_is_read_in_one_go() -> None:
    assert len(README.splitlines()) <= 120


COMMANDS = set(re.findall(r"^\| `livedump (\w+) ", README, re.MULTILINE))


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_commands_it_names_have_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert command in capsys.readouterr().out


def test_the_map_has_every_room_and_what_it_may_import() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .+ \| (.+) \|$", CONTRIBUTING, re.MULTILINE)
    always = {"model", ""}
    shown = {room: set(re.findall(r"\w+", imports)) - {"nothing"} for room, imports in rows}
    assert shown == {room: rooms - always - {room} for room, rooms in MAY_IMPORT.items()}


def test_the_picture_shows_the_same_direction() -> None:
    picture = re.search(r"```mermaid\n(.*?)```", CONTRIBUTING, re.DOTALL)
    assert picture
    arrows = re.findall(r"^ +(\w+) --> (\w+)$", picture[1], re.MULTILINE)
    below: dict[str, set[str]] = {room: {room} for room in MAY_IMPORT}
    for _ in MAY_IMPORT:
        for upper, lower in arrows:
            below[upper] |= below[lower]
    for room, rooms in MAY_IMPORT.items():
        assert {lower for upper, lower in arrows if upper == room} <= rooms
        assert rooms - {""} <= below[room]


def test_the_map_stands_in_the_package_as_it_is() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert rooms == set(re.findall(r"^\| `(\w+)` \| ", CONTRIBUTING, re.MULTILINE))
