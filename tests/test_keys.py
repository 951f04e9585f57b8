"""Keys that are asked for."""

import asyncio

import pytest

from togetherpy import AuthenticationError
from togetherpy._core.keys import AskedKey

NAMES = iter(range(100))


def test_it_is_asked_for_each_time() -> None:
    key = AskedKey(lambda: f"sk-{next(NAMES)}")
    first, second = key.ask().reveal(), key.ask().reveal()
    assert first != second
    assert key.reveal() == f"Bearer {second}"
    assert second not in repr(key)


def test_an_asynchronous_function_is_for_asynchronous_clients() -> None:
    async def ask() -> str:
        return "sk-a"

    assert asyncio.run(AskedKey(ask).ask_async()).reveal() == "sk-a"
    with pytest.raises(TypeError, match="AsyncTogether"):
        AskedKey(ask).ask()


@pytest.mark.fault("G1")
@pytest.mark.parametrize("key", ["", "a b", None, 5])
def test_what_can_be_no_key(key: object) -> None:
    with pytest.raises(AuthenticationError):
        AskedKey(lambda: key).ask()
