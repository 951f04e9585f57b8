"""client.batches: from a file to its answers, and jobs as servers send them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.answers import answer, error_body
from support.clients import failure
from support.scripted import ScriptedServer, close, request, send

from togetherpy import (
    APIConnectionError,
    APIResponseError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
)
from togetherpy.testing import LocalServer
from togetherpy.types.batch import BatchCreateResponse, BatchJob, BatchJobStatus

Maker = Callable[..., Any]
CHAT = "/v1/chat/completions"
JOB: dict[str, Any] = {
    "id": "b-1",
    "user_id": "u",
    "input_file_id": "f",
    "file_size_bytes": 5,
    "status": "VALIDATING",
    "job_deadline": "2026-01-15T15:30:00Z",
    "created_at": "2026-01-14T15:30:00.123456Z",
    "endpoint": CHAT,
    "progress": 0.0,
}


def batches(caller: Any) -> Any:
    return caller.area("batches")


def row(number: int, model: str = "m", **fields: Any) -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": f"number {number}"}]}
    return {"custom_id": f"row-{number}", "body": body, **fields}


def written(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return path


def start(caller: Any, path: Path, rows: list[Any]) -> Any:
    file = caller.area("files").upload(written(path, rows), purpose="batch-api")
    return batches(caller).create(input_file_id=file.id, endpoint=CHAT).job


def lines(caller: Any, file_id: str) -> list[Any]:
    text = caller.finish(caller.area("files").content(file_id).text())
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "requests.jsonl"


def test_from_a_file_to_its_answers(client: Maker, path: Path) -> None:
    with LocalServer() as server:
        caller = client(server)
        job = start(caller, path, [row(1), row(2, "no-such"), row(3)])
        assert (job.status, job.progress, job.endpoint) == (BatchJobStatus.VALIDATING, 0, CHAT)
        assert batches(caller).retrieve(job.id).status == "IN_PROGRESS"
        assert batches(caller).list()[0].status == "IN_PROGRESS"
        over = batches(caller).retrieve(job.id)
        assert (over.status, over.progress, over.error) == ("COMPLETED", 100, None)
        assert batches(caller).retrieve(job.id) == over
        answers, failures = lines(caller, over.output_file_id), lines(caller, over.error_file_id)
        chat = caller.create(**row(1)["body"])
    assert [one["custom_id"] for one in answers] == ["row-1", "row-3"]
    assert answers[0]["response"]["status_code"] == 200
    assert answers[0]["response"]["body"]["choices"][0]["message"]["content"] == chat.choices[0].message.content
    assert len({one["response"]["body"]["id"] for one in answers}) == 2
    assert [(one["custom_id"], one["error"]["code"]) for one in failures] == [("row-2", "model_not_available")]


def test_without_answers_there_is_no_file_of_them(client: Maker, path: Path) -> None:
    with LocalServer() as server:
        caller = client(server)
        job = start(caller, path, [row(1, "no-such")])
        over = [batches(caller).retrieve(job.id) for _ in range(2)][1]
    assert (over.status, over.output_file_id, over.error_file_id is None) == ("COMPLETED", None, False)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"custom_id": "a"}], "line 1: body"),
        ([row(1), row(1)], "row-1 comes twice"),
        ([row(1, custom_id="")], "custom_id must be"),
        ([row(1, custom_id="x" * 65)], "custom_id must be"),
    ],
)
def test_a_file_that_is_no_batch(client: Maker, path: Path, rows: list[Any], said: str) -> None:
    with LocalServer() as server:
        caller = client(server)
        job = batches(caller).retrieve(start(caller, path, rows).id)
    assert job.status == "FAILED"
    assert said in job.error


def test_cancelled(client: Maker, path: Path) -> None:
    with LocalServer() as server:
        caller = client(server)
        job = start(caller, path, [row(1), row(2)])
        assert batches(caller).cancel(job.id).status == "CANCELLED"
        failure(BadRequestError, lambda: batches(caller).cancel(job.id))
        job = start(caller, path.with_name("other.jsonl"), [row(1), row(2)])
        batches(caller).retrieve(job.id)
        assert [one["custom_id"] for one in lines(caller, batches(caller).cancel(job.id).output_file_id)] == ["row-1"]


def test_the_names_of_version_1(client: Maker, path: Path) -> None:
    with LocalServer() as server:
        caller = client(server)
        file = caller.area("files").upload(written(path, [row(1)]), purpose="batch-api")
        job = batches(caller).create_batch(file.id, CHAT)
        assert type(job) is BatchJob
        assert server.requests[-1].json == {
            "input_file_id": file.id,
            "endpoint": CHAT,
            "completion_window": "24h",
        }
        assert batches(caller).get_batch(job.id).id == job.id
        assert [one.id for one in batches(caller).list_batches()] == [job.id]
        assert batches(caller).cancel_batch(job.id).status == "CANCELLED"
        assert batches(caller).with_raw_response.create_batch(file.id, CHAT).parse().status == "VALIDATING"


# What is sent, and what comes


def test_what_is_sent(client: Maker) -> None:
    with ScriptedServer([request, send(answer({"job": JOB, "warning": "slow"}, 201))]) as server:
        made = batches(client(server)).create(
            input_file_id="f", endpoint=CHAT, model_id="m", priority=1, completion_window=None, metadata={"a": "b"}
        )
        sent = server.requests[0]
    assert (sent.method, sent.target) == ("POST", "/v1/batches")
    assert json.loads(sent.body) == {
        "input_file_id": "f",
        "endpoint": CHAT,
        "model_id": "m",
        "priority": 1,
        "metadata": {"a": "b"},
    }
    assert type(made) is BatchCreateResponse
    assert (made.warning, made.job.created_at) == ("slow", datetime(2026, 1, 14, 15, 30, 0, 123456, UTC))
    assert json.loads(made.to_json()) == {"job": JOB, "warning": "slow"}


@pytest.mark.parametrize(
    "params", [{}, {"input_file_id": "f"}, {"endpoint": CHAT}, {"input_file_id": None, "endpoint": CHAT}]
)
def test_what_is_missing(client: Maker, params: Any) -> None:
    with pytest.raises(TypeError, match=r"create\(\) needs"):
        batches(client(base_url="http://127.0.0.1:9/v1")).create(**params)


@pytest.mark.parametrize("body", [{"job": None, "warning": "none was made"}, {"warning": "none was made"}])
def test_an_answer_without_a_job(client: Maker, body: Any) -> None:
    with ScriptedServer([request, send(answer(body, 201)), request, send(answer(body, 201))]) as server:
        caller = batches(client(server))
        made = caller.create(input_file_id="f", endpoint=CHAT)
        assert (made.job, made.warning) == (None, "none was made")
        assert "none was made" in str(failure(APIResponseError, lambda: caller.create_batch("f", CHAT)))


def test_a_job_without_what_is_around_it(client: Maker) -> None:
    with ScriptedServer([request, send(answer(JOB)), request, send(answer(JOB))]) as server:
        caller = batches(client(server))
        made = caller.create(input_file_id="f", endpoint=CHAT)
        assert (made.job.id, made.job.status, made.warning) == (JOB["id"], JOB["status"], None)
        assert caller.create_batch("f", CHAT).id == JOB["id"]


def test_odd_jobs_are_kept(client: Maker) -> None:
    odd = {**JOB, "status": "finalizing", "created_at": 1700000000, "progress": "half", "request_counts": {"total": 1}}
    with ScriptedServer([request, send(answer(odd)), request, send(answer({**JOB, "error": "it failed"}))]) as server:
        caller = batches(client(server))
        found = caller.retrieve("b-1")
        assert caller.retrieve("b-1").error == "it failed"
    assert (found.status, found.created_at, found.progress) == ("finalizing", 1700000000, "half")
    assert found.request_counts == {"total": 1}


@pytest.mark.parametrize("body", [[JOB], {"object": "list", "data": [JOB]}])
def test_both_forms_of_the_list(client: Maker, body: Any) -> None:
    with ScriptedServer([request, send(answer(body))]) as server:
        (found,) = batches(client(server)).list()
    assert (found.id, found.x_model_id) == ("b-1", None)


@pytest.mark.parametrize("body", [None, "x", b"<html>", b""])
def test_what_is_no_list(client: Maker, body: Any) -> None:
    sent = answer(b"null") if body is None else answer(body)
    with ScriptedServer([request, send(sent)]) as server:
        failure(APIResponseError, lambda: batches(client(server)).list())


def test_errors(client: Maker) -> None:
    with LocalServer() as server:
        caller = batches(client(server))
        for call in (lambda: caller.retrieve("b"), lambda: caller.cancel("b")):
            assert "batch b not found" in str(failure(NotFoundError, call))
        refusal = failure(BadRequestError, lambda: caller.create(input_file_id="f", endpoint=CHAT))
        assert "input file f not found" in str(refusal)
        refusal = failure(BadRequestError, lambda: caller.create(input_file_id="f", endpoint="/x"))
        assert "endpoint must be" in str(refusal)


def test_a_file_for_another_purpose(client: Maker, path: Path) -> None:
    with LocalServer() as server:
        caller = client(server)
        file = caller.area("files").upload(written(path, [row(1)]))
        error = failure(BadRequestError, lambda: batches(caller).create(input_file_id=file.id, endpoint=CHAT))
    assert "purpose" in str(error)


@pytest.mark.parametrize(("name", "expected"), [("", ValueError), ("..", ValueError), (5, TypeError)])
def test_ids_that_are_none(client: Maker, name: Any, expected: type[Exception]) -> None:
    caller = batches(client(base_url="http://127.0.0.1:9/v1"))
    for method in ("retrieve", "cancel", "get_batch", "cancel_batch"):
        with pytest.raises(expected, match="id"):
            getattr(caller, method)(name)


# Not blindly again


@pytest.mark.parametrize("status", [500, 502, 504, 524])
def test_what_may_have_made_a_batch_is_not_tried_again(client: Maker, status: int) -> None:
    with ScriptedServer([request, send(answer(error_body(), status))]) as server:
        caller = batches(client(server, max_retries=3))
        error = failure(InternalServerError, lambda: caller.create(input_file_id="f", endpoint=CHAT))
        assert (error.attempts, len(server.requests)) == (1, 1)
    with ScriptedServer([request, close]) as server:
        caller = batches(client(server, max_retries=3))
        error = failure(APIConnectionError, lambda: caller.create(input_file_id="f", endpoint=CHAT))
        assert (error.attempts, error.maybe_billed, server.connections) == (1, True, 1)


@pytest.mark.parametrize("status", [408, 409, 429, 503])
def test_what_has_made_none_is_tried_again(client: Maker, status: int) -> None:
    script = [request, send(answer(error_body(), status)), request, send(answer({"job": JOB}, 201))]
    with ScriptedServer(script[:2], script[2:]) as server:
        caller = batches(client(server, max_retries=1))
        assert caller.create(input_file_id="f", endpoint=CHAT).job.id == "b-1"
    with ScriptedServer([request, send(answer(error_body(), 429))] * 1) as server:
        failure(RateLimitError, lambda: batches(client(server)).create(input_file_id="f", endpoint=CHAT))


def test_looking_is_tried_again(client: Maker) -> None:
    with ScriptedServer([request, send(answer(error_body(), 500)), request, send(answer(JOB))]) as server:
        assert batches(client(server, max_retries=1)).retrieve("b-1").id == "b-1"


def test_raw_answers_and_hooks(client: Maker) -> None:
    seen: list[Any] = []

    class Seen:
        def on_response(self, event: Any) -> None:
            seen.append((event.endpoint, event.response_id))

    with ScriptedServer(*[[request, send(answer({"job": JOB}, 201)), request, send(answer(JOB))]] * 2) as server:
        caller = batches(client(server, hooks=Seen()))
        raw = caller.with_raw_response.create(input_file_id="f", endpoint=CHAT)
        assert (raw.status_code, raw.json()["job"]["id"], raw.parse().job.id) == (201, "b-1", "b-1")
        assert caller.with_raw_response.retrieve("b-1").parse().id == "b-1"
    assert seen == [("batches.create", None), ("batches.retrieve", "b-1")]
