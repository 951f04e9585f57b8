"""URLs that the API gives: redirects that are followed, signed URLs to upload to.

In: a request and a URL. Out: the request that goes there, and what of the URL must not be shown.
The rule: another server gets neither the key nor the user's own header fields, and is spoken to in https only, unless
it is this machine; a URL may be as good as a key, so it is handed on as a Secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from togetherpy._core.config import Config, Origin, Secret, is_loopback
from togetherpy._core.wire import Headers, Request
from togetherpy.error import APIResponseError

_FOR_ALL = frozenset(("user-agent", "accept", "accept-encoding", "range", "if-range", "content-type"))
"""Header fields that another server gets, too."""
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_TELLING = 16
"""Characters from which on a value in a query may be a signature."""


class UnusableURLError(APIResponseError, ValueError):
    """A URL that the API gave, and that is not gone to."""


class Place(msgspec.Struct, frozen=True, eq=False):
    """Where a request is to go."""

    origin: Origin | None
    """None: the client's own server."""
    target: Secret
    """Path and query."""
    hidden: tuple[Secret, ...]
    """What of it must not appear in any message."""

    def __repr__(self) -> str:
        return f"<Place {self.origin.authority if self.origin else ''}>"


def place_of(config: Config, url: Secret) -> Place:
    """The place of a URL that the API gave.

    Raises:
        UnusableURLError: a URL that cannot be one, or that is not safe. It is not quoted.
    """
    place = find(config, config.origin, config.origin.path, url)
    if place is None:
        raise UnusableURLError("The URL that the API gave cannot be used: it is none, or not https.")
    return place


def find(config: Config, base: Origin, target: str, url: Secret) -> Place | None:
    """The place of a URL, which may be relative to a target at `base`; None for one that is not to be gone to."""
    from urllib.parse import parse_qsl, quote, urljoin, urlsplit

    try:
        parts = urlsplit(urljoin(f"{base.scheme}://{base.authority}{target}", url.reveal().strip()))
        host = (parts.hostname or "").encode("ascii" if (parts.hostname or "").isascii() else "idna").decode()
        origin = Origin(parts.scheme, host, parts.port or {"http": 80, "https": 443}[parts.scheme], "")
    except (ValueError, KeyError, AttributeError):  # AttributeError: None, there was no URL
        return None
    safe = parts.scheme == "https" or is_loopback(host) or _same(origin, base)
    if not (safe and re.fullmatch(r"[0-9A-Za-z._~:%-]+", host) and parts.username is None):
        return None
    # All that is printable stays as it is: a signature holds for these very characters.
    path, query = (quote(part, safe=_PRINTABLE, errors="replace") for part in (parts.path, parts.query))
    values = [Secret(value) for _, value in parse_qsl(query) if len(value) >= _TELLING]
    hidden = tuple(one for one in (Secret(query), *values) if one.reveal())
    where = Secret((path or "/") + (f"?{query}" if query else ""))
    return Place(None if _same(origin, config.origin) else origin, where, hidden)


def location(headers: Headers) -> Secret:
    """The URL that an answer names; of None, if it names none. Fields are read as latin-1, and mean UTF-8."""
    found = headers.get("location")
    return Secret(None if found is None else found.encode("latin-1", "replace").decode("utf-8", "replace"))


def sent_to(place: Place, request: Request) -> Request:
    """`request` at another place."""
    if place.origin is None:
        return msgspec.structs.replace(request, target=place.target.reveal(), origin=None)
    return _bare(place, request)


def encode_for(place: Place, encode: Callable[[], Request]) -> Request:
    """The request that `encode` makes, at a place that is leave enough by itself: without the key, whosever it is."""
    return _bare(place, encode())


def _bare(place: Place, request: Request) -> Request:
    headers = tuple((name, value) for name, value in request.headers if name.lower() in _FOR_ALL)
    return msgspec.structs.replace(
        request, target=place.target.reveal(), origin=place.origin, headers=headers, authorization=None
    )


def _same(one: Origin, other: Origin) -> bool:
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)
