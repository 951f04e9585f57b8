"""groq, its newest version: it puts /openai/v1 after the address itself."""

from typing import Any

from benchmarks.ask import KEY, TIMEOUT, Tally, adrain, drain, gather, take

ROLE = "peer"
REQUIRES = ["groq"]
IMPORT = "import groq"
IMPORT_CLIENT = "from groq import Groq"


def connect(url: str) -> Any:
    from groq import Groq

    return Groq(api_key=KEY, base_url=url, timeout=TIMEOUT, max_retries=0)


def answer(client: Any, ask: dict[str, Any]) -> Tally:
    return take(client.chat.completions.create(**ask))


def stream(client: Any, ask: dict[str, Any]) -> Tally:
    return drain(client.chat.completions.create(stream=True, **ask))


def accumulate(client: Any, ask: dict[str, Any]) -> Tally:
    return gather(client.chat.completions.create(stream=True, **ask))


async def aconnect(url: str, connections: int) -> Any:
    import httpx
    from groq import AsyncGroq, DefaultAsyncHttpxClient

    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    http_client = DefaultAsyncHttpxClient(limits=limits)
    return AsyncGroq(api_key=KEY, base_url=url, timeout=TIMEOUT, max_retries=0, http_client=http_client)


async def aanswer(client: Any, ask: dict[str, Any]) -> Tally:
    return take(await client.chat.completions.create(**ask))


async def astream(client: Any, ask: dict[str, Any]) -> Tally:
    return await adrain(await client.chat.completions.create(stream=True, **ask))


async def aclose(client: Any) -> None:
    await client.close()
