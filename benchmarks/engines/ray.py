"""Ray Data: two actors; its own way is the HTTP stage of ray.data.llm, which sends a batch's requests one by one.

It is told of more cores than there are, for its own way has steps before and after the actors that ask for one each.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from benchmarks.engines import CLIENTS, IN_FLIGHT, MODEL, PROCESSES

TITLE, OWN = "Ray Data", "`HttpRequestProcessor`"
REQUIRES = ["ray[data]", "aiohttp", *CLIENTS]


@contextlib.contextmanager
def started() -> Iterator[None]:
    import ray

    ray.init(num_cpus=2 * PROCESSES, include_dashboard=False, log_to_driver=False, object_store_memory=256 << 20)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def _questions(texts: list[str]) -> Any:
    import ray

    return ray.data.from_items([{"at": at, "text": text} for at, text in enumerate(texts)])


def _answers(answered: Any) -> list[str]:
    """In the order of the questions, which Ray does not keep."""
    return [row["answer"] for row in sorted(answered.take_all(), key=lambda row: row["at"])]


def operator(url: str, texts: list[str]) -> list[str]:
    from togetherpy.batch import ChatOp

    settings = {"base_url": url, "concurrency": IN_FLIGHT, "share": PROCESSES, "max_tokens": 64}
    settings |= {"model": MODEL, "prompt": "text"}
    asked = _questions(texts).map_batches(
        ChatOp, fn_constructor_kwargs=settings, concurrency=PROCESSES, batch_size=1024
    )
    return _answers(asked)


def own(url: str, texts: list[str]) -> list[str]:
    from ray.data.llm import HttpRequestProcessorConfig, build_processor

    from benchmarks.ask import KEY

    config = HttpRequestProcessorConfig(
        url=url + "/chat/completions", headers={"Authorization": f"Bearer {KEY}"}, concurrency=PROCESSES
    )

    def payload(row: dict[str, Any]) -> dict[str, Any]:
        messages = [{"role": "user", "content": row["text"]}]
        return {"at": row["at"], "payload": {"model": MODEL, "messages": messages, "max_tokens": 64}}

    def answer(row: dict[str, Any]) -> dict[str, Any]:
        return {"at": row["at"], "answer": row["http_response"]["choices"][0]["message"]["content"]}

    return _answers(build_processor(config, preprocess=payload, postprocess=answer)(_questions(texts)))
