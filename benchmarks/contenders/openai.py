"""openai, its newest version, through httpx2, its default. Its accumulation is by its own helper."""

from typing import Any

from benchmarks.ask import KEY, TEXTS, TIMEOUT, Tally, adrain, drain, measure, take

ROLE = "peer"
REQUIRES = ["openai"]
IMPORT = "import openai"
IMPORT_CLIENT = "from openai import OpenAI"


def connect(url: str) -> Any:
    from openai import OpenAI

    return OpenAI(api_key=KEY, base_url=url + "/v1", timeout=TIMEOUT, max_retries=0)


def answer(client: Any, ask: dict[str, Any]) -> Tally:
    return take(client.chat.completions.create(**ask))


def stream(client: Any, ask: dict[str, Any]) -> Tally:
    return drain(client.chat.completions.create(stream=True, **ask))


def embed(client: Any, ask: dict[str, Any]) -> Tally:
    return measure(client.embeddings.create(**TEXTS))


embed_packed = embed


def accumulate(client: Any, ask: dict[str, Any]) -> Tally:
    with client.chat.completions.stream(**ask) as chunks:
        return take(chunks.get_final_completion())


async def aconnect(url: str, connections: int) -> Any:
    import httpx2
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    http_client = DefaultAsyncHttpxClient(limits=limits)
    return AsyncOpenAI(api_key=KEY, base_url=url + "/v1", timeout=TIMEOUT, max_retries=0, http_client=http_client)


async def aanswer(client: Any, ask: dict[str, Any]) -> Tally:
    return take(await client.chat.completions.create(**ask))


async def astream(client: Any, ask: dict[str, Any]) -> Tally:
    return await adrain(await client.chat.completions.create(stream=True, **ask))


async def aclose(client: Any) -> None:
    await client.close()
