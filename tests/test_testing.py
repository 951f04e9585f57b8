"""`togetherpy.testing.LocalServer` seen from plain sockets and http.client: its sockets, its records, its scripts."""

import asyncio
import contextlib
import gc
import gzip
import itertools
import json
import os
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.processes import PYTHON, run
from support.testing_helpers import (
    HELLO,
    KEY,
    PATH,
    ask,
    chat,
    connect,
    eventually,
    exchange,
    post,
    read_all,
    read_until,
)

from togetherpy.testing import LocalServer
from togetherpy.testing.__main__ import main
from togetherpy.testing._http import ProtocolError, RequestParser


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


class TestLifecycle:
    def test_base_url_names_the_loopback_address_and_the_port(self, server: LocalServer) -> None:
        assert server.base_url == f"http://127.0.0.1:{server.port}/v1"

    def test_port_is_unknown_before_the_first_start(self) -> None:
        with pytest.raises(RuntimeError, match="not been started"):
            _ = LocalServer().base_url

    def test_connections_made_while_it_closes_are_closed_too(self) -> None:
        for _ in range(40):
            with LocalServer() as server, contextlib.ExitStack() as opened:
                for _ in range(10):
                    opened.enter_context(connect(server))
                server.close()
        gc.collect()  # a connection that was forgotten warns now

    def test_second_start_is_refused(self, server: LocalServer) -> None:
        with pytest.raises(RuntimeError, match="already"):
            server.start()

    def test_taken_port_is_an_os_error_in_the_caller(self, server: LocalServer) -> None:
        with pytest.raises(OSError, match="in use"):
            LocalServer(port=server.port).start()

    def test_close_is_idempotent_ends_the_thread_and_refuses_connections(self) -> None:
        server = LocalServer().start()
        assert "togetherpy-local-server" in {thread.name for thread in threading.enumerate()}
        server.close()
        server.close()
        assert "togetherpy-local-server" not in {thread.name for thread in threading.enumerate()}
        with pytest.raises(ConnectionRefusedError):
            connect(server)

    def test_closed_server_starts_again(self) -> None:
        server = LocalServer()
        for _ in range(2):
            with server:
                assert chat(server).status == 200
        assert len(server.requests) == 2

    def test_close_cuts_open_connections_at_once(self) -> None:
        with LocalServer() as server:
            server.reply(events=["a"] * 3, pace=3600)
            sock = connect(server)
            sock.sendall(post())
            read_until(sock, b"data: a\n\n\r\n")
        with sock, contextlib.suppress(ConnectionResetError):
            assert sock.recv(1) == b""
        assert server.open_connections == 0

    def test_leaves_no_open_files(self) -> None:
        before = len(os.listdir("/dev/fd"))
        for _ in range(3):
            with LocalServer() as server:
                chat(server)
        assert len(os.listdir("/dev/fd")) <= before

    def test_needs_only_the_standard_library(self) -> None:
        code = (
            "import sys, types; package = types.ModuleType('togetherpy'); package.__path__ = ['togetherpy']\n"
            "sys.modules['togetherpy'] = package\n"
            "import togetherpy.testing.__main__\n"
            "names = {name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)\n"
            "print(sorted(names - {'togetherpy', '__main__'}), [n for n in sys.modules if n.startswith('togetherpy.')\n"
            "      and not n.startswith('togetherpy.testing')])"
        )
        root = os.path.dirname(os.path.dirname(__file__))
        done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, cwd=root, check=True)
        assert done.stdout.strip() == "[] []"


class TestRecording:
    def test_request_is_recorded_as_it_came(self, server: LocalServer) -> None:
        before = time.monotonic()
        ask(server, {"a": 1}, path=PATH + "?x=1&y=%20", **{"X-One": "1", **KEY})
        [seen] = server.requests
        assert (seen.method, seen.path, seen.query) == ("POST", PATH, "x=1&y=%20")
        assert seen.headers["x-one"] == seen.headers["X-ONE"] == "1"
        assert "x-two" not in seen.headers
        assert dict(seen.headers)["x-one"] == "1"
        assert len(seen.headers) == len(list(seen.headers))
        assert "x-one" in repr(seen.headers)
        assert seen.body == b'{"a": 1}'
        assert seen.json == {"a": 1}
        assert before <= seen.time <= time.monotonic()

    def test_repeated_fields_are_joined(self, server: LocalServer) -> None:
        server.reply(keep_alive=False)
        exchange(server, post(fields="X-A: 1\r\nx-a:  2 \r\n"))
        assert server.requests[0].headers["x-a"] == "1, 2"

    def test_empty_body_has_no_json(self, server: LocalServer) -> None:
        ask(server, b"", method="GET", path="/v1/models")
        assert server.requests[0].json is None

    def test_connections_are_numbered_and_counted(self, server: LocalServer) -> None:
        with connect(server) as one, connect(server) as two:
            eventually(lambda: server.open_connections == 2)
            for sock in (one, one, two):
                server.reply(body="ok")
                sock.sendall(post())
                read_until(sock, b"ok")
        assert [seen.connection for seen in server.requests] == [1, 1, 2]
        assert server.connections == 2
        eventually(lambda: server.open_connections == 0)

    def test_nothing_is_kept_when_not_asked(self) -> None:
        with LocalServer(record=False) as server:
            assert chat(server).status == 200
            assert server.requests == []


class TestProtocol:
    def test_pipelined_requests_are_answered_in_order(self, server: LocalServer) -> None:
        server.reply(body="first", delay=0.02)
        server.reply(events=["second"], pace=0.001)
        server.reply(body="third")
        server.reply(body="last", keep_alive=False)
        said = exchange(server, post() * 4)
        assert re.findall(rb"first|second|third|last", said) == [b"first", b"second", b"third", b"last"]
        assert said.count(b"HTTP/1.1 200 OK") == 4

    def test_request_in_single_bytes(self, server: LocalServer) -> None:
        server.reply(body="ok")
        with connect(server) as sock:
            for byte in post(b'{"a": 1}'):
                sock.send(bytes([byte]))
            read_until(sock, b"ok")
        assert server.requests[0].json == {"a": 1}

    def test_stray_line_ends_before_a_request_are_skipped(self, server: LocalServer) -> None:
        server.reply(body="ok", keep_alive=False)
        assert exchange(server, b"\r\n\r\n" + post()).endswith(b"ok")

    def test_chunked_body_with_extension_and_trailer(self, server: LocalServer) -> None:
        server.reply(body="ok")
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        with connect(server) as sock:
            for byte in head + b'3;x=y\r\n{"a\r\n5\r\n": 1}\r\n0\r\nX-Trailer: 1\r\n\r\n':
                sock.send(bytes([byte]))
            read_until(sock, b"ok")
        assert server.requests[0].json == {"a": 1}

    def test_expect_100_continue(self, server: LocalServer) -> None:
        server.reply(body="ok")
        head, _, body = post(b"12345", "Expect: 100-continue\r\n").partition(b"\r\n\r\n")
        with connect(server) as sock:
            sock.sendall(head + b"\r\n\r\n")
            assert read_until(sock, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            sock.sendall(body[:2])
            sock.sendall(body[2:])
            assert read_until(sock, b"ok").startswith(b"HTTP/1.1 200")
        assert server.requests[0].body == b"12345"

    def test_no_100_continue_when_the_body_is_there(self, server: LocalServer) -> None:
        server.reply(body="ok", keep_alive=False)
        assert exchange(server, post(fields="Expect: 100-continue\r\n")).startswith(b"HTTP/1.1 200")

    def test_connection_close_is_honoured(self, server: LocalServer) -> None:
        server.reply(body="ok")
        assert exchange(server, post(fields="Connection: close\r\n")).endswith(b"ok")

    def test_http10_gets_no_chunks_and_is_closed(self, server: LocalServer) -> None:
        server.reply(events=["a"])
        server.reply(body="b")
        streamed, plain = (exchange(server, post(version="1.0")) for _ in range(2))
        assert streamed.endswith(b"\r\n\r\ndata: a\n\ndata: [DONE]\n\n")
        assert b"transfer-encoding" not in streamed
        assert plain.endswith(b"content-length: 1\r\n\r\nb")
        params = json.dumps({"model": "m", "messages": HELLO, "stream": True}).encode()
        made = exchange(server, post(params, version="1.0"))
        assert b"transfer-encoding" not in made
        assert made.endswith(b"}\n\ndata: [DONE]\n\n")

    def test_later_requests_wait_within_a_bound(self, server: LocalServer) -> None:
        server.reply(body="first", delay=0.05)
        server.reply(body="ok", times=None)
        big = post(b"x" * 700_000)
        with connect(server) as sock:
            sender = threading.Thread(
                target=sock.sendall, args=(post() + big * 4 + post(fields="Connection: close\r\n"),)
            )
            sender.start()
            said = read_all(sock)
            sender.join()
        assert said.count(b"HTTP/1.1 200") == 6
        assert [len(seen.body) for seen in server.requests] == [2, *[700_000] * 4, 2]

    def test_client_that_does_not_read_stops_the_making_of_answers(self, server: LocalServer) -> None:
        server.reply(body=b"x" * 1_000_000, times=None)
        with connect(server) as sock:
            sock.settimeout(0.2)
            sent = 0
            with contextlib.suppress(TimeoutError):
                while sent < 500_000:
                    sent += sock.send(post())
            made = len(server.requests)
            sock.settimeout(10)
            got = 0
            while got < 60_000_000:
                got += len(sock.recv(1 << 20))
        assert made < 50  # what fits into the kernel's buffers, and not the thousands that were asked for

    @pytest.mark.parametrize(
        ("data", "status"),
        [
            (b"nonsense\r\n\r\n", 400),
            (b"GET /v1/models HTTP/2.0\r\nHost: x\r\n\r\n", 400),
            (b"GET  /v1/models HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            (b"GET /v1/models HTTP/1.1\r\n\r\n", 400),
            (b"GET /v1/models HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n", 400),
            (b"GET /v1/models HTTP/1.1\r\nHost: x\r\nA: 1\r\n folded\r\n\r\n", 400),
            (b"GET /v1/models HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
            (b"GET /v1/models HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
            (b"GET /v1/models HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413),
            (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
            (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", 400),
            (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 1024, 400),
            (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n", 413),
            (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: " + b"a" * 70_000, 431),
            (b"GET /v1/models HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 70_000, 431),
            (b"GET /v1/models HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        ],
    )
    def test_bad_request_is_refused_and_the_connection_closed(
        self, server: LocalServer, data: bytes, status: int
    ) -> None:
        said = exchange(server, data)
        assert said.startswith(b"HTTP/1.1 %d " % status)
        head, _, body = said.partition(b"\r\n\r\n")
        assert b"connection: close" in head
        assert json.loads(body)["error"]["type"] == "invalid_request_error"
        assert server.requests == []

    def test_refused_client_may_go_on_sending(self, server: LocalServer) -> None:
        with connect(server) as sock:
            sock.sendall(b"GET  / HTTP/1.1\r\n\r\n")
            assert b"400 Bad Request" in read_all(sock)
            sock.sendall(b"x" * 100_000)
        eventually(lambda: server.open_connections == 0)

    def test_refused_client_that_stays_is_closed(self, server: LocalServer) -> None:
        with connect(server) as sock:
            sock.sendall(b"GET  / HTTP/1.1\r\n\r\n")
            assert b"400 Bad Request" in read_all(sock)
            eventually(lambda: server.open_connections == 0)

    def test_small_writes_are_not_held_back(self, server: LocalServer) -> None:
        with connect(server):
            eventually(lambda: server.open_connections == 1)
            [connection] = server._open
            sock = connection._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


class TestParser:
    HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
    DATA = (
        HEAD
        + b"Content-Length: 5\r\n\r\nhello\r\n"
        + HEAD
        + b"Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n00a\r\n0123456789\r\n0\r\nA: b\r\n\r\n"
        + b"GET /last HTTP/1.0\r\n\r\n"
    )

    @settings(deadline=None)
    @given(cuts=st.lists(st.integers(0, len(DATA))))
    def test_any_split_gives_the_same_requests(self, cuts: list[int]) -> None:
        assert self.parse(cuts) == [("/", b"hello"), ("/", b"abc0123456789"), ("/last", b"")]

    def test_single_bytes(self) -> None:
        assert len(self.parse(list(range(len(self.DATA))))) == 3

    def parse(self, cuts: list[int]) -> list[tuple[str, bytes]]:
        parser, seen = RequestParser(), list[tuple[str, bytes]]()
        for start, end in itertools.pairwise([0, *sorted(cuts), len(self.DATA)]):
            parser.feed(self.DATA[start:end])
            while request := parser.next():
                seen.append((request.head.target, request.body))
        assert parser.buffered == 0
        return seen

    def test_bytes_that_are_no_request_raise_nothing_else(self) -> None:
        source = random.Random(5)
        for _ in range(2000):
            data = bytearray(self.DATA)
            for _ in range(source.randint(1, 5)):
                data[source.randrange(len(data))] = source.choice(b"\r\n:;0 \x00\xffa")
            parser = RequestParser()
            parser.feed(bytes(data))
            with contextlib.suppress(ProtocolError):
                while parser.next():
                    pass


class TestReply:
    def test_body_of_each_kind(self, server: LocalServer) -> None:
        for body in (b"bytes", "stré", {"é": 1}, [1, 2], []):
            server.reply(body=body)
        said = [ask(server).body for _ in range(5)]
        assert said == [b"bytes", "stré".encode(), '{"é":1}'.encode(), b"[1,2]", b"[]"]

    def test_status_and_headers(self, server: LocalServer) -> None:
        server.reply(status=529, headers={"Retry-After": "3", "cf-ray": None, "Content-Type": "text/html"}, body="<p>")
        said = ask(server)
        assert said.status == 529
        assert said.headers["retry-after"] == "3"
        assert said.headers["cf-ray"] is None
        assert said.headers.get_all("content-type") == ["text/html"]
        server.reply()
        assert ask(server).headers["content-type"] == "application/json; charset=utf-8"

    def test_replies_are_first_in_first_out_then_the_server_answers_itself(self, server: LocalServer) -> None:
        server.reply(body="1")
        server.reply(body="2", times=2)
        assert [ask(server).body for _ in range(3)] == [b"1", b"2", b"2"]
        assert chat(server).json["object"] == "chat.completion"

    def test_reset_ends_an_endless_reply(self, server: LocalServer) -> None:
        server.reply(body="again", times=None)
        assert [ask(server).body for _ in range(3)] == [b"again"] * 3
        server.reset()
        assert ask(server).status == 400

    def test_events_of_each_kind(self, server: LocalServer) -> None:
        server.reply(events=[{"é": 1}, "two", b"three"])
        said = ask(server)
        assert said.headers["content-type"] == "text/event-stream;charset=utf-8"
        assert said.headers["transfer-encoding"] == "chunked"
        assert said.body == 'data: {"é":1}\n\ndata: two\n\ndata: three\n\ndata: [DONE]\n\n'.encode()
        server.reply(events=["one"], done=False)
        assert ask(server).body == b"data: one\n\n"

    def test_without_pace_a_reply_is_one_write_and_with_pace_one_per_event(self, server: LocalServer) -> None:
        for pace, writes in ((0.0, 1), (0.001, 4)):
            server.reset()
            server.reply(events=["a", "b", "c"], pace=pace, times=None)
            script = server._scripts[0][0]
            assert script.answer is script.answer
            assert len(script.answer.pieces) == writes
            assert ask(server).body == b"data: a\n\ndata: b\n\ndata: c\n\ndata: [DONE]\n\n"

    def test_paced_event_arrives_before_the_next_is_sent(self, server: LocalServer) -> None:
        server.reply(events=["a", "b"], pace=3600)
        with connect(server) as sock:
            sock.sendall(post())
            assert read_until(sock, b"data: a\n\n\r\n").endswith(b"\r\n\r\n9\r\ndata: a\n\n\r\n")

    def test_paced_body_comes_in_pieces(self, server: LocalServer) -> None:
        server.reply(body=b"0123456789abcdef", pace=0.001)
        server.reply(body=b"", pace=0.001)
        server.reply(body=[b"ab", b"cd"], pace=3600)
        assert len(server._scripts[0][0].answer.pieces) == 8
        assert ask(server).body == b"0123456789abcdef"
        assert ask(server).body == b""
        with connect(server) as sock:
            sock.sendall(post())
            assert read_until(sock, b"ab").endswith(b"content-length: 4\r\n\r\nab")

    def test_delay_holds_back_the_first_byte_but_not_other_connections(self, server: LocalServer) -> None:
        server.reply(body="late", delay=3600)
        with connect(server) as sock:
            sock.sendall(post())
            eventually(lambda: len(server.requests) == 1)
            assert chat(server).status == 200
            sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                sock.recv(1)

    def test_raw_bytes_are_written_as_they_stand(self, server: LocalServer) -> None:
        server.reply(raw=b"HTTP/1.1 200 Fine\r\nX: 1\r\n\r\nabc", cut=True)
        assert exchange(server, post()) == b"HTTP/1.1 200 Fine\r\nX: 1\r\n\r\nabc"
        server.reply(raw=[b"ab", b"cd"], pace=0.001, keep_alive=False)
        assert exchange(server, post()) == b"abcd"
        server.reply(raw=[], cut=True)
        assert exchange(server, post()) == b""

    @pytest.mark.parametrize("cut", [True, "reset"])
    def test_cut_stream_lacks_its_last_chunk(self, server: LocalServer, cut: Any) -> None:
        server.reply(events=["a"], done=False, cut=cut)
        with connect(server) as sock:
            sock.sendall(post())
            assert read_until(sock, b"data: a\n\n\r\n").endswith(b"\r\n\r\n9\r\ndata: a\n\n\r\n")
            if cut == "reset":
                with pytest.raises(ConnectionResetError):
                    sock.recv(1)
            else:
                assert sock.recv(1) == b""

    def test_cut_stream_lacks_its_done(self, server: LocalServer) -> None:
        server.reply(events=["a"], cut=True)
        with connect(server) as sock:
            sock.sendall(post())
            assert b"[DONE]" not in read_all(sock)

    def test_cut_body_lacks_its_last_bytes(self, server: LocalServer) -> None:
        server.reply(body=[b"0123456789", b"ab"], cut=True)
        server.reply(body=b"abc", cut=True)
        assert exchange(server, post()).endswith(b"content-length: 12\r\n\r\n0123")
        assert exchange(server, post()).endswith(b"content-length: 3\r\n\r\n")

    def test_framings(self, server: LocalServer) -> None:
        server.reply(body=b"abc", framing="chunked", keep_alive=False)
        server.reply(events=["a"], done=False, framing="length", keep_alive=False)
        server.reply(body=b"abc", framing="close")
        server.reply(framing="chunked", keep_alive=False)
        chunked, length, close, empty = (exchange(server, post()) for _ in range(4))
        assert chunked.endswith(b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        assert length.endswith(b"content-length: 9\r\n\r\ndata: a\n\n")
        assert close.endswith(b"connection: close\r\n\r\nabc")
        assert b"content-length" not in close
        assert empty.endswith(b"\r\n\r\n0\r\n\r\n")

    def test_gzip(self, server: LocalServer) -> None:
        server.reply(body={"a": 1}, gzip=True)
        server.reply(events=["a", "b"], gzip=True, pace=0.001)
        body, events = ask(server), ask(server)
        assert body.headers["content-encoding"] == "gzip"
        assert gzip.decompress(body.body) == b'{"a":1}'
        assert gzip.decompress(events.body) == b"data: a\n\ndata: b\n\ndata: [DONE]\n\n"

    def test_answer_without_body(self, server: LocalServer) -> None:
        server.reply(status=204, keep_alive=False)
        assert b"content-length" not in exchange(server, post())

    @pytest.mark.parametrize(
        ("error", "arguments"),
        [
            (TypeError, {"body": b"a", "events": ["a"]}),
            (TypeError, {"body": b"a", "raw": b"a"}),
            (TypeError, {"raw": b"a", "status": 500}),
            (TypeError, {"raw": b"a", "gzip": True}),
            (TypeError, {"raw": "a"}),
            (TypeError, {"events": "abc"}),
            (ValueError, {"status": 100}),
            (ValueError, {"delay": -1}),
            (ValueError, {"pace": -1}),
            (ValueError, {"cut": "gently"}),
            (ValueError, {"framing": "none"}),
            (ValueError, {"status": 204, "body": b"a"}),
            (ValueError, {"cut": True}),
            (ValueError, {"headers": {"a": "b\r\nc"}}),
            (ValueError, {"times": 0}),
        ],
    )
    def test_nonsense_is_refused_at_once(self, server: LocalServer, error: type, arguments: dict[str, Any]) -> None:
        with pytest.raises(error):
            server.reply(**arguments)
        assert chat(server).status == 200


@pytest.fixture
def _many_files() -> Iterator[None]:
    """Room for both ends of 1,000 connections; the usual soft limit is 1,024 files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class TestMany:
    @pytest.mark.usefixtures("_many_files")
    def test_a_thousand_open_connections_and_five_hundred_dripping_streams(self, server: LocalServer) -> None:
        server.reply(events=["a", "b", "c"], pace=0.01, times=None)
        with contextlib.ExitStack() as stack:
            socks = [stack.enter_context(connect(server)) for _ in range(1000)]
            eventually(lambda: server.open_connections == 1000)
            for sock in socks[:500]:
                sock.sendall(post())
            for sock in socks[:500]:
                assert read_until(sock, b"0\r\n\r\n").count(b"data: ") == 4
        assert len(server.requests) == 500


class TestClients:
    @pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
    def test_no_proxy_comes_between_the_server_and_its_clients(
        self, server: LocalServer, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        with server.client(max_retries=0) as client:
            assert client.chat.completions.create(model="m", messages=HELLO).choices

        async def ask_too() -> Any:
            async with server.async_client(max_retries=0) as client:
                return await client.chat.completions.create(model="m", messages=HELLO)

        assert asyncio.run(ask_too()).choices
        assert len(server.requests) == 2

    def test_options_are_the_clients(self, server: LocalServer) -> None:
        with server.client(timeout=3, api_key="other") as client:
            client.chat.completions.create(model="m", messages=HELLO)
            assert client.timeout.total == 3
        assert server.requests[0].headers["authorization"] == "Bearer other"


class TestCommand:
    @pytest.mark.parametrize("port", ["taken", "70000"])
    def test_a_port_that_cannot_be_had_is_one_line(self, server: LocalServer, port: str) -> None:
        port = str(server.port) if port == "taken" else port
        done = run(*PYTHON, "-m", "togetherpy.testing", "--port", port)
        assert done.returncode == 1
        assert re.fullmatch(rf"python -m togetherpy.testing: cannot serve on port {port}: .*\n", done.stderr)
        assert done.stdout == ""

    def test_a_proxy_in_the_environment_is_said_to_be_passed_by(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stop = threading.Event()
        stop.set()
        main([], stop)
        assert "NO_PROXY" not in capsys.readouterr().out
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        main([], stop)
        assert "export NO_PROXY=127.0.0.1" in capsys.readouterr().out

    def test_prints_how_to_reach_it_and_ends_quietly_on_ctrl_c(self) -> None:
        command = [sys.executable, "-m", "togetherpy.testing", "--pace", "0"]
        root = os.path.dirname(os.path.dirname(__file__))
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=root) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(3)]
            process.send_signal(signal.SIGINT)
            _, complaints = process.communicate(timeout=20)
        assert process.returncode == 0
        assert complaints == ""
        assert re.search(r"http://127\.0\.0\.1:\d+/v1", lines[0])
        assert "export TOGETHER_BASE_URL=http://127.0.0.1:" in lines[1]
        assert "export TOGETHER_API_KEY=" in lines[2]

    def test_serves_until_told_to_stop(self, capsys: pytest.CaptureFixture[str]) -> None:
        stop = threading.Event()
        stop.set()
        main([], stop)
        assert "TOGETHER_BASE_URL" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("host", "reached"), [("0.0.0.0", "127.0.0.1"), ("localhost", "localhost"), ("::1", "[::1]"), ("::", "[::1]")]
)
def test_it_listens_where_it_is_told(host: str, reached: str) -> None:
    server = LocalServer(host=host)
    try:
        server.start()
    except OSError:
        pytest.skip("this machine has no IPv6") if ":" in host else pytest.fail(f"not on {host}")
    with contextlib.closing(server), server.client() as client:
        assert server.base_url == f"http://{reached}:{server.port}/v1"
        assert client.models.list()
