"""What a layer below raised -> a Fault that says what happened, to which host, and what to do.

In: an exception and how far the attempt had got. Out: a Fault.
The rule: the one place that knows the exceptions of sockets and ssl; their texts are never passed on
where they could hold a header (http.client shows them) or a proxy's password.
"""

from __future__ import annotations

import re
import socket
import ssl

from togetherpy._core.wire import Fault, Phase
from togetherpy._transport.answer import TooLargeError
from togetherpy._transport.http1 import LostError, ProtocolError, SchemeError
from togetherpy._transport.inflate import EncodingError

CLOSED = "The client was closed while the call was running."
USED_AFTER_CLOSE = "The client is closed. Make a new one, or close it later."
_NOT_TLS = {
    "WRONG_VERSION_NUMBER",
    "RECORD_LAYER_FAILURE",
    "PACKET_LENGTH_TOO_LONG",
    "UNKNOWN_PROTOCOL",
    "HTTP_REQUEST",
}
"""What OpenSSL's versions say of bytes that are no record of TLS."""


def explain_connecting(error: BaseException, stage: str, server: str, proxy: str | None) -> Fault:
    """The fault of an attempt that never got a connection. `server`, `proxy`: host and port."""
    where = f"{server} (by way of the proxy {proxy})" if proxy else server
    # A name that cannot even be asked for ("a..b", a label of 64 letters) is a UnicodeError.
    if isinstance(error, (socket.gaierror, UnicodeError)):
        reason = error.strerror if isinstance(error, socket.gaierror) else "no possible name"
        advice = "Check the proxy's name" if proxy else "Check base_url"
        return Fault("dns", "connecting", f"The name of {proxy or server} does not resolve ({reason}). {advice}.")
    if isinstance(error, TimeoutError):
        advice = f" {_plain_hint(stage, proxy)}" if "TLS" in stage else ""
        return Fault(
            "timeout",
            "connecting",
            f"Connecting to {where} took too long: the {stage} did not finish in time. "
            f"Check the address and the network, or give more time with Timeout(connect=...).{advice}",
        )
    if "TLS" in stage:
        party = f"the proxy {proxy}" if stage == "TLS handshake with the proxy" else where
        return _explain_handshake(error, party, _plain_hint(stage, proxy))
    status = proxy_status(error)
    if status is not None:
        hint = " Check the user name and password in the proxy's URL." if status == 407 else ""
        return Fault(
            "proxy",
            "connecting",
            f"The proxy {proxy} refused to connect to {server}: it answered CONNECT with {status}.{hint}",
            final=400 <= status < 500,
        )
    if stage == "proxy CONNECT":
        message = f"The proxy {proxy} gave no proper answer to CONNECT {server}."
        return Fault("proxy", "connecting", f"{message} If it speaks TLS, its URL must begin with https://.")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    advice = "Check the proxy" if proxy else "Check base_url and that the server is running"
    return Fault("refused", "connecting", f"Cannot connect to {where}: {reason}. {advice}.")


def proxy_status(error: BaseException | None) -> int | None:
    """The status with which a proxy refused a CONNECT; None if that is not what happened."""
    tunnel = re.match(r"Tunnel connection failed: ([0-9]{3})", str(error))
    return int(tunnel[1]) if tunnel is not None else None


def _plain_hint(stage: str, proxy: str | None) -> str:
    """What to do if the other side speaks no TLS."""
    if stage == "TLS handshake with the proxy":
        return f"If the proxy {proxy} speaks plain HTTP, its URL must begin with http://."
    return "If that is a port for plain HTTP, base_url must begin with http://."


def _explain_handshake(error: BaseException, party: str, hint: str) -> Fault:
    """The fault of a connection that never got its TLS. `party`: with whom."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Fault(
            "tls",
            "connecting",
            f"The certificate of {party} was not accepted: {error.verify_message}. If it is right, name its authority "
            "in SSL_CERT_FILE or pass ssl_context=...",
            final=True,
        )
    # Which of the two says that the connection ended is Python's version's choice.
    if not isinstance(error, ssl.SSLError) or isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        message = f"The connection to {party} ended during the TLS handshake."
        return Fault("reset", "connecting", f"{message} {hint}")
    message = f"The TLS handshake with {party} failed: {error.reason or 'no reason given'}."
    if error.reason in _NOT_TLS:
        message = f"The TLS handshake with {party} failed, for what it answers is not TLS."
    else:
        hint = "Pass ssl_context=... if it needs a certificate of yours, or other versions or ciphers than the usual."
    return Fault("tls", "connecting", f"{message} {hint}", final=True)


def explain_no_slot(server: str, connections: int) -> Fault:
    """The fault of a call that waited for a connection until its time was over (fault E12)."""
    return Fault(
        "timeout",
        "connecting",
        f"None of the {connections} connections to {server} came free in time. "
        "Raise max_connections or Timeout(queue=...), or close streams that are not read to their end.",
        final=True,
    )


def explain_exchange(
    error: Exception, phase: Phase, server: str, *, reused: bool, received: bool, hint: str = ""
) -> Fault:
    """The fault of an attempt that had a connection. `hint`: what to do if that should have been under TLS."""
    if isinstance(error, TimeoutError):
        what = "The answer did not come whole" if received else "No answer came"
        message = f"{what} from {server} in time. Raise timeout=... if the model needs longer."
        return Fault("timeout", phase, message, reused, received)
    if isinstance(error, TooLargeError):
        message = f"The answer of {server} is larger than max_response_bytes allows."
        return Fault("too_large", phase, message, reused, received, final=True)
    if isinstance(error, EncodingError):
        return Fault("encoding", phase, f"The answer of {server} cannot be used: {error}.", reused, received)
    if isinstance(error, SchemeError):
        return Fault("tls", "connecting", f"The answer of {server} is not HTTP but TLS. {hint}", final=True)
    if isinstance(error, ProtocolError) and not isinstance(error, LostError):
        message = f"The answer of {server} is not proper HTTP: {error}."
        return Fault("protocol", phase, message, reused, received)
    when = "in the middle of its answer" if received else "before it answered"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else ""
    message = f"The connection to {server} was lost {when}" + (f" ({reason})." if reason else ".")
    if hint and not (received or reused):
        message = f"{message} {hint}"
    return Fault("reset", phase, message, reused, received)
