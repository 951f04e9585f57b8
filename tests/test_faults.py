"""What a layer below raised, and what the fault says of it."""

import socket
import ssl

import pytest

from togetherpy._transport.faults import explain_connecting, explain_exchange
from togetherpy._transport.http1 import LostError, SchemeError

STAGES = ["name look-up", "connection", "TLS handshake with the proxy", "proxy CONNECT", "TLS handshake"]
SERVER, PROXY = "server.example:1", "proxy.example:2"


def tls_error(kind: type[ssl.SSLError] = ssl.SSLError, reason: str | None = None) -> ssl.SSLError:
    error = kind(1, "words")
    error.reason = reason  # type: ignore[assignment]
    if isinstance(error, ssl.SSLCertVerificationError):
        error.verify_message = "certificate has expired"
    return error


ENDED = [
    tls_error(ssl.SSLEOFError, "UNEXPECTED_EOF_WHILE_READING"),
    tls_error(ssl.SSLZeroReturnError),  # Python 3.11.2
    ConnectionResetError(104, "reset"),
    BrokenPipeError(32, "pipe"),
    OSError(0, "Error"),
]


@pytest.mark.fault("A5")
@pytest.mark.parametrize("error", ENDED, ids=repr)
@pytest.mark.parametrize("stage", ["TLS handshake with the proxy", "TLS handshake"])
def test_connection_that_ends_in_the_handshake_is_tried_again(error: Exception, stage: str) -> None:
    fault = explain_connecting(error, stage, SERVER, PROXY)
    assert (fault.kind, fault.phase, fault.final) == ("reset", "connecting", False)
    assert "handshake" in fault.message
    assert PROXY in fault.message


@pytest.mark.fault("A5")
@pytest.mark.parametrize("reason", ["WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"])
@pytest.mark.parametrize(
    ("stage", "advice"),
    [
        ("TLS handshake with the proxy", f"the proxy {PROXY} speaks plain HTTP, its URL must begin with http://"),
        ("TLS handshake", "base_url must begin with http://"),
    ],
)
def test_other_side_that_speaks_no_tls(reason: str, stage: str, advice: str) -> None:
    fault = explain_connecting(tls_error(reason=reason), stage, SERVER, PROXY)
    assert (fault.kind, fault.phase, fault.final) == ("tls", "connecting", True)
    assert advice in fault.message
    assert advice in explain_connecting(TimeoutError(), stage, SERVER, PROXY).message


def test_other_failures_of_the_handshake() -> None:
    fault = explain_connecting(tls_error(reason="SSLV3_ALERT_HANDSHAKE_FAILURE"), "TLS handshake", SERVER, None)
    assert (fault.kind, fault.final) == ("tls", True)
    assert "SSLV3_ALERT_HANDSHAKE_FAILURE" in fault.message
    assert "http://" not in fault.message


@pytest.mark.parametrize(
    ("stage", "proxy"), [(stage, proxy) for stage in STAGES for proxy in (None, PROXY) if proxy or "proxy" not in stage]
)
@pytest.mark.parametrize(
    "error",
    [
        *ENDED,
        TimeoutError(),
        socket.gaierror(-2, "unknown"),
        UnicodeError("label too long"),
        tls_error(reason="WRONG_VERSION_NUMBER"),
        tls_error(ssl.SSLCertVerificationError),
        OSError("Tunnel connection failed: 407 Proxy"),
        ValueError("Authorization: secret"),
    ],
    ids=repr,
)
def test_every_fault_says_where_and_what(error: Exception, stage: str, proxy: str | None) -> None:
    fault = explain_connecting(error, stage, SERVER, proxy)
    assert fault.phase == "connecting"
    assert SERVER in fault.message or (proxy is not None and proxy in fault.message)
    assert fault.message.endswith(".")
    assert ".." not in fault.message.replace("...", "")
    assert "secret" not in fault.message


HINT = "If it speaks TLS, say https."


@pytest.mark.parametrize(
    ("error", "reused", "received", "hinted"),
    [
        (LostError("closed"), False, False, True),
        (ConnectionResetError(104, "reset"), False, False, True),
        (LostError("closed"), True, False, False),
        (LostError("closed"), False, True, False),
        (TimeoutError(), False, False, False),
        (SchemeError("TLS"), False, True, True),
    ],
)
def test_plain_http_where_tls_is_spoken(error: Exception, reused: bool, received: bool, hinted: bool) -> None:
    fault = explain_exchange(error, "sent", SERVER, reused=reused, received=received, hint=HINT)
    assert (HINT in fault.message) == hinted
    assert fault.final == isinstance(error, SchemeError)
