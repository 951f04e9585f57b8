"""No engine: a loop over the rows in one process, for what the others are to be compared with."""

from __future__ import annotations

import contextlib

from benchmarks.engines import CLIENTS, IN_FLIGHT, MODEL

TITLE, OWN = "none, a loop", "openai, semaphore and gather"
REQUIRES = CLIENTS

started = contextlib.nullcontext


def operator(url: str, texts: list[str]) -> list[str]:
    from togetherpy.batch import ChatOp

    op = ChatOp(model=MODEL, prompt="text", base_url=url, concurrency=IN_FLIGHT, max_tokens=64)
    return [row["answer"] for row in op.map_partition({"text": text} for text in texts)]


def own(url: str, texts: list[str]) -> list[str]:
    from benchmarks.engines.udf import ask_all

    return ask_all(url, texts, IN_FLIGHT)
