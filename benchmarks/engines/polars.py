"""Polars: one process, columns in batches from the streaming engine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from benchmarks.engines import CLIENTS, IN_FLIGHT, MODEL

TITLE, OWN = "Polars", "openai in `map_batches`"
REQUIRES = ["polars", *CLIENTS]

started = contextlib.nullcontext


def _collected(texts: list[str], said: Callable[[Any], Any], kind: Any) -> Any:
    import polars as pl

    asked = pl.col("text").map_batches(said, return_dtype=kind, is_elementwise=True)
    return pl.LazyFrame({"text": texts}).select(asked.alias("said")).collect(engine="streaming")["said"]


def operator(url: str, texts: list[str]) -> list[str]:
    from togetherpy.batch import ChatOp

    op = ChatOp(model=MODEL, prompt="text", base_url=url, concurrency=IN_FLIGHT, max_tokens=64)
    return _collected(texts, op.map_list, op.polars_dtype()).struct.field("answer").to_list()


def own(url: str, texts: list[str]) -> list[str]:
    import polars as pl

    from benchmarks.engines.udf import ask_all

    def ask(series: Any) -> Any:
        return pl.Series(ask_all(url, series, IN_FLIGHT), dtype=pl.String)

    return _collected(texts, ask, pl.String).to_list()
