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


def explain_connecting(error: BaseException, stage: str, server: str, proxy: str | None) -> Fault:
    """The fault of an attempt that never got a connection. `server`, `proxy`: host and port."""
    where = f"{server} (by way of the proxy {proxy})" if proxy else server
    # A name that cannot even be asked for ("a..b", a label of 64 letters) is a UnicodeError.
    if isinstance(error, (socket.gaierror, UnicodeError)):
        reason = error.strerror if isinstance(error, socket.gaierror) else "no possible name"
        advice = "Check the proxy's name" if proxy else "Check base_url"
        return Fault("dns", "connecting", f"The name of {proxy or server} does not resolve ({reason}). {advice}.")
    if isinstance(error, TimeoutError):
        return Fault(
            "timeout",
            "connecting",
            f"Connecting to {where} took too long: the {stage} did not finish in time. "
            "Check the address and the network, or give more time with Timeout(connect=...).",
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return Fault(
            "tls",
            "connecting",
            f"The certificate of {where} was not accepted: {error.verify_message}. If it is right, name its authority "
            "in SSL_CERT_FILE or pass ssl_context=...",
            final=True,
        )
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return Fault(
            "tls",
            "connecting",
            f"The TLS handshake with {where} failed: {error.reason or 'no reason given'}. "
            "Check that base_url begins with the scheme that the server speaks, or pass ssl_context=...",
            final=True,
        )
    tunnel = re.match(r"Tunnel connection failed: ([0-9]{3})", str(error))
    if tunnel is not None:
        hint = " Check the user name and password in the proxy's URL." if tunnel[1] == "407" else ""
        return Fault(
            "proxy",
            "connecting",
            f"The proxy {proxy} refused to connect to {server}: it answered CONNECT with {tunnel[1]}.{hint}",
            final=tunnel[1].startswith("4"),
        )
    if stage == "TLS handshake":
        return Fault("reset", "connecting", f"{where} ended the connection during the TLS handshake.")
    if stage == "proxy CONNECT":
        return Fault("proxy", "connecting", f"The proxy {proxy} gave no proper answer to CONNECT {server}.")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    advice = "Check the proxy" if proxy else "Check base_url and that the server is running"
    return Fault("refused", "connecting", f"Cannot connect to {where}: {reason}. {advice}.")


def explain_no_slot(server: str, connections: int) -> Fault:
    """The fault of a call that waited for a connection until its time was over (fault E12)."""
    return Fault(
        "timeout",
        "connecting",
        f"None of the {connections} connections to {server} came free in time. "
        "Raise max_connections or Timeout(queue=...), or close streams that are not read to their end.",
        final=True,
    )


def explain_exchange(error: Exception, phase: Phase, server: str, *, reused: bool, received: bool) -> Fault:
    """The fault of an attempt that had a connection."""
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
        message = f"{server} was spoken to in plain HTTP, but it speaks TLS. base_url must begin with https://."
        return Fault("tls", "connecting", message, final=True)
    if isinstance(error, ProtocolError) and not isinstance(error, LostError):
        message = f"The answer of {server} is not proper HTTP: {error}."
        return Fault("protocol", phase, message, reused, received)
    when = "in the middle of its answer" if received else "before it answered"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else ""
    message = f"The connection to {server} was lost {when}" + (f" ({reason})." if reason else ".")
    return Fault("reset", phase, message, reused, received)
