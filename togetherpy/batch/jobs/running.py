"""`submit`, `status`, `wait`, `cancel` and `download`, by blocking calls and for asyncio.

In: what the functions of `togetherpy.batch` are given. Out: Jobs, or what a download came to.
The rule: each is written once, as steps; the two forms only wait differently. One command at a time is at work in a
directory; `status`, which only looks, may be beside it.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterable, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from togetherpy._core.steps import Steps, Work, arun, run
from togetherpy.batch.checks import check_number
from togetherpy.batch.jobs.beginning import begin, wanted
from togetherpy.batch.jobs.fetching import download_all
from togetherpy.batch.jobs.going import submit_all, wait_all
from togetherpy.batch.jobs.journal import Journal, Notes, check_cut, known_plan
from togetherpy.batch.jobs.report import Jobs, jobs_of
from togetherpy.batch.jobs.service import Service
from togetherpy.batch.source import beside
from togetherpy.client import AsyncTogether, Together

if TYPE_CHECKING:
    from togetherpy.batch.tally import MergeSummary

_T = TypeVar("_T")
_FROM, _TO = 30.0, 60.0
"""Seconds between two looks at a job, as the service asks for."""

Pause = Callable[[float], Any]
Told = Callable[[Jobs], object]


def submit_steps(
    client: Any, pause: Pause, given: Any, directory: Any, model: str | None, arguments: dict[str, Any]
) -> Steps[Jobs]:
    """`submit`."""
    want = wanted(given, directory, model, arguments)
    with Journal(want.directory, make=True) as journal:
        yield Work(partial(begin, journal, want))
        yield from submit_all(Service(client, journal, pause), journal)
        return jobs_of(want.directory, journal.plan)


def status_steps(client: Any, pause: Pause, directory: str) -> Steps[Jobs]:
    """`status`: nothing is written."""
    plan = known_plan(directory)
    check_cut(directory, plan)
    looking = Service(client, Notes(directory, plan), pause)
    for chunk in plan.chunks:
        if chunk.active:
            yield from looking.look(chunk)
    return jobs_of(directory, plan)


def wait_steps(client: Any, pause: Pause, directory: str, interval: Any, told: Told | None) -> Steps[Jobs]:
    """`wait`."""
    seconds = check_number(interval, "interval")
    with Journal(directory) as journal:
        check_cut(directory, journal.plan)

        def show() -> None:
            if told is not None:
                told(jobs_of(directory, journal.plan))

        rest = (lambda: seconds) if seconds is not None else (lambda: random.uniform(_FROM, _TO))
        yield from wait_all(Service(client, journal, pause), journal, rest, show)
        return jobs_of(directory, journal.plan)


def cancel_steps(client: Any, pause: Pause, directory: str) -> Steps[Jobs]:
    """`cancel`."""
    with Journal(directory) as journal:
        check_cut(directory, journal.plan)
        service = Service(client, journal, pause)
        for chunk in journal.plan.chunks:
            if not chunk.over:
                yield from service.cancel(chunk)
        return jobs_of(directory, journal.plan)


def download_steps(client: Any, pause: Pause, directory: str, output: Any, partial_too: bool) -> Steps[MergeSummary]:
    """`download`."""
    with Journal(directory) as journal:
        check_cut(directory, journal.plan)
        target = beside(journal.plan.input) if output is None else cast(str, os.fspath(output))
        return (yield from download_all(Service(client, journal, pause), journal, target, partial_too))


def blocking(client: Together | AsyncTogether | None, steps: Callable[..., Steps[_T]], *arguments: Any) -> _T:
    """All steps, by blocking calls."""
    ours = _client(client, Together)
    try:
        return run(steps(ours, time.sleep, *arguments))
    finally:
        if ours is not client:
            ours.close()


async def awaited(client: Together | AsyncTogether | None, steps: Callable[..., Steps[_T]], *arguments: Any) -> _T:
    """All steps, on the loop that runs."""
    ours = _client(client, AsyncTogether)
    try:
        return await arun(steps(ours, asyncio.sleep, *arguments))
    finally:
        if ours is not client:
            await ours.aclose()


def _client(client: Any, wanted: type[Any]) -> Any:
    """The client if it is of this kind, else one with its configuration."""
    if client is None:
        return wanted()
    if isinstance(client, wanted):
        return client
    rebuild, (_, given) = client.__reduce__()
    return rebuild(wanted, given)


def here(given: Any) -> Any:
    """An input for who blocks. Raises TypeError."""
    if isinstance(given, AsyncIterable):
        raise TypeError("input is an async iterable, which needs asubmit()")
    return given


def beside_the_loop(given: Any) -> Any:
    """An input that a thread reads while this loop runs."""
    if not isinstance(given, AsyncIterable):
        return given
    return _pulled(cast("AsyncIterable[Any]", cast(Any, given)), asyncio.get_running_loop())


def _pulled(given: AsyncIterable[Any], loop: asyncio.AbstractEventLoop) -> Iterator[Any]:
    each, end = aiter(given), object()

    async def take() -> Any:
        return await anext(each, end)

    while (one := asyncio.run_coroutine_threadsafe(take(), loop).result()) is not end:
        yield one
