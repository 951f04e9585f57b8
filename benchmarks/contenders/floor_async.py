"""The floor under an asynchronous client: an asyncio protocol and msgspec, and nothing that could be left out."""

from typing import Any

from benchmarks.ask import Tally, take

ROLE = "floor"
REQUIRES = ["msgspec"]
IMPORT = "import msgspec"
IMPORT_CLIENT = "import asyncio, msgspec"


async def aconnect(url: str, connections: int) -> Any:
    from benchmarks.contenders._floor_async import Pool

    return Pool(url)


async def aanswer(client: Any, ask: dict[str, Any]) -> Tally:
    return take(await client.answer(ask))


async def astream(client: Any, ask: dict[str, Any]) -> Tally:
    tally: Tally = await client.stream(ask)
    return tally


async def aclose(client: Any) -> None:
    client.close()
