"""Installs the lab, checks it, and prints what it holds: ``python -m tests.lab``."""

from __future__ import annotations

import sys

from . import lab, setup_lab


def main() -> int:
    """The exit status: 0 when the lab works, 1 with the reason on standard error."""
    try:
        root = setup_lab.install()
        report = lab.Lab(root).self_check()
    except (setup_lab.InstallError, lab.LabError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    print(f"lab: {root}")
    for line in report:
        print(f"  {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
