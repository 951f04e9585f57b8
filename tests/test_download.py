"""Open bodies of bytes: read piece by piece, left early, broken off; and redirects on the way to them."""

from collections.abc import Callable
from typing import Any

import pytest
from support.answers import answer, chunked, head
from support.clients import KEY, assert_keyless, failure
from support.leftovers import eventually, free_slots
from support.scripted import ScriptedServer, close, request, send, until_gone

from togetherpy import APIStatusError, NotFoundError, StreamInterruptedError, StreamTimeoutError, Timeout
from togetherpy._core.config import Secret
from togetherpy._core.expected import Download, Whole
from togetherpy._core.wire import Endpoint

Maker = Callable[..., Any]
CONTENT: Endpoint[Any] = Endpoint("files.content", "GET", "/files/f/content", Download(), redirects=True)
FIXED: Endpoint[Any] = Endpoint("files.content", "GET", "/files/f/content", Download())
BYTES = bytes(range(256)) * 1000
BINARY = "application/octet-stream"
SIGNATURE = "s1gn4ture" * 3


def good(body: bytes = BYTES, **fields: Any) -> bytes:
    return answer(body, content_type=BINARY, **fields)


def moved(server: Any, path: str = f"/bucket/a%20b?sig={SIGNATURE}&x=~%7E", status: int = 302) -> bytes:
    where = path if server is None else server.base_url.removesuffix("/v1") + path
    return answer(b"", status=status, location=where)


def test_all_of_it(client: Maker) -> None:
    with ScriptedServer([request, send(good()), request, send(good(b"x"))]) as server:
        caller = client(server, max_connections=1)
        opened = caller.call(CONTENT)
        assert (opened.response.status_code, opened.content_length, opened.received) == (200, len(BYTES), 0)
        assert caller.finish(opened.read()) == BYTES
        assert opened.received == len(BYTES)
        assert caller.finish(opened.read()) == b""
        assert caller.pieces(caller.call(CONTENT)) == [b"x"]  # on the same connection, from the same slot
        assert server.connections == 1
        assert server.requests[0].headers["accept-encoding"] == "identity"
        assert server.requests[0].headers["accept"] == "*/*"


@pytest.mark.parametrize("kind_of_content", ["application/json", "text/event-stream", None])
def test_whatever_its_type(client: Maker, kind_of_content: str | None) -> None:
    with ScriptedServer([request, send(answer(b'{"a": 1}', content_type=kind_of_content))]) as server:
        caller = client(server)
        assert caller.finish(caller.call(CONTENT).read()) == b'{"a": 1}'


def test_without_a_length(client: Maker) -> None:
    body = head(content_type=BINARY, transfer_encoding="chunked") + chunked(b"ab", b"cd")
    with ScriptedServer([request, send(body)]) as server:
        caller = client(server)
        opened = caller.call(CONTENT)
        assert opened.content_length is None
        assert b"".join(caller.pieces(opened)) == b"abcd"


def test_left_early(client: Maker) -> None:
    with ScriptedServer([request, send(head(content_length=10) + b"abc"), until_gone]) as server:
        caller = client(server, max_connections=1)
        opened = caller.call(CONTENT)
        caller.finish(opened.close())
        server.wait_gone(0)
        eventually(lambda: free_slots(caller) == 1, lambda: free_slots(caller))
        with pytest.raises(StreamInterruptedError, match=r"closed before its end\. 0 bytes"):
            caller.pieces(opened)


def test_forgotten(client: Maker) -> None:
    with ScriptedServer([request, send(head(content_length=10) + b"abc"), until_gone]) as server:
        caller = client(server, max_connections=1)
        caller.call(CONTENT)
        server.wait_gone(0)
        eventually(lambda: free_slots(caller) == 1, lambda: free_slots(caller))


def test_broken_off(client: Maker) -> None:
    with ScriptedServer([request, send(head(content_length=10) + b"abc"), close]) as server:
        caller = client(server)
        opened = caller.call(CONTENT)
        error = failure(StreamInterruptedError, lambda: caller.pieces(opened))
    assert "broke off" in str(error)
    assert str(error).endswith("3 bytes had come.")


def test_silence(client: Maker) -> None:
    with ScriptedServer([request, send(head(content_length=10) + b"abc"), until_gone]) as server:
        caller = client(server, timeout=Timeout(total=5, stream_idle=0.2))
        opened = caller.call(CONTENT)
        failure(StreamTimeoutError, lambda: caller.pieces(opened))


def test_refused(client: Maker) -> None:
    with ScriptedServer([request, send(answer({"error": {"message": "no such file"}}, 404))]) as server:
        assert "no such file" in str(failure(NotFoundError, lambda: client(server).call(CONTENT)))


def test_raw(client: Maker) -> None:
    with ScriptedServer([request, send(good(b"xyz", x_request_id="id-1"))]) as server:
        caller = client(server)
        raw = caller.call(CONTENT, raw=True)
        assert raw.request_id == "id-1"
        assert caller.finish(raw.parse().read()) == b"xyz"


def test_hooks(client: Maker) -> None:
    seen: list[Any] = []

    class Seen:
        def on_stream_start(self, event: Any) -> None:
            seen.append(event)

        def on_stream_end(self, event: Any) -> None:
            seen.append(event)

    with ScriptedServer([request, send(good(b"xyz"))]) as server:
        caller = client(server, hooks=Seen())
        caller.finish(caller.call(CONTENT).read())
    start, end = seen
    assert (start.endpoint, start.stream, end.complete, end.error, end.finish_reasons) == (
        "files.content",
        True,
        True,
        None,
        (),
    )
    assert end.first_data is not None


# Elsewhere


def test_a_redirect_to_another_server(client: Maker) -> None:
    with ScriptedServer([request, send(good())]) as bucket, ScriptedServer([request, send(moved(bucket))]) as server:
        caller = client(server, default_headers={"X-Mine": "secret"})
        opened = caller.call(CONTENT, {"extra_headers": {"Range": "bytes=5-"}})
        assert caller.finish(opened.read()) == BYTES
        there = bucket.requests[0]
        assert there.target == f"/bucket/a%20b?sig={SIGNATURE}&x=~%7E"
        assert set(there.headers) == {"host", "user-agent", "accept", "accept-encoding", "range"}
        assert there.headers["host"] == bucket.base_url.removesuffix("/v1").removeprefix("http://")
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_redirect_on_the_same_server_keeps_the_key(client: Maker) -> None:
    with ScriptedServer([request, send(moved(None, "../other?a=1", 307)), request, send(good(b"x"))]) as server:
        caller = client(server)
        assert caller.finish(caller.call(CONTENT).read()) == b"x"
        assert server.requests[1].target == "/v1/files/other?a=1"
        assert server.requests[1].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "where", ["http://bucket.example/x?sig=" + SIGNATURE, "ftp://h/x", "https://u:p@h/x", "http://[", None]
)
def test_places_that_are_not_gone_to(client: Maker, where: str | None) -> None:
    fields = {} if where is None else {"location": where}
    with ScriptedServer([request, send(answer(b"", status=302, **fields))]) as server:
        error = failure(APIStatusError, lambda: client(server).call(CONTENT))
    assert error.status_code == 302
    assert "not followed" in str(error)
    assert SIGNATURE not in str(error)


def test_what_is_not_to_be_followed_is_not(client: Maker) -> None:
    with ScriptedServer([request, send(moved(None, "/x"))]) as server:
        failure(APIStatusError, lambda: client(server).call(FIXED))


def test_a_circle(client: Maker) -> None:
    script = [request, send(moved(None, "/x"))]
    with ScriptedServer(script * 6) as server:
        failure(APIStatusError, lambda: client(server).call(CONTENT))
        assert len(server.requests) == 6


def test_a_place_whose_leave_has_run_out_is_asked_for_once_more(client: Maker) -> None:
    refusal = answer(f"<Error>expired {SIGNATURE}</Error>".encode(), status=403, content_type="application/xml")
    with ScriptedServer([request, send(refusal), request, send(good(b"x")), request, send(refusal)] * 2) as bucket:
        again = [request, send(moved(bucket))]
        with ScriptedServer(again * 4) as server:
            caller = client(server)
            assert caller.finish(caller.call(CONTENT).read()) == b"x"
            error = failure(APIStatusError, lambda: caller.call(CONTENT))
    assert error.status_code == 403
    for shown in (str(error), repr(error.body), repr(error.response.content)):
        assert SIGNATURE not in shown


def test_a_place_that_fails_for_a_moment(client: Maker) -> None:
    script = [request, send(answer(b"", status=503)), request, send(good(b"x"))]
    with ScriptedServer(script) as bucket, ScriptedServer([request, send(moved(bucket))]) as server:
        caller = client(server, max_retries=1)
        assert caller.finish(caller.call(CONTENT).read()) == b"x"
        assert (len(server.requests), len(bucket.requests)) == (1, 2)


def test_a_url_that_the_api_gave(client: Maker) -> None:
    put: Endpoint[Any] = Endpoint("files.put", "PUT", "", Whole())
    with ScriptedServer([request, send(answer(b""))]) as bucket, ScriptedServer() as server:
        caller = client(server)
        url = Secret(bucket.base_url + f"/x?sig={SIGNATURE}")
        assert caller.call(put, body=b"abc", url=url) == b""
        there = bucket.requests[0]
    assert (there.method, there.target, there.body) == ("PUT", f"/v1/x?sig={SIGNATURE}", b"abc")
    assert "authorization" not in there.headers
    with pytest.raises(ValueError, match="none, or not https") as raised:
        caller.call(put, body=b"abc", url=Secret("http://bucket.example/x?sig=" + SIGNATURE))
    assert_keyless(raised.value)
    assert SIGNATURE not in str(raised.value)


def test_closing_the_client_closes_the_way_to_other_servers(client: Maker) -> None:
    script = [request, send(head(content_length=10) + b"abc"), until_gone]
    with ScriptedServer(script) as bucket, ScriptedServer([request, send(moved(bucket))]) as server:
        caller = client(server)
        opened = caller.call(CONTENT)
        caller.close()
        bucket.wait_gone(0)
        with pytest.raises(StreamInterruptedError):
            caller.pieces(opened)
