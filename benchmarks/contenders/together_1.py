"""together 1.5.35, the last of the official package's first major version.

Its asynchronous client opens a new connection for every call and takes no number of connections.
"""

from typing import Any

from benchmarks.ask import KEY, TEXTS, TIMEOUT, Tally, adrain, drain, gather, measure, take

ROLE = "peer"
REQUIRES = ["together==1.5.35"]
IMPORT = "import together"
IMPORT_CLIENT = "from together import Together"


def connect(url: str) -> Any:
    from together import Together

    return Together(api_key=KEY, base_url=url + "/v1", timeout=TIMEOUT, max_retries=0)


def answer(client: Any, ask: dict[str, Any]) -> Tally:
    return take(client.chat.completions.create(**ask))


def stream(client: Any, ask: dict[str, Any]) -> Tally:
    return drain(client.chat.completions.create(stream=True, **ask))


def embed(client: Any, ask: dict[str, Any]) -> Tally:
    return measure(client.embeddings.create(**TEXTS))


def accumulate(client: Any, ask: dict[str, Any]) -> Tally:
    return gather(client.chat.completions.create(stream=True, **ask))


async def aconnect(url: str, connections: int) -> Any:
    from together import AsyncTogether

    return AsyncTogether(api_key=KEY, base_url=url + "/v1", timeout=TIMEOUT, max_retries=0)


async def aanswer(client: Any, ask: dict[str, Any]) -> Tally:
    return take(await client.chat.completions.create(**ask))


async def astream(client: Any, ask: dict[str, Any]) -> Tally:
    return await adrain(await client.chat.completions.create(stream=True, **ask))


async def aclose(client: Any) -> None:
    pass
