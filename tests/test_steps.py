"""Several calls as one: both drivers, exceptions, work beside the event loop."""

import asyncio
import threading
from typing import Any

import pytest

from togetherpy._core.steps import Steps, Work, arun, run


def several(step: Any, seen: list[Any]) -> Steps[str]:
    try:
        seen.append((yield step))
        try:
            yield lambda: 1 / 0
        except ZeroDivisionError:
            seen.append("caught")
        seen.append((yield Work(threading.get_ident)))
        yield Work(lambda: {}["k"])
        return "never"
    except KeyError as error:
        return repr(error)
    finally:
        seen.append("over")


async def one() -> int:
    return 1


def test_blocking() -> None:
    seen: list[Any] = []
    assert run(several(lambda: 1, seen)) == "KeyError('k')"
    assert seen == [1, "caught", threading.get_ident(), "over"]


def test_asynchronous() -> None:
    seen: list[Any] = []
    assert asyncio.run(arun(several(one, seen))) == "KeyError('k')"
    assert (seen[:2], seen[3]) == ([1, "caught"], "over")
    assert seen[2] != threading.get_ident()


def test_a_step_that_fails_ends_it(kind: str) -> None:
    def steps() -> Steps[None]:
        yield Work(lambda: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        run(steps()) if kind == "sync" else asyncio.run(arun(steps()))


def test_cancelled_between_two_steps() -> None:
    seen: list[str] = []

    def steps() -> Steps[None]:
        try:
            yield lambda: asyncio.sleep(60)
        finally:
            seen.append("over")

    async def main() -> None:
        task = asyncio.ensure_future(arun(steps()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert seen == ["over"]
