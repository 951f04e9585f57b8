"""Keys that are asked for, as those that soon expire are.

In: the function that a user gave as the key. Out: the key of one attempt.
The rule: it is asked before each attempt, and what it raises is the call's; the key is nowhere but in Secrets.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec

from togetherpy._core.config import Config, Secret, check_key


class AskedKey(Secret):
    """The value of one call's Authorization field; another one at each attempt."""

    __slots__ = ("_ask",)

    def __init__(self, ask: Callable[[], Any]) -> None:
        super().__init__("")
        self._ask = ask

    def ask(self) -> Secret:
        """The key that is sent from now on.

        Raises:
            TypeError: the function is asynchronous. AuthenticationError: what it gave cannot be a key. And what the
                function raises.
        """
        answer = Secret(self._ask())
        if inspect.isawaitable(answer.reveal()):
            if inspect.iscoroutine(answer.reveal()):
                answer.reveal().close()
            raise TypeError(
                "api_key is an asynchronous function, which AsyncTogether takes; Together takes a plain one"
            )
        return self._use(answer)

    async def ask_async(self) -> Secret:
        """The same; the function may be asynchronous."""
        answer = Secret(self._ask())
        if inspect.isawaitable(answer.reveal()):
            answer = Secret(await cast("Awaitable[Any]", answer.reveal()))
        return self._use(answer)

    def _use(self, answer: Secret) -> Secret:
        key = check_key(answer)
        self._value = "Bearer " + key.reveal()
        return key


def asking(config: Config) -> tuple[Config, AskedKey]:
    """The configuration of one call, with the key that it is going to ask for."""
    key = AskedKey(config.key.reveal())
    return msgspec.structs.replace(config, authorization=key), key
