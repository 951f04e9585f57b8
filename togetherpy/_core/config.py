"""Argument, else environment, else default -> a frozen Config.

In: what the constructor was given and the environment. Out: Config, or an exception that names the argument.
The rule: the key leaves its Secret only as the value of the Authorization header, and nothing here prints it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec

from togetherpy._core.absent import is_absent, removes
from togetherpy._version import __version__
from togetherpy.error import AuthenticationError
from togetherpy.types._timeout import Timeout, TimeoutTypes, check_seconds, from_other_client

DEFAULT_BASE_URL = "https://api.together.ai/v1"
DEFAULT_MAX_RETRIES = 2
DEFAULT_MAX_CONNECTIONS = 100
DEFAULT_MAX_RESPONSE_BYTES = 256 * 1024 * 1024
DEFAULT_RETRY_QUOTA = 500

Fields = tuple[tuple[str, str], ...]
"""Header fields in order, name and value."""

_HOW_TO_GIVE_A_KEY = "set the environment variable TOGETHER_API_KEY or pass api_key=..."
# Patterns as text: `re` compiles them when they are first used, and importing this pays for none.
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110, 5.6.2
_LOOPBACK = r"127(\.[0-9]{1,3}){3}"
_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"
_SCHEME = r"^(?:https?:?|[A-Za-z0-9]{1,8}:)?/+"
_SHOWABLE = r"(?a:[\w-]*[.:/][\w.:/-]*|localhost)"
"""What follows the scheme of a URL and may be shown: nothing in it can be a key or a password."""
_VALUE = r"[\t\x20-\x7e\x80-\xff]*"


class Secret:
    """A string that does not show itself: not in repr, str, tracebacks that print local variables, or logs."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def reveal(self) -> Any:
        """The string itself. Use it as an argument of a call, never as a local variable."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and bool(self._value == other._value)

    def __hash__(self) -> int:
        return hash(self._value)


class KeyFunction(Secret):
    """What is asked for the key, in the place of the Authorization field."""

    __slots__ = ()


class HiddenFields(dict[str, Any]):
    """Header fields as a user gave them; their values, which may be keys, do not show themselves."""

    def __repr__(self) -> str:
        return f"<{', '.join(map(repr, self))}>"


class NoFields:
    """What was given instead of header fields, without its value, which may hold a key."""

    __slots__ = ("kind",)

    def __init__(self, value: object) -> None:
        self.kind = type(value).__name__


def hide(headers: Mapping[str, str | None] | None) -> Mapping[str, str | None] | None:
    """`headers` as HiddenFields; what is no mapping as NoFields, for `check_mapping` to complain of."""
    if headers is None or isinstance(cast(object, headers), NoFields):
        return headers
    if is_absent(headers):
        return None
    return HiddenFields(headers) if isinstance(cast(object, headers), Mapping) else cast(Any, NoFields(headers))


class Origin(msgspec.Struct, frozen=True):
    """Where the server is: the parts of base_url."""

    scheme: str
    host: str
    """Without brackets, in ASCII."""
    port: int
    path: str
    """Path prefix without a trailing slash; may be empty."""

    @property
    def authority(self) -> str:
        """host[:port] as the Host header and messages want it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"


class Config(msgspec.Struct, frozen=True, eq=False):
    """Everything that a client knows before its first request."""

    origin: Origin
    headers: Fields
    """Sent with every request, but for the next one."""
    authorization: Secret | None
    """Value of the Authorization field; kept apart so that no list of headers holds the key."""
    key: Secret
    """The API key, or a function that is asked for it."""
    own_authorization: bool
    """The field's value is the user's own, whatever the key is."""
    query: Mapping[str, Any]
    """Query parameters of every request."""
    timeout: Timeout
    max_retries: int
    max_connections: int
    max_response_bytes: int
    proxy: Secret | None
    """The proxy's URL, which may hold a password."""
    ssl_context: Any
    trust_env: bool
    retry_quota: int | None
    """None: no bound."""
    secrets: tuple[Secret, ...]
    """What must not appear in any message (fault G7)."""

    @property
    def asks(self) -> bool:
        """Whether the key is to be asked for before each attempt."""
        return type(self.authorization) is KeyFunction

    def __repr__(self) -> str:
        return f"<Config {self.origin.scheme}://{self.origin.authority}{self.origin.path}>"


def make_config(
    read_environment: Callable[[str], str | None],
    *,
    api_key: Secret,
    base_url: str | None = None,
    timeout: TimeoutTypes | None = None,
    max_retries: int | None = None,
    default_headers: Mapping[str, str | None] | None = None,
    default_query: Mapping[str, Any] | None = None,
    max_connections: int | None = None,
    max_response_bytes: int | None = None,
    proxy: Secret | None = None,
    ssl_context: Any = None,
    trust_env: bool = True,
    retry_quota: int | None = DEFAULT_RETRY_QUOTA,
) -> Config:
    """The configuration that these arguments and this environment give.

    Raises:
        AuthenticationError: no key, or one that cannot be a key.
        TypeError, ValueError: an argument that cannot be meant, named.
    """
    key = _find_key(read_environment, api_key)
    check_mapping(default_query, "default_query")
    base = base_url if base_url is not None else read_environment("TOGETHER_BASE_URL") or DEFAULT_BASE_URL
    _check_objects(proxy, ssl_context, trust_env)
    own = (("User-Agent", f"togetherpy/{__version__}"),)
    bearer = bearer_of(key)
    headers, authorization = merge_headers(own, bearer, default_headers, "default_headers")
    return Config(
        origin=parse_base_url(base),
        headers=headers,
        authorization=authorization,
        key=key,
        own_authorization=authorization is not bearer,
        query=HiddenFields(default_query or {}),
        timeout=as_timeout(timeout, Timeout()),
        max_retries=check_count(max_retries, "max_retries", 0, DEFAULT_MAX_RETRIES),
        max_connections=check_count(max_connections, "max_connections", 1, DEFAULT_MAX_CONNECTIONS),
        max_response_bytes=check_count(max_response_bytes, "max_response_bytes", 1, DEFAULT_MAX_RESPONSE_BYTES),
        proxy=proxy,
        ssl_context=ssl_context,
        trust_env=trust_env,
        retry_quota=None if retry_quota is None else check_count(retry_quota, "retry_quota", 0, 0),
        secrets=secrets_of(key),
    )


def with_key(config: Config, key: Secret) -> Config:
    """The same with another key.

    Raises:
        AuthenticationError: it cannot be a key.
    """
    key = check_key(key)
    authorization = config.authorization if config.own_authorization else bearer_of(key)
    # The last ones, too: calls with them may still be under way.
    hidden = (*secrets_of(key), *config.secrets)[:4]
    return msgspec.structs.replace(config, key=key, authorization=authorization, secrets=hidden)


def bearer_of(key: Secret) -> Secret:
    """The value of the Authorization field; of a function that is asked for the key, itself."""
    return KeyFunction(key.reveal()) if callable(key.reveal()) else Secret("Bearer " + key.reveal())


def secrets_of(key: Secret) -> tuple[Secret, ...]:
    """What a key hides. A shorter one is no real key, and hiding it would hide parts of ordinary words."""
    return (key,) if isinstance(key.reveal(), str) and len(key.reveal()) > 4 else ()


def _find_key(read_environment: Callable[[str], str | None], given: Secret) -> Secret:
    if given.reveal() is None:
        given = Secret(read_environment("TOGETHER_API_KEY"))
    if given.reveal() is None:
        raise AuthenticationError(f"No API key: {_HOW_TO_GIVE_A_KEY}")
    return check_key(given)


def check_key(given: Secret) -> Secret:
    """The key, stripped (fault G1), or the function to ask for it. No variable here holds it: a traceback may print
    local variables.

    Raises:
        AuthenticationError: it cannot be a key.
    """
    if callable(given.reveal()):
        return given
    if not isinstance(given.reveal(), str):
        raise AuthenticationError(f"The API key must be a str, not {type(given.reveal()).__name__}")
    key = Secret(given.reveal().strip())
    if not key.reveal():
        raise AuthenticationError(f"The API key is empty: {_HOW_TO_GIVE_A_KEY}")
    if key.reveal()[0] in _QUOTES or key.reveal()[-1] in _QUOTES:
        raise AuthenticationError("The API key stands in quotes, which are no part of it; take them off")
    if not re.fullmatch(r"[\x21-\x7e]+", key.reveal()):
        raise AuthenticationError(
            "The API key holds a blank, a line end or a character that is not ASCII, so it cannot be a key; "
            "it was probably copied with something around it"
        )
    return key


def parse_base_url(url: object) -> Origin:
    """Scheme, host, port and path prefix; `/v1` where the URL has no path.

    Raises:
        ValueError: not http(s), no host, user info, query or fragment (fault G11).
    """
    from urllib.parse import urlsplit

    if not isinstance(url, str):  # an object, for not all callers have their types checked
        raise TypeError(f"base_url must be a str, not {type(url).__name__}")
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        host = (parts.hostname or "").encode("ascii" if (parts.hostname or "").isascii() else "idna").decode()
    except ValueError:
        # What urlsplit says may quote the URL, a password in it included.
        raise ValueError("base_url is not a URL: its host or its port is malformed") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"base_url must begin with http:// or https://{_shown(url.strip())}")
    if parts.username is not None or parts.password is not None:
        # The URL itself is not shown: what stands before the @ may be a password.
        raise ValueError("base_url must not hold a user name or password; use api_key=... or default_headers=...")
    if parts.query or parts.fragment:
        raise ValueError("base_url must not have a query (?...) or a fragment (#...); use extra_query=... for a query")
    if not host or not re.fullmatch(r"[0-9A-Za-z._~:%-]+", host):
        meant = _shown(url.strip()) if not host else ""
        raise ValueError(f"base_url has no usable host name: {host!r}{meant}")
    if not re.fullmatch(r"[\x21-\x7e]*", parts.path):
        raise ValueError("base_url has a path with blanks or characters that are not ASCII; percent-encode them")
    path = parts.path.rstrip("/") or ("" if parts.path.startswith("//") else "/v1")
    return Origin(parts.scheme, host, port or {"http": 80, "https": 443}[parts.scheme], path)


def _shown(url: str) -> str:
    """A URL that is not one, and what may have been meant by it; nothing of what may hold a secret."""
    scheme, separator, _ = url.partition("://")
    rest = re.sub(_SCHEME, "", url)
    if not re.fullmatch(_SHOWABLE, rest) or (separator and not re.fullmatch("[A-Za-z0-9]{1,8}", scheme)):
        return "" if url else ", not 'nothing'"
    if separator and not scheme.lower().startswith("h"):
        return f", not {scheme!r}: {url!r}"
    meant = "http" if is_loopback(re.split("[:/]", rest)[0]) else "https"
    return f'; instead of {url!r} write "{meant}://{rest}"'


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine itself."""
    return host in ("localhost", "::1") or host.endswith(".localhost") or re.fullmatch(_LOOPBACK, host) is not None


def as_timeout(value: TimeoutTypes | None, default: Timeout) -> Timeout:
    """`value` as a Timeout: a number replaces the total of `default`."""
    if value is None:
        return default
    if isinstance(value, Timeout):
        return value
    if isinstance(cast(object, value), (int, float)):
        return msgspec.structs.replace(default, total=check_seconds(value, "timeout"))
    return default if is_absent(value) else from_other_client(value)


def check_mapping(value: object, name: str) -> None:
    """TypeError that names the argument, unless `value` is a mapping or None; the value is not shown."""
    if value is not None and not isinstance(value, Mapping) and not is_absent(value):
        kind = value.kind if isinstance(value, NoFields) else type(value).__name__
        raise TypeError(f"{name} must be a dict, or another mapping of names to values, not {kind}")


def _check_objects(proxy: Secret | None, ssl_context: object, trust_env: object) -> None:
    if proxy is not None and not isinstance(proxy.reveal(), str):
        raise TypeError(
            f"proxy must be a str, the URL of one proxy for everything, not {type(proxy.reveal()).__name__}"
        )
    if ssl_context is not None and not hasattr(ssl_context, "wrap_socket"):  # ssl itself is loaded with the first call
        raise TypeError(
            f"ssl_context must be an ssl.SSLContext, not {type(ssl_context).__name__}; "
            "ssl.create_default_context(cafile=...) makes one that trusts a file of certificates"
        )
    if not isinstance(trust_env, bool):
        raise TypeError(f"trust_env must be a bool, not {type(trust_env).__name__}")


def check_count(value: object, name: str, least: int, default: int) -> int:
    """`value` as a whole number of at least `least`; TypeError or ValueError that names the argument."""
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        if is_absent(value):
            return default
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
    return value


def merge_headers(
    base: Fields, authorization: Secret | None, extra: Mapping[str, str | None] | None, argument: str
) -> tuple[Fields, Secret | None]:
    """`base` and Authorization with `extra` over them: the same name (in any case) replaces, None removes.

    Raises:
        TypeError, ValueError: a name or value that cannot be sent, named; the value is not shown (faults G4, G5).
    """
    if extra is None:
        return base, authorization
    check_mapping(extra, argument)
    fields = {name.lower(): (name, value) for name, value in base}
    for name in extra:
        value = Secret(extra[name])
        if is_absent(value.reveal()):
            if not removes(value.reveal()):
                continue
            value = Secret(None)
        _check_header(name, value, argument)
        key = name.lower()
        if key == "authorization":
            authorization = None if value.reveal() is None else value
        elif value.reveal() is None:
            fields.pop(key, None)
        else:
            fields[key] = (name, str(value.reveal()).strip())
    return tuple(fields.values()), authorization


def _check_header(name: object, value: Secret, argument: str) -> None:
    if not isinstance(name, str) or not re.fullmatch(_TOKEN, name):
        raise ValueError(f"{argument}: {name!r} is not a header name")
    if name.lower() in ("host", "content-length", "transfer-encoding", "connection"):
        raise ValueError(f"{argument}: {name!r} is set by the connection and cannot be given")
    if value.reveal() is None:
        return
    if not isinstance(value.reveal(), str):
        raise TypeError(f"{argument}[{name!r}] must be a str, not {type(value.reveal()).__name__}")
    if not re.fullmatch(_VALUE, value.reveal()):
        raise ValueError(f"{argument}[{name!r}] holds a character that a header value cannot carry")
