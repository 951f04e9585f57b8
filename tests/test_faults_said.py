"""What the server says is heard: streams and errors that come in a disguise, and a success that is none."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from support.answers import DONE, HELLO, OK, answer, chunk, chunked, event, head, text_of
from support.scripted import ScriptedServer, request, send, wait

from togetherpy import BadRequestError

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
