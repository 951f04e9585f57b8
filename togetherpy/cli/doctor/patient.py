"""What is examined: the client that these options and this environment make.

In: options. Out: its configuration, the steps of its way to the server, and a client that notes what it does.
The rule: nothing is worked out here: the configuration is what `make_config` says, the way what the transport does.
"""

from __future__ import annotations

import os
import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any

from togetherpy._core.config import Config, Secret, make_config
from togetherpy.client import Together
from togetherpy.types._timeout import Timeout

if TYPE_CHECKING:
    from togetherpy._transport.probe import Marks, NotingTransport, Probe, Way

DEFAULT = "default"
KEY = "TOGETHER_API_KEY"
"""Where the key is looked for."""


class Patient:
    """A client that is to be examined."""

    def __init__(self, *, base_url: str | None, model: str | None, timeout: float) -> None:
        """`timeout`: the most seconds of a step; of connecting it is the client's own limit, where that is less."""
        self.given_url: str | None = base_url
        self.model: str | None = model
        self.timeout: float = timeout

    @cached_property
    def url_source(self) -> str:
        """Where base_url comes from."""
        if self.given_url is not None:
            return "--base-url"
        return "TOGETHER_BASE_URL" if os.environ.get("TOGETHER_BASE_URL") else DEFAULT

    @cached_property
    def config(self) -> Config:
        """The configuration, but for the key, which connecting does not need.

        Raises:
            ValueError: base_url cannot be used.
        """
        return make_config(_read_environment, api_key=Secret("unknown"), base_url=self.given_url)

    def check_key(self) -> None:
        """Raises AuthenticationError: there is no key, or it cannot be one."""
        make_config(_read_environment, api_key=Secret(None), base_url="http://127.0.0.1")

    @cached_property
    def complaints(self) -> list[str]:
        """What a client warns of when it is made."""
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            Together(api_key="unknown", base_url=self.given_url).close()
        return [str(one.message) for one in said]

    @property
    def server(self) -> str:
        """host[:port]"""
        return self.config.origin.authority

    @property
    def connect_seconds(self) -> float:
        """The most that connecting may take."""
        return min(self.config.timeout.connect, self.timeout)

    @property
    def proxied(self) -> bool:
        """Whether there is a proxy on the way, perhaps one that cannot be understood."""
        from togetherpy._transport.proxies import choose

        try:
            choice = choose(self.config)
        except (TypeError, ValueError):  # of base_url: then nobody knows
            return False
        return choice.url is not None and not choice.excepted

    @cached_property
    def probe(self) -> Probe:
        """The way to the server, step by step. Raises SetupError: the proxy's URL cannot be understood."""
        from togetherpy._transport.probe import Probe

        return Probe(self.config, self.connect_seconds)

    @cached_property
    def way(self) -> Way:
        """A connection, opened once."""
        return self.probe.open()

    def client(self) -> NotingClient:
        """A client that answers once and does not try again."""
        timeout = Timeout(self.timeout, connect=self.connect_seconds)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `complaints` has them
            return NotingClient(base_url=self.given_url, timeout=timeout, max_retries=0)


class NotingClient(Together):
    """A client that notes when each part of its call began."""

    @staticmethod
    def _make(config: Config) -> NotingTransport:
        from togetherpy._transport.probe import NotingTransport

        return NotingTransport(config)

    @property
    def marks(self) -> Marks:
        """What began when."""
        main: Any = self._shared.main
        return main.marks if main is not None else []


def _read_environment(name: str) -> str | None:
    # A function, not os.environ itself: the repr of that shows the key in a traceback with local variables.
    return os.environ.get(name)
