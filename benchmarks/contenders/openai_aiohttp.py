"""openai, its newest version, through aiohttp."""

from typing import Any

from benchmarks.ask import KEY, TIMEOUT, Tally, adrain, take

ROLE = "peer"
REQUIRES = ["openai[aiohttp]"]
IMPORT = "import openai"
IMPORT_CLIENT = "from openai import AsyncOpenAI"


async def aconnect(url: str, connections: int) -> Any:
    import httpx2
    from openai import AsyncOpenAI, DefaultAioHttpClient

    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    http_client = DefaultAioHttpClient(limits=limits)
    return AsyncOpenAI(api_key=KEY, base_url=url + "/v1", timeout=TIMEOUT, max_retries=0, http_client=http_client)


async def aanswer(client: Any, ask: dict[str, Any]) -> Tally:
    return take(await client.chat.completions.create(**ask))


async def astream(client: Any, ask: dict[str, Any]) -> Tally:
    return await adrain(await client.chat.completions.create(stream=True, **ask))


async def aclose(client: Any) -> None:
    await client.close()
