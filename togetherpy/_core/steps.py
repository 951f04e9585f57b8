"""Several calls as one: methods that need more than one request.

In: a generator that yields what is to be done next, and gets what came of it, or the exception. Out: what it returns.
The rule: such a method is written once. A step is a function: of a blocking client it is called, of an asynchronous one
what it gives is awaited; `Work` of this machine, which takes long, is done beside the event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

T = TypeVar("T")


class Work:
    """A step that waits for nothing but this machine."""

    __slots__ = ("_work",)

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work

    def __call__(self) -> Any:
        return self._work()


Steps = Generator[Callable[[], Any], Any, T]


def run(steps: Steps[T]) -> T:
    """All of it, by blocking calls."""
    try:
        step = next(steps)
        while True:
            try:
                came = step()
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(came)
    except StopIteration as end:
        value: T = end.value
        return value


async def arun(steps: Steps[T]) -> T:
    """All of it, for asyncio."""
    try:
        step = next(steps)
        while True:
            try:
                came = await (_beside(step) if isinstance(step, Work) else step())
            except BaseException as error:
                step = steps.throw(error)
            else:
                step = steps.send(came)
    except StopIteration as end:
        value: T = end.value
        return value


async def _beside(work: Callable[[], Any]) -> Any:
    from togetherpy._core.loading import in_thread

    came: list[Any] = []
    failed: list[BaseException] = []

    def do() -> None:
        try:
            came.append(work())
        except BaseException as error:
            failed.append(error)

    await in_thread(do)
    if failed:
        raise failed[0]
    return came[0] if came else work()
