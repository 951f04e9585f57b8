"""Together and AsyncTogether: a configuration, a send loop, and the areas of the API.

In: what a user configures. Out: resources, each made when it is first asked for and then the same.
The rule: constructing a client reads its configuration and stops; sockets, threads and SSL contexts come with the
first request. What both clients are is written once; how calls are made is `_core.loop`'s.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Never, Self, TypeVar

import msgspec

from togetherpy._core.absent import is_absent
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
    parse_base_url,
    with_key,
)
from togetherpy._core.loop import AsyncLoop, Loop, Shared
from togetherpy._core.wire import AsyncTransport, Transport
from togetherpy._settings import ClientSettings, Key
from togetherpy.resources._base import Area, OpenForm, RawForm, Rawness
from togetherpy.resources._verbs import Ask, AsyncAsk, Verb
from togetherpy.types._timeout import TimeoutTypes

if TYPE_CHECKING:
    import ssl

    from togetherpy._core.events import Watchers
    from togetherpy.resources.audio import AsyncAudio, Audio
    from togetherpy.resources.batches import AsyncBatches, Batches
    from togetherpy.resources.chat import AsyncChat, Chat
    from togetherpy.resources.completions import AsyncCompletions, Completions
    from togetherpy.resources.embeddings import AsyncEmbeddings, Embeddings
    from togetherpy.resources.files import AsyncFiles, Files
    from togetherpy.resources.finetune import AsyncFineTuning, FineTuning
    from togetherpy.resources.images import AsyncImages, Images
    from togetherpy.resources.models import AsyncModels, Models
    from togetherpy.resources.rerank import AsyncRerank, Rerank

T = TypeVar("T", bound="Transport | AsyncTransport")


class _Client(ClientSettings, Generic[T]):
    """What both clients are: a configuration, and a loop that makes calls with it."""

    _loop_class: ClassVar[type[Any]]
    _loop: Any
    _given: dict[str, Any]
    _first_key: Secret
    _shared: Shared[T]
    _owns_transport: bool = True
    _raw: Rawness = False

    def __init__(
        self,
        *,
        api_key: Key | None = None,
        base_url: str | None = None,
        timeout: TimeoutTypes | None = None,
        max_retries: int | None = None,
        default_headers: Mapping[str, str | None] | None = None,
        supplied_headers: Mapping[str, str | None] | None = None,
        default_query: Mapping[str, Any] | None = None,
        max_connections: int | None = None,
        max_response_bytes: int | None = None,
        proxy: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        trust_env: bool = True,
        retry_quota: int | None = DEFAULT_RETRY_QUOTA,
        hooks: object = None,
        **unknown: Never,
    ) -> None:
        """Reads the configuration.

        api_key: else the environment variable TOGETHER_API_KEY; blanks around it are stripped. A function is asked for
            the key before each attempt; an AsyncTogether's may be asynchronous. What it raises, the call raises.
        base_url: else TOGETHER_BASE_URL, else https://api.together.ai/v1; `/v1` is appended to a URL without a path.
        timeout: seconds for a whole call, or a `Timeout`; default 600.
        max_retries: retries after the first attempt, >= 0; default 2.
        default_headers: header fields for every request; a value of None removes one that we send.
        supplied_headers: the official package's name for `default_headers`.
        default_query: query parameters for every request.
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
        # From here on no variable holds what a traceback with local variables must not show.
        key, api_key = Secret(api_key), None
        hidden_proxy, proxy = (None if proxy is None else Secret(proxy)), None
        default_headers, supplied_headers = hide(default_headers), hide(supplied_headers)
        default_query = hide(default_query)
        given: dict[str, Any] = {
            "api_key": key,
            "base_url": base_url,
            "timeout": timeout,
            "max_retries": max_retries,
            "default_headers": default_headers,
            "default_query": default_query,
            "max_connections": max_connections,
            "max_response_bytes": max_response_bytes,
            "proxy": hidden_proxy,
            "ssl_context": ssl_context,
            "trust_env": trust_env,
            "retry_quota": retry_quota,
            "hooks": hooks,
        }
        for name in _take_names(unknown):
            raise TypeError(_explain_unknown(type(self).__name__, name, (*given, "supplied_headers")))
        check_mapping(default_headers, "default_headers")
        check_mapping(supplied_headers, "supplied_headers")
        given.update({name: _UNGIVEN.get(name) for name, value in given.items() if is_absent(_bare(value))})
        given["default_headers"] = HiddenFields({**(default_headers or {}), **(supplied_headers or {})})
        self._given = given
        config = make_config(_read_environment, **{k: v for k, v in self._given.items() if k != "hooks"})
        self._shared = Shared(config, self._make)
        self._loop = self._loop_class(config, self._shared, _make_watchers(given["hooks"]))
        self._first_key = config.key
        if config.origin.scheme == "http" and config.authorization is not None and not is_loopback(config.origin.host):
            from togetherpy._core.caller import warn_caller

            warn_caller(
                f"The API key will be sent unencrypted to {config.origin.authority}: base_url begins with http://"
            )

    @staticmethod
    def _make(config: Config) -> Any:
        """A transport. urllib3, ssl, asyncio and all that they import wait for the first request."""
        raise NotImplementedError

    def with_options(
        self,
        *,
        api_key: Key | None = None,
        base_url: str | None = None,
        timeout: TimeoutTypes | None = None,
        max_retries: int | None = None,
        default_headers: Mapping[str, str | None] | None = None,
        default_query: Mapping[str, Any] | None = None,
        hooks: object = None,
    ) -> Self:
        """A client with other defaults that shares this one's connections and retry quota.

        It lives as long as this one: closing it closes no connection. With another server as `base_url` it has
        connections and a quota of its own, and is to be closed. `default_headers` and `default_query` are added to this
        one's. `hooks` replaces this one's; `[]` means none.

        Raises:
            AuthenticationError, TypeError, ValueError: as of a new client.
        """
        key, api_key = Secret(api_key), None
        config, default_headers, default_query = self._config, hide(default_headers), hide(default_query)
        check_mapping(default_query, "default_query")
        headers, authorization = merge_headers(config.headers, config.authorization, default_headers, "default_headers")
        other = object.__new__(type(self))
        other._given = {
            **self._given,
            "timeout": as_timeout(timeout, config.timeout),
            "max_retries": check_count(max_retries, "max_retries", 0, config.max_retries),
            "default_headers": HiddenFields({**(self._given["default_headers"] or {}), **(default_headers or {})}),
            "default_query": HiddenFields({**config.query, **(default_query or {})}),
        }
        config = msgspec.structs.replace(
            config,
            timeout=other._given["timeout"],
            max_retries=other._given["max_retries"],
            headers=headers,
            authorization=authorization,
            own_authorization=config.own_authorization or authorization is not config.authorization,
            query=other._given["default_query"],
        )
        other._shared, other._first_key = self._shared, self._first_key
        if not _is_absent(key):
            config = with_key(config, key)
        if not _is_absent(base_url):
            config = msgspec.structs.replace(config, origin=parse_base_url(base_url))
            other._given["base_url"] = base_url
        other._owns_transport = config.origin != self._config.origin
        if other._owns_transport:
            other._shared = Shared(config, self._make)
        if not _is_absent(hooks):
            other._given["hooks"] = hooks
        watchers = self._loop.watchers if _is_absent(hooks) else _make_watchers(hooks)
        other._loop = self._loop_class(config, other._shared, watchers)
        return other

    copy = with_options

    @property
    def with_raw_response(self) -> Any:
        """This client, each of whose methods returns an APIResponse: `with_raw_response.chat.completions.create()`."""
        return RawForm(self._view(True))

    @property
    def with_streaming_response(self) -> Any:
        """This client, each of whose methods returns a context manager that gives the answer with its body unread."""
        return OpenForm(self._view("open"))

    def _view(self, raw: Rawness) -> Self:
        other = object.__new__(type(self))
        for name in ("_given", "_first_key", "_shared", "_loop"):
            setattr(other, name, getattr(self, name))
        other._owns_transport, other._raw = False, raw
        return other

    if not TYPE_CHECKING:  # a type checker that saw it would believe in any name

        def __getattr__(self, name: str) -> Any:
            from togetherpy.resources._not_yet import missing

            raise missing(self, name)

    def __reduce__(self) -> tuple[Any, ...]:
        # Configuration only (fault E9): a copy makes its own connections, and reads its own environment's key.
        given = {name: value.reveal() if isinstance(value, Secret) else value for name, value in self._given.items()}
        if self._config.key is not self._first_key:
            given["api_key"] = self._config.key.reveal()  # it was set later
        return _rebuild, (type(self), given)

    def __repr__(self) -> str:
        # A traceback with local variables shows clients whose constructor failed, too.
        return f"<{type(self).__name__} {self.base_url if hasattr(self, '_loop') else 'not configured'}>"


class Together(_Client[Transport]):
    """The Together AI API, by blocking calls. Safe to share between threads."""

    _loop_class = Loop

    @staticmethod
    def _make(config: Config) -> Transport:
        from togetherpy._transport.blocking import BlockingTransport

        return BlockingTransport(config)

    audio: Area[Audio] = Area("togetherpy.resources.audio", "Audio")
    """Speech, transcriptions and translations."""
    batches: Area[Batches] = Area("togetherpy.resources.batches", "Batches")
    """Jobs of the Batch API."""
    chat: Area[Chat] = Area("togetherpy.resources.chat", "Chat")
    """Conversations with a model: `chat.completions`."""
    completions: Area[Completions] = Area("togetherpy.resources.completions", "Completions")
    """Texts that a model goes on with."""
    embeddings: Area[Embeddings] = Area("togetherpy.resources.embeddings", "Embeddings")
    """Vectors of texts."""
    files: Area[Files] = Area("togetherpy.resources.files", "Files")
    """Files that the server keeps."""
    fine_tuning: Area[FineTuning] = Area("togetherpy.resources.finetune", "FineTuning")
    """Jobs that train a model of your own."""
    images: Area[Images] = Area("togetherpy.resources.images", "Images")
    """Images, made from texts."""
    models: Area[Models] = Area("togetherpy.resources.models", "Models")
    """The models that there are."""
    rerank: Area[Rerank] = Area("togetherpy.resources.rerank", "Rerank")
    """Documents, sorted by what they have to do with a query."""

    get: Verb[Ask] = Verb("GET", Ask)
    """A GET request of a path that has no method here."""
    post: Verb[Ask] = Verb("POST", Ask)
    """A POST request of a path that has no method here."""
    put: Verb[Ask] = Verb("PUT", Ask)
    """A PUT request of a path that has no method here."""
    patch: Verb[Ask] = Verb("PATCH", Ask)
    """A PATCH request of a path that has no method here."""
    delete: Verb[Ask] = Verb("DELETE", Ask)
    """A DELETE request of a path that has no method here."""

    def warm_up(self, *, timeout: TimeoutTypes | None = None) -> None:
        """Does beforehand what a first call has to do: loads what chat calls need, plain and streamed, reads the
        certificates, and opens a connection (by way of the proxy, if there is one), which then lies ready.

        For an init phase, for after the restore of a snapshot, for a probe. It sends no request and costs no token.
        Where a connection lies ready, or all are in use, there is nothing to do; so it may be called as often as one
        likes, from any thread, and before a fork, after which the child opens a connection of its own.

        timeout: seconds to connect within, or a `Timeout`; else the client's. As of a call, what fails is tried again
            `max_retries` times.

        Raises:
            APIConnectionError: there is no connection to be had, and why, as of a call. APITimeoutError: not in time.
        """
        from togetherpy._warming import load

        load()
        self._loop.connect(timeout)

    def close(self) -> None:
        """Ends calls that are running and closes the connections. Idempotent; the client cannot be used after it."""
        for transport in self._shared.close() if self._owns_transport else ():
            transport.close()
        self._loop.catch_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class AsyncTogether(_Client[AsyncTransport]):
    """The Together AI API for asyncio. Belongs to no event loop: one client serves several, also one after another."""

    _loop_class = AsyncLoop

    @staticmethod
    def _make(config: Config) -> AsyncTransport:
        from togetherpy._transport.event_loop import LoopTransport

        return LoopTransport(config)

    audio: Area[AsyncAudio] = Area("togetherpy.resources.audio", "AsyncAudio")
    """Speech, transcriptions and translations."""
    batches: Area[AsyncBatches] = Area("togetherpy.resources.batches", "AsyncBatches")
    """Jobs of the Batch API."""
    chat: Area[AsyncChat] = Area("togetherpy.resources.chat", "AsyncChat")
    """Conversations with a model: `chat.completions`."""
    completions: Area[AsyncCompletions] = Area("togetherpy.resources.completions", "AsyncCompletions")
    """Texts that a model goes on with."""
    embeddings: Area[AsyncEmbeddings] = Area("togetherpy.resources.embeddings", "AsyncEmbeddings")
    """Vectors of texts."""
    files: Area[AsyncFiles] = Area("togetherpy.resources.files", "AsyncFiles")
    """Files that the server keeps."""
    fine_tuning: Area[AsyncFineTuning] = Area("togetherpy.resources.finetune", "AsyncFineTuning")
    """Jobs that train a model of your own."""
    images: Area[AsyncImages] = Area("togetherpy.resources.images", "AsyncImages")
    """Images, made from texts."""
    models: Area[AsyncModels] = Area("togetherpy.resources.models", "AsyncModels")
    """The models that there are."""
    rerank: Area[AsyncRerank] = Area("togetherpy.resources.rerank", "AsyncRerank")
    """Documents, sorted by what they have to do with a query."""

    get: Verb[AsyncAsk] = Verb("GET", AsyncAsk)
    """A GET request of a path that has no method here."""
    post: Verb[AsyncAsk] = Verb("POST", AsyncAsk)
    """A POST request of a path that has no method here."""
    put: Verb[AsyncAsk] = Verb("PUT", AsyncAsk)
    """A PUT request of a path that has no method here."""
    patch: Verb[AsyncAsk] = Verb("PATCH", AsyncAsk)
    """A PATCH request of a path that has no method here."""
    delete: Verb[AsyncAsk] = Verb("DELETE", AsyncAsk)
    """A DELETE request of a path that has no method here."""

    async def warm_up(self, *, timeout: TimeoutTypes | None = None) -> None:
        """As `Together.warm_up`, and the event loop goes on meanwhile; the connection serves any loop."""
        from togetherpy._core.loading import in_thread
        from togetherpy._warming import load

        await in_thread(load)
        await self._loop.connect(timeout)

    def close(self) -> Awaitable[None]:
        """Ends calls that are running and closes the connections at once; await it for the last of the cleaning up.

        Idempotent; the client cannot be used after it.
        """
        transports = self._shared.close() if self._owns_transport else []
        for transport in transports:
            transport.close()
        self._loop.catch_up()
        return _Closing(transports)

    async def aclose(self) -> None:
        """The same as `await client.close()`."""
        await self.close()

    async def __aenter__(self) -> Self:
        await self._shared.load()  # before the first call has to wait for it
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


Client = Together
AsyncClient = AsyncTogether


class _Closing:
    """What is left to await after `AsyncTogether.close()`; not awaiting it is no error."""

    __slots__ = ("_transports",)

    def __init__(self, transports: list[AsyncTransport]) -> None:
        self._transports = transports

    def __await__(self) -> Generator[Any, Any, None]:
        for transport in self._transports:
            yield from transport.aclose().__await__()


_UNGIVEN = {"trust_env": True, "retry_quota": DEFAULT_RETRY_QUOTA, "api_key": Secret(None)}
"""What arguments of constructors are if they are not given, where that is not None."""


def _bare(value: object) -> object:
    return value.reveal() if isinstance(value, Secret) else value


def _is_absent(value: object) -> bool:
    return value is None or is_absent(_bare(value)) or _bare(value) is None


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
