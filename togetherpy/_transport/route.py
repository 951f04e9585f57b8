"""What every transport takes from the machine it runs on: certificate authorities, socket options.

In: the environment. Out: the SSL context, a socket that is set up, the parts of a request that belong to the way.
The rule: standard library only, looked at with the first request, never at import or construction.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module

from togetherpy._core import fork
from togetherpy._core.config import Origin
from togetherpy._core.wire import FaultKind

DRAIN_SECONDS = 0.05
"""How long the end of a stream's body may take to come after the stream's own end (fault B12)."""


_HASHED = r"[0-9a-f]{8}\.[0-9]+"


class SetupError(ValueError):
    """What the machine or its environment says cannot be used; the message says what to change."""

    kind: FaultKind = "tls"


def request_parts(origin: Origin, forwarder: Mapping[str, str] | None) -> tuple[str, str]:
    """What stands before the path in a request line, and the header fields that belong to the way.

    `forwarder`: the fields for a proxy that forwards, which wants the whole URL; None where there is no such proxy.
    """
    fields = {"Host": origin.authority, **(forwarder or {})}
    prefix = "" if forwarder is None else f"http://{origin.authority}"
    return prefix, "".join(f"{name}: {value}\r\n" for name, value in fields.items())


def set_options(sock: socket.socket) -> None:
    """No delay for small packets; keepalive, so that a NAT on the way does not forget a long generation (A7)."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # TCP_KEEPIDLE is Linux's and Windows' name for what macOS calls TCP_KEEPALIVE.
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPALIVE", 60), ("TCP_KEEPINTVL", 60), ("TCP_KEEPCNT", 5)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


_default_context: tuple[object, ssl.SSLContext, str] | None = None
"""With what it was made from, and where its authorities come from, for people."""
_default_context_lock = fork.Lock()


def default_ssl_context(*, trust_env: bool) -> ssl.SSLContext:
    """The one context of this process for clients that bring none.

    It trusts the authorities in the file that the environment names (SSL_CERT_FILE; with `trust_env`, else
    REQUESTS_CA_BUNDLE, else CURL_CA_BUNDLE), else the system's, else those of certifi if it is installed. Loading them
    takes some 20 ms and a megabyte, so it happens once.

    Raises:
        SetupError: the file does not exist, or holds no certificate; it is named.
    """
    return authorities(trust_env=trust_env)[0]


def authorities(*, trust_env: bool) -> tuple[ssl.SSLContext, str]:
    """`default_ssl_context`, and where its authorities come from, in words."""
    global _default_context
    variables = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if trust_env else ("SSL_CERT_FILE",)
    variable = next((name for name in variables if os.environ.get(name, "").strip()), None)
    origin = (variable, variable and os.environ[variable], os.environ.get("SSL_CERT_DIR"))
    with _default_context_lock:
        if _default_context is None or _default_context[0] != origin:
            _default_context = origin, *(_system_context() if variable is None else _context_from(variable))
        return _default_context[1:]


def _context_from(variable: str) -> tuple[ssl.SSLContext, str]:
    path = os.environ[variable].strip()
    source = f"{path} ({variable})"
    try:
        if os.path.isdir(path):
            if not _holds_certificates(path):
                raise IsADirectoryError
            return ssl.create_default_context(capath=path), source
        # SSL_CERT_FILE takes the place of the system's file alone, not of its folder.
        folder = ssl.get_default_verify_paths().capath if variable == "SSL_CERT_FILE" else None
        return ssl.create_default_context(cafile=path, capath=folder), source
    except IsADirectoryError:
        problem = "a folder without certificates under the names that `openssl rehash` gives them"
    except FileNotFoundError:
        problem = "which does not exist"
    except ssl.SSLError:
        problem = "which holds no certificate in the PEM format"
    except (OSError, ValueError) as error:
        problem = f"which cannot be read ({error.strerror if isinstance(error, OSError) else error})"
    raise SetupError(f"{variable} names {path!r}, {problem}. Name a file of certificate authorities, or unset it")


def _holds_certificates(folder: str) -> bool:
    """Whether any can be found there: by names that are hashes, when a certificate is to be checked."""
    return any(re.fullmatch(_HASHED, name) for name in os.listdir(folder))


def _system_context() -> tuple[ssl.SSLContext, str]:
    context, paths = ssl.create_default_context(), ssl.get_default_verify_paths()
    if context.cert_store_stats()["x509"] or (paths.capath and _holds_certificates(paths.capath)):
        return context, f"the system's ({', '.join(filter(None, (paths.cafile, paths.capath))) or 'its own store'})"
    with suppress(ImportError):
        path: str = import_module("certifi").where()
        context.load_verify_locations(path)
        return context, f"{path} (certifi, for the system has none)"
    return context, ""
