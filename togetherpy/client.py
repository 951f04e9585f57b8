"""Together: resources and one send loop.

In: what a resource wants sent. Out: a decoded answer, or a Stream.
The rule: constructing a client reads its configuration and stops; sockets, threads and SSL contexts come with the
first request. Everything but the loop's sending and waiting is in `_core`.
"""

from __future__ import annotations

import os
import random
import threading
import time
import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from togetherpy._core.attempts import Attempts
from togetherpy._core.chunks import ChunkReader
from togetherpy._core.config import Config, Secret, as_timeout, check_count, is_loopback, make_config, merge_headers
from togetherpy._core.encode import encode_request
from togetherpy._core.errors import request_id
from togetherpy._core.retry import Quota
from togetherpy._core.wire import Endpoint, Opened
from togetherpy._stream import ResponseInfo, Stream
from togetherpy.error import APIConnectionError
from togetherpy.types._timeout import Timeout

if TYPE_CHECKING:
    import ssl

    from togetherpy._transport.pool import Pool
    from togetherpy.resources.chat import Chat

# Not the module's own functions: a user's seed, and what follows from it, stays the user's.
_chance = random.Random()


class _Shared:
    """What a client and those made from it by `with_options` have in common: the pool and the retry quota."""

    def __init__(self, config: Config) -> None:
        self.quota = Quota()
        self._config = config
        self._lock = threading.Lock()
        self._pool: Pool | None = None
        self._closed = False

    def pool(self) -> Pool:
        if self._pool is None:
            # urllib3, ssl and all that they import wait for the first request.
            from togetherpy._transport.pool import Pool

            with self._lock:
                if self._closed:
                    raise APIConnectionError("The client is closed. Make a new one, or close it later.")
                if self._pool is None:
                    self._pool = Pool(self._config)
        return self._pool

    def close(self) -> None:
        with self._lock:
            self._closed = True
        if self._pool is not None:
            self._pool.close()


class Together:
    """The Together AI API, by blocking calls. Safe to share between threads.

    api_key: else the environment variable TOGETHER_API_KEY; blanks around it are stripped.
    base_url: else TOGETHER_BASE_URL, else https://api.together.ai/v1; `/v1` is appended to a URL without a path.
    timeout: seconds for a whole call, or a `Timeout`; default 600.
    max_retries: retries after the first attempt, >= 0; default 2.
    default_headers: header fields for every request; a value of None removes one that we send.
    supplied_headers: the official package's name for `default_headers`.
    max_connections: most connections, and so calls, at a time, >= 1; others queue; default 100.
    max_response_bytes: the most that one plain answer may take, decompressed; default 256 MiB.
    proxy: URL of an http, https or socks5 proxy, else the environment's (HTTPS_PROXY, ALL_PROXY, NO_PROXY ...).
    ssl_context: an `ssl.SSLContext`, else the system's authorities, SSL_CERT_FILE and SSL_CERT_DIR.
    trust_env: False ignores the environment's proxies.

    Raises:
        AuthenticationError: there is no key, or it cannot be one.
        TypeError, ValueError: an argument that cannot be meant, named.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | Timeout | None = None,
        max_retries: int | None = None,
        default_headers: Mapping[str, str | None] | None = None,
        supplied_headers: Mapping[str, str | None] | None = None,
        max_connections: int | None = None,
        max_response_bytes: int | None = None,
        proxy: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        trust_env: bool = True,
    ) -> None:
        # From here on no variable holds what a traceback with local variables must not show.
        key, api_key = Secret(api_key), None
        hidden_proxy, proxy = (None if proxy is None else Secret(proxy)), None
        self._given: dict[str, Any] = {
            "api_key": key,
            "base_url": base_url,
            "timeout": timeout,
            "max_retries": max_retries,
            "default_headers": {**(default_headers or {}), **(supplied_headers or {})},
            "max_connections": max_connections,
            "max_response_bytes": max_response_bytes,
            "proxy": hidden_proxy,
            "ssl_context": ssl_context,
            "trust_env": trust_env,
        }
        self._config = make_config(_read_environment, **self._given)
        self._shared = _Shared(self._config)
        self._owns_pool = True
        _warn_of_plain_http(self._config)

    @property
    def chat(self) -> Chat:
        """Chat completions."""
        from togetherpy.resources.chat import Chat

        return Chat(self)

    @property
    def base_url(self) -> str:
        """Where requests go, without a trailing slash."""
        origin = self._config.origin
        return f"{origin.scheme}://{origin.authority}{origin.path}"

    @property
    def max_retries(self) -> int:
        """Retries after the first attempt."""
        return self._config.max_retries

    @property
    def timeout(self) -> Timeout:
        """The limits of a call."""
        return self._config.timeout

    def with_options(
        self,
        *,
        timeout: float | Timeout | None = None,
        max_retries: int | None = None,
        default_headers: Mapping[str, str | None] | None = None,
    ) -> Self:
        """A client with other defaults that shares this one's connections and retry quota.

        It lives as long as this one: closing it closes no connection.
        """
        config = self._config
        headers, authorization = merge_headers(config.headers, config.authorization, default_headers, "default_headers")
        other = object.__new__(type(self))
        other._given = {
            **self._given,
            "timeout": as_timeout(timeout, config.timeout),
            "max_retries": check_count(max_retries, "max_retries", 0, config.max_retries),
            "default_headers": {**self._given["default_headers"], **(default_headers or {})},
        }
        other._config = msgspec.structs.replace(
            config,
            timeout=other._given["timeout"],
            max_retries=other._given["max_retries"],
            headers=headers,
            authorization=authorization,
        )
        other._shared = self._shared
        other._owns_pool = False
        return other

    def _call(self, endpoint: Endpoint, params: dict[str, Any], *, stream: bool, choices: int = 1) -> Any:
        """The whole of one call: a decoded answer, or a Stream of `choices` answers.

        Raises:
            TypeError, ValueError: the request cannot be sent; nothing was.
            APIError: what became of it.
        """
        config = self._config
        timeout = as_timeout(params.pop("timeout", None), config.timeout)
        max_retries = check_count(params.pop("max_retries", None), "max_retries", 0, config.max_retries)
        deadline = time.monotonic() + timeout.total
        request = encode_request(config, endpoint, params, stream=stream, idempotency_key=os.urandom(16).hex())
        attempts = Attempts(config, request, self._shared.quota, max_retries, deadline)
        pool = self._shared.pool()
        while True:
            outcome = pool.send(request, deadline, timeout.connect, fresh=attempts.fresh)
            value, wait = attempts.judge(outcome, monotonic=time.monotonic(), now=time.time(), jitter=_chance.random())
            if wait is None:
                break
            pool.sleep(wait)
        if isinstance(value, Opened):
            return Stream(*open_stream(value, endpoint, config, attempts, timeout, choices))
        return value

    def close(self) -> None:
        """Ends calls that are running and closes the connections. Idempotent; the client cannot be used after it."""
        if self._owns_pool:
            self._shared.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        # Configuration only (fault E9): a copy makes its own connections, and reads its own environment's key.
        given = {name: value.reveal() if isinstance(value, Secret) else value for name, value in self._given.items()}
        return _rebuild, (type(self), given)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.base_url}>"


def open_stream(
    opened: Opened, endpoint: Endpoint, config: Config, attempts: Attempts, timeout: Timeout, choices: int
) -> tuple[ChunkReader[Any], Any, ResponseInfo, float]:
    """What a Stream or an AsyncStream is made of."""
    if endpoint.chunk is None:
        raise TypeError(f"{endpoint.name} does not stream")
    reader = ChunkReader(endpoint.chunk, opened.status, opened.headers, config.secrets, choices)
    info = ResponseInfo(
        status_code=opened.status,
        headers=opened.headers,
        request_id=request_id(opened.headers, None),
        attempts=attempts.number,
    )
    return reader, opened.body, info, min(timeout.total, timeout.stream_idle)


def _read_environment(name: str) -> str | None:
    # A function, not os.environ itself: the repr of that shows the key in a traceback with local variables.
    return os.environ.get(name)


def _warn_of_plain_http(config: Config) -> None:
    if config.origin.scheme == "http" and config.authorization is not None and not is_loopback(config.origin.host):
        warnings.warn(
            f"The API key will be sent unencrypted to {config.origin.authority}: base_url begins with http://",
            UserWarning,
            stacklevel=3,
        )


def _rebuild(cls: type[Together], given: dict[str, Any]) -> Together:
    return cls(**given)
