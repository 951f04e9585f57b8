"""Bodies that are files and forms: read while they are sent, the same at every attempt."""

import email
import email.policy
import io
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.answers import answer
from support.clients import failure
from support.scripted import ScriptedServer, request, send

from togetherpy import TogetherError
from togetherpy._core.expected import Whole
from togetherpy._core.forms import PIECE, File, Form
from togetherpy._core.wire import Endpoint, Part

Maker = Callable[..., Any]
PUT: Endpoint[Any] = Endpoint("files.put", "PUT", "/x", Whole())
POST: Endpoint[Any] = Endpoint("files.upload", "POST", "/x", Whole())
DELETE: Endpoint[Any] = Endpoint("files.delete", "DELETE", "/x", Whole())
OK = answer(b"fine")
LONG = os.urandom(3 * PIECE + 17)


def test_a_file_by_its_path_is_sent_whole_at_each_attempt(client: Maker, tmp_path: Path) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(LONG)
    with ScriptedServer([request, send(answer(b"", 503)), request, send(OK)]) as server:
        assert client(server, max_retries=1).call(PUT, body=File(path)) == b"fine"
        first, second = server.requests
    assert first.body == second.body == LONG
    assert first.headers["content-type"] == "application/octet-stream"
    assert first.headers["content-length"] == str(len(LONG))


def test_an_open_file_from_where_it_stands(client: Maker) -> None:
    file = io.BytesIO(LONG)
    file.seek(10)
    with ScriptedServer([request, send(answer(b"", 503)), request, send(OK)]) as server:
        client(server, max_retries=1).call(PUT, body=File(file, "text/plain"))
        assert [one.body for one in server.requests] == [LONG[10:]] * 2
        assert server.requests[0].headers["content-type"] == "text/plain"


@pytest.mark.parametrize("body", [b"", b"abc", LONG])
def test_bytes(client: Maker, body: bytes) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        client(server).call(PUT, body=body)
        assert server.requests[0].body == body
        assert server.requests[0].headers["content-length"] == str(len(body))


def test_an_empty_file(client: Maker) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        client(server).call(PUT, body=File(io.BytesIO(), None))
        assert server.requests[0].headers["content-length"] == "0"
        assert "content-type" not in server.requests[0].headers


def test_no_body(client: Maker) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        client(server).call(DELETE, {"a": True, "b": None, "c": ["x", "y"]})
        sent = server.requests[0]
    assert (sent.method, sent.target, sent.body) == ("DELETE", "/v1/x?a=true&c=x&c=y", b"")
    assert not {"content-type", "content-length"} & set(sent.headers)


def test_a_body_by_wish_where_there_is_usually_none(client: Maker) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        client(server).call(DELETE, {"extra_body": {"a": 1}})
        assert server.requests[0].body == b'{"a":1}'


def test_a_post_of_nothing_is_an_empty_object(client: Maker) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        client(server).call(POST)
        assert server.requests[0].body == b"{}"


def parsed(recorded: Any) -> list[tuple[str, str | None, str | None, bytes]]:
    raw = b"Content-Type: " + recorded.headers["content-type"].encode() + b"\r\n\r\n" + recorded.body
    message = email.message_from_bytes(raw, policy=email.policy.HTTP)
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            part.get_filename(),
            part["content-type"],
            part.get_payload(decode=True),  # type: ignore[misc]
        )
        for part in message.iter_parts()  # type: ignore[attr-defined]
    ]


def test_a_form(client: Maker, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(LONG)
    params = {
        "purpose": "fine-tune",
        "file": Part('a "b".jsonl', File(path), "application/jsonl"),
        "raw": Part("b", b"\r\n--x"),
        "check": True,
        "temperature": 0.5,
        "kinds": ["word", "segment"],
        "more": {"a": 1},
        "absent": None,
    }
    with ScriptedServer([request, send(answer(b"", 503)), request, send(OK)]) as server:
        client(server, max_retries=1).call(POST, params)
        first, second = server.requests
    assert first.body == second.body
    assert first.headers["content-length"] == str(len(first.body))
    assert parsed(first) == [
        ("purpose", None, None, b"fine-tune"),
        ("file", "a %22b%22.jsonl", "application/jsonl", LONG),
        ("raw", "b", "application/octet-stream", b"\r\n--x"),
        ("check", None, None, b"true"),
        ("temperature", None, None, b"0.5"),
        ("kinds", None, None, b"word"),
        ("kinds", None, None, b"segment"),
        ("more", None, None, b'{"a":1}'),
    ]


def test_memory_stays_flat(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    tracemalloc.start()
    try:
        form = Form({"file": Part("large", File(path))})
        assert sum(map(len, form.pieces())) == form.size
        assert tracemalloc.get_traced_memory()[1] < 4 * PIECE
    finally:
        tracemalloc.stop()


def test_files_that_cannot_be_sent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        File(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        File(tmp_path)
    with pytest.raises(TypeError, match="binary"):
        File(io.StringIO("x"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not int"):
        File(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("change", ["shorter", "gone"])
def test_a_file_that_changes_ends_the_call(client: Maker, tmp_path: Path, change: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(LONG)
    file = File(path)
    path.unlink() if change == "gone" else path.write_bytes(LONG[:-5])
    with ScriptedServer([request]) as server:
        error = failure(TogetherError, lambda: client(server, max_retries=3).call(PUT, body=file))
        server.wait_gone(0)
        assert server.connections == 1
    assert str(path) in str(error)
    if change == "shorter":
        assert f"5 of its {len(LONG)} bytes are missing" in str(error)


def test_a_file_that_was_closed_ends_the_call(client: Maker) -> None:
    raw = io.BytesIO(LONG)
    file = File(raw)
    raw.close()
    with ScriptedServer([request]) as server:
        failure(TogetherError, lambda: client(server).call(PUT, body=file))
