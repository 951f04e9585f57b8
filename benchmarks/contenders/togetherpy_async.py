"""togetherpy, the asynchronous client."""

from typing import Any

from benchmarks.ask import KEY, TIMEOUT, Tally, adrain, take

ROLE = "ours"
REQUIRES = ["."]
IMPORT = "import togetherpy"
IMPORT_CLIENT = "from togetherpy import AsyncTogether"


async def aconnect(url: str, connections: int) -> Any:
    from togetherpy import AsyncTogether

    base_url = url + "/v1"
    return AsyncTogether(api_key=KEY, base_url=base_url, timeout=TIMEOUT, max_retries=0, max_connections=connections)


async def aanswer(client: Any, ask: dict[str, Any]) -> Tally:
    return take(await client.chat.completions.create(**ask))


async def astream(client: Any, ask: dict[str, Any]) -> Tally:
    return await adrain(await client.chat.completions.create(stream=True, **ask))


async def aclose(client: Any) -> None:
    await client.close()
