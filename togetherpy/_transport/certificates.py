"""What a connection under TLS agreed on, and what the other side's certificate says.

In: an open connection; or a way to open one whose certificate was not accepted. Out: values for people.
The rule: a certificate that is not accepted is looked at over connections on which nothing is asked, so whoever shows
it does not learn the key.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import msgspec

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, for which `ssl` has no name."""


class Certificate(msgspec.Struct, frozen=True):
    """What the other side shows of itself."""

    names: tuple[str, ...]
    """Hosts and addresses that it is for, in its order."""
    subject: str
    issuer: str
    """Who signed it: organization and name; empty where it says neither."""
    not_before: float
    """In seconds since 1970, as `not_after`."""
    not_after: float


class Secured(msgspec.Struct, frozen=True):
    """What the two sides agreed on."""

    version: str
    """"TLSv1.3" ..."""
    cipher: str
    certificate: Certificate | None
    """None where the context does not check it."""


def secured(sock: Any) -> Secured | None:
    """Of an open connection's socket; None without TLS."""
    tls: Any = getattr(sock, "tls", sock)  # of the inner one of two
    if not hasattr(tls, "getpeercert"):
        return None
    cipher = tls.cipher()
    return Secured(tls.version() or "", cipher[0] if cipher else "", _certificate(tls.getpeercert()))


def look_at_refused(peer_certificate: Callable[[ssl.SSLContext, bool], Any]) -> Certificate | None:
    """A certificate, whoever signed it and whenever; None where it cannot be had.

    `peer_certificate`: what `getpeercert`, in binary form or not, says of a connection that is opened with a context;
    raises OSError where none can be.
    """
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    seeing = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    seeing.check_hostname = False
    seeing.verify_flags = ssl.VerifyFlags(ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME)
    try:
        # `ssl` takes a certificate apart only if it is trusted: so it is, alone, for the second look.
        seeing.load_verify_locations(cadata=peer_certificate(blind, True))
        return _certificate(peer_certificate(seeing, False))
    except (OSError, ValueError):
        return None


def _certificate(said: Any) -> Certificate | None:
    """`said`: by `getpeercert`."""
    if not said:
        return None
    subject, issuer = (dict(pair for part in said.get(who, ()) for pair in part) for who in ("subject", "issuer"))
    return Certificate(
        names=tuple(str(value) for _, value in said.get("subjectAltName", ())),
        subject=subject.get("commonName", ""),
        issuer=", ".join(issuer[name] for name in ("organizationName", "commonName") if issuer.get(name)),
        not_before=ssl.cert_time_to_seconds(said["notBefore"]),
        not_after=ssl.cert_time_to_seconds(said["notAfter"]),
    )
