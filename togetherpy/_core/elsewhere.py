"""URLs that the API gives: redirects that are followed, signed URLs to upload to.

In: a request and a URL. Out: the request that goes there, and what of the URL must not be shown.
The rule: another server gets neither the key nor the user's own header fields, and is spoken to in https only, unless
it is this machine; a URL may be as good as a key, so it is handed on as a Secret.
"""

from __future__ import annotations

import msgspec

from togetherpy._core.config import Config, Origin, Secret, is_loopback
from togetherpy._core.wire import Request

_FOR_ALL = frozenset(("user-agent", "accept", "accept-encoding", "range", "if-range", "content-type"))
"""Header fields that another server gets, too."""
_TELLING = 16
"""Characters from which on a value in a query may be a signature."""


def redirected(config: Config, request: Request, location: Secret) -> tuple[Request, tuple[Secret, ...]] | None:
    """`request` at the place that an answer to it names, and what to hide; None for one that is not to be followed."""
    try:
        return sent_to(config, request, location)
    except ValueError:
        return None


def sent_to(config: Config, request: Request, url: Secret) -> tuple[Request, tuple[Secret, ...]]:
    """`request` at another URL, which may be relative to where it goes now, and what of it is not to be shown.

    Raises:
        ValueError: a URL that cannot be one, or that is not safe. It is not quoted.
    """
    from urllib.parse import parse_qsl

    origin, target = _parse(request.origin or config.origin, request.target, url)
    query = Secret(target.reveal().partition("?")[2])
    values = [Secret(value) for _, value in parse_qsl(query.reveal()) if len(value) >= _TELLING]
    hidden = tuple(one for one in (query, *values) if one.reveal())
    if _same(origin, config.origin):
        fresh = msgspec.structs.replace(request, target=target.reveal(), origin=None)
        return fresh, hidden
    headers = tuple((name, value) for name, value in request.headers if name.lower() in _FOR_ALL)
    there = msgspec.structs.replace(request, target=target.reveal(), origin=origin, headers=headers, authorization=None)
    return there, hidden


def _parse(base: Origin, target: str, url: Secret) -> tuple[Origin, Secret]:
    from urllib.parse import quote, urljoin, urlsplit

    try:
        parts = urlsplit(urljoin(f"{base.scheme}://{base.authority}{target}", url.reveal().strip()))
        host = (parts.hostname or "").encode("ascii" if (parts.hostname or "").isascii() else "idna").decode()
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError, AttributeError):
        raise ValueError("the URL that the API gave is none") from None
    if not host or parts.username is not None:
        raise ValueError("the URL that the API gave has no host, or a user name")
    origin = Origin(parts.scheme, host, port, "")
    if parts.scheme != "https" and not is_loopback(host) and not _same(origin, base):
        raise ValueError(f"the URL that the API gave, to {origin.authority}, is not https")
    # All that is printable stays as it is: a signature holds for these very characters. Fields are read as latin-1.
    path, query = (
        quote(part.encode("latin-1", "replace"), safe="".join(map(chr, range(0x21, 0x7F))))
        for part in (parts.path or "/", parts.query)
    )
    return origin, Secret(f"{path}?{query}" if query else path)


def _same(one: Origin, other: Origin) -> bool:
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)
