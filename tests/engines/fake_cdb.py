"""A fake debugger for what the real one cannot be made to do: it hangs, dies, or says what a test wrote down.

It reads a command file as cdb does with ``-cf``. Its answers are files beside it, named by the command's first word;
``hang`` and ``die`` in such a file do what they say.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
BANNER = """\

Microsoft (R) Windows Debugger Version 0.0 FAKE, for tests

Loading Dump File [{}]
"""


def main(arguments: list[str]) -> int:
    """The exit code."""
    options = dict(zip(arguments, arguments[1:]))
    (HERE / "arguments").write_text("\n".join(arguments), encoding="utf-8")
    print(BANNER.format(options["-z"]), end="")
    banner = HERE / "banner"
    print(banner.read_text(encoding="utf-8") if banner.exists() else "Kernel Bitmap Dump File: Kernel address space\n")
    for line in Path(options["-cf"]).read_text(encoding="ascii").splitlines():
        print(f"0: kd> {line}", flush=True)
        word, _, rest = line.partition(" ")
        answer = HERE / f"answer{word}"
        said = rest if word == ".echo" else answer.read_text(encoding="utf-8") if answer.exists() else ""
        if said == "die":
            return 1
        if said == "hang":
            time.sleep(60)
        print(said, flush=True)
        if word == "q":
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
