"""What comes from the machine: certificate authorities, socket options, clocks."""

import socket
import ssl
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import trustme

from togetherpy._core.config import parse_base_url
from togetherpy._transport import route
from togetherpy._transport.route import SetupError, default_ssl_context, request_parts, set_options


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "_default_context", None)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Files with one authority each, and a folder without any."""
    found = {}
    for name in ("one", "two", "three"):
        found[name] = str(tmp_path / f"{name}.pem")
        trustme.CA(organization_name=name).cert_pem.write_to_path(found[name])
    (tmp_path / "empty").mkdir()
    return {**found, "empty": str(tmp_path / "empty"), "folder": str(tmp_path)}


def trusted(context: ssl.SSLContext) -> set[str]:
    """The names in the authorities' certificates, of those that the tests made."""
    names = {value for one in context.get_ca_certs() for ((key, value), *_) in one["subject"] if key != "x"}
    return names & {"one", "two", "three"}


def authorities(trust_env: bool = True) -> set[str]:
    return trusted(default_ssl_context(trust_env=trust_env))


def test_the_context_is_made_once_and_verifies() -> None:
    context = default_ssl_context(trust_env=True)
    assert default_ssl_context(trust_env=True) is context
    assert default_ssl_context(trust_env=False) is context
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED


def test_which_variable_counts(monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    monkeypatch.setenv("CURL_CA_BUNDLE", files["three"])
    assert authorities() == {"three"}
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", files["two"])
    assert authorities() == {"two"}
    assert authorities(trust_env=False) == set()
    monkeypatch.setenv("SSL_CERT_FILE", files["one"])
    assert authorities() == {"one"}
    assert authorities(trust_env=False) == {"one"}  # OpenSSL's own, whoever asks
    monkeypatch.setenv("SSL_CERT_FILE", " ")
    assert authorities() == {"two"}


def test_a_bundle_takes_the_place_of_the_systems(monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", files["two"])
    assert default_ssl_context(trust_env=True).cert_store_stats()["x509"] == 1


def test_a_folder_is_a_bundle_too(monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    Path(files["folder"], "0a1b2c3d.0").write_bytes(Path(files["one"]).read_bytes())  # looked for by such names
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", files["folder"])
    assert default_ssl_context(trust_env=True).verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("none.pem", None, "does not exist"),
        ("empty.pem", b"", "holds no certificate"),
        ("words.pem", b"words", "holds no certificate"),
        ("half.pem", b"-----BEGIN CERTIFICATE-----\nMIIB", "holds no certificate"),
        ("x" * 300, None, "cannot be read"),
        ("", None, "a folder without certificates"),
    ],
)
def test_file_that_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, name: str, content: bytes | None, problem: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv(variable, str(path))
    for _ in range(2):
        with pytest.raises(SetupError) as raised:
            default_ssl_context(trust_env=True)
        for part in (variable, str(path), problem):
            assert part in str(raised.value)
    path = tmp_path / "later.pem"
    trustme.CA(organization_name="one").cert_pem.write_to_path(str(path))
    monkeypatch.setenv(variable, str(path))
    assert authorities() == {"one"}


def test_certifi_is_for_systems_without_authorities(monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    monkeypatch.setitem(sys.modules, "certifi", SimpleNamespace(where=lambda: files["two"]))
    assert authorities() == set()
    monkeypatch.setenv("SSL_CERT_FILE", "")  # what OpenSSL takes for a file that does not exist
    monkeypatch.setenv("SSL_CERT_DIR", files["empty"])
    assert authorities() == {"two"}
    monkeypatch.setitem(sys.modules, "certifi", None)
    monkeypatch.setattr(route, "_default_context", None)
    assert default_ssl_context(trust_env=True).cert_store_stats()["x509"] == 0
    (Path(files["empty"]) / "0a1b2c3d.0").write_text("looked at when it is needed")
    monkeypatch.setitem(sys.modules, "certifi", SimpleNamespace(where=lambda: files["two"]))
    monkeypatch.setattr(route, "_default_context", None)
    assert authorities() == set()


def test_request_parts() -> None:
    origin = parse_base_url("http://server.example:8080")
    assert request_parts(origin, None) == ("", "Host: server.example:8080\r\n")
    prefix, fields = request_parts(origin, {"Proxy-Authorization": "Basic x"})
    assert prefix == "http://server.example:8080"
    assert fields == "Host: server.example:8080\r\nProxy-Authorization: Basic x\r\n"


def test_options() -> None:
    with socket.socket() as sock:
        set_options(sock)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
