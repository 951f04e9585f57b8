"""What a client can be asked about its configuration, and told anew.

In: a loop, whose configuration it is. Out: its parts, as users of either official package read them.
The rule: everything is read from the configuration with which the next call is made; the key shows itself only to who
asks for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from togetherpy._core.config import Config, HiddenFields, Secret, with_key
from togetherpy.types._timeout import Timeout

if TYPE_CHECKING:
    from togetherpy._core.config import Origin

Key = str | Callable[[], str] | Callable[[], Awaitable[str]]
"""An API key, or a function that is asked for it before each attempt."""


class BaseURL(str):
    """A URL as text, equal to the same with or without a slash at its end; and its parts."""

    __slots__ = ("_origin",)
    _origin: Origin

    @classmethod
    def of(cls, origin: Origin, end: str = "") -> BaseURL:
        """`end`: what follows the path."""
        made = cls(f"{origin.scheme}://{origin.authority}{origin.path}{end}")
        made._origin = origin
        return made

    @property
    def scheme(self) -> str:
        """http or https"""
        return self._origin.scheme

    @property
    def host(self) -> str:
        """Without brackets, in ASCII."""
        return self._origin.host

    @property
    def port(self) -> int | None:
        """None where the text leaves it out, for it is the scheme's own."""
        usual = {"http": 80, "https": 443}[self._origin.scheme]
        return None if self._origin.port == usual else self._origin.port

    @property
    def path(self) -> str:
        """Without a slash at its end; may be empty."""
        return self._origin.path

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.rstrip("/") == other.rstrip("/")

    def __hash__(self) -> int:
        return hash(self.rstrip("/"))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (str(self), self._origin)


def _rebuilt(text: str, origin: Origin) -> BaseURL:
    made = BaseURL(text)
    made._origin = origin  # pyright: ignore[reportPrivateUsage]
    return made


class Settings:
    """The configuration of a loop."""

    _loop: Any

    @property
    def _config(self) -> Config:
        config: Config = self._loop.config
        return config

    @property
    def api_key(self) -> str:
        """The key that calls are made with; set it, and the next call is made with the new one.

        "" where it is a function that is asked. What is set may be one, too.

        Raises:
            AuthenticationError: what is set cannot be a key.
        """
        key = self._config.key
        return "" if callable(key.reveal()) else str(key.reveal())

    @api_key.setter
    def api_key(self, value: Key) -> None:
        key, value = Secret(value), ""  # a traceback with local variables must not show it
        self._loop.config = with_key(self._config, key)

    @property
    def base_url(self) -> BaseURL:
        """Where requests go, without a slash at its end."""
        return BaseURL.of(self._config.origin)

    @property
    def default_headers(self) -> Mapping[str, str]:
        """The header fields of every request; of Authorization only a value that was given as such."""
        config = self._config
        fields = dict(config.headers)
        if config.own_authorization and config.authorization is not None:
            fields["Authorization"] = config.authorization.reveal()
        return HiddenFields(fields)

    @property
    def default_query(self) -> Mapping[str, Any]:
        """The query parameters of every request."""
        return HiddenFields(self._config.query)

    @property
    def max_retries(self) -> int:
        """Retries after the first attempt."""
        return self._config.max_retries


class Version1(Settings):
    """What version 1 of the official package has as `client.client`: the configuration, with the total as `timeout`."""

    def __init__(self, loop: Any) -> None:
        self._loop = loop

    @property
    def base_url(self) -> BaseURL:
        """Where requests go, with a slash at its end."""
        return BaseURL.of(self._config.origin, "/")

    @property
    def timeout(self) -> float:
        """Seconds of a whole call."""
        return self._config.timeout.total

    @property
    def supplied_headers(self) -> Mapping[str, str]:
        """The header fields of every request."""
        return self.default_headers

    def __repr__(self) -> str:
        return f"<settings of {self.base_url}>"


class ClientSettings(Settings):
    """What a client shows of itself."""

    @property
    def timeout(self) -> Timeout:
        """The limits of a call."""
        return self._config.timeout

    @property
    def client(self) -> Version1:
        """The settings as version 1 of the official package has them."""
        return Version1(self._loop)

    def is_closed(self) -> bool:
        """Whether it has been closed, or the client whose connections it shares."""
        return bool(self._loop.shared.closed)
