"""Jobs of a service whose lists and files are behind, in directories that move, for callers that leave."""

import asyncio
import os
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.batches import prompts, read_rows, write_rows
from support.jobs import KEY, Jobs, created, losing, replying
from support.testing_helpers import eventually

from togetherpy import Together, batch
from togetherpy.batch import BatchError
from togetherpy.batch.jobs import cutting, fetching, service
from togetherpy.batch.jobs.journal import Journal
from togetherpy.testing import LocalServer
from togetherpy.testing._answer import build


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture(params=["sync", "async"])
def jobs(request: pytest.FixtureRequest, server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    monkeypatch.setattr(service, "BREATH", 0.001)
    return Jobs(request.param, server)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.jsonl", prompts(4))


def lost_job(jobs: Jobs, server: LocalServer, source: Path, answers: list[Any]) -> None:
    """A job is made, whose answer is lost, and lists have these answers from then on."""
    with (
        losing(server, "POST", "/v1/batches", 1),
        replying(server, "GET", "/v1/batches", [None, *answers], undone=True),
        pytest.raises(BatchError, match="could not be made"),
    ):
        jobs.submit(source)
    assert list(created(server).values()) == [1]


@pytest.mark.fault("I22")
def test_a_list_that_does_not_show_a_new_job_yet(jobs: Jobs, server: LocalServer, source: Path) -> None:
    with (
        losing(server, "POST", "/v1/batches", 1),
        replying(server, "GET", "/v1/batches", [(200, [])] * 3, undone=True) as stale,
    ):
        assert jobs.submit(source).jobs[0].status == "VALIDATING"
    assert len(stale) == 3
    assert list(created(server).values()) == [1]


@pytest.mark.fault("I22")
@pytest.mark.parametrize("status", [429, 400, 500])
def test_a_list_that_is_refused_says_nothing_of_a_job(
    jobs: Jobs, server: LocalServer, source: Path, status: int
) -> None:
    server.batch_rules.end = "EXPIRED"
    lost_job(jobs, server, source, [(status, {"error": "not now"})] * 9)
    with server.client() as client:
        (job,) = client.batches.list()
        for _ in range(2):
            client.batches.retrieve(str(job.id))
    assert jobs.wait(source.with_name("in.jobs")).jobs[0].job_id == job.id
    assert list(created(server).values()) == [1]


def test_cancel_ends_a_job_that_no_list_has_shown(jobs: Jobs, server: LocalServer, source: Path) -> None:
    lost_job(jobs, server, source, [(429, {"error": "not now"})] * 9)
    with replying(server, "GET", "/v1/batches", [(200, [])] * 2, undone=True):
        assert jobs.cancel(source.with_name("in.jobs")).jobs[0].status == "CANCELLED"
    with server.client() as client:
        assert [job.status for job in client.batches.list()] == ["CANCELLED"]


@pytest.mark.fault("I24")
def test_files_that_come_after_the_end_of_their_job(jobs: Jobs, server: LocalServer, source: Path) -> None:
    made = jobs.submit(source)
    early = {"id": made.jobs[0].job_id, "status": "COMPLETED", "progress": 100}
    with replying(server, "GET", "/v1/batches/", [None, (200, early)]):
        assert jobs.wait(made.directory).jobs[0].output_file_id is None
    with (
        replying(server, "GET", "/v1/batches/", [(200, {**early, "status": "IN_PROGRESS"})]),
        replying(server, "GET", "/v1/files/", [(404, {"error": "not yet"})] * 2, undone=True) as missed,
    ):
        assert jobs.download(made.directory).succeeded == 4
    assert len(missed) == 2


@pytest.mark.fault("I24")
@pytest.mark.parametrize("said", ["<html>Please log in.</html>", "null", "[]"])
def test_what_is_no_file_of_results_is_fetched_again(jobs: Jobs, server: LocalServer, source: Path, said: str) -> None:
    over = jobs.wait(jobs.submit(source).directory)
    other = build(200, {"content-type": "text/html"}, [said.encode()])
    with replying(server, "GET", "/v1/files/", [other] * 3):
        done = jobs.download(over.directory)
    assert done.failures == {"missing": 4}
    assert f"has no results, but '{said}'" in read_rows(Path(done.output))[0]["error"]["message"]
    with replying(server, "GET", "/v1/files/", [other] * 2):
        assert jobs.download(over.directory).succeeded == 4


def test_a_file_of_results_that_was_lost_here_is_fetched_again(jobs: Jobs, source: Path, tmp_path: Path) -> None:
    over = jobs.wait(jobs.submit(source).directory)
    assert jobs.download(over.directory).succeeded == 4
    Path(over.directory, "chunk-00001.output.jsonl").unlink()
    assert jobs.download(over.directory, tmp_path / "other.jsonl").succeeded == 4


def test_a_directory_may_be_moved(jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = jobs.submit(iter(prompts(4)), "before")
    (tmp_path / "sub").mkdir()
    shutil.move("before", "sub/after")
    monkeypatch.chdir(tmp_path / "sub")
    assert jobs.submit(prompts(4), "after").jobs == made.jobs
    over = jobs.wait("after")
    assert over.input == os.path.realpath("after/input.jsonl")
    done = jobs.download("after")
    assert (done.succeeded, done.output) == (4, os.path.realpath("after/input.out.jsonl"))


@pytest.mark.skipif(os.name == "nt", reason="limits as Unix has them")
def test_a_file_of_results_for_which_there_is_no_room(jobs: Jobs, source: Path) -> None:
    import resource

    over = jobs.wait(jobs.submit(source).directory)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, hard))  # more than the journal, less than the answers
    try:
        with pytest.raises(BatchError, match=r"cannot write .*chunk-00001\.output\.jsonl"):
            jobs.download(over.directory)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert jobs.download(over.directory).succeeded == 4


# Callers that leave


def left(server: LocalServer, directory: Path, rows: Any) -> None:
    """A call is cancelled while rows are read."""

    async def submit() -> None:
        async with server.async_client() as client:
            task = asyncio.create_task(batch.asubmit(rows, directory, client=client, model="m"))
            while not (directory / "input.jsonl.tmp").exists():
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            while reading():
                await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(submit(), 60))


def reading() -> bool:
    return any(thread.name == "togetherpy-load" for thread in threading.enumerate())


def test_rows_are_read_for_nobody_who_has_left(server: LocalServer, tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[Any]:
        while True:
            await asyncio.sleep(0)
            yield {"prompt": "x"}

    left(server, tmp_path / "a", endless())
    left(server, tmp_path / "b", iter(lambda: {"prompt": "x"}, None))
    assert Jobs("async", server).submit(prompts(2), tmp_path / "a").rows == 2


def test_rows_are_cut_for_nobody_who_has_left(server: LocalServer, tmp_path: Path) -> None:
    rows, directory = tmp_path / "in.jsonl", tmp_path / "d"
    write_rows(rows, prompts(50_000))

    async def submit() -> None:
        async with server.async_client() as client:
            task = asyncio.create_task(batch.asubmit(rows, directory, client=client, model="m"))
            while not (directory / "chunk-00001.tmp").exists():
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(submit())
    eventually(lambda: not reading())
    with Journal(str(directory)) as journal:
        assert not journal.plan.is_cut
    assert not [name for name in os.listdir(directory) if name.startswith("in-00005")]


def test_nothing_is_merged_for_nobody_who_has_left(
    server: LocalServer, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, left, out = threading.Event(), threading.Event(), tmp_path / "out.jsonl"
    over = Jobs("sync", server).wait(Jobs("sync", server).submit(source).directory)

    def slowly(path: str) -> Iterator[Any]:
        for one in cutting.read_sent(path):
            yield one
            began.set()
            assert left.wait(60)

    async def download() -> None:
        async with server.async_client() as client:
            task = asyncio.create_task(batch.adownload(over.directory, out, client=client))
            while not began.is_set():
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with monkeypatch.context() as patch:
        patch.setattr(fetching, "read_sent", slowly)
        asyncio.run(download())
        left.set()
        eventually(lambda: not reading())
    assert len(read_rows(out)) == 1
    assert Jobs("async", server).download(over.directory, out).kept == 1


# A merge that did not end


def test_a_run_waits_for_the_end_of_a_download(jobs: Jobs, server: LocalServer, source: Path, tmp_path: Path) -> None:
    over = jobs.wait(jobs.submit(source, rows_per_job=2).directory)
    out, second = tmp_path / "out.jsonl", Path(over.directory, "chunk-00002.rows.jsonl")
    lines = second.read_bytes()
    second.write_bytes(b"nonsense\n")
    with pytest.raises(BatchError, match="cannot read"):
        jobs.download(over.directory, out)
    assert len(read_rows(out)) == 2
    second.write_bytes(lines)
    server.requests.clear()
    with Together(api_key=KEY, base_url=server.base_url) as client:
        with pytest.raises(BatchError, match="call the same download again first"):
            batch.run(source, out, model="m", client=client)
        assert not server.requests
        assert jobs.download(over.directory, out).succeeded == 4
        assert batch.run(source, out, model="m", client=client).skipped == 4
