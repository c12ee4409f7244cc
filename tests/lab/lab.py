"""Drives the lab: pykd on its own, the engine with or without pykd, a stand-in for cdb, Python 3.9."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Union

from . import setup_lab

StrPath = Union[str, Path]

# The lab's own wine.sh sets these; what the caller's shell holds must not reach the Windows side.
FOREIGN_VARIABLES = ("PYTHON", "WINE", "_NT_", "LIVEDUMP_LAB_PYTHONPATH")
RUN_VARIABLE = "LIVEDUMP_LAB_RUN"
EXAMPLE = Path(__file__).parents[2] / "examples" / "taskmgr.dmp"
POLL_SECONDS = 0.02
KILL_SECONDS = 5


class LabError(Exception):
    """Something about the lab; the base of the two below."""


class LabUnavailable(LabError):
    """The lab is not installed, or cannot be; the message is the reason in one line."""


@dataclass(frozen=True)
class Result:
    """What one Windows program did."""

    returncode: int
    """Its exit status; of a Windows exit code only the low byte gets through Wine."""
    stdout: str
    """All it wrote to standard output; from `Lab.debugger`, with the markers still in."""
    stderr: str
    outputs: list[str] = field(default_factory=list)
    """From `Lab.debugger`: what each command printed. Shorter than the commands when one ended the
    session, whose own output is the last."""

    @property
    def text(self) -> str:
        """Standard output without the markers around each command."""
        return _MARKER.sub("", self.stdout)


class LabTimeout(LabError):
    """A time limit ran out, and all that the call had started was killed."""

    def __init__(self, seconds: float, result: Result) -> None:
        super().__init__(f"killed after {seconds:g} s; it had printed: ...{result.text[-300:]!r}")
        self.result = result
        """What had been printed until then."""


_MARKER = re.compile(r"\n</?lab-[0-9a-f]{32} \d+>\n")


def to_windows(path: StrPath) -> str:
    """`path` made absolute, as Windows programs under Wine name it: ``Z:\\work\\x.dmp``."""
    return "Z:" + str(Path(path).absolute()).replace("/", "\\")


def available() -> str | None:
    """None when the lab can be used, else the reason why not, in one line."""
    if not sys.platform.startswith("linux"):
        return "the lab needs Linux and Wine"
    if not setup_lab.is_installed(setup_lab.lab_root()):
        return "the lab is not installed: python -m tests.lab"
    if not shutil.which("wine"):
        return "the lab needs wine"
    return None


def require(engine: str = setup_lab.ENGINE_2017) -> Lab:
    """The installed lab with one of its engines.

    Raises: LabUnavailable
    """
    reason = available()
    if reason:
        raise LabUnavailable(reason)
    try:
        return Lab(setup_lab.lab_root(), engine)
    except setup_lab.InstallError as error:
        raise LabUnavailable(str(error)) from None


@dataclass(frozen=True)
class Lab:
    """An installed lab. Each call runs one Windows program, with a time limit in seconds.

    Calls raise `LabTimeout` when the limit runs out. `env` adds environment variables, and
    `python_path` adds Linux folders that the Windows Python looks in first.
    """

    root: Path
    engine: str = setup_lab.ENGINE_2017
    """Which engine all of it runs on: one of `setup_lab.ENGINES`."""
    folder: Path = field(init=False)
    """The folder of that engine."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", setup_lab.engine_folder(self.root, self.engine))

    @property
    def cdb(self) -> Path:
        """A program that takes cdb's switches; its first lines tell what is real in it."""
        return self.folder / "cdb"

    @property
    def host(self) -> Path:
        """The Windows program behind `cdb`."""
        return self.folder / "pykd" / "host.exe"

    @property
    def pykd(self) -> Path:
        """The pykd.pyd that both Python and the engine load."""
        return self.folder / "pykd" / "pykd.pyd"

    def windows_python(
        self,
        args: Sequence[str],
        *,
        python_path: Sequence[StrPath] = (),
        cwd: StrPath | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 120,
    ) -> Result:
        """What ``python.exe`` (3.9, with pykd and tabulate) did with `args`."""
        return self._run([self.root / "python" / "python.exe", *args], timeout, env, python_path, cwd)

    def windows_pytest(
        self,
        args: Sequence[str],
        cwd: StrPath,
        *,
        python_path: Sequence[StrPath] = (),
        env: Mapping[str, str] | None = None,
        timeout: float = 600,
    ) -> Result:
        """What pytest did on the Windows Python, started in `cwd`; hypothesis and jsonschema are there too."""
        # Its cache would be written into the sources, with Windows paths in it.
        command = ["-m", "pytest", "-p", "no:cacheprovider", *args]
        paths = [*python_path, self.root / "site-tests"]
        return self.windows_python(command, python_path=paths, cwd=cwd, env=env, timeout=timeout)

    def pykd_standalone(
        self,
        script: StrPath,
        *args: str,
        timeout: float = 120,
        env: Mapping[str, str] | None = None,
        python_path: Sequence[StrPath] = (),
    ) -> Result:
        """What a script did that runs outside a debugger and can ``import pykd``.

        On a busy machine Wine now and then loses all that a process printed: one that said nothing at all runs again.
        """
        command = [to_windows(script), *args]
        done = self.windows_python(command, python_path=python_path, env=env, timeout=timeout)
        if done.stdout or done.stderr:
            return done
        return self.windows_python(command, python_path=python_path, env=env, timeout=timeout)

    def debugger(
        self,
        dump: StrPath | None,
        commands: str | Sequence[str],
        symbol_path: str | None = None,
        *,
        python_path: Sequence[StrPath] = (),
        load_pykd: bool = False,
        timeout: float = 120,
        image_path: str | None = None,
        dml: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """What the engine printed for each of `commands`, run in order on `dump`.

        A string is one command; the engine splits it at its semicolons. Without a dump the session
        has no target, and today's engine prints nothing there. `load_pykd` runs ``.load`` on pykd
        first, which shows in no output. With `dml` all output is the markup that WinDbg gets, and
        plain text in it is escaped; without, it is the engine's plain text of it.
        """
        listed = [commands] if isinstance(commands, str) else list(commands)
        if any("\n" in command for command in listed):
            raise ValueError("a command is one line")
        before = [f".load {to_windows(self.pykd)}"] if load_pykd else []
        token = f"lab-{uuid.uuid4().hex}"
        with tempfile.NamedTemporaryFile("w", suffix=".wds", encoding="utf-8") as file:
            file.writelines(f"{command}\n" for command in [*before, *listed])
            file.flush()
            switches = ["-lab-token", token, "-lab-commands", file.name]
            for name, value in (("-z", dump), ("-y", symbol_path), ("-i", image_path)):
                if value is not None:
                    switches += [name, str(value)]
            if dml:
                switches.append("-lab-dml")
            result = self._run([self.host, *switches], timeout, env, python_path)
            if not result.stdout.strip():
                # Wine can fail to start a program on a busy machine; the engine itself never ends without a word.
                result = self._run([self.host, *switches], timeout, env, python_path)
        outputs = _outputs(result.stdout, token)[len(before) :]
        return Result(result.returncode, result.stdout, result.stderr, outputs)

    def transcript(
        self, dump: StrPath, commands: Sequence[str], symbol_path: str | None = None, *, timeout: float = 120
    ) -> str:
        """All that a window of WinDbg would show: the banner, then each command behind the prompt, and its output."""
        with tempfile.NamedTemporaryFile("w", suffix=".wds", encoding="utf-8") as file:
            file.writelines(f"{command}\n" for command in [*commands, "q"])
            file.flush()
            symbols = [] if symbol_path is None else ["-y", symbol_path]
            return self._run([self.host, "-z", dump, *symbols, "-cf", file.name], timeout).stdout

    def self_check(self) -> list[str]:
        """Lines that tell what the lab holds, after having started each part.

        Raises: LabError
        """
        probe = "import sys, pykd, tabulate; print(sys.version.split()[0], pykd.__version__, tabulate.__version__)"
        python = self.windows_python(["-c", probe])
        # With a dump: without one today's engine runs commands and prints nothing.
        engine = self.debugger(EXAMPLE, "version", load_pykd=True)
        tests = self.windows_pytest(["--version"], self.root)
        versions = python.stdout.split()
        release = re.search(r"Debugger Version ([\d.]+)", engine.text)
        if len(versions) != 3 or release is None or not tests.stdout.startswith("pytest"):
            raise LabError(f"self-check failed:\n{python}\n{engine}\n{tests}")
        return [
            f"Python {versions[0]}, pykd {versions[1]}, tabulate {versions[2]}, {tests.stdout.strip()}",
            f"dbgeng {release.group(1)}",
            f"cdb stand-in {self.cdb}",
        ]

    def _run(
        self,
        command: Sequence[StrPath],
        timeout: float,
        env: Mapping[str, str] | None = None,
        python_path: Sequence[StrPath] = (),
        cwd: StrPath | None = None,
    ) -> Result:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_VARIABLES)}
        run = uuid.uuid4().hex
        environment = {
            **kept,
            "LIVEDUMP_LAB_PYTHONPATH": ";".join(to_windows(path) for path in [*python_path, self.folder]),
            RUN_VARIABLE: run,
            **(env or {}),
        }
        process = subprocess.Popen(
            [str(self.root / "wine.sh"), *map(str, command)],
            env=environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            # Not files: Windows Python under Wine refuses a regular file as standard output.
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process:
            try:
                stdout, stderr, timed_out = _communicate(process, timeout)
            finally:
                _kill_run(run)
        result = Result(process.returncode, _decode(stdout), _decode(stderr))
        if timed_out:
            raise LabTimeout(timeout, result)
        return result


def _communicate(process: subprocess.Popen[bytes], timeout: float) -> tuple[bytes, bytes, bool]:
    """Both outputs, and whether the time ran out, when the program was killed.

    Does not wait for the ends of the pipes: Wine's services may hold them longer than the program
    lives.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    texts = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    deadline = time.monotonic() + timeout
    timed_out = False
    with selectors.DefaultSelector() as selector:
        for pipe in texts:
            selector.register(pipe, selectors.EVENT_READ)
        while True:
            # Asked before the pipes are: all that an ended program wrote is in them already.
            ended = process.poll() is not None
            ready = [key.fd for key, _ in selector.select(0 if ended else POLL_SECONDS)]
            for pipe in ready:
                data = os.read(pipe, 65536)
                texts[pipe] += data
                if not data:
                    selector.unregister(pipe)
            if ended and not ready:
                break
            if not ended and time.monotonic() > deadline:
                timed_out = True
                process.kill()
                process.wait()
    stdout, stderr = texts.values()
    return bytes(stdout), bytes(stderr), timed_out


def _kill_run(run: str) -> None:
    """Kills what is left of a run, and returns when it is gone.

    Windows programs that the run started are no children of it on Linux, so they are known by the
    variable that they inherited. Wine's services lack it: wine.sh starts them without.
    """
    deadline = time.monotonic() + KILL_SECONDS
    # Again until none is found: a program may be starting another one meanwhile.
    while time.monotonic() < deadline:
        left = list(_processes_of(run))
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def _processes_of(run: str) -> Iterator[int]:
    mark = f"{RUN_VARIABLE}={run}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes()
        except OSError:
            # It ended meanwhile, or belongs to somebody else.
            continue
        if mark in variables.split(b"\0"):
            yield int(folder.name)


def _outputs(stdout: str, token: str) -> list[str]:
    outputs: list[str] = []
    for part in stdout.split(f"\n<{token} ")[1:]:
        body = part.partition(">\n")[2]
        outputs.append(body.partition(f"\n</{token} ")[0])
    return outputs


def _decode(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        # Python writes a pipe in the ANSI code page, as on Windows.
        text = data.decode("cp1252", "replace")
    return text.replace("\r\n", "\n")
