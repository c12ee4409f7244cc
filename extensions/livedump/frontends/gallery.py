"""The package that WinDbg finds by itself: its manifest, its script, and the folder that they are in.

WinDbg looks through ``%LocalAppData%\\Dbg\\UserExtensions`` when it starts: ``NAME\\GalleryManifest.xml`` tells what is
in ``NAME\\VERSION``. The script is loaded when a kernel is the target: it runs ``livedump.wds``, which defines the
commands. A copy of our own modules lies beside, for the Python that pykd uses and for the one that installed it.
"""

from __future__ import annotations

import json
import locale
import shutil
import sys
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import livedump
from livedump.frontends.questions import QUESTIONS, Option, OptionKind, Question
from livedump.frontends.tools import Argument, Tool, windbg_tools
from livedump.frontends.windbg import CARRIER, HELP, OVERVIEW, PREFIX, command_of, usage_of
from livedump.frontends.windbg_scripts import carrier_script, command_names, command_script, shell_script, start_script

NAME = "livedump"
MANIFEST = "GalleryManifest.xml"
SCRIPT, START, SHELL = "livedump.js", "livedump.wds", "livedumpshell.py"
MIN_DEBUGGER = "10.0.17074.1002"
MODEL = "Debugger.Utility.LiveDump"
"""Where the script puts what the tools call."""
_MEANS_SOMETHING = frozenset("\";{}$`%'")


class InstallError(Exception):
    """It cannot be installed, or taken away; the message says why."""


def package_version() -> str:
    """The version as WinDbg wants it, of four numbers."""
    numbers = [part for part in livedump.__version__.split(".") if part.isdigit()]
    return ".".join([*numbers, "0", "0", "0", "0"][:4])


def user_extensions(environment: Mapping[str, str]) -> Path:
    """Where WinDbg looks for the packages of this user.

    Raises:
        InstallError: there is no such place here.
    """
    local = environment.get("LOCALAPPDATA")
    if not local:
        raise InstallError("LOCALAPPDATA is not set: name the folder UserExtensions of a Windows profile with --folder")
    return Path(local, "Dbg", "UserExtensions")


def install(extensions: Path) -> Path:
    """The folder with all that WinDbg needs, put in place of what livedump had there.

    Raises:
        InstallError: the folder is another's, or its path means something to the debugger.
        OSError, UnicodeError: it cannot be written.
    """
    package = extensions.absolute() / NAME
    folder = package / package_version()
    program = f'@"{sys.executable}" "${{$arg0}}\\..\\{SHELL}"'
    if not _MEANS_SOMETHING.isdisjoint(f"{folder}{sys.executable}"):
        raise InstallError(
            f"a path with one of {' '.join(sorted(_MEANS_SOMETHING))} cannot be given to the debugger: {folder}"
        )
    uninstall(extensions)
    shutil.copytree(
        Path(livedump.__file__).parent, folder / NAME, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
    )
    for name, text in package_files(str(folder), program).items():
        (folder / name).write_bytes(text.encode(_encoding(name)))
    (package / MANIFEST).write_bytes(manifest().encode())  # the last: now it counts
    return folder


def _encoding(name: str) -> str:
    # The debugger reads its scripts in the code page of the system; the path of a Python may have letters of it.
    return locale.getpreferredencoding(False) if name.endswith(".wds") else "utf-8"


def uninstall(extensions: Path) -> bool:
    """Whether there was something to take away.

    Raises:
        InstallError: what is there is not ours.
        OSError: it cannot be taken away.
    """
    package = extensions / NAME
    if not package.exists():
        return False
    if not is_ours(package):
        raise InstallError(f"{package} is not livedump's: there is no {MANIFEST} of it")
    shutil.rmtree(package)
    return True


def is_ours(package: Path) -> bool:
    """Whether a folder is what ``install`` makes, or the beginning of it."""
    try:
        return f"<Name>{NAME}</Name>" in (package / MANIFEST).read_text(encoding="utf-8")
    except FileNotFoundError:
        return all(each.is_dir() and not each.is_symlink() and (each / NAME).is_dir() for each in package.iterdir())
    except (OSError, UnicodeDecodeError):
        return False


def package_files(folder: str, program: str) -> dict[str, str]:
    """The text of each file beside our modules, by its name; ``program`` runs livedump from the debugger's shell."""
    return {
        SCRIPT: script(folder),
        START: start_script(program),
        CARRIER: carrier_script(),
        SHELL: shell_script(),
        **{f"livedump{name}.py": command_script(name) for name in command_names()},
    }


def script(folder: str) -> str:
    """The JavaScript that WinDbg loads, for a package that lies in this folder."""
    text = files("livedump.frontends").joinpath("gallery.js").read_text(encoding="utf-8")
    tools = {_method(tool): [tool.question, [_option(each) for each in tool.in_open_dump]] for tool in windbg_tools()}
    values = (
        ("FOLDER", json.dumps(folder)[1:-1]),
        ("COMMANDS", json.dumps([command_of(each)[len(PREFIX) :] for each in command_names()])),
        ("TOOLS", json.dumps(tools)),
    )
    for name, value in values:
        text = text.replace(f"@{name}@", value)
    return text


def manifest() -> str:
    """What WinDbg reads when it starts."""
    return "\n".join(('<?xml version="1.0" encoding="utf-8"?>', *_manifest_lines(), ""))


def _manifest_lines() -> Iterator[str]:
    yield '<ExtensionPackages Version="1.0.0.0" Compression="none">'
    yield "<ExtensionPackage>"
    yield f"<Name>{NAME}</Name><Version>{package_version()}</Version>"
    yield f"<MinDebuggerSupported>{MIN_DEBUGGER}</MinDebuggerSupported>"
    yield "<Description>Says what a kernel live dump is, who took it and why, and what was going on</Description>"
    yield "<Components>"
    yield f'<ScriptComponent Name="{NAME}" Type="Engine" File="{SCRIPT}" FilePathKind="RepositoryRelative">'
    yield "<FunctionAliases>"
    yield _alias(OVERVIEW, PREFIX, "what is to be known first, and how to go on")
    yield from (_alias(question.name, syntax_of(question), question.what) for question in QUESTIONS)
    yield _alias(HELP, command_of(HELP), "lists the commands of livedump")
    yield "</FunctionAliases>"
    yield '<LoadTriggers><TriggerSet><TargetTrigger Type="Kernel"/></TriggerSet></LoadTriggers>'
    yield "<McpTools>"
    yield from map(_tool, windbg_tools())
    yield "</McpTools>"
    yield "</ScriptComponent></Components></ExtensionPackage></ExtensionPackages>"


def syntax_of(question: Question) -> str:
    """The command with all that it may be told."""
    return " ".join((usage_of(question), *(f"[{_written(each)}]" for each in question.options if each.flag[:1] == "-")))


def _written(option: Option) -> str:
    return option.flag if option.kind is OptionKind.SWITCH else f"{option.flag} {option.value}"


def _alias(name: str, syntax: str, what: str) -> str:
    said = f"<Syntax>{escape(syntax)}</Syntax><Description>{escape(what)}</Description>"
    return f"<FunctionAlias Name={quoteattr(command_of(name)[1:])}><AliasItem>{said}</AliasItem></FunctionAlias>"


def _tool(tool: Tool) -> str:
    parameters = "".join(map(_parameter, tool.in_open_dump))
    given = f"<Parameters>{parameters}</Parameters>" if parameters else ""
    head = f"<McpTool Name={quoteattr(tool.listed_name)} ModelFunction={quoteattr(f'{MODEL}.{_method(tool)}')}>"
    return f"{head}<Description>{escape(tool.what)}</Description>{given}</McpTool>"


def _parameter(argument: Argument) -> str:
    kind = "int" if argument.number else "string"
    needed = "true" if argument.required else "false"
    head = f'<Parameter Name={quoteattr(argument.name)} Type="{kind}" IsRequired="{needed}">'
    return f"{head}<Description>{escape(argument.what)}</Description></Parameter>"


def _method(tool: Tool) -> str:
    return "".join(part.capitalize() for part in tool.name.split("_"))


def _option(argument: Argument) -> str:
    """The option before its value; empty where its place says what it is."""
    flag = argument.option.flag if argument.option else f"--{argument.name}"
    return flag if flag.startswith("-") else ""
