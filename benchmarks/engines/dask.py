"""Dask: a data frame on a local cluster of processes, four partitions for each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.engines import CLIENTS, IN_FLIGHT, MODEL, PROCESSES

TITLE, OWN = "Dask", "openai in `map_partitions`"
REQUIRES = ["dask[dataframe,distributed]", *CLIENTS]


@contextlib.contextmanager
def started() -> Iterator[None]:
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=PROCESSES, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster):
        yield


def _computed(texts: list[str], said: Callable[[Any], Any], meta: Callable[[Any], Any]) -> list[str]:
    import dask.dataframe as dd
    import pandas as pd

    frame = dd.from_pandas(pd.DataFrame({"text": texts}), npartitions=4 * PROCESSES)
    return frame.map_partitions(said, meta=meta(frame._meta))["answer"].compute().tolist()


def operator(url: str, texts: list[str]) -> list[str]:
    from togetherpy.batch import ChatOp

    settings = {"base_url": url, "concurrency": IN_FLIGHT, "share": PROCESSES, "max_tokens": 64}
    op = ChatOp(model=MODEL, prompt="text", **settings)
    return _computed(texts, op.map_pandas, op.map_pandas)


def own(url: str, texts: list[str]) -> list[str]:
    from benchmarks.engines.udf import ask_all

    def ask(frame: Any) -> Any:
        return frame.assign(answer=ask_all(url, frame["text"], IN_FLIGHT // PROCESSES))

    return _computed(texts, ask, lambda frame: frame.assign(answer=""))
