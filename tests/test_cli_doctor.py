"""`togetherpy doctor` against what goes wrong: keys, names, addresses, proxies, certificates, portals, servers."""

import json
import re
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

import pytest
import trustme
from support.answers import answer
from support.clients import KEY, PASSWORD
from support.pages import ROOT
from support.processes import COMMAND, run
from support.scripted import (
    LIMIT,
    ScriptedServer,
    Step,
    close,
    refusing_port,
    request,
    send,
    silent_port,
    tls,
    until_gone,
)

from togetherpy.cli import main
from togetherpy.cli.doctor.steps import STEPS
from togetherpy.testing import LocalServer

MODELS = [{"id": "meta/llama-3", "object": "model"}, {"id": "openai/gpt-oss-20b", "object": "model"}]
GOOD = [request, send(answer(MODELS))]
ALL = ["versions", "api_key", "base_url", "settings", "proxy", "certificates", "dns", "tcp", "tls", "answer"]


class Report:
    """What was found, by the names of the checks."""

    def __init__(self, code: int, text: str) -> None:
        self.code, self.whole = code, json.loads(text)
        self.checks: dict[str, dict[str, Any]] = {check["name"]: check for check in self.whole["checks"]}

    def states(self, state: str) -> list[str]:
        return [name for name, check in self.checks.items() if check["state"] == state]

    def said(self, name: str) -> str:
        """Everything that people are told by a check."""
        return "\n".join([self.checks[name]["summary"], *self.checks[name]["hints"]])

    def fails(self, name: str, *words: str, skipped: list[str] | None = None) -> dict[str, Any]:
        """That check alone failed, and says all of `words`; which others were skipped for it. Its details."""
        assert (self.code, self.whole["ok"], self.states("failed")) == (1, False, [name]), self.whole
        for word in words:
            assert word in self.said(name), (word, self.said(name))
        if skipped is not None:
            assert self.states("skipped") == skipped
        for other in self.states("skipped"):
            assert name in self.said(other)
        return dict(self.checks[name]["details"])

    def is_well(self, *, noted: list[str] | None = None) -> None:
        assert (self.code, self.whole["ok"], self.states("failed"), self.states("skipped")) == (0, True, [], [])
        assert self.states("note") == (noted or [])


Doctor = Callable[..., Report]


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Runs the command: `doctor(url, "-m", "x", VARIABLE="value")`. The key is set, unless a variable is given."""

    def examine(url: str | None = None, *options: str, **variables: str | None) -> Report:
        for name, value in {"TOGETHER_API_KEY": KEY, **variables}.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        where = [] if url is None else ["--base-url", url]
        code = main(["doctor", "--json", "--timeout", "20", *where, *options])
        out, err = capsys.readouterr()
        for secret in (KEY, PASSWORD):
            assert secret not in out + err
        assert err == ""
        return Report(code, out)

    monkeypatch.setattr("togetherpy._transport.route._default_context", None)
    return examine


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Lake Trust", organization_unit_name="Lake Unit")


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> str:
    """A file with the authority that the tests trust."""
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    return str(tmp_path / "authority.pem")


def under_tls(certificate: trustme.LeafCert) -> Step:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return tls(context)


@pytest.fixture
def good_tls(authority: trustme.CA) -> Step:
    return under_tls(authority.issue_cert("127.0.0.1", "localhost"))


# All is well


def test_a_server_that_answers(doctor: Doctor) -> None:
    with LocalServer() as server:
        report = doctor(server.base_url)
    report.is_well()
    assert list(report.checks) == ALL
    details = report.checks["answer"]["details"]
    assert details["status"] == 200
    seconds = details["seconds"]
    assert list(seconds) == ["client", "dns", "tcp", "first_byte", "rest", "total"]
    assert report.checks["tcp"]["details"]["addresses"][0]["family"] == "IPv4"
    assert "none" in report.said("tls")
    assert "none are needed" in report.said("certificates")


def test_the_parts_add_up_to_the_whole(doctor: Doctor, good_tls: Step, trusted: str) -> None:
    with ScriptedServer([good_tls, *GOOD], scheme="https") as server:
        report = doctor(server.base_url, SSL_CERT_FILE=trusted)
    report.is_well()
    seconds = report.checks["answer"]["details"]["seconds"]
    assert list(seconds) == ["client", "dns", "tcp", "tls", "first_byte", "rest", "total"]
    *taken, total = seconds.values()
    assert sum(taken) == pytest.approx(total)
    assert seconds["tls"] > 0
    assert seconds["first_byte"] > 0


def test_what_is_told_of_tls(doctor: Doctor, good_tls: Step, trusted: str) -> None:
    with ScriptedServer([good_tls, *GOOD], scheme="https") as server:
        report = doctor(server.base_url, SSL_CERT_FILE=trusted)
    details = report.checks["tls"]["details"]
    assert details["version"].startswith("TLSv1.")
    assert details["certificate"]["names"] == ["127.0.0.1", "localhost"]
    assert "Lake Trust" in details["certificate"]["issuer"]
    assert details["certificate"]["not_after"] > time.time() > details["certificate"]["not_before"]
    assert details["cipher"] in report.said("tls")
    assert report.checks["certificates"]["details"] == {"source": f"{trusted} (SSL_CERT_FILE)", "authorities": 1}
    assert len(server.requests) == 1  # nothing is asked while the way is looked at
    assert server.requests[0].target == "/v1/models"


def test_lines_for_people(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", KEY)
    with LocalServer() as server:
        assert main(["doctor", "--base-url", server.base_url]) == 0
    *lines, empty, last = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["ok", name] for name in ALL]
    assert f"*** ({len(KEY)} characters), from TOGETHER_API_KEY" in lines[1]
    assert f"{server.base_url}, from --base-url" in lines[2]
    assert (empty, last) == ("", "All is well.")


def test_lines_of_what_failed() -> None:
    with refusing_port() as port:
        result = run(*COMMAND, "doctor", TOGETHER_API_KEY=KEY, TOGETHER_BASE_URL=f"http://127.0.0.1:{port}")
    assert (result.returncode, result.stderr) == (1, "")
    lines = result.stdout.splitlines()
    (at,) = [place for place, line in enumerate(lines) if line.startswith("FAIL  tcp ")]
    assert f"127.0.0.1:{port}" in lines[at]
    assert lines[at + 1].split()[0] == "->"
    assert [line.split()[:2] for line in lines if line.startswith("skip")] == [["skip", "tls"], ["skip", "answer"]]
    assert lines[-1] == "1 of 10 checks failed: tcp."
    assert KEY not in result.stdout


def test_the_page_tells_of_every_check() -> None:
    page = (ROOT / "togetherpy/cli/README.md").read_text("utf-8")
    assert re.findall(r"(?m)^\| `(\w+)` \|", page[page.index("\n## doctor") :]) == list(STEPS)


@pytest.mark.parametrize("arguments", [["--timeout", "0"], ["--timeout", "x"], ["what"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", *arguments]) == 2
    assert capsys.readouterr().err.startswith("usage: togetherpy doctor")


def test_versions(doctor: Doctor) -> None:
    report = doctor("nowhere")
    details = report.checks["versions"]["details"]
    assert set(details) == {"togetherpy", "python", "urllib3", "msgspec", "openssl", "platform"}
    assert all(value in report.said("versions") for value in details.values())
    assert report.whole["togetherpy"] == details["togetherpy"]


def test_a_model_that_answers(doctor: Doctor) -> None:
    with LocalServer() as server:
        report = doctor(server.base_url, "-m", "some/model")
        (asked,) = server.requests
    report.is_well()
    assert (asked.json["model"], asked.json["max_tokens"]) == ("some/model", 1)
    assert "some/model answers" in report.said("answer")


# Configuration


def test_where_each_setting_comes_from(doctor: Doctor) -> None:
    with LocalServer() as server:
        report = doctor(None, TOGETHER_BASE_URL=server.base_url)
    assert report.checks["api_key"]["details"] == {"source": "TOGETHER_API_KEY", "length": len(KEY)}
    assert report.checks["base_url"]["details"] == {"value": server.base_url, "source": "TOGETHER_BASE_URL"}
    settings = report.checks["settings"]["details"]
    assert settings["timeout.total"] == {"value": 600.0, "source": "default"}
    assert settings["max_retries"] == {"value": 2, "source": "default"}


def test_an_argument_goes_before_the_environment(doctor: Doctor) -> None:
    with LocalServer() as server:
        report = doctor(server.base_url, TOGETHER_BASE_URL="https://elsewhere.example")
    assert report.checks["base_url"]["details"]["source"] == "--base-url"
    report.is_well()


@pytest.mark.parametrize("value", [f" {KEY}", f"{KEY}\n", f"\t{KEY}\r\n"])
def test_blanks_around_the_key_are_noted(doctor: Doctor, value: str) -> None:
    with ScriptedServer(GOOD) as server:
        doctor(server.base_url, TOGETHER_API_KEY=value).is_well(noted=["api_key"])
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (f'"{KEY}"', "quotes"),
        (f"'{KEY}", "quotes"),
        (f"{KEY} {KEY}", "blank"),
        (f"{KEY}\n{KEY}", "line end"),
        (f"Bearer {KEY}", "Leave out the word Bearer"),
        (" ", "empty"),
        ("", "empty"),
        (None, "No API key"),
    ],
)
def test_keys_that_can_be_none(doctor: Doctor, value: str | None, word: str) -> None:
    with ScriptedServer(GOOD) as server:
        report = doctor(server.base_url, TOGETHER_API_KEY=value)
        assert not server.requests
    report.fails("api_key", word, "TOGETHER_API_KEY", skipped=["answer"])
    assert report.checks["tcp"]["state"] == "ok"  # whatever the key is


def test_a_key_under_another_name(doctor: Doctor) -> None:
    with ScriptedServer(GOOD) as server:
        report = doctor(server.base_url, TOGETHER_API_KEY=None, TOGETHERAI_API_KEY=KEY)
    report.fails("api_key", "TOGETHERAI_API_KEY is set, but TOGETHER_API_KEY is what the client reads")


def test_a_file_that_nobody_reads(doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text(f"TOGETHER_API_KEY={KEY}\n")
    monkeypatch.chdir(tmp_path)
    doctor("http://127.0.0.1:1", TOGETHER_API_KEY=None).checks["api_key"]["hints"][0].index(".env")


@pytest.mark.parametrize("source", ["--base-url", "TOGETHER_BASE_URL"])
@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("api.together.ai/v1", 'write "https://api.together.ai/v1"'),
        ("htps://api.together.ai", "https://"),
        ("https://", "no usable host name"),
        ("https://host:port", "malformed"),
        (f"https://user:{PASSWORD}@host", "must not hold a user name"),
        ("https://host/v1?x=1", "query"),
    ],
)
def test_urls_that_can_be_none(doctor: Doctor, url: str, word: str, source: str) -> None:
    report = doctor(url) if source == "--base-url" else doctor(TOGETHER_BASE_URL=url)
    report.fails("base_url", word, source, skipped=ALL[3:])


def test_what_a_client_warns_of_is_noted(doctor: Doctor) -> None:
    with ScriptedServer(GOOD) as proxy:
        where = f"http://127.0.0.1:{proxy.port}"
        report = doctor("http://lake.example", HTTP_PROXY=where, TOGETHER_LOG="loud")
    report.is_well(noted=["base_url", "settings"])
    assert "unencrypted" in report.said("base_url")
    assert "TOGETHER_LOG takes debug or info" in report.said("settings")


# Names and addresses


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has every name mean these addresses, or raise."""

    def set_up(*addresses: tuple[str, int], error: Exception | None = None) -> None:
        def resolve(*_: Any, **__: Any) -> Any:
            if error is not None:
                raise error
            return [
                (socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
                for host, port in addresses
            ]

        monkeypatch.setattr("socket.getaddrinfo", resolve)

    return set_up


def test_a_name_that_does_not_resolve(doctor: Doctor, resolves: Callable[..., None]) -> None:
    resolves(error=socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    report = doctor("https://lake.example")
    report.fails("dns", "lake.example", "does not resolve", "--base-url", skipped=["tcp", "tls", "answer"])


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "a..example"])
def test_a_name_that_cannot_be_one(doctor: Doctor, name: str) -> None:
    doctor(f"https://{name}").fails("dns", "does not resolve", "--base-url")


def test_a_look_up_that_hangs(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    resolved = threading.Event()

    def resolve(*_: Any, **__: Any) -> Any:
        assert resolved.wait(LIMIT)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    report = doctor("https://lake.example", "--timeout", "0.2")
    resolved.set()
    report.fails("dns", "name look-up did not finish in time")


def test_refused(doctor: Doctor) -> None:
    with refusing_port() as port:
        report = doctor(f"http://127.0.0.1:{port}")
    report.fails("tcp", f"127.0.0.1:{port}", "refused", "server is running", skipped=["tls", "answer"])


def test_packets_that_are_swallowed(doctor: Doctor) -> None:
    with silent_port() as port:
        report = doctor(f"http://127.0.0.1:{port}", "--timeout", "1")
    report.fails("tcp", f"127.0.0.1:{port}", "did not finish in time", "firewall", "HTTP_PROXY")


def test_some_addresses_are_dead(doctor: Doctor, resolves: Callable[..., None]) -> None:
    with refusing_port() as port, ScriptedServer(GOOD) as server:
        resolves(("127.0.0.1", port), ("127.0.0.1", server.port))
        report = doctor("http://localhost")
    report.is_well(noted=["tcp"])
    assert "1 of 2 addresses do not answer" in report.said("tcp")
    assert [one["error"] is None for one in report.checks["tcp"]["details"]["addresses"]] == [False, True]


def test_the_last_address_is_dead(doctor: Doctor, resolves: Callable[..., None]) -> None:
    with refusing_port() as port, ScriptedServer(GOOD) as server:
        resolves(("127.0.0.1", server.port), ("127.0.0.1", port))
        report = doctor("http://localhost")
    report.is_well(noted=["tcp"])
    assert "the first one does" in report.said("tcp")


def test_all_addresses_are_dead(doctor: Doctor, resolves: Callable[..., None]) -> None:
    with refusing_port() as port, refusing_port() as other:
        resolves(("127.0.0.1", port), ("127.0.0.1", other))
        doctor("http://localhost").fails("tcp", "None of the addresses", f"127.0.0.1:{port}", f"127.0.0.1:{other}")


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")
def test_a_server_with_ipv6_only(doctor: Doctor, resolves: Callable[..., None]) -> None:
    class Server(ScriptedServer):
        host = "::1"

    with pytest.MonkeyPatch.context() as patch:
        create: Any = socket.create_server
        patch.setattr("socket.create_server", lambda *a, **k: create(*a, family=socket.AF_INET6, **k))
        server = Server(GOOD)
    with server:
        report = doctor(f"http://[::1]:{server.port}")
        report.is_well()
        assert report.checks["dns"]["details"]["families"] == ["IPv6"]
        assert report.checks["tcp"]["details"]["addresses"][0]["address"] == f"[::1]:{server.port}"
        resolves(("::1", server.port))
        doctor("http://lake.localhost").is_well()


def test_no_way_into_ipv6(doctor: Doctor, resolves: Callable[..., None]) -> None:
    with refusing_port() as port:  # on the other loopback address nobody listens either
        resolves(("::1", port))
        report = doctor("https://lake.example", "--timeout", "5")
    report.fails("tcp", "IPv6 addresses only", "lake.example")


# TLS


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("unknown authority", ["export SSL_CERT_FILE=", "captive portal", "Unknown Org"]),
        ("self-signed", ["export SSL_CERT_FILE=", "127.0.0.1"]),
        ("expired", ["expired", "This machine's clock says", "must renew it"]),
        ("not yet valid", ["not yet valid", "This machine's clock says", "set it"]),
        ("another name", ["lake.example", "It is not for 127.0.0.1", "captive portal"]),
        ("a portal's", ["portal.example", "captive portal"]),
    ],
)
def test_certificates_that_are_not_accepted(
    doctor: Doctor, authority: trustme.CA, trusted: str, case: str, words: list[str]
) -> None:
    now, stranger = datetime.now(UTC), trustme.CA(organization_name="Unknown Org")
    step = {
        "unknown authority": lambda: under_tls(stranger.issue_cert("127.0.0.1")),
        "self-signed": self_made,
        "expired": lambda: under_tls(authority.issue_cert("127.0.0.1", not_after=now - timedelta(days=1))),
        "not yet valid": lambda: under_tls(authority.issue_cert("127.0.0.1", not_before=now + timedelta(days=1))),
        "another name": lambda: under_tls(authority.issue_cert("lake.example")),
        "a portal's": lambda: under_tls(stranger.issue_cert("portal.example")),
    }[case]()
    with ScriptedServer([step, request], scheme="https") as server:
        report = doctor(server.base_url, SSL_CERT_FILE=trusted)
        assert not server.requests  # neither the key nor anything else was sent
    details = report.fails("tls", "was not accepted", *words, skipped=["answer"])
    assert details["certificate"]["names"]


def self_made(authority: trustme.CA | None = None) -> Step:
    """A certificate with the least in it, signed by itself or by an authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now, name = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC), x509.Name([])
    signer, issuer = key, name
    if authority is not None:
        signer = cast(Any, serialization.load_pem_private_key(authority.private_key_pem.bytes(), None))
        issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes()).subject
    made = x509.CertificateBuilder(issuer, name, key.public_key(), 7, now - timedelta(1), now + timedelta(30))
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = made.add_extension(address, critical=True).sign(signer, hashes.SHA256())
    pem = signed.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with trustme.Blob(pem).tempfile() as path:
        context.load_cert_chain(path)
    return tls(context)


def test_a_certificate_that_the_newest_pythons_alone_refuse(
    doctor: Doctor, authority: trustme.CA, trusted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = ssl.create_default_context

    def strict(**options: Any) -> ssl.SSLContext:
        context = make(**options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr("ssl.create_default_context", strict)
    with ScriptedServer([self_made(authority), request], scheme="https") as server:
        report = doctor(server.base_url, SSL_CERT_FILE=trusted)
    report.fails("tls", "Authority Key Identifier", "VERIFY_X509_STRICT", "is for 127.0.0.1")


def test_a_certificate_that_ends_soon_is_noted(doctor: Doctor, authority: trustme.CA, trusted: str) -> None:
    soon = datetime.now(UTC) + timedelta(days=3)
    step = under_tls(authority.issue_cert("127.0.0.1", not_after=soon))
    with ScriptedServer([step, *GOOD], scheme="https") as server:
        report = doctor(server.base_url, SSL_CERT_FILE=trusted)
    report.is_well(noted=["tls"])
    assert f"until {soon:%Y-%m-%d}" in report.said("tls")


def test_plain_http_on_an_https_port(doctor: Doctor, good_tls: Step) -> None:
    with ScriptedServer([good_tls]) as server:
        doctor(server.base_url).fails("answer", "https://")


def test_https_on_a_plain_http_port(doctor: Doctor) -> None:
    with LocalServer() as server:
        report = doctor(server.base_url.replace("http:", "https:"))
    report.fails("tls", "not TLS", "base_url must begin with http://", skipped=["answer"])


def test_a_handshake_that_is_cut_off(doctor: Doctor) -> None:
    with ScriptedServer([close], scheme="https") as server:
        doctor(server.base_url).fails("tls", "TLS handshake", skipped=["answer"])


def test_a_handshake_that_never_ends(doctor: Doctor) -> None:
    with ScriptedServer([until_gone], scheme="https") as server:
        doctor(server.base_url, "--timeout", "1").fails("tls", "TLS handshake did not finish in time")


# Where the certificates come from


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_file_of_certificates_that_is_none(doctor: Doctor, variable: str, good_tls: Step) -> None:
    with ScriptedServer([good_tls, *GOOD], scheme="https") as server:
        report = doctor(server.base_url, **{variable: "/no/such.pem"})
    report.fails("certificates", variable, "/no/such.pem", "does not exist", skipped=["tls", "answer"])


def test_a_bundle_of_the_environment(doctor: Doctor, good_tls: Step, trusted: str) -> None:
    with ScriptedServer([good_tls, *GOOD], scheme="https") as server:
        report = doctor(server.base_url, REQUESTS_CA_BUNDLE=trusted)
    report.is_well()
    assert report.checks["certificates"]["details"]["source"] == f"{trusted} (REQUESTS_CA_BUNDLE)"


def test_no_authorities_at_all(doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "certifi", None)
    report = doctor("https://127.0.0.1:1", SSL_CERT_FILE="", SSL_CERT_DIR=str(tmp_path))
    assert report.checks["certificates"]["state"] == "failed"
    assert "ca-certificates" in report.said("certificates")


# Proxies


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (407, ["407", "name:password@host", "Basic"]),
        (403, ["403", "must allow that host"]),
        (404, ["404", "probably no proxy"]),
        (502, ["502", "itself cannot reach"]),
    ],
)
def test_a_proxy_that_refuses(doctor: Doctor, status: int, words: list[str]) -> None:
    with ScriptedServer([request, send(answer(b"no", status, "text/html"))]) as proxy:
        where = f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}"
        report = doctor("https://lake.example", HTTPS_PROXY=where)
        assert {one.method for one in proxy.requests} == {"CONNECT"}
    report.fails("tunnel", *words, "HTTPS_PROXY", "NO_PROXY=lake.example", skipped=["tls", "answer"])
    assert report.checks["proxy"]["details"]["url"] == f"http://127.0.0.1:{proxy.port}"
    assert report.checks["proxy"]["details"]["login"]


@pytest.mark.parametrize("words", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x01", b""])
def test_what_is_no_proxy(doctor: Doctor, words: bytes) -> None:
    with ScriptedServer([request, send(words), close]) as proxy:
        report = doctor("https://lake.example", HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}")
    report.fails("tunnel", "no proper answer to CONNECT", "HTTPS_PROXY", "check host and port")


def test_a_proxy_that_says_nothing(doctor: Doctor) -> None:
    with ScriptedServer([request, until_gone]) as proxy:
        report = doctor("https://lake.example", "--timeout", "1", HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}")
    report.fails("tunnel", "proxy CONNECT did not finish in time")


def test_a_proxy_that_is_not_there(doctor: Doctor) -> None:
    with refusing_port() as port:
        report = doctor("https://lake.example", ALL_PROXY=f"http://127.0.0.1:{port}")
    report.fails("tcp", f"127.0.0.1:{port}", "proxy", "ALL_PROXY", skipped=["tunnel", "tls", "answer"])


def test_a_proxy_whose_name_does_not_resolve(doctor: Doctor, resolves: Callable[..., None]) -> None:
    resolves(error=socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    report = doctor("https://lake.example", HTTPS_PROXY="http://proxy.example:3128")
    report.fails("dns", "proxy.example:3128", "HTTPS_PROXY")


def test_a_proxy_whose_url_is_none(doctor: Doctor) -> None:
    report = doctor("https://lake.example", HTTPS_PROXY=f"ftp://user:{PASSWORD}@proxy.example")
    skipped = ["certificates", "dns", "tcp", "tunnel", "tls", "answer"]
    report.fails("proxy", "HTTPS_PROXY", "http://", skipped=skipped)


@pytest.mark.parametrize("status", [407, 403, 503])
def test_a_proxy_that_forwards_and_refuses(doctor: Doctor, status: int) -> None:
    with ScriptedServer([request, send(answer(b"no", status, "text/html"))]) as proxy:
        report = doctor("http://lake.localhost", HTTP_PROXY=f"http://127.0.0.1:{proxy.port}")
    report.fails("answer", str(status), f"the proxy 127.0.0.1:{proxy.port}", "HTTP_PROXY")
    assert "forwards" in report.said("tunnel")


def test_through_a_proxy(doctor: Doctor, good_tls: Step, trusted: str) -> None:
    connected = [request, send(b"HTTP/1.1 200 Connected\r\n\r\n")]
    with ScriptedServer([*connected, good_tls, *GOOD]) as proxy:
        where = f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}"
        report = doctor("https://localhost", https_proxy=where, NO_PROXY="b.example", SSL_CERT_FILE=trusted)
    report.is_well()
    assert [*report.checks] == [*ALL[:8], "tunnel", *ALL[8:]]
    parts = ["client", "dns", "tcp", "proxy", "tls", "first_byte", "rest", "total"]
    assert list(report.checks["answer"]["details"]["seconds"]) == parts
    assert report.checks["proxy"]["details"]["source"] == "https_proxy"
    assert "NO_PROXY does not name localhost" in report.said("proxy")


def test_a_proxy_under_tls(doctor: Doctor, good_tls: Step, trusted: str) -> None:
    connected = [request, send(b"HTTP/1.1 200 Connected\r\n\r\n")]
    with ScriptedServer([good_tls, *connected]) as proxy:
        where = f"https://127.0.0.1:{proxy.port}"
        report = doctor("https://localhost", HTTPS_PROXY=where)
        report.fails("tunnel", "certificate of the proxy", "HTTPS_PROXY", "SSL_CERT_FILE")
        assert not proxy.requests  # the login goes to nobody who is not known
        report = doctor("http://lake.localhost", "--timeout", "5", HTTP_PROXY=where, SSL_CERT_FILE=trusted)
        assert "forwards" in report.said("tunnel")


def test_a_socks_proxy_that_is_none(doctor: Doctor) -> None:
    with ScriptedServer([send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), close]) as proxy:
        report = doctor("https://lake.example", ALL_PROXY=f"socks5h://127.0.0.1:{proxy.port}")
    report.fails("tunnel", "proxy", "ALL_PROXY")


def test_a_socks_proxy_without_what_it_needs(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "urllib3.contrib.socks", None)
    monkeypatch.delattr("urllib3.contrib.socks", raising=False)  # another test may have imported it
    with ScriptedServer([until_gone]) as proxy:
        report = doctor("https://lake.example", ALL_PROXY=f"socks5://127.0.0.1:{proxy.port}")
    report.fails("tunnel", "togetherpy[socks]", skipped=["tls", "answer"])


@pytest.mark.parametrize(("scheme", "other"), [("http", "https"), ("https", "http")])
def test_a_proxy_of_the_other_scheme(doctor: Doctor, scheme: str, other: str, good_tls: Step, trusted: str) -> None:
    with ScriptedServer([good_tls, request] if other == "https" else [request]) as proxy:
        where = f"{scheme}://127.0.0.1:{proxy.port}"
        report = doctor("https://lake.example", "--timeout", "2", HTTPS_PROXY=where, SSL_CERT_FILE=trusted)
    report.fails("tunnel", f"its URL must begin with {other}://")


def test_no_proxy_that_names_the_server(doctor: Doctor) -> None:
    with LocalServer() as server:
        report = doctor(
            server.base_url, HTTP_PROXY=f"http://a:{PASSWORD}@127.0.0.1:1", no_proxy="b.example, 127.0.0.0/8"
        )
    report.is_well()
    assert "no_proxy='b.example, 127.0.0.0/8' excepts 127.0.0.1 from HTTP_PROXY" in report.said("proxy")
    assert report.checks["proxy"]["details"]["excepted"]


def test_variables_that_are_no_text(doctor: Doctor) -> None:
    with LocalServer() as server:
        report = doctor(server.base_url, HTTP_PROXY="http://h", NO_PROXY="127.0.0.1,\udcff")
    report.is_well()
    assert "excepts 127.0.0.1" in report.said("proxy")


def test_a_proxy_for_the_other_scheme(doctor: Doctor) -> None:
    with LocalServer() as server:
        report = doctor(server.base_url, HTTPS_PROXY="http://127.0.0.1:1")
    report.is_well()
    assert "HTTPS_PROXY is set, which counts for https:// only" in report.said("proxy")


# Answers


@pytest.mark.parametrize(
    ("status", "fields", "words"),
    [
        (401, {}, ["401", "the server's reason", "does not know the key in TOGETHER_API_KEY"]),
        (402, {}, ["402", "credit"]),
        (403, {}, ["403", "may not do this"]),
        (429, {"retry_after": 7}, ["429", "Key and connection are good", "wait 7 s"]),
        (500, {}, ["500", "is in trouble"]),
        (503, {}, ["503", "try again later"]),
        (400, {}, ["400", "the server's reason"]),
    ],
)
def test_statuses(doctor: Doctor, status: int, fields: dict[str, Any], words: list[str]) -> None:
    said = {"error": {"message": f"the server's reason, {KEY}"}}
    with ScriptedServer([request, send(answer(said, status, x_request_id="r-7", **fields))]) as server:
        report = doctor(server.base_url)
        assert len(server.requests) == 1  # tried once
    details = report.fails("answer", *words)
    assert (details["status"], details["request_id"]) == (status, "r-7")


@pytest.mark.parametrize(
    "portal",
    [
        answer(b"", 302, "text/html", location="http://portal.example/login?from=x"),
        answer(b"<!DOCTYPE html><html><body>Welcome to the hotel</body></html>", 200, "text/html"),
        answer(b"<html><body>Sign in</body></html>", 200, None),
        answer(b"<html><body>Network authentication</body></html>", 511, "text/html"),
    ],
)
def test_a_captive_portal(doctor: Doctor, portal: bytes) -> None:
    with ScriptedServer([request, send(portal)]) as server:
        doctor(server.base_url).fails("answer", "captive portal")


@pytest.mark.parametrize("location", ["https://127.0.0.1/v1/models", "/v2/models", ""])
def test_a_server_that_leads_elsewhere_on_itself(doctor: Doctor, location: str) -> None:
    with ScriptedServer([request, send(answer(b"", 308, None, location=location))]) as server:
        report = doctor(server.base_url)
    report.fails("answer", "308", f"--base-url has {server.base_url}")
    assert "captive" not in report.said("answer")


def test_json_of_another_kind_of_server(doctor: Doctor) -> None:
    with ScriptedServer([request, send(answer(b"it works", 200, "text/plain"))]) as server:
        report = doctor(server.base_url)
    assert "captive" not in report.fails("answer", "--base-url").__repr__()


@pytest.mark.parametrize("path", ["/api", "/v1/chat/completions", "/v2"])
def test_a_url_without_its_v1(doctor: Doctor, path: str) -> None:
    with LocalServer() as server:
        start = server.base_url.removesuffix("/v1")
        report = doctor(start + path)
    report.fails("answer", "404", f"base_url should be {start}/v1 (--base-url)")


def test_nothing_is_found(doctor: Doctor) -> None:
    with ScriptedServer([request, send(answer(b"no", 404, "text/plain"))]) as server:
        report = doctor(server.base_url)
    report.fails("answer", "404", "usually ends with /v1")


def test_a_model_that_there_is_not(doctor: Doctor) -> None:
    with LocalServer(models=["meta/llama-3-70b", "openai/gpt-oss-20b"]) as server:
        report = doctor(server.base_url, "-m", "meta/lama-3-70b")
    report.fails("answer", "none is called meta/lama-3-70b", "did you mean meta/llama-3-70b?")


@pytest.mark.parametrize("listed", [answer(MODELS), answer({"error": "no list"}, 404)])
def test_a_model_that_is_refused_for_another_reason(doctor: Doctor, listed: bytes) -> None:
    refused = answer({"error": {"message": "the model is asleep"}}, 400)
    with ScriptedServer([request, send(refused), request, send(listed)]) as server:
        report = doctor(server.base_url, "-m", MODELS[0]["id"])
    report.fails("answer", "the model is asleep")
    assert "none is called" not in report.said("answer")


def test_an_answer_that_does_not_come(doctor: Doctor) -> None:
    with ScriptedServer([request, until_gone]) as server:
        doctor(server.base_url, "--timeout", "1").fails("answer", "No answer came", "Connecting works")


def test_a_connection_that_is_lost(doctor: Doctor) -> None:
    with ScriptedServer([request, close]) as server:
        doctor(server.base_url).fails("answer", "was lost")


@pytest.mark.parametrize(("off", "where"), [(-3600, "ahead of"), (3600, "behind")])
@pytest.mark.parametrize("status", [200, 401])
def test_a_clock_that_is_wrong(doctor: Doctor, off: int, where: str, status: int) -> None:
    sent = answer(MODELS, status, date=formatdate(time.time() + off, usegmt=True))
    with ScriptedServer([request, send(sent)]) as server:
        report = doctor(server.base_url)
    assert f"s {where} the server's" in report.said("answer")
    assert abs(report.checks["answer"]["details"]["clock_ahead"] + off) < 60
    if status == 200:
        report.is_well(noted=["answer"])


@pytest.mark.parametrize("date", ["now", "Mon, 99 Foo 2026"])
def test_a_date_that_is_none(doctor: Doctor, date: str) -> None:
    with ScriptedServer([request, send(answer(MODELS, date=date))]) as server:
        doctor(server.base_url).is_well()


def test_control_characters_of_a_server_do_not_reach_a_line(doctor: Doctor) -> None:
    with ScriptedServer([request, send(answer({"error": {"message": "a\x1b[2J\nb"}}, 400))]) as server:
        report = doctor(server.base_url)
    assert "\n" not in report.checks["answer"]["summary"]
