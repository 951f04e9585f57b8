"""Spark: a local session of two cores, its Python workers fed by Arrow."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from benchmarks.engines import CLIENTS, IN_FLIGHT, MODEL, PROCESSES

TITLE, OWN = "Spark", "openai in `mapInPandas`"
REQUIRES = ["pyspark", "pyarrow", "pandas", *CLIENTS]


@contextlib.contextmanager
def started() -> Iterator[None]:
    session = _session()
    yield
    session.stop()


def _session() -> Any:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(f"local[{PROCESSES}]").config("spark.ui.enabled", "false")
    return builder.config("spark.log.level", "ERROR").getOrCreate()


def _questions(texts: list[str]) -> Any:
    return _session().createDataFrame([(text,) for text in texts], ["text"]).repartition(4 * PROCESSES)


def operator(url: str, texts: list[str]) -> list[str]:
    from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

    from togetherpy.batch import ChatOp

    settings = {"base_url": url, "concurrency": IN_FLIGHT, "share": PROCESSES, "max_tokens": 64}
    op, questions = ChatOp(model=MODEL, prompt="text", **settings), _questions(texts)
    schema = from_arrow_schema(op.arrow_schema(to_arrow_schema(questions.schema)))
    return [row.answer for row in questions.mapInArrow(op.map_arrow, schema).select("answer").collect()]


def own(url: str, texts: list[str]) -> list[str]:
    from benchmarks.engines.udf import ask_all

    def ask(frames: Any) -> Any:
        for frame in frames:
            yield frame.assign(answer=ask_all(url, frame["text"], IN_FLIGHT // PROCESSES))

    answered = _questions(texts).mapInPandas(ask, "text string, answer string")
    return [row.answer for row in answered.select("answer").collect()]
