"""What the program prints about four made-up dumps, and its help, against files that a person has read.

The files are the same on every machine: the dumps are made here, each call sees a folder of its own with relative
names and no symbols but those beside it, and the two things that are not ours (the identity that the linker gives a
symbol file, how each release of argparse lays out its help) are written one way.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from livedump import report
from livedump.analysis.triage import triage
from livedump.engines.choose import open_engine
from livedump.frontends.command_line import main
from livedump.report.dml import format_document as as_dml
from livedump.report.sections.info import document
from tests.engines.test_contract import built_or_skip
from tests.golden.conftest import EXPECTED, difference
from tests.golden.test_differences import DIFFERENCES

Golden = Callable[[str, str], None]

DUMPS = ("taskmgr-full", "powershell-user", "wer-141-full", "truncated")
FORMATS = {"table": "txt", "json": "json", "csv": "csv", "markdown": "md", "html": "html"}
PLAIN = {
    "stack": ("stack", "--roles"),
    "modules": ("modules",),
    "processes": ("processes",),
    "contents": ("contents",),
    "signature": ("signature", "--explain"),
}
COMMANDS = (
    "info",
    "stack",
    "running",
    "stacks",
    "thread",
    "waits",
    "memory",
    "requests",
    "diff",
    "modules",
    "symbols",
    "processes",
    "contents",
    "signature",
    "codes",
    "triage",
    "share",
    "mcp",
    "windbg",
    "completion",
)
WIDTH = 120
ASSETS = ("html_report.css", "html_report.js")
"""What stands in every page alike: a change of style is seen there, and not in each golden page again."""


class Printed(NamedTuple):
    """What one call of the command left."""

    status: int
    out: str
    err: str

    def as_text(self) -> str:
        """Everything in one text: what went to stderr and the exit status stand at the end, where there are any."""
        err = f"\n[stderr]\n{self.err}" if self.err else ""
        return f"{self.out}{err}" + (f"\n[exit status {self.status}]\n" if self.status else "")


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[..., Printed]:
    def call(*arguments: str) -> Printed:
        try:
            status = main(arguments)
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        return Printed(status, *map(on_any_machine, capsys.readouterr()))

    return call


@pytest.fixture(params=DUMPS)
def dump(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Name of a made-up dump, which lies with its symbols in the current folder and sees nothing else."""
    name = str(request.param)
    built = built_or_skip(name)
    shutil.copyfile(built.path, tmp_path / f"{name}.dmp")
    shutil.copytree(built.symbols, tmp_path / "symbols")
    monkeypatch.chdir(tmp_path)
    for variable in ("_NT_SYMBOL_PATH", "_NT_ALT_SYMBOL_PATH", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA", "PROGRAMDATA"):
        monkeypatch.setenv(variable, str(tmp_path / "cache"))
    return name


def on_any_machine(text: str) -> str:
    """The text without what the linker chose: the identity of a symbol file."""
    return re.sub(r"\b[0-9A-F]{32}(?=[0-9A-F]\b)", "0" * 32, text)


def with_named_assets(page: str) -> str:
    """The page with a line that names the file in the place of style and script, and of the hash of each.

    Each must stand there once, letter by letter: whoever has these files and what is returned has the page.
    """
    for name in ASSETS:
        text = (Path(report.__file__).parent / name).read_text("utf-8")
        digest = f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}"
        assert (page.count(text), page.count(digest)) == (1, 1), name
        page = page.replace(text, f"[all of {name}]\n").replace(digest, f"sha256 of {name}")
    return page


@pytest.mark.parametrize("form", FORMATS)
def test_info(dump: str, form: str, printed: Callable[..., Printed], golden: Golden) -> None:
    result = printed("info", f"{dump}.dmp", "-y", "symbols", "--format", form)
    assert (result.status, result.err) == (0, "")
    golden(f"{dump}.info.{FORMATS[form]}", with_named_assets(result.out) if form == "html" else result.out)


def test_info_in_the_debuggers_markup(dump: str, golden: Golden) -> None:
    engine = open_engine(f"{dump}.dmp", "native", "symbols", None, None)
    try:
        golden(f"{dump}.info.dml", on_any_machine(as_dml(document(triage(engine), f"{dump}.dmp"))))
    finally:
        engine.close()


@pytest.mark.parametrize("name", PLAIN)
def test_the_other_commands_about_a_dump(dump: str, name: str, printed: Callable[..., Printed], golden: Golden) -> None:
    result = printed(*PLAIN[name], f"{dump}.dmp", "-y", "symbols")
    golden(f"{dump}.{name}.txt", result.as_text())


@pytest.fixture
def help_of(printed: Callable[..., Printed], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    def call(*command: str) -> str:
        monkeypatch.setenv("COLUMNS", "10000")
        result = printed(*command, "--help")
        assert (result.status, result.err) == (0, "")
        return one_layout(result.out)

    return call


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command: str, help_of: Callable[..., str], golden: Golden) -> None:
    golden(f"help.{command}.txt", help_of(command))


def test_help_of_the_program(help_of: Callable[..., str], golden: Golden) -> None:
    golden("help.txt", help_of())


def test_every_command_has_its_golden_help(help_of: Callable[..., str]) -> None:
    assert tuple(re.findall(r"^    ([a-z]+)(?: \([a-z, ]+\))?  ", help_of(), re.MULTILINE)) == COMMANDS


def one_layout(text: str) -> str:
    """Help as Python 3.13 spells it, whatever release of argparse made it, with one line for each option.

    Before 3.10 the options stood under "optional arguments:"; before 3.13 an option of two names repeated its value.
    Where a line is broken and how far a help text is moved to the right depends on both.
    """
    usage, _, rest = text.partition("\n\n")
    options, mark, examples = rest.partition("examples:\n")
    options = options.replace("optional arguments:\n", "options:\n")
    options = re.sub(r"(?m)^(  -\w) (\S+), (--[\w-]+ \2(?:  |$))", r"\1, \3", options)
    options = re.sub(r"\n {10,}", "  ", options)
    options = re.sub(r"(?m)(?<=\S) {2,}(?=\S)", "  ", options)
    return f"{_filled(' '.join(usage.split()))}\n\n{options}{mark}{examples}"


def _filled(usage: str) -> str:
    """The usage in lines that break between arguments only."""
    whole = re.sub(r"\[[^\[\]]*\]", lambda argument: argument[0].replace(" ", "\xa0"), usage)
    lines = textwrap.fill(whole, WIDTH, subsequent_indent=" " * 4, break_on_hyphens=False, break_long_words=False)
    return lines.replace("\xa0", " ")


def test_the_layouts_of_each_argparse_become_one() -> None:
    old = (
        "usage: livedump x [-h]\n                  [-o FILE]\n\noptional arguments:\n"
        "  -h, --help            show it\n  -o FILE, --output FILE\n                        write there\n"
    )
    new = (
        "usage: livedump x [-h] [-o FILE]\n\noptions:\n  -h, --help         show it\n  -o, --output FILE  write there\n"
    )
    assert one_layout(old) == one_layout(new)
    assert one_layout(new).splitlines()[-2:] == ["  -h, --help  show it", "  -o, --output FILE  write there"]


def test_no_file_lies_there_that_nothing_is_held_against(request: pytest.FixtureRequest) -> None:
    names = {f"{dump}.info.{ending}" for dump in DUMPS for ending in (*FORMATS.values(), "dml")}
    names |= {f"{dump}.{name}.txt" for dump in DUMPS for name in PLAIN}
    names |= {f"help.{command}.txt" for command in COMMANDS} | {"help.txt"}
    names |= {f"{case.name}.diff.txt" for case in DIFFERENCES}
    left_over = {path.name for path in EXPECTED.iterdir()} - names
    if request.config.getoption("--refresh-golden"):
        for name in left_over:
            (EXPECTED / name).unlink()
        return
    assert left_over == set()


def test_a_difference_shows_both_lines_and_what_to_do() -> None:
    shown = difference("a.txt", "same\nbefore\n", "same\nafter\n").splitlines()
    assert "-before" in shown
    assert "+after" in shown
    assert shown[-1].startswith("If this is meant, run pytest tests/golden --refresh-golden")
