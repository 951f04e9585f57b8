"""Daft: one process, a batch function of a few hundred rows; its own way is its prompt function."""

from __future__ import annotations

import contextlib
from typing import Any

from benchmarks.engines import CLIENTS, IN_FLIGHT, MODEL

TITLE, OWN = "Daft", "`daft.functions.prompt`"
REQUIRES = ["daft[openai]", *CLIENTS]
COLD = ("own",)
"""Its prompt function, used a second time in a process for some hundred rows, hangs (0.7.26): it gets no warming up."""

started = contextlib.nullcontext


def _collected(texts: list[str], said: Any) -> list[str]:
    import daft

    return daft.from_pydict({"text": texts}).select(said.alias("answer")).to_pydict()["answer"]


def operator(url: str, texts: list[str]) -> list[str]:
    import daft

    from togetherpy.batch import ChatOp

    op = ChatOp(model=MODEL, prompt="text", base_url=url, concurrency=IN_FLIGHT, max_tokens=64)

    @daft.func.batch(return_dtype=daft.DataType.string(), batch_size=1024)
    def asked(cells: daft.Series) -> list[Any]:
        return [row["answer"] for row in op.map_list(cells.to_pylist())]

    return _collected(texts, asked(daft.col("text")))


def own(url: str, texts: list[str]) -> list[str]:
    import daft
    from daft.ai.openai.provider import OpenAIProvider
    from daft.functions import prompt

    from benchmarks.ask import KEY

    provider = OpenAIProvider(name="own", base_url=url, api_key=KEY)
    settings = {"use_chat_completions": True, "max_tokens": 64}
    return _collected(texts, prompt(daft.col("text"), provider=provider, model=MODEL, **settings))
