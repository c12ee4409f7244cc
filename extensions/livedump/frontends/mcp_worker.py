"""Questions asked in a process of their own: a dump that hangs or kills its reader costs one answer, not the server."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib import import_module
from queue import LifoQueue
from typing import Any, cast

from livedump.fleet.judge import HowToRead, Judged, Outcome
from livedump.fleet.local import LocalPool
from livedump.fleet.target import Depth, Target
from livedump.fleet.worker import JudgeMaker
from livedump.frontends.questions import ask, find_question
from livedump.model.errors import DumpError
from livedump.model.limits import Limits
from livedump.model.report import Problem
from livedump.report.answers import Answer

WORKERS = 2
"""Questions that are answered at a time: while one dump takes its time, another is read."""


class Asker:
    """Runs in a worker: answers one question after the other."""

    def __init__(self, how: HowToRead) -> None:
        self._how = how
        for name in ("engines.native", "analysis.signature", "analysis.symptoms.reporting"):
            import_module(f"livedump.{name}")  # before the first question waits for it

    def __call__(self, target: Target, _: Depth) -> Outcome:
        """The answer, or one that says why there is none."""
        name, paths, values = json.loads(target.name)
        try:
            answer = self._answer(name, paths, values)
        except DumpError as error:
            answer = Answer(name, "", target.place, None, None, Problem(error.category, str(error)))
        return cast("Outcome", answer)  # whoever gave the work knows what comes back

    def _answer(self, name: str, paths: Sequence[str], values: Mapping[str, Any]) -> Answer:
        question = find_question(name)
        if not question.needs_dump:
            return Answer(name, "", "", None, ask(question, None, values))
        if question.others:
            return self._difference(paths)
        from livedump.engines.choose import open_engine
        from livedump.frontends.answering import file_size

        with ExitStack() as stack:
            engine = open_engine(paths[0], symbols=self._how.symbols)
            stack.callback(engine.close)
            record = ask(question, engine, values)
            if question.signed:
                from livedump.analysis.signature import signed

                record = signed(record)
            return Answer(name, engine.name, paths[0], file_size(paths[0]), record)

    def _difference(self, paths: Sequence[str]) -> Answer:
        from livedump.engines.choose import open_engines
        from livedump.frontends.answering import file_size
        from livedump.frontends.comparing import compared, read_reports

        def opened(path: str) -> Any:
            return open_engines(path, symbols=self._how.symbols)

        reports = [report for path in paths for report in read_reports(path, opened, None)[-1:]]
        found = compared(reports, anyway=False)[-1]
        return Answer("diff", reports[-1].engine, paths[-1], file_size(paths[-1]), found)


class Askers:
    """Some workers. Use them as a context, from any thread."""

    def __init__(self, how: HowToRead, limits: Limits, maker: JudgeMaker | None = None) -> None:
        """``maker`` is Asker but in tests."""
        self._stack = ExitStack()
        self._free: LifoQueue[LocalPool] = LifoQueue()
        """That which was used last, and has started, first."""
        self._pools = [LocalPool(how, limits, 1, maker or Asker) for _ in range(WORKERS)]

    def __enter__(self) -> Askers:
        for pool in self._pools:
            self._free.put(self._stack.enter_context(pool))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def ask(self, question: str, paths: Sequence[str], values: Mapping[str, Any]) -> Answer:
        """The answer; waits for a worker that is free.

        Raises:
            EngineUnavailable: worker processes cannot be started.
        """
        target = Target(json.dumps([question, list(paths), dict(values)]), paths[0] if paths else "")
        pool = self._free.get()
        try:
            done = [each for some in pool.run([(0, target)], Depth.FULL) for each in some]
        finally:
            self._free.put(pool)
        outcome: Any = done[0].outcome
        if isinstance(outcome, Judged):  # it reached a limit, or its process ended
            problem = Problem(outcome.row.error_category or "limit", outcome.row.error or "it could not be read")
            return Answer(question, "", target.place, None, None, problem)
        return cast("Answer", outcome)
