"""One way on one engine, in the engine's environment: the process that `command` starts and watches.

In: engine, way, the server's URL, how many rows, how many before them. Out: a line when the engine is up and has asked
about the first rows, then one with the seconds that all the rows took; before each the command's leave is waited for.
The rule: every answer must be the one that was served; what engines print goes to standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any


def questions(count: int, kind: str) -> list[str]:
    return [f"What is deep learning, in {number} {kind}?" for number in range(count)]


def main(engine: str, way: str, url: str, rows: str, before: str, chars: str) -> None:
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def tell(what: Any) -> None:
        print(json.dumps(what), file=told, flush=True)
        if not sys.stdin.readline():
            sys.exit("nobody waits for the figures any more")

    module = importlib.import_module(f"benchmarks.engines.{engine}")
    ask = getattr(module, way)
    with module.started():
        if way not in getattr(module, "COLD", ()):
            check(ask(url, questions(int(before), "sentences")), int(before), int(chars))
        tell("ready")
        begun = time.perf_counter()
        answers = ask(url, questions(int(rows), "words"))
        taken = time.perf_counter() - begun
        check(answers, int(rows), int(chars))
        tell({"seconds": taken})


def check(answers: list[str | None], count: int, chars: int) -> None:
    """Raises ValueError: some rows have no answer, or another one than was served."""
    right = sum(answer is not None and len(answer) == chars for answer in answers)
    if not right == len(answers) == count:
        raise ValueError(f"{right} right answers in {len(answers)} rows for {count} questions")
