"""Faults of connecting, A1 to A11: names, TCP, TLS, proxies."""

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
import sys
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme
from support.answers import OK, SSE, STREAM_OK, answer, chunk, chunked, completion, event, text_of
from support.clients import CALL, KEY, PASSWORD
from support.leftovers import eventually, free_slots
from support.scripted import (
    LIMIT,
    ScriptedServer,
    Step,
    close,
    drip,
    flood,
    half_close,
    refusing_port,
    request,
    reset,
    send,
    silent_port,
    tls,
    until_gone,
    wait,
)

from togetherpy import APIConnectionError, APIError, APITimeoutError, AsyncTogether, Timeout
from togetherpy.testing import LocalServer

Maker = Callable[..., Any]
ProxyMaker = Callable[..., tuple[ScriptedServer, dict[str, Any]]]


@pytest.mark.fault("A1")
def test_refused_is_tried_again_and_names_host_and_port(client: Maker) -> None:
    with refusing_port() as port:
        error = client(base_url=f"http://127.0.0.1:{port}", max_retries=2).fails(APIConnectionError)
    assert f"127.0.0.1:{port}" in str(error)
    assert (error.attempts, error.phase, error.maybe_billed) == (3, "connecting", False)


@pytest.mark.fault("A1")
def test_refused_costs_no_quota(client: Maker) -> None:
    with refusing_port() as port:
        caller = client(base_url=f"http://127.0.0.1:{port}", max_retries=1)
        for _ in range(40):  # 40 transient retries would have emptied it
            assert caller.fails(APIConnectionError).attempts == 2


@pytest.mark.fault("A2")
def test_name_that_does_not_resolve(client: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    error = client(base_url="https://api.nowhere.example", max_retries=1).fails(APIConnectionError)
    assert "api.nowhere.example" in str(error)
    assert "does not resolve" in str(error)
    assert "base_url" in str(error)
    assert (error.attempts, error.phase) == (2, "connecting")


@pytest.mark.fault("A2")
@pytest.mark.parametrize("name", ["a" * 64 + ".example", "a..example"])
def test_name_that_cannot_be_one(client: Maker, name: str) -> None:
    error = client(base_url=f"https://{name}").fails(APIConnectionError)
    assert "base_url" in str(error)


@pytest.mark.fault("A2")
def test_name_look_up_that_hangs_ends_at_the_deadline(client: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    resolved = threading.Event()

    def resolve(*_: Any, **__: Any) -> Any:
        assert resolved.wait(LIMIT), "the call waited for the name"
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    error = client(base_url="https://api.nowhere.example", timeout=0.3).fails(APITimeoutError)
    assert error.phase == "connecting"
    resolved.set()


@pytest.mark.fault("A3")
def test_connecting_that_takes_too_long(client: Maker) -> None:
    with silent_port() as port:
        caller = client(base_url=f"http://127.0.0.1:{port}", timeout=Timeout(connect=0.2), max_retries=1)
        error = caller.fails(APITimeoutError)
    assert f"127.0.0.1:{port}" in str(error)
    assert (error.attempts, error.phase, error.maybe_billed) == (2, "connecting", False)
    assert isinstance(error, TimeoutError)


@pytest.mark.fault("A3")
def test_connecting_is_given_five_seconds() -> None:
    assert Timeout().connect == 5.0


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_side(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.mark.fault("E6")
def test_fast_stream_under_tls_leaves_the_loop_to_others(authority: trustme.CA, good: Step) -> None:
    """What TLS has decrypted needs no waiting for; but then neither timeouts nor other tasks would get their turn."""

    async def read(stream: Any) -> None:
        async for _ in stream:
            pass

    async def main() -> None:
        async with AsyncTogether(api_key="k", base_url=server.base_url, ssl_context=trusting(authority)) as client:
            stream = await client.chat.completions.create(**CALL, stream=True)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(read(stream), 0.3)

    events = chunked(event(chunk("x" * 1000)) * 60, end=False)
    with ScriptedServer([good, request, send(SSE), flood(events)], scheme="https") as server:
        asyncio.run(main())


@pytest.fixture
def good(authority: trustme.CA) -> Step:
    return tls(server_side(authority.issue_cert("127.0.0.1", "localhost")))


def test_tls_with_an_authority_that_the_caller_names(client: Maker, authority: trustme.CA, good: Step) -> None:
    with ScriptedServer([good, request, send(OK), request, send(STREAM_OK)], scheme="https") as server:
        caller = client(server, ssl_context=trusting(authority))
        assert caller.create().choices[0].finish_reason == "stop"
        assert text_of(caller.chunks()) == "Hello world"
        assert server.connections == 1


@pytest.mark.fault("A4")
def test_authority_from_the_environment(
    client: Maker, authority: trustme.CA, good: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setattr("togetherpy._transport.route._default_context", None)
    with ScriptedServer([good, request, send(OK)], scheme="https") as server:
        assert client(server).create().id == "r-1"


@pytest.mark.fault("A4")
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_authority_from_other_clients_variables(
    client: Maker, authority: trustme.CA, good: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv(variable, str(tmp_path / "ca.pem"))
    with ScriptedServer([good, request, send(OK)], scheme="https") as server:
        assert client(server).create().id == "r-1"
        error = client(server, trust_env=False).fails(APIConnectionError)
    assert "certificate" in str(error)


@pytest.mark.fault("A4")
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "does not exist"), (b"", "holds no certificate"), (b"-----BEGIN CERTIFICATE-----", "holds no certificate")],
)
def test_file_of_authorities_that_is_none(
    client: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, content: bytes | None, problem: str
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv(variable, str(path))
    with ScriptedServer([until_gone], scheme="https") as server:
        error = client(server, max_retries=2).fails(APIConnectionError)
        assert server.connections == 0
    for part in (variable, str(path), problem):
        assert part in str(error)
    assert (error.attempts, error.phase, error.maybe_billed) == (1, "connecting", False)


@pytest.mark.fault("A4")
def test_system_without_authorities_uses_those_of_certifi(
    client: Maker, authority: trustme.CA, good: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", "")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "empty"))
    monkeypatch.setitem(sys.modules, "certifi", SimpleNamespace(where=lambda: str(tmp_path / "ca.pem")))
    with ScriptedServer([good, request, send(OK)], scheme="https") as server:
        assert client(server).create().id == "r-1"


@pytest.mark.fault("A4")
@pytest.mark.parametrize("case", ["unknown authority", "expired", "wrong host"])
def test_certificate_that_is_not_good(client: Maker, authority: trustme.CA, case: str) -> None:
    certificate, reason = {
        "unknown authority": (trustme.CA().issue_cert("127.0.0.1"), "unable to get local issuer certificate"),
        "expired": (
            authority.issue_cert("127.0.0.1", not_after=datetime.now(UTC) - timedelta(days=1)),
            "certificate has expired",
        ),
        "wrong host": (authority.issue_cert("elsewhere.example"), "IP address mismatch"),
    }[case]
    with ScriptedServer([tls(server_side(certificate)), until_gone], scheme="https") as server:
        error = client(server, ssl_context=trusting(authority), max_retries=2).fails(APIConnectionError)
        assert server.connections == 1
    assert reason in str(error)
    assert "ssl_context" in str(error)
    assert "SSL_CERT_FILE" in str(error)
    assert (error.attempts, error.phase, error.maybe_billed) == (1, "connecting", False)


@pytest.mark.fault("A5")
def test_handshake_that_stalls(client: Maker) -> None:
    with ScriptedServer([until_gone], scheme="https") as server:
        error = client(server, timeout=Timeout(connect=0.3), max_retries=1).fails(APITimeoutError)
        assert server.connections == 2
        server.wait_hung_up(0)
        server.wait_hung_up(1)
    assert "handshake" in str(error)
    assert (error.phase, error.maybe_billed) == ("connecting", False)


@pytest.mark.fault("A5")
@pytest.mark.parametrize("last", [close, reset, half_close], ids=["close", "reset", "half close"])
def test_connection_that_ends_in_the_handshake(client: Maker, last: Step, authority: trustme.CA, good: Step) -> None:
    def hello(peer: Any) -> None:
        peer.receive()

    with ScriptedServer([hello, last, until_gone], [good, request, send(OK)], scheme="https") as server:
        assert client(server, ssl_context=trusting(authority), max_retries=1).create().id == "r-1"
        assert server.connections == 2
    with ScriptedServer([hello, last, until_gone], scheme="https") as server:
        error = client(server, ssl_context=trusting(authority)).fails(APIConnectionError)
    assert "handshake" in str(error)
    assert error.phase == "connecting"


@pytest.mark.fault("A5")
@pytest.mark.parametrize(
    "steps",
    [
        [send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), half_close, until_gone],
        [send(b"SSH-2.0-OpenSSH_9.6\r\n"), until_gone],
        [send(b"<html>" * 100), until_gone],
    ],
    ids=["http", "ssh", "html"],
)
def test_https_spoken_to_a_plain_port(client: Maker, steps: list[Step]) -> None:
    with ScriptedServer(steps, scheme="https") as server:
        error = client(server, max_retries=2).fails(APIConnectionError)
        assert server.connections == 1
    assert "handshake" in str(error)
    assert "base_url must begin with http://" in str(error)
    assert (error.attempts, error.phase, error.maybe_billed) == (1, "connecting", False)


@pytest.mark.fault("A5")
def test_https_spoken_to_a_local_server(client: Maker) -> None:
    with LocalServer() as server:
        error = client(base_url=server.base_url.replace("http:", "https:")).fails(APIConnectionError)
    assert not isinstance(error, TimeoutError)
    assert "base_url must begin with http://" in str(error)


@pytest.mark.fault("A5")
def test_http_spoken_to_a_tls_port(client: Maker) -> None:
    alert = b"\x15\x03\x01\x00\x02\x02\x46"
    with ScriptedServer([request, send(alert), half_close, until_gone]) as server:
        error = client(server, max_retries=2).fails(APIConnectionError)
        assert server.connections == 1
    assert "HTTP" in str(error)
    assert "base_url must begin with https://" in str(error)
    assert (error.attempts, error.phase, error.maybe_billed) == (1, "connecting", False)


@pytest.mark.fault("A5")
def test_http_spoken_to_a_tls_port_that_says_nothing(client: Maker, good: Step) -> None:
    with ScriptedServer([good, request]) as server:
        error = client(server).fails(APIConnectionError)
    assert "base_url must begin with https://" in str(error)


@pytest.mark.fault("A5")
@pytest.mark.parametrize("target", ["http", "https"])
def test_proxy_that_speaks_the_other_scheme(client: Maker, target: str, good: Step) -> None:
    base_url = f"{target}://127.0.0.1:1"
    with ScriptedServer([send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), half_close, until_gone]) as plain:
        error = client(base_url=base_url, proxy=f"https://127.0.0.1:{plain.port}").fails(APIConnectionError)
        assert f"the proxy 127.0.0.1:{plain.port}" in str(error)
        assert "its URL must begin with http://" in str(error)
    with ScriptedServer([good, request]) as secure:
        error = client(base_url=base_url, proxy=f"http://127.0.0.1:{secure.port}").fails(APIConnectionError)
        assert f"the proxy 127.0.0.1:{secure.port}" in str(error).replace("The", "the")
        assert "its URL must begin with https://" in str(error)
    assert error.attempts == 1


@pytest.mark.fault("A6")
@pytest.mark.parametrize(
    "name", ["PYTHONHTTPSVERIFY", "SSL_VERIFY", "TOGETHER_VERIFY_SSL", "NODE_TLS_REJECT_UNAUTHORIZED"]
)
def test_no_environment_variable_switches_verification_off(
    client: Maker, monkeypatch: pytest.MonkeyPatch, good: Step, name: str
) -> None:
    monkeypatch.setenv(name, "0")
    monkeypatch.setattr("togetherpy._transport.route._default_context", None)
    with ScriptedServer([good, until_gone], scheme="https") as server:
        client(server).fails(APIConnectionError)


@pytest.mark.fault("A6")
def test_verification_is_off_where_the_caller_says_so(client: Maker, good: Step) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with ScriptedServer([good, request, send(OK)], scheme="https") as server:
        assert client(server, ssl_context=context).create().id == "r-1"


def own_sockets_to(port: int) -> list[socket.socket]:
    """Duplicates of this process's sockets that are connected to `port`."""
    found: list[socket.socket] = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            duplicate = socket.socket(fileno=os.dup(int(name)))
            try:
                matches = duplicate.getpeername()[1] == port
            except (OSError, IndexError, TypeError):
                matches = False
            if matches:
                found.append(duplicate)
            else:
                duplicate.close()
    return found


@pytest.mark.fault("A7")
@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_keepalive_is_on(client: Maker) -> None:
    with ScriptedServer([request, send(OK), until_gone]) as server:
        client(server).create()
        (found,) = own_sockets_to(server.port)
        with found:
            options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            assert [found.getsockopt(socket.IPPROTO_TCP, option) for option in options] == [60, 60, 5]
            assert found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


# Proxies


class ProxyProcess:
    def __init__(self, authority: trustme.CA, folder: Path, login: str = "") -> None:
        certificate = folder / "proxy.pem"
        authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
        program = Path(__file__).with_name("support") / "proxy_process.py"
        command = [sys.executable, str(program), str(certificate), *filter(None, [login])]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._lines = self._process.stdout
        self.port, self.tls_port = map(int, self._lines.readline().split())

    def url(self, scheme: str, login: str = "") -> str:
        return f"{scheme}://{login}127.0.0.1:{self.tls_port if scheme == 'https' else self.port}"

    def line(self) -> str:
        """What it says of the next connection that it passes on."""
        return self._lines.readline()

    def close(self) -> None:
        self._process.communicate(timeout=20)


@pytest.fixture(scope="module")
def open_proxy(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyProcess]:
    with contextlib.closing(ProxyProcess(authority, tmp_path_factory.mktemp("proxy"))) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def guarded_proxy(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyProcess]:
    with contextlib.closing(ProxyProcess(authority, tmp_path_factory.mktemp("proxy"), f"user:{PASSWORD}")) as proxy:
        yield proxy


@pytest.mark.fault("A8")
@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks5h"])
def test_https_by_way_of_a_proxy(
    client: Maker, open_proxy: ProxyProcess, scheme: str, authority: trustme.CA, good: Step
) -> None:
    with ScriptedServer([good, request, send(OK), request, send(STREAM_OK)], scheme="https") as server:
        caller = client(server, proxy=open_proxy.url(scheme), ssl_context=trusting(authority))
        assert caller.create().id == "r-1"
        assert f":{server.port}" in open_proxy.line()
        assert text_of(caller.chunks()) == "Hello world"
        assert server.connections == 1
        assert server.requests[0].target == "/v1/chat/completions"
        assert "proxy-authorization" not in server.requests[0].headers


@pytest.mark.fault("A8")
@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks5h"])
def test_plain_http_by_way_of_a_proxy(
    client: Maker, open_proxy: ProxyProcess, scheme: str, authority: trustme.CA
) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        caller = client(server, proxy=open_proxy.url(scheme), ssl_context=trusting(authority))
        assert caller.create().id == "r-1"
        assert f":{server.port}" in open_proxy.line()
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.fixture(params=["http", "https"])
def scripted_proxy(request: pytest.FixtureRequest, good: Step, authority: trustme.CA) -> ProxyMaker:
    """Makes a server to be used as a proxy, plain or under TLS: the server, and the client's options for it."""

    def make_one(*scripts: list[Step]) -> tuple[ScriptedServer, dict[str, Any]]:
        tls_first = [good] if request.param == "https" else []
        server = ScriptedServer(*([*tls_first, *script] for script in scripts))
        return server, {"proxy": f"{request.param}://127.0.0.1:{server.port}", "ssl_context": trusting(authority)}

    return make_one


SIZES = [1000, 16_384, 100_000, 3_000_000]


@pytest.mark.fault("A8")
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("size", SIZES)
def test_large_bodies_by_way_of_a_proxy(
    client: Maker, open_proxy: ProxyProcess, scheme: str, authority: trustme.CA, good: Step, size: int
) -> None:
    text = "y" * size
    large = [request, send(answer(completion(text)))]
    with ScriptedServer([good, *large, *large], scheme="https") as server:
        caller = client(server, proxy=open_proxy.url(scheme), ssl_context=trusting(authority))
        for _ in range(2):
            got = caller.create(messages=[{"role": "user", "content": text}])
            assert got.choices[0].message.content == text
        assert [len(one.body) > size for one in server.requests] == [True, True]
        assert server.connections == 1
        assert f":{server.port}" in open_proxy.line()


@pytest.mark.fault("A8")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_stream_by_way_of_a_proxy(
    client: Maker, open_proxy: ProxyProcess, scheme: str, authority: trustme.CA, good: Step
) -> None:
    """Many small records of the inner TLS in one of the outer, and no more to come for a while."""
    events = [event(chunk(f"{number} ")) for number in range(500)]
    read = threading.Event()
    script = [
        request,
        send(SSE, *(chunked(one, end=False) for one in events)),
        wait(read),
        send(chunked(event("[DONE]"))),
    ]
    with ScriptedServer([good, *script, *script], scheme="https") as server:
        caller = client(server, proxy=open_proxy.url(scheme), ssl_context=trusting(authority))
        for _ in range(2):
            read.clear()
            stream, seen = caller.stream(), []

            def see(one: Any, seen: list[Any] = seen) -> None:
                seen.append(one)
                if len(seen) == len(events):
                    read.set()

            stream.each(see)
            assert text_of(seen) == "".join(f"{number} " for number in range(500))
        assert server.connections == 1
        assert f":{server.port}" in open_proxy.line()


@pytest.mark.fault("A8", "E6", "E16")
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("stream", [False, True])
def test_client_that_is_closed_by_way_of_a_proxy(
    client: Maker, open_proxy: ProxyProcess, scheme: str, authority: trustme.CA, good: Step, stream: bool
) -> None:
    script = [good, request, send(SSE + chunked(event(chunk("a")), end=False) if stream else b""), until_gone]
    with ScriptedServer(script, scheme="https") as server:
        caller = client(server, proxy=open_proxy.url(scheme), ssl_context=trusting(authority))
        failures: list[Any] = []

        def call() -> None:
            failures.append(caller.fails(APIError, stream=stream))

        calling = threading.Thread(target=call)
        calling.start()
        server.wait_requests(1)
        caller.close()
        calling.join(20)
        assert len(failures) == 1
        assert "closed" in str(failures[0])
        server.wait_gone(0)
        eventually(lambda: free_slots(caller) == 100, lambda: free_slots(caller))
        open_proxy.line()


@pytest.mark.fault("A8", "E6")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_task_that_is_cancelled_by_way_of_a_proxy(
    open_proxy: ProxyProcess, scheme: str, authority: trustme.CA, good: Step, clean_environment: None
) -> None:
    async def main() -> None:
        async with AsyncTogether(
            api_key="k",
            base_url=server.base_url,
            proxy=open_proxy.url(scheme),
            ssl_context=trusting(authority),
            max_connections=1,
        ) as client:
            for number in range(2):
                task = asyncio.create_task(client.chat.completions.create(**CALL))
                await asyncio.to_thread(server.wait_requests, number + 1)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                await asyncio.to_thread(server.wait_gone, number)
                open_proxy.line()

    with ScriptedServer([good, request, until_gone], scheme="https") as server:
        asyncio.run(main())


@pytest.mark.fault("A8")
@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_proxy_with_a_password(
    client: Maker, guarded_proxy: ProxyProcess, scheme: str, authority: trustme.CA, good: Step
) -> None:
    proxy = guarded_proxy.url(scheme, f"user:{PASSWORD}@")
    with ScriptedServer([good, request, send(OK), until_gone], scheme="https") as server:
        caller = client(server, proxy=proxy, ssl_context=trusting(authority))
        assert caller.create().id == "r-1"
        assert f":{server.port}" in guarded_proxy.line()
        assert PASSWORD not in repr(caller.raw)
        assert "proxy-authorization" not in server.requests[0].headers


@pytest.mark.fault("A10")
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("login", ["", "user:wr" + PASSWORD + "@", PASSWORD + "@"], ids=["none", "wrong", "no name"])
def test_proxy_that_refuses_us(
    client: Maker, guarded_proxy: ProxyProcess, scheme: str, login: str, authority: trustme.CA, good: Step
) -> None:
    proxy = guarded_proxy.url(scheme, login)
    with ScriptedServer([good, until_gone], scheme="https") as server:
        error = client(server, proxy=proxy, ssl_context=trusting(authority), max_retries=2).fails(APIConnectionError)
        assert server.connections == 0
    assert "Unauthorized" in guarded_proxy.line()
    assert f"The proxy 127.0.0.1:{proxy.rpartition(':')[2]}" in str(error)
    assert "407" in str(error)
    assert (error.attempts, error.phase, error.maybe_billed) == (1, "connecting", False)


@pytest.mark.fault("A10")
def test_proxy_that_cannot_reach_the_server(client: Maker, scripted_proxy: ProxyMaker) -> None:
    proxy, options = scripted_proxy([request, send(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")])
    with proxy:
        caller = client(base_url="https://127.0.0.1:1", max_retries=1, **options)
        error = caller.fails(APIConnectionError)
        assert [one.method for one in proxy.requests] == ["CONNECT", "CONNECT"]
        assert all(KEY not in str(one.fields) for one in proxy.requests)
    assert f"The proxy 127.0.0.1:{proxy.port}" in str(error)
    assert "502" in str(error)
    assert (error.attempts, error.phase, error.maybe_billed) == (2, "connecting", False)


@pytest.mark.fault("A10")
@pytest.mark.parametrize(
    "steps",
    [[send(b"rubbish\r\n\r\n"), half_close, until_gone], [close], [reset]],
    ids=["rubbish", "close", "reset"],
)
def test_proxy_whose_answer_to_connect_is_none(client: Maker, scripted_proxy: ProxyMaker, steps: list[Step]) -> None:
    proxy, options = scripted_proxy([request, *steps])
    with proxy:
        error = client(base_url="https://127.0.0.1:1", **options).fails(APIConnectionError)
    assert f"proxy 127.0.0.1:{proxy.port}" in str(error)
    assert (error.phase, error.maybe_billed) == ("connecting", False)


@pytest.mark.fault("A10")
@pytest.mark.parametrize(
    "steps", [[until_gone], [drip(b"HTTP/1.1 200 OK\r\nx-a: b\r\nx-b: c", 0.02)]], ids=["stall", "drip"]
)
def test_proxy_that_takes_too_long(client: Maker, scripted_proxy: ProxyMaker, steps: list[Step]) -> None:
    proxy, options = scripted_proxy([request, *steps])
    with proxy:
        error = client(base_url="https://127.0.0.1:1", timeout=0.5, **options).fails(APITimeoutError)
        proxy.wait_hung_up(0)
    assert error.phase == "connecting"


@pytest.mark.fault("A8")
def test_proxy_that_is_not_there(client: Maker) -> None:
    with refusing_port() as port:
        proxy = f"http://user:{PASSWORD}@127.0.0.1:{port}"
        error = client(base_url="https://127.0.0.1:1", proxy=proxy, max_retries=1).fails(APIConnectionError)
    assert f"127.0.0.1:{port}" in str(error)
    assert "proxy" in str(error)
    assert error.attempts == 2


@pytest.mark.fault("A8")
@pytest.mark.parametrize(
    ("scheme", "variable"),
    [
        ("http", "HTTP_PROXY"),
        ("http", "http_proxy"),
        ("https", "HTTPS_PROXY"),
        ("https", "https_proxy"),
        ("http", "ALL_PROXY"),
        ("https", "all_proxy"),
    ],
)
def test_proxy_from_the_environment(client: Maker, monkeypatch: pytest.MonkeyPatch, scheme: str, variable: str) -> None:
    with ScriptedServer([request, send(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")]) as proxy:
        monkeypatch.setenv(variable, f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}")
        client(base_url=f"{scheme}://127.0.0.1:1/v1").fails(Exception)
        (seen,) = proxy.requests
        assert seen.target == ("127.0.0.1:1" if scheme == "https" else "http://127.0.0.1:1/v1/chat/completions")
        assert seen.headers["proxy-authorization"].startswith("Basic ")


@pytest.mark.fault("A8")
def test_environment_is_ignored_on_demand(client: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer([request, send(OK)]) as server, refusing_port() as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        assert client(server, trust_env=False).create().id == "r-1"


@pytest.mark.fault("A8")
@pytest.mark.parametrize(
    ("no_proxy", "bypassed"),
    [
        ("*", True),
        ("127.0.0.1", True),
        ("127.0.0.1:{port}", True),
        ("example.com, 127.0.0.1", True),
        ("127.0.0.0/8", True),
        ("*.0.0.1", True),
        ("example.com 127.0.0.1", True),
        ("example.com;127.0.0.1", True),
        ("example.com\n127.0.0.1\n", True),
        ("10.0.0.0/8", False),
        (".0.0.1", True),
        ("0.0.1", True),
        ("127.0.0.1:1", False),
        ("example.com", False),
        ("27.0.0.1", False),
        ("", False),
    ],
)
def test_no_proxy(client: Maker, monkeypatch: pytest.MonkeyPatch, no_proxy: str, bypassed: bool) -> None:
    with ScriptedServer([request, send(OK)]) as server, refusing_port() as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("NO_PROXY", no_proxy.format(port=server.port))
        if bypassed:
            assert client(server).create().id == "r-1"
        else:
            assert f"127.0.0.1:{port}" in str(client(server).fails(APIConnectionError))
            assert server.connections == 0


@pytest.mark.fault("A8")
@pytest.mark.parametrize("around", [" {}", "{} \n", "\t{}\r\n"])
def test_blanks_around_a_proxy_of_the_environment(
    client: Maker, monkeypatch: pytest.MonkeyPatch, open_proxy: ProxyProcess, around: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", around.format(open_proxy.url("http")))
    with ScriptedServer([request, send(OK)]) as server:
        assert client(server).create().id == "r-1"
        assert f":{server.port}" in open_proxy.line()


ODD_PASSWORDS = [f"{PASSWORD}{odd}{PASSWORD}" for odd in ["#", "/", "?", "@", ":", "/:1/", "%", "@/@", "://", "#@?/"]]


@pytest.mark.fault("A8")
@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
@pytest.mark.parametrize("given", ["argument", "environment"])
@pytest.mark.parametrize("password", ODD_PASSWORDS)
def test_password_with_odd_characters_is_shown_nowhere(
    client: Maker, monkeypatch: pytest.MonkeyPatch, scheme: str, given: str, password: str
) -> None:
    with refusing_port() as port:
        proxy = f"{scheme}://user:{password}@127.0.0.1:{port}"
        if given == "environment":
            monkeypatch.setenv("HTTPS_PROXY", proxy)
        error = client(base_url="https://127.0.0.1:1", **({"proxy": proxy} if given == "argument" else {})).fails(
            APIConnectionError
        )
    assert f"127.0.0.1:{port}" in str(error)


@pytest.mark.fault("A8")
@pytest.mark.parametrize("password", ODD_PASSWORDS)
def test_password_with_odd_characters_is_the_password(client: Maker, password: str) -> None:
    with ScriptedServer([request, send(OK)]) as proxy:
        caller = client(base_url="http://127.0.0.1:1", proxy=f"http://user:{password}@127.0.0.1:{proxy.port}")
        assert caller.create().id == "r-1"
        kind, _, login = proxy.requests[0].headers["proxy-authorization"].partition(" ")
    assert (kind, b64decode(login).decode()) == ("Basic", f"user:{password}")


@pytest.mark.fault("A8")
@pytest.mark.parametrize(
    "proxy",
    [
        f"http://user:{PASSWORD}",
        f"http://user:{PASSWORD}/@",
        f"http://user:{PASSWORD}@host:{PASSWORD}",
        f"user:{PASSWORD}@",
        f"{PASSWORD}://user@host",
        f"http://user:{PASSWORD}@[::1",
    ],
)
def test_proxy_url_that_cannot_be_understood_is_not_shown(client: Maker, proxy: str) -> None:
    error = client(base_url="http://127.0.0.1:1", proxy=proxy, max_retries=2).fails(APIConnectionError)
    assert "the proxy's URL must be http://" in str(error)
    assert error.attempts == 1


@pytest.mark.fault("A8")
def test_proxy_url_that_is_none(client: Maker) -> None:
    error = client(base_url="http://127.0.0.1:1", proxy=f"ftp://user:{PASSWORD}@host:1", max_retries=2).fails(
        APIConnectionError
    )
    assert "http://" in str(error)
    assert error.attempts == 1


@pytest.mark.fault("A9")
def test_socks_without_the_extra(client: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("socks", "urllib3.contrib.socks"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delattr("urllib3.contrib.socks", raising=False)
    with ScriptedServer([request, send(OK)]) as server:
        caller = client(server, proxy="socks5://127.0.0.1:1", max_retries=2)
        error = caller.fails(APIConnectionError)
        assert "togetherpy[socks]" in str(error)
        assert error.attempts == 1
        monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert client(server).create().id == "r-1"


@pytest.mark.fault("A8")
def test_socks_proxy_that_is_not_there(client: Maker) -> None:
    with refusing_port() as port:
        caller = client(
            base_url="https://127.0.0.1:1", proxy=f"socks5://user:{PASSWORD}@127.0.0.1:{port}", max_retries=1
        )
        error = caller.fails(APIConnectionError)
    assert f"127.0.0.1:{port}" in str(error)
    assert not isinstance(error, TimeoutError)
    assert (error.attempts, error.phase) == (2, "connecting")


@pytest.mark.fault("A10")
@pytest.mark.parametrize("steps", [[close], [send(b"\x05\xff")], [until_gone]], ids=["close", "refusal", "stall"])
def test_socks_proxy_that_fails(client: Maker, steps: list[Step]) -> None:

    def greeting(peer: Any) -> None:
        peer.receive()

    with ScriptedServer([greeting, *steps]) as proxy:
        caller = client(
            base_url="http://127.0.0.1:1", proxy=f"socks5://user:{PASSWORD}@127.0.0.1:{proxy.port}", timeout=0.5
        )
        error = caller.fails(APIConnectionError)
    assert f"127.0.0.1:{proxy.port}" in str(error)
    assert error.phase == "connecting"


@pytest.mark.fault("A6")
@pytest.mark.parametrize("scheme", [None, "http", "https"])
def test_names_are_not_looked_at_where_the_caller_says_so(
    client: Maker, authority: trustme.CA, open_proxy: ProxyProcess, scheme: str | None
) -> None:
    context = trusting(authority)
    context.check_hostname = False
    elsewhere = tls(server_side(authority.issue_cert("elsewhere.example")))
    options = {} if scheme is None else {"proxy": open_proxy.url(scheme)}
    with ScriptedServer([elsewhere, request, send(OK)], scheme="https") as server:
        assert client(server, ssl_context=context, **options).create().id == "r-1"
        if scheme is not None:
            open_proxy.line()


@pytest.mark.fault("A11")
def test_netrc_is_ignored(client: Maker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password other\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with ScriptedServer([request, send(OK)]) as server:
        client(server).create()
        client(server, default_headers={"Authorization": None}).create()
        assert [one.headers.get("authorization") for one in server.requests] == [f"Bearer {KEY}", None]
