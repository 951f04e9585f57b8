"""The way to a server, taken one step at a time: what each step says, and that it is the way that calls take."""

import socket
import ssl
from typing import Any

import pytest
import trustme
from support.answers import answer
from support.scripted import ScriptedServer, Step, refusing_port, request, send, silent_port, tls, until_gone

from togetherpy import Together
from togetherpy._core.config import Config, Secret, make_config
from togetherpy._core.wire import Fault
from togetherpy._transport.probe import NotingTransport, Probe, Way, parts

pytestmark = pytest.mark.usefixtures("clean_environment")


def config(url: str, **options: Any) -> Config:
    return make_config(lambda _: None, api_key=Secret("key-key"), base_url=url, **options)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def shown(certificate: trustme.LeafCert) -> Step:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return tls(context)


def test_parts_have_one_order_and_are_summed() -> None:
    marks = [
        ("use", -9.0),
        ("connection", 0.0),
        ("name look-up", 1.0),
        ("connection", 3.0),
        ("TLS handshake with the proxy", 6.0),
        ("proxy CONNECT", 10.0),
        ("TLS handshake", 15.0),
        ("request", 21.0),
        ("answer", 28.0),
        ("use", 36.0),
    ]
    found = {"client": 10.0, "dns": 2.0, "tcp": 4.0, "proxy": 9.0, "tls": 6.0, "first_byte": 7.0, "rest": 8.0}
    assert parts(marks, 37.0) == found
    assert list(parts(marks, 37.0)) == list(found)
    assert parts([], 1.0) == {}


def test_a_call_notes_its_parts() -> None:
    class Client(Together):
        _make = staticmethod(lambda config: made.append(NotingTransport(config)) or made[-1])

    made: list[NotingTransport] = []
    with ScriptedServer([request, send(answer([])), request, send(answer([]))]) as server:
        with Client(api_key="key-key", base_url=server.base_url) as client:
            client.models.list()
            first = ["connection", "name look-up", "connection", "request", "answer", "use"]
            assert [stage for stage, _ in made[0].marks] == first
            client.models.list()  # on the same connection
            assert [stage for stage, _ in made[0].marks] == [*first, "request", "answer", "use"]
        assert server.connections == 1


def test_steps_of_a_plain_way() -> None:
    with ScriptedServer([until_gone]) as server:
        probe = Probe(config(server.base_url), 20.0)
        assert probe.hop == f"127.0.0.1:{server.port}"
        assert probe.look_up() == ["127.0.0.1"]
        (one,) = probe.connect()
        assert (one.family, one.text, one.fault, one.error) == ("IPv4", probe.hop, None, None)
        way = probe.open()
        assert (way.fault, way.secured, way.verify_code, way.proxy_status) == (None, None, None, None)
        server.wait_gone(1)  # both connections are hung up
        assert not server.requests


def test_each_address_says_for_itself_why_it_does_not_answer() -> None:
    with silent_port() as silent, refusing_port() as refusing:
        probe = Probe(config("http://127.0.0.1:1"), 0.2)
        probe._found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)) for port in (silent, refusing)]
        first, second = probe.connect()
    assert first.fault is not None
    assert second.fault is not None
    assert [(first.fault.kind, first.error), second.fault.kind] == [("timeout", "no answer"), "refused"]
    assert "refused" in str(second.error)


def test_the_first_hop_is_the_proxy() -> None:
    probe = Probe(config("https://lake.example", proxy=Secret("socks5://[::1]:9")), 1.0)
    assert (probe.hop, probe.look_up()) == ("[::1]:9", ["::1"])


def test_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    found = Probe(config("https://lake.example"), 20.0).look_up()
    assert isinstance(found, Fault)
    assert (found.kind, "lake.example" in found.message) == ("dns", True)


def test_a_way_under_tls(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    with ScriptedServer([shown(authority.issue_cert("127.0.0.1")), until_gone], scheme="https") as server:
        way = Probe(config(server.base_url, ssl_context=trusting), 20.0).open()
    assert way.fault is None
    assert list(way.parts) == ["dns", "tcp", "tls"]
    assert way.secured is not None
    assert way.secured.certificate is not None
    assert way.secured.certificate.names == ("127.0.0.1",)


def through(trusting: ssl.SSLContext, *script: Step, scheme: str = "http") -> tuple[Way, Any]:
    with ScriptedServer(list(script)) as proxy:
        where = Secret(f"{scheme}://127.0.0.1:{proxy.port}")
        probe = Probe(config("https://localhost", proxy=where, ssl_context=trusting), 20.0)
        return probe.open(), probe.refused_certificate()


CONNECTED = [request, send(b"HTTP/1.1 200 Connected\r\n\r\n")]


def test_a_proxy_s_status_and_a_certificate_behind_it(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    way, _ = through(trusting, request, send(answer(b"", 407)))
    assert (way.proxy_status, way.stage, way.verify_code) == (407, "proxy CONNECT", None)
    stranger = shown(trustme.CA().issue_cert("portal.example"))
    way, seen = through(trusting, *CONNECTED, stranger, until_gone)
    assert (way.proxy_status, way.stage, way.verify_code) == (None, "TLS handshake", 20)
    assert seen.names == ("portal.example",)


def test_through_a_proxy_under_tls(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    good = shown(authority.issue_cert("127.0.0.1"))
    way, _ = through(trusting, good, request, send(answer(b"", 403)), scheme="https")
    assert (way.proxy_status, way.stage) == (403, "proxy CONNECT")


def test_nobody_knows_whom_gets_no_login(trusting: ssl.SSLContext) -> None:
    """A certificate that is looked at without being checked is not looked at by way of a proxy that would not be."""
    with ScriptedServer([shown(trustme.CA().issue_cert("127.0.0.1")), *CONNECTED]) as proxy:
        where = Secret(f"https://user:password@127.0.0.1:{proxy.port}")
        probe = Probe(config("https://localhost", proxy=where, ssl_context=trusting), 20.0)
        assert probe.open().stage == "TLS handshake with the proxy"
        assert probe.refused_certificate() is None
        assert not proxy.requests
