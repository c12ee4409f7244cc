"""Installs the lab, checks it, and prints what it holds: ``python -m tests.lab``."""

from __future__ import annotations

import sys
from pathlib import Path

from . import lab, setup_lab


def main() -> int:
    """The exit status: 0 when the lab works, 1 with the reason on standard error."""
    try:
        root = setup_lab.install()
        print(f"lab: {root}")
        report(lab.Lab(root))
    except (setup_lab.InstallError, lab.LabError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return report_today(root)


def report(one: lab.Lab) -> None:
    """Check an engine and print what there is of it. Raises: LabError."""
    for line in one.self_check():
        print(f"  {line}")


def report_today(root: Path) -> int:
    """Exit status of checking today's engine, which not every machine has."""
    try:
        report(lab.Lab(root, setup_lab.ENGINE_TODAY))
    except setup_lab.InstallError as error:
        print(f"  without today's engine: {error}")
    except lab.LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
