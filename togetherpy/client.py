"""Together and AsyncTogether: resources and one send loop each.

In: what a resource wants sent. Out: a decoded answer, or a stream.
The rule: constructing a client reads its configuration and stops; sockets, threads and SSL contexts come with the
first request. Everything but the loop's sending and waiting is in `_core`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Never, Self, TypeVar

import msgspec

from togetherpy._core.attempts import Attempts
from togetherpy._core.call import Call
from togetherpy._core.caller import warn_caller
from togetherpy._core.config import (
    DEFAULT_RETRY_QUOTA,
    Config,
    HiddenFields,
    Secret,
    as_timeout,
    check_count,
    check_mapping,
    hide,
    is_loopback,
    make_config,
    merge_headers,
)
from togetherpy._core.encode import encode_request
from togetherpy._core.retry import Quota
from togetherpy._core.wire import AsyncTransport, Endpoint
from togetherpy.error import APIConnectionError
from togetherpy.types._timeout import Timeout

if TYPE_CHECKING:
    import ssl

    from togetherpy._core.events import Watchers
    from togetherpy._transport.blocking import Pool
    from togetherpy.resources.chat import AsyncChat, Chat

Transport = TypeVar("Transport")


class _Shared(Generic[Transport]):
    """What a client and those made from it by `with_options` have in common: connections and the retry quota."""

    def __init__(self, make: Callable[[], Transport], quota: int | None) -> None:
        """`quota`: the tokens of the retry quota, None for no bound."""
        self.quota = Quota(quota)
        self._make = make
        self._lock = threading.Lock()
        self._transport: Transport | None = None
        self._closed = False

    def transport(self) -> Transport:
        """The transport, made with the first request."""
        if self._transport is None:
            with self._lock:
                if self._closed:
                    raise APIConnectionError("The client is closed. Make a new one, or close it later.")
                if self._transport is None:
                    self._transport = self._make()
        return self._transport

    def close(self) -> Transport | None:
        """Nothing is made from now on; what had been made is the caller's to close."""
        with self._lock:
            self._closed = True
        return self._transport


class _Client(Generic[Transport]):
    """What both clients are: a configuration, and the right to make calls with it."""

    _config: Config
    _given: dict[str, Any]
    _shared: _Shared[Transport]
    _owns_transport: bool = True
    _watchers: Watchers | None = None

    def _configure(self, given: dict[str, Any], unknown: list[str]) -> None:
        """`given`: the constructor's arguments, key and proxy as Secrets; `unknown`: the names of others."""
        for name in unknown:
            raise TypeError(_explain_unknown(type(self).__name__, name, given))
        supplied = given.pop("supplied_headers")
        check_mapping(given["default_headers"], "default_headers")
        check_mapping(supplied, "supplied_headers")
        given["default_headers"] = HiddenFields({**(given["default_headers"] or {}), **(supplied or {})})
        self._given = given
        self._config = make_config(_read_environment, **{k: v for k, v in given.items() if k != "hooks"})
        self._watchers = _make_watchers(given["hooks"])
        if (
            self._config.origin.scheme == "http"
            and self._config.authorization is not None
            and not is_loopback(self._config.origin.host)
        ):
            warn_caller(
                f"The API key will be sent unencrypted to {self._config.origin.authority}: base_url begins with http://"
            )

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
        hooks: object = None,
    ) -> Self:
        """A client with other defaults that shares this one's connections and retry quota.

        It lives as long as this one: closing it closes no connection. `hooks` replaces this one's; `[]` means none.
        """
        config, default_headers = self._config, hide(default_headers)
        headers, authorization = merge_headers(config.headers, config.authorization, default_headers, "default_headers")
        other = object.__new__(type(self))
        other._given = {
            **self._given,
            "timeout": as_timeout(timeout, config.timeout),
            "max_retries": check_count(max_retries, "max_retries", 0, config.max_retries),
            "default_headers": HiddenFields({**self._given["default_headers"], **(default_headers or {})}),
        }
        other._config = msgspec.structs.replace(
            config,
            timeout=other._given["timeout"],
            max_retries=other._given["max_retries"],
            headers=headers,
            authorization=authorization,
        )
        if hooks is not None:
            other._given["hooks"] = hooks
        other._watchers = self._watchers if hooks is None else _make_watchers(hooks)
        other._shared = self._shared
        other._owns_transport = False
        return other

    def _begin(self, endpoint: Endpoint, params: dict[str, Any], stream: bool, choices: int, raw: bool) -> Call:
        """What both loops start from."""
        config = self._config
        params["extra_headers"] = hide(params.get("extra_headers"))
        timeout = as_timeout(params.pop("timeout", None), config.timeout)
        max_retries = check_count(params.pop("max_retries", None), "max_retries", 0, config.max_retries)
        started = time.monotonic()
        deadline = started + timeout.total
        key = os.urandom(16).hex()
        request = encode_request(config, endpoint, params, stream=stream, idempotency_key=key)
        attempts = Attempts(config, request, self._shared.quota, max_retries, deadline, started)
        call = Call(config, request, attempts, timeout, deadline, choices, raw)
        if self._watchers is not None:
            call.watch = self._watchers.begin(endpoint.name, params, call=key, origin=config.origin, started=started)
        return call

    def __reduce__(self) -> tuple[Any, ...]:
        # Configuration only (fault E9): a copy makes its own connections, and reads its own environment's key.
        given = {name: value.reveal() if isinstance(value, Secret) else value for name, value in self._given.items()}
        return _rebuild, (type(self), given)

    def __repr__(self) -> str:
        # A traceback with local variables shows clients whose constructor failed, too.
        return f"<{type(self).__name__} {self.base_url if hasattr(self, '_config') else 'not configured'}>"


class Together(_Client["Pool"]):
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
    retry_quota: bounds the retries of all calls together, so that an outage fails fast: one after a fault takes 14,
        one after a 429 nothing; None for no bound; default 500.
    hooks: an object that is told of every call, or a list of them: see `togetherpy.hooks`.

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
        retry_quota: int | None = DEFAULT_RETRY_QUOTA,
        hooks: object = None,
        **unknown: Never,
    ) -> None:
        # From here on no variable holds what a traceback with local variables must not show.
        key, api_key = Secret(api_key), None
        hidden_proxy, proxy = (None if proxy is None else Secret(proxy)), None
        default_headers, supplied_headers = hide(default_headers), hide(supplied_headers)
        self._configure(
            {
                "api_key": key,
                "base_url": base_url,
                "timeout": timeout,
                "max_retries": max_retries,
                "default_headers": default_headers,
                "supplied_headers": supplied_headers,
                "max_connections": max_connections,
                "max_response_bytes": max_response_bytes,
                "proxy": hidden_proxy,
                "ssl_context": ssl_context,
                "trust_env": trust_env,
                "retry_quota": retry_quota,
                "hooks": hooks,
            },
            _take_names(unknown),
        )
        self._shared = _Shared(partial(_make_pool, self._config), self._config.retry_quota)

    @property
    def chat(self) -> Chat:
        """Chat completions."""
        from togetherpy.resources.chat import Chat

        return Chat(self)

    def _call(
        self, endpoint: Endpoint, params: dict[str, Any], *, stream: bool, choices: int = 1, raw: bool = False
    ) -> Any:
        """The whole of one call: a decoded answer, or a Stream of `choices` answers; `raw`: with what came with it.

        Raises:
            TypeError, ValueError: the request cannot be sent; nothing was.
            APIError: what became of it.
        """
        transport = self._shared.transport()  # before the clock starts: the first one loads the HTTP stack
        call = self._begin(endpoint, params, stream, choices, raw)
        try:
            while True:
                outcome = transport.send(call.request, call.deadline, call.connect, fresh=call.fresh)
                value, wait = call.judge(outcome)
                if wait is None:
                    return call.finish(value, outcome, "Stream")
                transport.sleep(wait)
        except BaseException as error:
            call.failed(error)
            raise

    def close(self) -> None:
        """Ends calls that are running and closes the connections. Idempotent; the client cannot be used after it."""
        if self._owns_transport:
            transport = self._shared.close()
            if transport is not None:
                transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class AsyncTogether(_Client["AsyncTransport"]):
    """The Together AI API for asyncio. Belongs to no event loop: one client serves several, also one after another.

    The arguments are those of `Together`.

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
        retry_quota: int | None = DEFAULT_RETRY_QUOTA,
        hooks: object = None,
        **unknown: Never,
    ) -> None:
        key, api_key = Secret(api_key), None
        hidden_proxy, proxy = (None if proxy is None else Secret(proxy)), None
        default_headers, supplied_headers = hide(default_headers), hide(supplied_headers)
        self._configure(
            {
                "api_key": key,
                "base_url": base_url,
                "timeout": timeout,
                "max_retries": max_retries,
                "default_headers": default_headers,
                "supplied_headers": supplied_headers,
                "max_connections": max_connections,
                "max_response_bytes": max_response_bytes,
                "proxy": hidden_proxy,
                "ssl_context": ssl_context,
                "trust_env": trust_env,
                "retry_quota": retry_quota,
                "hooks": hooks,
            },
            _take_names(unknown),
        )
        self._shared = _Shared(partial(_make_event_loop, self._config), self._config.retry_quota)

    @property
    def chat(self) -> AsyncChat:
        """Chat completions."""
        from togetherpy.resources.chat import AsyncChat

        return AsyncChat(self)

    async def _call(
        self, endpoint: Endpoint, params: dict[str, Any], *, stream: bool, choices: int = 1, raw: bool = False
    ) -> Any:
        """The whole of one call: a decoded answer, or an AsyncStream of `choices` answers; `raw`: as above.

        Raises:
            TypeError, ValueError: the request cannot be sent; nothing was.
            APIError: what became of it.
        """
        transport = self._shared.transport()  # before the clock starts: the first one loads the HTTP stack
        call = self._begin(endpoint, params, stream, choices, raw)
        try:
            while True:
                outcome = await transport.send(call.request, call.deadline, call.connect, fresh=call.fresh)
                value, wait = call.judge(outcome)
                if wait is None:
                    return call.finish(value, outcome, "AsyncStream")
                await transport.sleep(wait)
        except BaseException as error:
            call.failed(error)
            raise

    def close(self) -> Awaitable[None]:
        """Ends calls that are running and closes the connections at once; await it for the last of the cleaning up.

        Idempotent; the client cannot be used after it.
        """
        transport = self._shared.close() if self._owns_transport else None
        if transport is None:
            return _Closing(None)
        transport.close()
        return _Closing(transport)

    async def aclose(self) -> None:
        """The same as `await client.close()`."""
        await self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


class _Closing:
    """What is left to await after `AsyncTogether.close()`; not awaiting it is no error."""

    __slots__ = ("_transport",)

    def __init__(self, transport: AsyncTransport | None) -> None:
        self._transport = transport

    def __await__(self) -> Generator[Any, Any, None]:
        if self._transport is not None:
            yield from self._transport.aclose().__await__()


# urllib3, ssl, asyncio and all that they import wait for the first request.


def _make_pool(config: Config) -> Pool:
    from togetherpy._transport.blocking import Pool

    return Pool(config)


def _make_event_loop(config: Config) -> AsyncTransport:
    from togetherpy._transport.event_loop import ThreadTransport

    return ThreadTransport(config)


_GONE = {"transport": "there is one transport, and nothing to choose: leave it out"}
"""Arguments of constructors that there were once, and what to do."""


def _take_names(unknown: dict[str, Any]) -> list[str]:
    """The names alone: a traceback with local variables must not show a key under a misspelt name (fault G5)."""
    names = list(unknown)
    unknown.clear()
    return names


def _explain_unknown(client: str, name: str, known: Iterable[str]) -> str:
    from togetherpy._core.misplaced import near_miss, where_it_belongs

    meant = near_miss(name, known)
    hint = _GONE.get(name) or (f"did you mean {meant}=...?" if meant else where_it_belongs(name))
    return f"{client}() got an unexpected keyword argument {name!r}" + (f": {hint}" if hint else "")


def _make_watchers(hooks: object) -> Watchers | None:
    """The hooks that were given and those that the environment asks for; None, at the price of a look, for none."""
    word = os.environ.get("TOGETHER_LOG")
    if hooks is None and not word:
        return None
    from togetherpy._core.events import make_watchers

    return make_watchers(hooks, word)


def _read_environment(name: str) -> str | None:
    # A function, not os.environ itself: the repr of that shows the key in a traceback with local variables.
    return os.environ.get(name)


def _rebuild(cls: Callable[..., Any], given: dict[str, Any]) -> Any:
    return cls(**given)
