"""Event loops other than asyncio's usual one: uvloop, and one that cannot watch sockets, as on Windows."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from support.clients import CALL
from support.scripted import ScriptedServer, request, until_gone

from togetherpy import APITimeoutError, AsyncTogether
from togetherpy.testing import LocalServer


class Blind(asyncio.SelectorEventLoop):
    """Watches no sockets for others, like the proactor loop."""

    def add_reader(self, *args: Any) -> None:
        raise NotImplementedError


def make_uvloop() -> asyncio.AbstractEventLoop:
    return pytest.importorskip("uvloop").new_event_loop()


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"blind": Blind}
if sys.platform != "win32":
    LOOPS["uvloop"] = make_uvloop


@pytest.fixture(params=[*LOOPS])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    def runner(main: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as it:
            return it.run(main)

    return runner


async def text_of(stream: Any) -> str:
    return "".join([text async for text in stream.text_deltas()])


def test_calls_and_streams(run: Any) -> None:
    async def main() -> None:
        async with AsyncTogether(base_url=server.base_url, api_key="test-key") as client:
            create = client.chat.completions.create
            plain = await create(**CALL)
            streams = await asyncio.gather(*(create(**CALL, stream=True) for _ in range(20)))
            texts = await asyncio.gather(*map(text_of, streams))
            assert set(texts) == {plain.choices[0].message.content}
            left = await create(**CALL, stream=True)
            async for _ in left:
                break
            assert client._shared.transport().slots.free == 100

    with LocalServer() as server:
        run(main())


def test_deadline_and_cancellation(run: Any) -> None:
    async def main() -> None:
        async with AsyncTogether(base_url=f"http://127.0.0.1:{server.port}", api_key="k") as client:
            create = client.with_options(max_retries=0).chat.completions.create
            with pytest.raises(APITimeoutError):
                await create(**CALL, timeout=0.2)
            task = asyncio.create_task(create(**CALL))
            await asyncio.to_thread(server.wait_requests, 2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(server.wait_gone, 1)
            async with asyncio.timeout(30):
                while client._shared.transport().slots.free < 100:
                    await asyncio.sleep(0)

    with ScriptedServer([request, until_gone], [request, until_gone]) as server:
        run(main())
