"""`warm_up`: what a first call would have to do is done before, and a call after it finds it done."""

import asyncio
import os
import select
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme
from support.answers import OK, STREAM_OK, text_of
from support.clients import ASYNC_KINDS, CALL, KEY, KINDS, failure
from support.leftovers import eventually, free_slots
from support.processes import PYTHON, run
from support.scripted import (
    LIMIT,
    ScriptedServer,
    Step,
    do,
    refusing_port,
    repeat,
    request,
    send,
    silent_port,
    tls,
    until_gone,
    wait,
)

import togetherpy
from togetherpy import APIConnectionError, APITimeoutError, Timeout

Maker = Callable[..., Any]
GOOD: list[Step] = [repeat(request, send(OK))]

PROGRAM = f"""
import asyncio, sys, threading
from togetherpy import AsyncTogether, Together
options = dict(api_key={KEY!r}, base_url=sys.argv[2], max_retries=0)
CALL = dict(model="m", messages=[dict(role="user", content="x")])
texts = []

def sync():
    global before
    with Together(**options) as client:
        client.warm_up()
        before = set(sys.modules)
        texts.append(client.chat.completions.create(**CALL).choices[0].message.content)
        for chunk in client.chat.completions.create(stream=True, **CALL):
            texts.append(chunk.choices[0].delta.content)
        with client.chat.completions.create(stream=True, **CALL) as stream:
            texts.extend(stream.text_deltas())
            texts.append(stream.get_final_response().choices[0].message.content)
            texts.append(stream.response.status_code)

async def main():
    global before
    async with AsyncTogether(**options) as client:
        await client.warm_up()
        before = set(sys.modules)
        texts.append((await client.chat.completions.create(**CALL)).choices[0].message.content)
        async for chunk in await client.chat.completions.create(stream=True, **CALL):
            texts.append(chunk.choices[0].delta.content)
        async with await client.chat.completions.create(stream=True, **CALL) as stream:
            texts.extend([text async for text in stream.text_deltas()])
            texts.append((await stream.get_final_response()).choices[0].message.content)
            texts.append(stream.response.status_code)

sync() if sys.argv[1] == "sync" else asyncio.run(main())
assert len(texts) == 8, texts
print(sorted(set(sys.modules) - before))
"""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Step:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return tls(context)


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def idle_connections(caller: Any) -> list[Any]:
    """Those that lie ready."""
    return list(caller.raw._shared.main.route.connections.pool)


def has_something(conn: Any) -> bool:
    """Whether bytes have come that nobody has read."""
    return bool(select.select([conn.sock], [], [], 0)[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_calls_after_it_load_no_module_and_open_no_connection(
    kind: str, scheme: str, authority: trustme.CA, secure: Step, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    answers = [request, send(OK), request, send(STREAM_OK), request, send(STREAM_OK)]
    with ScriptedServer([secure, *answers] if scheme == "https" else answers, scheme=scheme) as server:
        done = run(*PYTHON, "-c", PROGRAM, kind, server.base_url, SSL_CERT_FILE=str(tmp_path / "ca.pem"))
        assert (done.returncode, done.stderr, done.stdout) == (0, "", "[]\n")
        assert (server.connections, len(server.requests)) == (1, 3)


def test_it_sends_nothing_and_nobody_is_told_or_asked(client: Maker) -> None:
    told: list[Any] = []
    hooks = SimpleNamespace(**{f"on_{name}": told.append for name in ("request", "retry", "response", "error")})
    came = threading.Event()
    with ScriptedServer([until_gone, do(came.set)]) as server:
        caller = client(server, hooks=hooks, api_key=lambda: told.append("asked for the key"))
        caller.warm_up()
        assert free_slots(caller) == 100
        assert not told
        caller.close()
        server.wait_hung_up(0)
        assert not server.requests


def test_as_often_as_one_likes(client: Maker) -> None:
    with ScriptedServer(GOOD) as server:
        caller = client(server)
        for _ in range(3):
            caller.warm_up()
            caller.with_options(timeout=5.0).warm_up()
            caller.create()
        assert server.connections == 1


def test_from_many_threads_at_once(client: Maker) -> None:
    with ScriptedServer(GOOD) as server:
        caller = client(server)
        threads = [threading.Thread(target=caller.warm_up, daemon=True) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
            assert not thread.is_alive()
        opened = len(idle_connections(caller))
        assert 1 <= opened <= 8
        caller.warm_up()
        assert caller.create().id == "r-1"
        server.wait_connections(opened)
        assert server.connections == opened


def test_a_client_whose_connections_are_all_in_use_is_warm(client: Maker) -> None:
    with ScriptedServer([request, send(STREAM_OK[:-20]), until_gone]) as server:
        caller = client(server, max_connections=1)
        stream = caller.stream()
        caller.warm_up(timeout=Timeout(queue=0.5))
        assert server.connections == 1
        stream.close()


@pytest.mark.fault("E15")
def test_a_connection_that_nobody_used_grows_old(client: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """To look at it is no use of it: a probe every minute would hand it over dead."""
    from togetherpy._transport import idle

    passed, real = [0.0], idle.time.time
    with ScriptedServer(GOOD) as server:
        caller = client(server)
        caller.warm_up()
        monkeypatch.setattr(idle, "time", SimpleNamespace(**{**vars(idle.time), "time": lambda: real() + passed[0]}))
        passed[0] = 40.0
        caller.warm_up()
        server.wait_connections(1)
        assert server.connections == 1
        passed[0] = 80.0
        assert caller.create().id == "r-1"
        assert server.connections == 2
        server.wait_gone(0)


def test_what_tls_says_behind_its_handshake_is_no_answer(client: Maker, authority: trustme.CA, secure: Step) -> None:
    """A server's session tickets lie there unread, and must not be taken for bytes that nobody asked for."""
    with ScriptedServer([secure, *GOOD], scheme="https") as server:
        caller = client(server, ssl_context=trusting(authority))
        caller.warm_up()
        (conn,) = idle_connections(caller)
        eventually(lambda: has_something(conn), lambda: "no tickets came")
        caller.warm_up()
        assert caller.create().id == "r-1"
        assert server.connections == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_nobody_asked_for_ends_the_connection(
    client: Maker, scheme: str, authority: trustme.CA, secure: Step
) -> None:
    """A server that grows tired of waiting says so before it closes."""
    opened, said = threading.Event(), threading.Event()
    late = [wait(opened), send(b"HTTP/1.1 408 Request Timeout\r\n\r\n"), do(said.set), until_gone]
    first = [secure] if scheme == "https" else []
    with ScriptedServer([*first, *late], [*first, *GOOD], scheme=scheme) as server:
        caller = client(server, ssl_context=trusting(authority))
        caller.warm_up()
        (conn,) = idle_connections(caller)
        opened.set()
        assert said.wait(LIMIT)
        eventually(lambda: has_something(conn), lambda: "nothing came")
        assert caller.create().id == "r-1"
        assert server.connections == 2


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_by_way_of_a_proxy(client: Maker, scheme: str, authority: trustme.CA, secure: Step) -> None:
    asked: list[bytes] = []

    def tunnel(peer: Any) -> None:
        asked.append(peer.read_until(b"\r\n\r\n"))
        peer.sock.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")

    steps = [tunnel, secure, *GOOD] if scheme == "https" else GOOD
    with ScriptedServer(steps) as proxy:
        caller = client(
            base_url=f"{scheme}://localhost:9/v1",
            proxy=f"http://127.0.0.1:{proxy.port}",
            ssl_context=trusting(authority),
        )
        caller.warm_up()
        proxy.wait_connections(1)
        assert [head.split()[:2] for head in asked] == ([[b"CONNECT", b"localhost:9"]] if scheme == "https" else [])
        assert caller.create().id == "r-1"
        assert proxy.connections == 1


# What cannot be had


def test_what_fails_is_raised_as_of_a_call(client: Maker) -> None:
    with refusing_port() as port:
        caller = client(base_url=f"http://127.0.0.1:{port}", max_retries=2)
        of_a_call = caller.fails(APIConnectionError)
        error = failure(APIConnectionError, caller.warm_up)
        assert (str(error), error.phase, error.attempts) == (str(of_a_call), "connecting", 3)
        assert (error.maybe_billed, error.request) == (False, None)
        assert free_slots(caller) == 100


def test_a_server_that_was_away_for_a_moment(client: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    from togetherpy._transport.pool import Connection

    real, failures = Connection.connect, [ConnectionRefusedError(111, "Connection refused")]

    def connect(conn: Connection) -> None:
        if failures:
            raise failures.pop()
        real(conn)

    monkeypatch.setattr(Connection, "connect", connect)
    with ScriptedServer(GOOD) as server:
        client(server, max_retries=1).warm_up()
        server.wait_connections(1)


@pytest.mark.parametrize("limit", [0.1, Timeout(0.1), Timeout(connect=0.1, total=60)])
def test_it_ends_in_time(client: Maker, limit: Any) -> None:
    with silent_port() as port:
        caller = client(base_url=f"http://127.0.0.1:{port}", timeout=60.0)
        error = failure(APITimeoutError, lambda: caller.warm_up(timeout=limit))
        assert error.elapsed < 20
        with pytest.raises((TypeError, ValueError), match="timeout"):
            caller.warm_up(timeout=-1)


def test_a_closed_client(client: Maker) -> None:
    with ScriptedServer(GOOD) as server:
        caller = client(server)
        caller.warm_up()
        caller.close()
        with pytest.raises(APIConnectionError, match="closed"):
            caller.warm_up()


def test_a_file_of_authorities_that_is_not_there(client: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(APIConnectionError, match=r"SSL_CERT_FILE names '/nowhere/ca\.pem', which does not exist"):
        client(base_url="https://127.0.0.1:9").warm_up()


# Processes and loops

FORKED = f"""
import asyncio, os, sys
from togetherpy import AsyncTogether, Together
kind, url = sys.argv[1:]
client = (Together if kind == "sync" else AsyncTogether)(api_key={KEY!r}, base_url=url, max_retries=0)
CALL = dict(model="m", messages=[dict(role="user", content="x")])

def act(what):
    if kind == "sync":
        return what()
    async def main():
        return await what()
    return asyncio.run(main())

act(client.warm_up)
pid = os.fork()
answer = act(lambda: client.chat.completions.create(**CALL)).id
if pid == 0:
    os._exit(0 if answer == "r-1" else 1)
print(answer, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
act(client.close) if kind == "async" else client.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.fault("E8")
@pytest.mark.parametrize("kind", KINDS)
def test_a_child_has_a_connection_of_its_own(kind: str) -> None:
    with ScriptedServer([request, send(OK), until_gone]) as server:  # a second request on either gets no answer
        done = run(*PYTHON, "-W", "ignore::DeprecationWarning", "-c", FORKED, kind, server.base_url)
        assert (done.returncode, done.stderr, done.stdout) == (0, "", "r-1 0\n")
        assert server.connections == 2


@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_the_connection_serves_another_loop(kind: str) -> None:
    with ScriptedServer(GOOD) as server:
        client = togetherpy.AsyncTogether(api_key=KEY, base_url=server.base_url)

        async def call() -> str:
            answer = await client.chat.completions.create(**CALL)
            return str(answer.id)

        asyncio.run(client.warm_up())
        assert asyncio.run(call()) == "r-1"
        assert server.connections == 1
        client.close()


def test_the_loop_goes_on_while_modules_are_loaded() -> None:
    program = """
import asyncio, importlib.abc, sys, threading
from togetherpy import AsyncTogether
loaded = {}
class Spy(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        loaded[name] = threading.current_thread() is threading.main_thread()
sys.meta_path.insert(0, Spy())
async def main():
    async with AsyncTogether(api_key="k", base_url=sys.argv[1]) as client:
        await client.warm_up()
client = AsyncTogether(api_key="k", base_url=sys.argv[1])
asyncio.run(main())
print({loaded[name] for name in loaded if name.startswith(("togetherpy._chat", "urllib3"))})
"""
    with ScriptedServer(GOOD) as server:
        done = run(*PYTHON, "-c", program, server.base_url)
        assert (done.returncode, done.stderr, done.stdout) == (0, "", "{False}\n")


def test_text_of_a_stream_after_it(client: Maker) -> None:
    with ScriptedServer([request, send(STREAM_OK)]) as server:
        caller = client(server)
        caller.warm_up()
        assert text_of(caller.chunks()) == "Hello world"
        assert server.connections == 1
