"""How long 16 MiB of text take, whatever they are: one table of processor time for reading and for judging.

    python -m tests.benchmarks.bench_text [name ...]

The texts are logs over and over, and the worst that was thought of: a line for each reader, repeated.
"""

from __future__ import annotations

import sys
import time

from livedump.analysis.triage import triage
from livedump.engines.texts import engines_of
from livedump.engines.transcript import MAX_BYTES
from livedump.model.errors import DumpError
from tests.engines.text.test_repair import DAMAGE, LOG, OTHER

ROW = LOG[LOG.index("ffff9486`795268f0") : LOG.index("ffff9486`79526e20")]
DAMAGED = ("quoted", "times", "HTML", "Markdown", "wrapped at 76", "cut at 80", "DML")
PIECES = {
    "a log": LOG,
    "many dumps": LOG + OTHER,
    **{
        name: DAMAGE[name] + "\n"
        for name in ("quoted", "times", "HTML", "Markdown", "wrapped at 76", "cut at 80", "DML")
    },
    "rows of stacks": ROW,
    "raw memory": "ffff9486`795268f0  fffff807`8f504f99 nt!Function+0x8e\n",
    "bare frames": "nt!KeBugCheckEx+0x5\n",
    "keys": "PROCESS_NAME: System\n",
    "arguments": "Arg1: 5\n",
    "loadings": "Loading Dump File [a.dmp]\n",
    "prompts": "0: kd> !analyze -v\n",
    "file names": "a.dmp\n",
    "headers": "DUMP_HEADER64:\nAttributes 5\n",
    "blue screens": "STOP: 0x1 (1,1,1,1\n",
    "records": "Event Name: LiveKernelEvent\nP1: 141\n",
    "XML": "<Event><Provider Name='x'/><EventID>1</EventID><Data>x</Data></Event>\n",
    "nothing": "\n",
    "letters": "a ",
    "one line": "x",
    "prose": "the quick brown fox jumps over it\n",
}


def main(names: list[str]) -> None:
    """Prints the table."""
    print(f"{'text':<16}{'reading s':>10}{'judging s':>10}")
    for name in names or PIECES:
        piece = PIECES[name]
        text = (piece * (MAX_BYTES // len(piece) + 1))[:MAX_BYTES]
        started = time.process_time()
        read = judged = 0.0
        try:
            engine = engines_of(text, None, "text")[-1]
            read = time.process_time() - started
            triage(engine)
            judged = time.process_time() - started - read
        except DumpError:
            read = read or time.process_time() - started
        print(f"{name:<16}{read:>10.2f}{judged:>10.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
