"""`togetherpy.batch.submit`, `status`, `wait`, `download`, `cancel`, sync and async: rows as jobs of the service."""

import asyncio
import gzip
import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.batches import prompts, read_rows, write_rows
from support.jobs import KEY, Jobs, created, losing, replying, uploaded

from togetherpy import Together, batch
from togetherpy.batch import BatchError
from togetherpy.batch.jobs import cutting, service
from togetherpy.batch.jobs.going import _Queue
from togetherpy.batch.jobs.journal import Chunk, Journal, Notes, Plan
from togetherpy.testing import LocalServer

REQUESTS = re.compile(r".+-\d{5}-[0-9a-f]{12}\.jsonl")


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
    return write_rows(tmp_path / "in.jsonl", prompts(10))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "in.out.jsonl"


def by_index(path: Path) -> list[dict[str, Any]]:
    return sorted(read_rows(path), key=lambda row: row["index"])


def codes(path: Path) -> list[str | None]:
    """The error of each row, in the rows' order, each of which stands there once."""
    rows = by_index(path)
    assert len({row["custom_id"] for row in rows}) == len(rows)
    return [row["error"] and row["error"]["code"] for row in rows]


def sent(directory: str) -> list[Any]:
    """The requests in the chunks' files, in order."""
    names = sorted(name for name in os.listdir(directory) if REQUESTS.fullmatch(name))
    return [line for name in names for line in read_rows(Path(directory, name))]


def sent_name(made: batch.Jobs) -> str:
    """Of the only file of requests."""
    (name,) = filter(REQUESTS.fullmatch, os.listdir(made.directory))
    return name


def says(row: dict[str, Any]) -> str:
    return str(row["response"]["body"]["choices"][0]["message"]["content"])


def end(jobs: Jobs, source: Any, **options: Any) -> batch.Jobs:
    return jobs.wait(jobs.submit(source, **options).directory)


def test_from_rows_to_answers(jobs: Jobs, server: LocalServer, source: Path, out: Path) -> None:
    made = jobs.submit(source, max_tokens=9, rows_per_job=4)
    assert made.directory == str(source.with_name("in.jobs"))
    assert [(job.rows, job.status, job.final) for job in made.jobs] == [(n, "VALIDATING", False) for n in (4, 4, 2)]
    assert [job.status for job in jobs.status(made.directory).jobs] == ["IN_PROGRESS"] * 3
    seen: list[batch.Jobs] = []
    over = jobs.wait(made.directory, told=seen.append)
    assert (over.final, over.failed, seen[-1].final) == (True, False, True)
    done = jobs.download(made.directory)
    assert (done.rows, done.succeeded, done.failed, done.output) == (10, 10, 0, str(out))
    rows = by_index(out)
    assert [row["custom_id"] for row in rows] == [f"c{n}" for n in range(10)]
    assert all(f"question {n}" in says(row) for n, row in enumerate(rows))
    assert [(line["body"]["max_tokens"], line["body"]["model"]) for line in sent(made.directory)] == [(9, "m")] * 10
    assert sorted(created(server).values()) == [1, 1, 1]


# What is sent


def test_ids_that_the_service_does_not_take_come_back(jobs: Jobs, tmp_path: Path, out: Path) -> None:
    ids = ["x" * 65, "x" * 64, None, 7, 1.5, "", "ünï", 'quo"te\\', "togetherpy-row-3", "new\nline", "a b", "\u2028"]
    rows = [{"custom_id": name, "prompt": f"number {n}", "kept": n} for n, name in enumerate(ids)]
    rows += [{"prompt": "no id"}]
    over = end(jobs, write_rows(tmp_path / "in.jsonl", rows))
    lines = sent(over.directory)
    names = [line["custom_id"] for line in lines]
    assert len(set(names)) == len(rows)
    assert all(0 < len(name) <= 64 and name.isascii() and name.isprintable() for name in names)
    assert {"x" * 64, "a b", 'quo"te\\', "row-12"} <= set(names)
    jobs.download(over.directory)
    found = by_index(out)
    assert [row["custom_id"] for row in found] == [*ids[:2], "row-2", *ids[3:], "row-12"]
    assert all(f"number {n}" in says(row) and row["columns"] == {"kept": n} for n, row in enumerate(found[:-1]))


def test_a_chunk_has_one_model_and_stays_below_the_limits(
    jobs: Jobs, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "MOST_BYTES", 1000)
    said = [{"role": "user", "content": "x" * 100}]
    rows: list[Any] = [{"body": {"messages": said, "model": "ab"[n % 2]}} for n in range(12)]
    rows += [{"prompt": "y" * 1000}]
    over = end(jobs, write_rows(tmp_path / "in.jsonl", rows), rows_per_job=5)
    assert [(job.model, job.rows) for job in over.jobs] == [("a", 5), ("b", 5), ("a", 1), ("b", 1)]
    assert over.refused == 1
    jobs.download(over.directory)
    assert codes(out) == [None] * 12 + ["invalid_row"]
    made = jobs.submit(write_rows(tmp_path / "by.jsonl", rows[:12]))
    assert [(job.model, job.rows) for job in made.jobs] == [("a", 5), ("b", 5), ("a", 1), ("b", 1)]
    sizes = [os.path.getsize(Path(made.directory, f)) for f in os.listdir(made.directory) if REQUESTS.fullmatch(f)]
    assert len(sizes) == 4
    assert max(sizes) <= 1000


def test_rows_that_cannot_be_sent_are_failures_of_their_own(jobs: Jobs, tmp_path: Path, out: Path) -> None:
    rows = [
        *prompts(2),
        b"{",
        {"custom_id": "n", "none": 1},
        b'{"prompt": "\xff"}',
        {"custom_id": [1], "prompt": "x"},
        {"body": {"messages": 5}, "custom_id": "five"},
        {"body": {"messages": [], "timeout": 3}, "custom_id": "t"},
        {"body": {"messages": [], "model": None}, "custom_id": "no model"},
        {"body": {"messages": [{"role": "user", "content": "x"}], "stream": True}, "custom_id": "stream"},
    ]
    over = end(jobs, write_rows(tmp_path / "in.jsonl", rows))
    assert (over.rows, over.refused, over.failed) == (10, 7, True)
    assert "stream" not in sent(over.directory)[-1]["body"]
    done = jobs.download(over.directory)
    assert (done.succeeded, done.failed, done.failures) == (3, 7, {"invalid_row": 7})
    found = by_index(out)
    assert "line 3: it is not a JSON object" in found[2]["error"]["message"]
    assert found[6]["error"]["message"].startswith("line 7: messages must be a list")


def test_no_row_has_a_model(jobs: Jobs, server: LocalServer, source: Path) -> None:
    with pytest.raises(ValueError, match="no model is given for all"):
        jobs.submit(source, model=None)
    assert not server.requests
    assert jobs.submit(source).rows == 10


def test_no_rows(jobs: Jobs, tmp_path: Path, out: Path) -> None:
    over = end(jobs, write_rows(tmp_path / "in.jsonl", []))
    assert (over.jobs, over.final, over.failed) == ([], True, False)
    assert jobs.download(over.directory).rows == 0
    assert read_rows(out) == []


def test_the_forms_of_an_input(jobs: Jobs, tmp_path: Path) -> None:
    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(b'{"prompt": "one"}\n{"prompt": "two"}'))
    made = jobs.submit(packed, system="Be brief.")
    assert made.directory == str(tmp_path / "packed.jobs")
    assert sent(made.directory)[1]["body"]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "two"},
    ]
    texts = tmp_path / "texts.txt"
    texts.write_bytes(b"one\n\ntwo\n")
    made = jobs.submit(texts, tmp_path / "t", text=True, limit=1, extra_body={"odd": 1}, top_k=3)
    (line,) = sent(made.directory)
    assert line["body"] == {"messages": [{"role": "user", "content": "one"}], "model": "m", "odd": 1, "top_k": 3}
    made = jobs.submit(write_rows(tmp_path / "c.jsonl", [{"a": 1, "b": "x"}]), template="{b} and {a}")
    assert sent(made.directory)[0]["body"]["messages"][0]["content"] == "x and 1"


def test_rows_without_a_name_are_kept(jobs: Jobs, server: LocalServer, tmp_path: Path) -> None:
    rows: list[Any] = [*prompts(3), 5, {"prompt": float("nan")}]
    over = end(jobs, iter(rows), directory=tmp_path / "d")
    assert (over.rows, over.refused) == (5, 2)
    assert jobs.submit(rows, tmp_path / "d").jobs == over.jobs
    assert jobs.submit([], tmp_path / "d").jobs == over.jobs
    with pytest.raises(BatchError, match="the rows given are others"):
        jobs.submit(prompts(4), tmp_path / "d")
    jobs.download(over.directory)
    assert codes(tmp_path / "d" / "input.out.jsonl") == [None] * 3 + ["invalid_row"] * 2
    with Together(api_key=KEY, base_url=server.base_url) as client:
        done = batch.run(over.input, tmp_path / "d" / "input.out.jsonl", model="m", client=client)
    assert (done.skipped, done.failed) == (3, 2)
    with pytest.raises(ValueError, match="no name"):
        jobs.submit(rows)
    texts = jobs.submit(["one\ntwo", "three"], tmp_path / "e", text=True)
    assert [line["body"]["messages"][0]["content"] for line in sent(texts.directory)] == ["one\ntwo", "three"]


def test_an_async_iterable(server: LocalServer, tmp_path: Path) -> None:
    async def rows() -> AsyncIterator[Any]:
        for row in prompts(3):
            await asyncio.sleep(0)
            yield row

    made = Jobs("async", server).submit(rows(), tmp_path / "d")
    assert len(sent(made.directory)) == 3
    with pytest.raises(TypeError, match="asubmit"):
        Jobs("sync", server).submit(rows(), tmp_path / "e")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"rows_per_job": 50001}, ValueError, "50000"),
        ({"rows_per_job": 0}, ValueError, "rows_per_job"),
        ({"concurrency": 5}, TypeError, "concurrency"),
        ({"timeout": 5}, TypeError, "timeout"),
        ({"extra_headers": {}}, TypeError, "extra_headers"),
        ({"completion_window": 24}, TypeError, "completion_window"),
        ({"template": "none"}, ValueError, "template"),
        ({"stream": True}, TypeError, "stream"),
    ],
)
def test_arguments_that_cannot_be_meant(
    jobs: Jobs, server: LocalServer, source: Path, options: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        jobs.submit(source, **options)
    assert not server.requests
    assert not source.with_name("in.jobs").exists()


def test_no_directory_is_made_for_an_input_that_is_not_there(jobs: Jobs, tmp_path: Path) -> None:
    with pytest.raises(BatchError, match=r"cannot read .*none\.jsonl: No such file"):
        jobs.submit(tmp_path / "none.jsonl")
    assert not list(tmp_path.iterdir())


# Again


def test_the_same_again_makes_nothing(jobs: Jobs, server: LocalServer, source: Path, out: Path) -> None:
    made = jobs.submit(source, rows_per_job=5)
    os.utime(source, (1, 1))
    assert jobs.submit(source).jobs == jobs.submit(source, rows_per_job=5).jobs == made.jobs
    jobs.wait(made.directory)
    assert jobs.wait(made.directory).final
    first, again = (jobs.download(made.directory) for _ in range(2))
    assert (first.succeeded, first.kept, again.succeeded, again.kept) == (10, 0, 10, 10)
    assert codes(out) == [None] * 10
    assert sorted(created(server).values()) == [1, 1]
    assert sorted(uploaded(server).values()) == [1, 1]


@pytest.mark.parametrize(
    "options", [{"model": "other"}, {"temperature": 1.0}, {"limit": 3}, {"system": "x"}, {"rows_per_job": 3}]
)
def test_other_parameters_are_refused(jobs: Jobs, source: Path, options: Any) -> None:
    jobs.submit(source)
    with pytest.raises(BatchError, match=f"{next(iter(options))} was .* and is"):
        jobs.submit(source, **options)


def test_another_input_is_refused(jobs: Jobs, source: Path) -> None:
    made = jobs.submit(source)
    write_rows(source, prompts(11))
    with pytest.raises(BatchError, match=r"in\.jsonl was changed"):
        jobs.submit(source)
    with pytest.raises(BatchError, match="the input was"):
        jobs.submit(write_rows(source.with_name("other.jsonl"), prompts(1)), made.directory)
    source.unlink()
    with pytest.raises(BatchError, match="it is gone"):
        jobs.submit(source)
    assert jobs.wait(made.directory).final
    assert jobs.download(made.directory).succeeded == 10


def test_an_id_twice_is_refused_before_anything_is_sent(jobs: Jobs, server: LocalServer, tmp_path: Path) -> None:
    twice = write_rows(tmp_path / "in.jsonl", [*prompts(2), *prompts(1)])
    with pytest.raises(BatchError, match="comes twice"):
        jobs.submit(twice)
    assert not server.requests
    write_rows(twice, prompts(2))
    assert jobs.submit(twice).rows == 2


def test_one_command_at_a_time(jobs: Jobs, source: Path) -> None:
    made = jobs.submit(source)
    with Journal(made.directory):
        for call in (jobs.wait, jobs.download, jobs.cancel, lambda _: jobs.submit(source)):
            with pytest.raises(BatchError, match="another command is at work"):
                call(made.directory)
        assert len(jobs.status(made.directory).jobs) == 1
    assert jobs.wait(made.directory).final


def test_a_directory_that_was_left_too_early(jobs: Jobs, source: Path) -> None:
    made = jobs.submit(source)
    journal = Path(made.directory, "journal.jsonl")
    journal.write_bytes(journal.read_bytes().splitlines(keepends=True)[0])
    for call in (jobs.status, jobs.wait, jobs.download, jobs.cancel):
        with pytest.raises(BatchError, match="the same `submit` goes on"):
            call(made.directory)
    assert jobs.submit(source).jobs[0].job_id == made.jobs[0].job_id


def test_either_kind_of_client_serves(server: LocalServer, source: Path) -> None:
    client = server.async_client()
    made = batch.submit(source, model="m", client=client)
    with server.client() as other:
        assert asyncio.run(batch.astatus(made.directory, client=other)).jobs[0].status == "IN_PROGRESS"
    assert batch.wait(made.directory, client=client, interval=0.01).final
    asyncio.run(client.aclose())


@pytest.mark.parametrize("name", ["status", "wait", "download", "cancel"])
def test_a_directory_without_jobs(jobs: Jobs, tmp_path: Path, name: str) -> None:
    with pytest.raises(BatchError, match="holds no jobs"):
        getattr(jobs, name)(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_half_a_last_line_is_none(jobs: Jobs, server: LocalServer, source: Path) -> None:
    made = jobs.submit(source)
    journal = Path(made.directory, "journal.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    for left in range(1, len(lines)):
        journal.write_bytes(b"".join(lines[:left]) + lines[left][:-1])
        assert jobs.submit(source).jobs[0].job_id == made.jobs[0].job_id
        assert jobs.status(made.directory).rows == 10
    assert list(created(server).values()) == [1]
    journal.write_bytes(b"nonsense\n" + b"".join(lines))
    with pytest.raises(BatchError, match="is damaged"):
        jobs.wait(made.directory)


def test_a_damaged_file_of_requests_is_not_uploaded(jobs: Jobs, server: LocalServer, source: Path) -> None:
    server.reply(status=400, body={"error": "no"})
    with pytest.raises(BatchError, match="could not be uploaded"):
        jobs.submit(source)
    (name,) = (name for name in os.listdir(source.with_name("in.jobs")) if name.startswith("in-"))
    path = source.with_name("in.jobs") / name
    whole = path.read_bytes()
    for damaged in (whole[:-3], whole[:-1] + b"x", b"\n".join(whole.split(b"\n")[1:])):
        path.write_bytes(damaged)
        with pytest.raises(BatchError, match="not as it was written"):
            jobs.submit(source)
    path.write_bytes(whole)
    assert jobs.submit(source).jobs[0].job_id


def test_no_key_is_written_down(jobs: Jobs, source: Path) -> None:
    over = end(jobs, source)
    jobs.download(over.directory)
    for path in source.parent.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes()


# Answers that are lost


@pytest.mark.fault("I22")
@pytest.mark.parametrize("undone", [False, True])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/files"),
        ("PUT", "/signed/"),
        ("POST", "/v1/files/"),
        ("POST", "/v1/batches"),
        ("GET", "/v1/batches"),
    ],
)
def test_what_has_no_answer_is_looked_for(
    jobs: Jobs, server: LocalServer, source: Path, method: str, path: str, undone: bool
) -> None:
    with losing(server, method, path, undone=undone) as lost:
        made = jobs.submit(source, rows_per_job=5)
    assert len(lost) == 1
    assert {job.status for job in made.jobs} == {"VALIDATING"}
    assert sorted(created(server).values()) == [1, 1]
    assert sorted(uploaded(server).values()) == [1, 1]


def test_a_file_is_looked_for_where_the_service_does_not_know_it_by_its_contents(
    jobs: Jobs, server: LocalServer, source: Path
) -> None:
    with (
        replying(server, "POST", "/v1/files", [(404, {"error": "no such way"})] * 9, undone=True),
        losing(server, "POST", "/v1/files/upload", begun=True),
    ):
        made = jobs.submit(source)
    assert uploaded(server) == {sent_name(made): 1}
    with (
        replying(server, "GET", "/v1/files", [(404, {"error": "no such list"})], undone=True) as asked,
        losing(server, "POST", "/v1/files", begun=True),
    ):
        other = jobs.submit(source, source.with_name("other"))
    assert len(asked) == 1
    assert uploaded(server) == {sent_name(made): 1, sent_name(other): 1}


def test_a_job_that_has_ended_before_it_was_found(jobs: Jobs, server: LocalServer, source: Path) -> None:
    server.batch_rules.end = "EXPIRED"
    with (
        losing(server, "POST", "/v1/batches", 1),
        losing(server, "GET", "/v1/batches", 100, after=1),
        pytest.raises(BatchError, match="could not be made"),
    ):
        jobs.submit(source)
    with server.client() as client:
        (job,) = client.batches.list()
        for _ in range(2):
            client.batches.retrieve(str(job.id))
    assert jobs.submit(source).jobs[0].job_id == job.id
    assert jobs.wait(source.with_name("in.jobs")).jobs[0].status == "EXPIRED"
    assert list(created(server).values()) == [1]


@pytest.mark.fault("I22")
@pytest.mark.parametrize("status", [408, 409, 500, 502, 504])
@pytest.mark.parametrize("undone", [False, True])
def test_an_error_that_says_nothing(jobs: Jobs, server: LocalServer, source: Path, status: int, undone: bool) -> None:
    with replying(server, "POST", "/v1/batches", [(status, {"error": "who knows"})], undone=undone):
        made = jobs.submit(source)
    assert (made.jobs[0].status, list(created(server).values())) == ("VALIDATING", [1])


def test_when_nothing_is_answered_the_next_call_looks_first(jobs: Jobs, server: LocalServer, source: Path) -> None:
    with losing(server, "GET", "/v1/batches", 100), pytest.raises(BatchError, match="could not be made"):
        jobs.submit(source)
    with (
        losing(server, "POST", "/v1/batches", 1),
        losing(server, "GET", "/v1/batches", 100, after=1),
        pytest.raises(BatchError, match="could not be made"),
    ):
        jobs.submit(source)
    made = jobs.submit(source)
    assert (made.jobs[0].status, list(created(server).values())) == ("VALIDATING", [1])
    assert sorted(uploaded(server).values()) == [1]


def test_a_lost_directory_costs_nothing(jobs: Jobs, server: LocalServer, source: Path, out: Path) -> None:
    made = jobs.submit(source)
    for name in os.listdir(made.directory):
        Path(made.directory, name).unlink()
    assert jobs.submit(source).jobs[0].job_id == made.jobs[0].job_id
    over = jobs.wait(made.directory)
    other = jobs.submit(source, source.with_name("other"))
    assert other.jobs[0].job_id != over.jobs[0].job_id


def test_a_job_that_is_none(jobs: Jobs, server: LocalServer, source: Path) -> None:
    with (
        replying(server, "POST", "/v1/batches", [(201, {"job": None, "warning": "not today"})] * 9, undone=True),
        pytest.raises(BatchError, match="not today"),
    ):
        jobs.submit(source)
    assert jobs.submit(source).jobs[0].job_id


# Refusals


def test_the_account_or_the_key(jobs: Jobs, server: LocalServer, source: Path) -> None:
    for status in (401, 402, 403, 404):
        server.reply(status=status, body={"error": "not you"}, times=1 + (status == 404))
        with pytest.raises(BatchError, match="not you"):
            jobs.submit(source, source.with_name(f"d{status}"))
    made = jobs.submit(source)
    server.reply(status=401, body={"error": "not you"}, times=3)
    for call in (jobs.wait, jobs.status, jobs.cancel):
        with pytest.raises(BatchError, match="not you"):
            call(made.directory)
    assert jobs.wait(made.directory).final


def test_a_job_that_the_service_refuses(jobs: Jobs, server: LocalServer, tmp_path: Path, out: Path) -> None:
    said = [{"role": "user", "content": "x"}]
    rows = [{"custom_id": name, "body": {"model": name, "messages": said}} for name in ("a", "b", "c")]
    refusal = {"error": "b is not available in batches"}
    with replying(server, "POST", "/v1/batches", [None, (400, refusal)], undone=True):
        over = end(jobs, write_rows(tmp_path / "in.jsonl", rows))
    assert [job.status for job in over.jobs] == ["COMPLETED", "REFUSED", "COMPLETED"]
    assert (over.final, over.failed) == (True, True)
    assert jobs.download(over.directory).failures == {"batch_refused": 1}
    assert "b is not available in batches" in by_index(out)[1]["error"]["message"]
    with Together(api_key=KEY, base_url=server.base_url) as client:
        assert batch.run(over.input, out, model="m", client=client).succeeded == 3


# What becomes of jobs


@pytest.mark.fault("I24")
@pytest.mark.parametrize(
    ("end_in", "code"),
    [
        ("COMPLETED", "missing"),
        ("EXPIRED", "batch_expired"),
        ("CANCELLED", "batch_cancelled"),
        ("FAILED", "batch_failed"),
    ],
)
def test_half_a_job_is_finished_live(
    jobs: Jobs, server: LocalServer, source: Path, out: Path, end_in: str, code: str
) -> None:
    server.batch_rules.end, server.batch_rules.answered = end_in, 0.5
    over = end(jobs, source, temperature=0.5)
    assert (over.jobs[0].status, over.failed) == (end_in, end_in != "COMPLETED")
    done = jobs.download(over.directory)
    assert (done.succeeded, done.failures) == (5, {code: 5})
    assert codes(out) == [None] * 5 + [code] * 5
    assert over.jobs[0].job_id in by_index(out)[9]["error"]["message"]
    server.requests.clear()
    with Together(api_key=KEY, base_url=server.base_url) as client:
        live = batch.run(source, out, model="m", temperature=0.5, client=client)
    assert (live.skipped, live.succeeded, live.failed) == (5, 10, 0)
    assert sorted(request.json["messages"][0]["content"] for request in server.requests) == [
        f"question {n}" for n in range(5, 10)
    ]
    assert codes(out) == [None] * 10
    again = jobs.download(over.directory)
    assert (again.succeeded, again.kept, again.failed) == (10, 10, 0)
    assert codes(out) == [None] * 10


def test_rows_that_failed_within_a_job(jobs: Jobs, server: LocalServer, tmp_path: Path, out: Path) -> None:
    said = [{"role": "user", "content": "x"}]
    rows = [{"custom_id": f"c{n}", "body": {"messages": said, "max_tokens": 1 - n % 2}} for n in range(4)]
    over = end(jobs, write_rows(tmp_path / "in.jsonl", rows))
    assert (over.jobs[0].status, over.failed, bool(over.jobs[0].error_file_id)) == ("COMPLETED", True, True)
    done = jobs.download(over.directory)
    assert (done.succeeded, done.failed) == (2, 2)
    assert [code is None for code in codes(out)] == [True, False] * 2


def test_a_file_of_results_that_is_gone(jobs: Jobs, server: LocalServer, source: Path, out: Path) -> None:
    over = end(jobs, source)
    with server.client() as client:
        client.files.delete(str(over.jobs[0].output_file_id))
    assert jobs.download(over.directory).failures == {"missing": 10}
    assert "is not there" in by_index(out)[0]["error"]["message"]


@pytest.mark.fault("I25")
def test_a_status_that_nobody_knows_is_not_the_end(jobs: Jobs, server: LocalServer, source: Path) -> None:
    made = jobs.submit(source)
    job = {"id": made.jobs[0].job_id, "status": "FINALIZING", "progress": "some", "error": 5}
    seen: list[str] = []
    with replying(server, "GET", "/v1/batches/", [(200, job), (200, {**job, "status": None})], undone=True):
        over = jobs.wait(made.directory, told=lambda told: seen.append(told.jobs[0].status))
    assert seen == ["FINALIZING", "UNKNOWN", "IN_PROGRESS", "COMPLETED"]
    assert over.final


@pytest.mark.fault("I25")
def test_looks_that_fail_end_nothing(jobs: Jobs, server: LocalServer, source: Path) -> None:
    made = jobs.submit(source)
    failures = [(status, {"error": "later"}) for status in (500, 502, 503, 429, 408, 400, 404)]
    with (
        replying(server, "GET", "/v1/batches/", [*failures, (200, [])], undone=True) as replied,
        losing(server, "GET", "/v1/batches/", 3),
    ):
        assert jobs.wait(made.directory).jobs[0].status == "COMPLETED"
    assert len(replied) == 8


def test_a_job_that_the_service_does_not_know_any_more(jobs: Jobs, server: LocalServer, source: Path) -> None:
    made = jobs.submit(source)
    with replying(server, "GET", "/v1/batches/", [(404, {"error": "no such batch"})] * 99, undone=True):
        assert jobs.wait(made.directory).jobs[0].status == "GONE"
    assert jobs.download(made.directory).failures == {"batch_failed": 10}


def test_who_stops_waiting_leaves_the_jobs_and_the_directory(server: LocalServer, source: Path) -> None:
    server.batch_rules.looks = 10**9
    jobs = Jobs("async", server)
    made = jobs.submit(source)

    async def stopped() -> None:
        async with server.async_client() as client:
            waiting = asyncio.create_task(batch.await_jobs(made.directory, client=client))
            while len(server.requests) < seen + 1:
                await asyncio.sleep(0.001)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    seen = len(server.requests)
    asyncio.run(stopped())
    assert jobs.status(made.directory).jobs[0].status == "IN_PROGRESS"
    assert jobs.cancel(made.directory).jobs[0].status == "CANCELLED"


@pytest.mark.parametrize("interval", [0, -1, "x", True])
def test_an_interval_that_is_none(jobs: Jobs, source: Path, interval: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="interval"):
        jobs.wait(jobs.submit(source).directory, interval=interval)


# The limit on what is enqueued


@pytest.mark.fault("I23")
@pytest.mark.parametrize("full", ["refused", "failed"])
def test_chunks_queue_while_the_service_is_full(
    jobs: Jobs, server: LocalServer, source: Path, out: Path, full: Any
) -> None:
    server.batch_rules.enqueued, server.batch_rules.full = 130, full  # room for four rows, roughly
    made = jobs.submit(source, rows_per_job=2)
    if full == "refused":
        assert (made.queued, [job.status for job in made.jobs][-1]) == (3, "PREPARED")
        assert [job.status for job in made.jobs][2] == "QUEUED"
        assert jobs.submit(source, rows_per_job=2).queued == 3
    else:
        assert made.queued == 0
    seen: list[batch.Jobs] = []
    over = jobs.wait(made.directory, told=seen.append)
    assert {job.status for job in over.jobs} == {"COMPLETED"}
    assert max(sum(job.status in ("VALIDATING", "IN_PROGRESS") for job in told.jobs) for told in seen) <= 5
    jobs.download(made.directory)
    assert codes(out) == [None] * 10
    with server.client() as client:
        done = [job.input_file_id for job in client.batches.list() if job.status == "COMPLETED"]
    assert len(done) == len(set(done)) == 5
    assert sorted(uploaded(server).values()) == [1] * 5


@pytest.mark.parametrize(
    ("message", "full"),
    [
        ("Enqueued token limit reached for gpt-4o in organization org-1. Limit: 90,000 enqueued tokens.", True),
        ("token_limit_exceeded", True),
        ("Too many batches in progress", True),
        ("too many active jobs for this model", True),
        ("the batch queue is full", True),
        ("too many requests in the file: 50001, at most 50000", False),
        ("the input file exceeds the limit of 100 MB", False),
        ("line 3: the context length of the model is exceeded", False),
        ("", False),
        (None, False),
    ],
)
def test_which_refusals_are_for_now(message: str | None, full: bool) -> None:
    assert service.is_full(message) == full


def test_any_429_is_for_now(jobs: Jobs, server: LocalServer, source: Path) -> None:
    with replying(server, "POST", "/v1/batches", [(429, {"error": "slow down"})], undone=True):
        made = jobs.submit(source)
    assert (made.jobs[0].status, made.jobs[0].error) == ("QUEUED", "slow down")
    assert jobs.wait(made.directory).jobs[0].status == "COMPLETED"


def test_when_the_turn_of_a_job_comes_that_the_limit_has_ended() -> None:
    def chunk(number: int, **more: Any) -> Chunk:
        return Chunk(chunk=number, file="f", rows=1, bytes=1, model="m", **more)

    plan = Plan(chunks=[chunk(1, job_id="a"), chunk(2, job_id="b"), chunk(3, former=["c"])])
    queue: Any = _Queue(Any, Notes("", plan))  # type: ignore[arg-type]
    queue._rounds = 1
    assert not queue._is_due(plan.chunks[2])
    queue._rounds = 40
    assert not queue._is_due(plan.chunks[2])
    plan.chunks[0].step = "ended"
    assert queue._is_due(plan.chunks[2])
    plan.chunks[1].step = "ended"
    plan.chunks[2].former = ["c", "d"]
    assert not queue._is_due(plan.chunks[2])
    queue._rounds = 41
    assert not queue._is_due(plan.chunks[2])
    queue._rounds = 42
    assert queue._is_due(plan.chunks[2])


def test_one_model_is_full_and_others_are_not(jobs: Jobs, server: LocalServer, tmp_path: Path) -> None:
    server.batch_rules.enqueued = 60
    rows = [{"prompt": f"{n}", "body": None} for n in range(2)]
    said = [{"role": "user", "content": "x"}]
    rows = [{"body": {"messages": said, "model": "aab"[n % 3]}} for n in range(6)]
    made = jobs.submit(write_rows(tmp_path / "in.jsonl", rows), rows_per_job=1)
    assert [(job.model, job.job_id is None) for job in made.jobs].count(("b", False)) >= 1
    assert made.queued
    assert {job.status for job in jobs.wait(made.directory).jobs} == {"COMPLETED"}


# Cancelled


def test_cancel(jobs: Jobs, server: LocalServer, source: Path, out: Path) -> None:
    server.batch_rules.enqueued = 130
    made = jobs.submit(source, rows_per_job=2)
    jobs.status(made.directory)
    over = jobs.cancel(made.directory)
    assert [job.status for job in over.jobs] == ["CANCELLED"] * 2 + ["DROPPED"] * 3
    assert jobs.cancel(made.directory).jobs == over.jobs
    assert jobs.wait(made.directory).jobs == over.jobs
    assert jobs.submit(source, rows_per_job=2).jobs == over.jobs
    assert jobs.download(made.directory).failures == {"batch_cancelled": 8}
    assert codes(out) == [None, "batch_cancelled"] * 2 + ["batch_cancelled"] * 6
    assert len(created(server)) == 2


def test_cancel_of_what_has_ended_meanwhile(jobs: Jobs, server: LocalServer, source: Path) -> None:
    made = jobs.submit(source)
    with server.client() as client:
        for _ in range(2):
            client.batches.retrieve(str(made.jobs[0].job_id))
    assert jobs.cancel(made.directory).jobs[0].status == "COMPLETED"


def test_cancel_finds_a_job_whose_making_was_not_answered(jobs: Jobs, server: LocalServer, source: Path) -> None:
    with (
        losing(server, "POST", "/v1/batches", 1),
        losing(server, "GET", "/v1/batches", 100, after=1),
        pytest.raises(BatchError, match="could not be made"),
    ):
        jobs.submit(source)
    assert jobs.cancel(source.with_name("in.jobs")).jobs[0].status == "CANCELLED"
    assert list(created(server).values()) == [1]


def test_a_job_that_takes_its_time_to_be_cancelled(jobs: Jobs, server: LocalServer, source: Path) -> None:
    made = jobs.submit(source)
    job = {"id": made.jobs[0].job_id, "status": "CANCELING"}
    with replying(server, "POST", "/v1/batches/", [(200, job)]):
        assert (jobs.cancel(made.directory)).jobs[0].status == "CANCELING"
    assert jobs.wait(made.directory).jobs[0].status == "CANCELLED"


# Downloads


def test_while_some_jobs_have_not_ended(jobs: Jobs, server: LocalServer, source: Path, out: Path) -> None:
    server.batch_rules.enqueued = 130
    made = jobs.submit(source, rows_per_job=2)
    for _ in range(2):
        with pytest.raises(BatchError, match=r"\d of 5 jobs have not ended"):
            jobs.download(made.directory)
    assert not out.exists()
    done = jobs.download(made.directory, partial=True)
    assert (done.rows, done.succeeded) == (4, 4)
    jobs.wait(made.directory)
    done = jobs.download(made.directory)
    assert (done.rows, done.succeeded, done.kept) == (10, 10, 4)
    assert codes(out) == [None] * 10


def test_into_another_output(jobs: Jobs, source: Path, tmp_path: Path) -> None:
    over = end(jobs, source)
    assert jobs.download(over.directory, tmp_path / "elsewhere.jsonl").output == str(tmp_path / "elsewhere.jsonl")
    assert codes(tmp_path / "elsewhere.jsonl") == [None] * 10
    (tmp_path / "notes.txt").write_text("mine\n")
    with pytest.raises(BatchError, match="not touched"):
        jobs.download(over.directory, tmp_path / "notes.txt")
    with pytest.raises(BatchError, match="is the input"):
        jobs.download(over.directory, source)


def test_a_download_that_breaks_goes_on(jobs: Jobs, server: LocalServer, source: Path, out: Path) -> None:
    over = end(jobs, source, rows_per_job=5)
    with losing(server, "GET", "/v1/files/", 2, after=1), pytest.raises(BatchError, match="could not be downloaded"):
        jobs.download(over.directory)
    server.requests.clear()
    assert jobs.download(over.directory).succeeded == 10
    assert [request.path for request in server.requests] == [f"/v1/files/{over.jobs[1].output_file_id}/content"]
    assert not [name for name in os.listdir(over.directory) if name.endswith(".part")]
