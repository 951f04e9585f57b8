"""What the server says is heard: streams and errors that come in a disguise, and a success that is none."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from support.answers import DONE, HELLO, OK, SSE, answer, chunk, chunked, completion, event, head, text_of
from support.clients import failure
from support.scripted import ScriptedServer, request, send, until_gone, wait

from togetherpy import (
    APIResponseError,
    APIStatusError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
)
from togetherpy.error import class_for_status

Maker = Callable[..., Any]

# What calls itself otherwise than it is

OTHER_TYPES = ["text/plain", "application/octet-stream", "application/json", "text/html; charset=utf-8", "x"]


@pytest.mark.fault("B15")
@pytest.mark.parametrize("content_type", OTHER_TYPES)
@pytest.mark.parametrize("opening", [b"", b": ping\n\n", b"event: message\n", b"id: 1\r\n", b"\xef\xbb\xbf", b"\n\n"])
def test_event_stream_of_another_type_is_streamed(client: Maker, content_type: str, opening: bytes) -> None:
    head_of_it = head(content_type=content_type, transfer_encoding="chunked")
    go_on = threading.Event()
    first, rest = opening + event(chunk("Hello")), event(chunk(" world")) + event(chunk("", "stop")) + DONE
    script = [request, send(head_of_it, chunked(first, end=False)), wait(go_on), send(chunked(rest))]
    with ScriptedServer([*script, request, send(OK)]) as server:
        caller = client(server)
        stream = caller.stream()
        assert stream.next().choices[0].delta.content == "Hello"  # as it comes, not at the end
        go_on.set()
        assert text_of(stream.read()) == " world"
        assert caller.create().id == "r-1"
        assert server.connections == 1


@pytest.mark.fault("B15")
@pytest.mark.parametrize("content_type", OTHER_TYPES)
def test_whole_event_stream_of_another_type(client: Maker, content_type: str) -> None:
    with ScriptedServer([request, send(answer(HELLO, content_type=content_type)), request, send(OK)]) as server:
        caller = client(server)
        assert text_of(caller.chunks()) == "Hello world"
        assert caller.create().id == "r-1"
        assert server.connections == 1


@pytest.mark.fault("B15")
def test_event_stream_of_another_type_byte_by_byte(client: Maker) -> None:
    head_of_it = head(content_type="text/plain", transfer_encoding="chunked")
    pieces = [chunked(HELLO[i : i + 1], end=False) for i in range(len(HELLO))]
    with ScriptedServer([request, send(head_of_it, *pieces, b"0\r\n\r\n")]) as server:
        assert text_of(client(server).chunks()) == "Hello world"


@pytest.mark.fault("B15")
def test_an_error_status_is_no_stream(client: Maker) -> None:
    body = event({"error": {"message": "no", "code": "c"}})
    with ScriptedServer([request, send(answer(body, 400, "text/event-stream"))]) as server:
        error = client(server).fails(BadRequestError, stream=True)
    assert (str(error), error.code) == ("Error code: 400 - no.", "c")


# Errors without `data:`

ERROR = {"error": {"message": "The engine fell over", "type": "server_error", "code": "engine_dead"}}
UNLABELLED = {
    "one line": json.dumps(ERROR).encode() + b"\n\n",
    "one line, at the very end": json.dumps(ERROR).encode(),
    "several lines": json.dumps(ERROR, indent=2).encode() + b"\n",
    "several lines, CRLF": json.dumps(ERROR, indent=4).encode().replace(b"\n", b"\r\n") + b"\r\n",
    "several lines, at the very end": json.dumps(ERROR, indent=2).encode(),
    "a list": json.dumps([ERROR]).encode() + b"\n",
    "a list on several lines": json.dumps([ERROR], indent=2).encode(),
    "after other JSON": b'{"level": "info"}\n' + json.dumps(ERROR).encode() + b"\n",
    "as a field": b"error: " + json.dumps(ERROR).encode() + b"\n\n",
}


@pytest.mark.fault("D9")
@pytest.mark.parametrize("to", [None, dict])
@pytest.mark.parametrize("before", [b"", event(chunk("half"))], ids=["first", "after a chunk"])
@pytest.mark.parametrize("said", UNLABELLED.values(), ids=UNLABELLED)
def test_an_error_without_data_before_it(client: Maker, said: bytes, before: bytes, to: Any) -> None:
    with ScriptedServer([request, send(SSE + chunked(before + said))]) as server:
        seen: list[Any] = []
        stream = client(server).stream(response_type=to)
        error = failure(InternalServerError, lambda: stream.each(seen.append))
    assert "The engine fell over" in str(error)
    assert (error.code, error.status_code, len(seen)) == ("engine_dead", 500, bool(before))
    assert (error.partial is not None) is (bool(before) and to is None)


@pytest.mark.fault("D9")
@pytest.mark.parametrize("to", [None, dict])
def test_an_event_that_is_a_list_of_errors(client: Maker, to: Any) -> None:
    with ScriptedServer([request, send(SSE + chunked(event(chunk("half")) + event([ERROR])))]) as server:
        error = client(server).fails(InternalServerError, stream=True, response_type=to)
    assert (error.code, error.status_code) == ("engine_dead", 500)


@pytest.mark.fault("D9")
def test_an_error_without_data_is_raised_when_it_is_whole(client: Maker) -> None:
    said = json.dumps({"detail": "no such model", "status": 404}, indent=2).encode() + b"\n"
    pieces = [chunked(said[i : i + 5], end=False) for i in range(0, len(said), 5)]
    with ScriptedServer([request, send(SSE, *pieces), until_gone]) as server:  # which never ends the stream
        error = client(server).fails(NotFoundError, stream=True)
    assert "no such model" in str(error)


@pytest.mark.fault("D9")
def test_an_error_without_data_and_then_silence(client: Maker) -> None:
    said = json.dumps(ERROR).encode()
    with ScriptedServer([request, send(SSE, chunked(said, end=False)), until_gone]) as server:
        error = client(server, timeout=0.4).fails(InternalServerError, stream=True)
    assert error.code == "engine_dead"


@pytest.mark.fault("D7")
@pytest.mark.parametrize("noise", [b'{"level": "info"}\n', b"{not json}\n", b"[1, 2]\n\n", b"{" * 1000 + b"\n"])
def test_other_lines_without_data_are_passed_over(client: Maker, noise: bytes) -> None:
    with ScriptedServer([request, send(SSE + chunked(noise + HELLO))]) as server:
        assert text_of(client(server).chunks()) == "Hello world"


@pytest.mark.fault("B15")
@pytest.mark.parametrize("indent", [None, 2])
def test_a_whole_answer_that_calls_itself_a_stream(client: Maker, indent: int | None) -> None:
    body = json.dumps(completion("paid for"), indent=indent).encode()
    with ScriptedServer([request, send(SSE + chunked(body))]) as server:
        error = client(server, max_retries=2).fails(APIResponseError, stream=True)
        assert len(server.requests) == 1
    assert "a stream of events was asked for" in str(error)
    assert error.partial.choices[0].message.content == "paid for"


# A stream that never had choices

REASONS: dict[str, Any] = {
    "detail": {"detail": "It is raining"},
    "message": {"message": "It is raining", "code": 1234},
    "msg": {"msg": "It is raining", "success": False},
    "errors": {"errors": [{"message": "It is raining"}]},
    "errors, texts": {"errors": ["It is raining"]},
    "error_msg": {"error_code": 17, "error_msg": "It is raining"},
    "base_resp": {"choices": None, "base_resp": {"status_code": 1004, "status_msg": "It is raining"}},
    "status": {"status": "It is raining"},
    "status object": {"status": {"code": 3, "message": "It is raining"}},
    "details": {"detail": [{"loc": ["body", "model"], "msg": "It is raining", "type": "t"}]},
    "null choices": {"id": "x", "object": "chat.completion", "choices": None, "message": "It is raining"},
}


@pytest.mark.fault("B16")
@pytest.mark.parametrize("to", [None, dict])
@pytest.mark.parametrize("end", [DONE, b""], ids=["done", "cut"])
@pytest.mark.parametrize("said", REASONS.values(), ids=REASONS)
def test_a_stream_without_choices(client: Maker, said: Any, end: bytes, to: Any) -> None:
    with ScriptedServer([request, send(SSE + chunked(event({}) + event(said) + end))]) as server:
        error = client(server, max_retries=2).fails(APIResponseError, stream=True, response_type=to)
        assert len(server.requests) == 1
    assert "It is raining" in str(error)
    assert json.loads(error.body) == said


@pytest.mark.fault("B16", "D10")
@pytest.mark.parametrize("to", [None, dict])
def test_no_choices_in_a_stream_are_choices(client: Maker, to: Any) -> None:
    said = event({"message": "hm", "choices": []}) + DONE
    with ScriptedServer([request, send(SSE + chunked(said))]) as server:
        assert len(client(server).chunks(response_type=to)) == 1


@pytest.mark.fault("B16", "D10")
def test_events_without_choices_among_others(client: Maker) -> None:
    said = event({"message": "hm"}) + HELLO
    with ScriptedServer([request, send(SSE + chunked(said))]) as server:
        assert client(server).stream().final().choices[0].message.content == "Hello world"


# A success that is no answer


@pytest.mark.fault("B16")
@pytest.mark.parametrize("to", [None, dict])
@pytest.mark.parametrize("said", REASONS.values(), ids=REASONS)
def test_a_success_without_choices(client: Maker, said: Any, to: Any) -> None:
    with ScriptedServer([request, send(answer(said))]) as server:
        error = client(server, max_retries=2).fails(APIResponseError, response_type=to)
        assert len(server.requests) == 1
    assert "It is raining" in str(error)
    assert json.loads(error.body) == said
    assert error.response.status_code == 200


@pytest.mark.fault("B16")
@pytest.mark.parametrize("said", [{}, {"id": "x", "model": "m"}, {"choices": None}])
def test_a_success_without_choices_and_reason(client: Maker, said: Any) -> None:
    with ScriptedServer([request, send(answer(said))]) as server:
        error = client(server).fails(APIResponseError)
    assert "no choices" in str(error)


@pytest.mark.fault("B16")
@pytest.mark.parametrize("to", [None, dict])
def test_no_choices_are_an_answer(client: Maker, to: Any) -> None:
    with ScriptedServer([request, send(answer({"choices": [], "message": "hm"}))]) as server:
        made = client(server).create(response_type=to)
    assert (made["choices"] if to else made.choices) == []


@pytest.mark.fault("B16")
@pytest.mark.parametrize("to", [None, dict])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("said", "requests"),
    [
        ({"error": {"message": "no", "code": 429}}, 2),
        ({"error": {"message": "no", "status": 503}}, 2),
        ({"error": {"message": "no", "http_status_code": 500, "code": "x"}}, 2),
        ({"error": {"message": "no", "status_code": "529"}}, 2),
        ({"error": "no", "status_code": 429}, 2),
        ({"error": {"message": "no"}, "status": 502}, 2),
        ([{"error": {"message": "no", "code": 429, "status": "RESOURCE_EXHAUSTED"}}], 2),
        ({"error": {"message": "no", "type": "rate_limit"}}, 2),
        ({"error": {"message": "no", "code": 400}}, 1),
        ({"error": "no", "status": 401}, 1),
        ({"error": "no"}, 1),
    ],
)
def test_the_status_inside_of_a_success_decides(client: Maker, said: Any, requests: int, stream: bool, to: Any) -> None:
    with ScriptedServer([request, send(answer(said, retry_after_ms=1))]) as server:
        error = client(server, max_retries=1).fails(APIStatusError, stream=stream, response_type=to)
        assert len(server.requests) == requests
    inside = said[0] if isinstance(said, list) else said
    assert error.body == said
    assert error.response.status_code == 200
    assert type(error) is class_for_status(error.status_code)
    assert (error.status_code >= 400) is (inside != {"error": "no"})
    assert error.retry_after == (0.001 if error.status_code >= 400 else None)


@pytest.mark.fault("B16")
def test_an_answer_after_an_error_inside_of_a_success(client: Maker) -> None:
    said = answer({"error": {"message": "no", "code": 429}})
    with ScriptedServer([request, send(said), request, send(OK)]) as server:
        assert client(server, max_retries=1, retry_quota=0).create().id == "r-1"


@pytest.mark.fault("B16")
@pytest.mark.parametrize("to", [dict, bytes])
@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_an_error_in_the_middle_of_a_large_success(client: Maker, to: Any, place: float) -> None:
    text = 'say "error" ' * 50_000
    before, after = completion(text[: int(place * len(text))]), completion(text[int(place * len(text)) :])
    body = {**{f"a_{k}": v for k, v in before.items()}, "error": {"message": "late", "code": 500}, **after}
    with ScriptedServer([request, send(answer(body)), request, send(answer(completion(text)))]) as server:
        caller = client(server)
        assert "late" in str(caller.fails(InternalServerError, response_type=to))
        assert caller.create(response_type=to)


# Events for a call that asked for none


@pytest.mark.fault("B15")
@pytest.mark.parametrize("content_type", ["text/event-stream", *OTHER_TYPES])
@pytest.mark.parametrize("events", [HELLO, b": ping\n\n" + HELLO[: -len(DONE)], HELLO[: -len(DONE)] + b"data: {"])
def test_a_plain_call_answered_by_events(client: Maker, content_type: str, events: bytes) -> None:
    with ScriptedServer([request, send(answer(events, content_type=content_type))]) as server:
        error = client(server, max_retries=2).fails(APIResponseError)
        assert len(server.requests) == 1
    assert "stream=True" in str(error)
    assert error.partial.choices[0].message.content == "Hello world"
    assert error.maybe_billed


@pytest.mark.fault("B15")
def test_a_plain_call_of_another_type_answered_by_events(client: Maker) -> None:
    with ScriptedServer([request, send(answer(HELLO, content_type="text/event-stream"))]) as server:
        error = client(server, max_retries=2).fails(APIResponseError, response_type=dict)
        assert len(server.requests) == 1
    assert "stream=True" in str(error)
    assert error.body == HELLO


@pytest.mark.fault("B15", "D9")
@pytest.mark.parametrize(("before", "requests"), [(b"", 2), (event(chunk("half")), 1)])
def test_a_plain_call_answered_by_an_error_event(client: Maker, before: bytes, requests: int) -> None:
    said = before + event({"error": {"message": "busy", "code": 429}})
    with ScriptedServer([request, send(answer(said, content_type="text/event-stream"))]) as server:
        error = client(server, max_retries=1).fails(RateLimitError)
        assert len(server.requests) == requests
    assert (error.partial is not None) is bool(before)
