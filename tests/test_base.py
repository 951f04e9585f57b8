"""Resources: stored objects that can be patched, raw forms of their methods, docstrings written once."""

import gc
import inspect
import threading
import weakref
from typing import Any
from unittest import mock

import pytest
from support.clients import CALL, make_raw

from togetherpy import AsyncTogether, Together
from togetherpy.resources._base import Resource
from togetherpy.resources.chat import Chat
from togetherpy.resources.chat.completions import AsyncCompletions, Completions
from togetherpy.resources.models import AsyncModels, Models
from togetherpy.testing import LocalServer

CLIENTS = [Together, AsyncTogether]


@pytest.mark.parametrize("cls", CLIENTS)
def test_they_are_the_same_at_every_access(cls: Any) -> None:
    client = cls(api_key="k")
    assert client.chat is client.chat
    assert client.chat.completions is client.chat.completions
    assert client.models is client.models
    assert client.with_options(timeout=1).chat is not client.chat


def test_of_threads_that_come_first_all_get_the_same() -> None:
    for _ in range(50):
        client, found = Together(api_key="k"), []
        barrier = threading.Barrier(8)

        def look(client: Any = client, found: list[Any] = found, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            found.append(client.chat.completions)

        threads = [threading.Thread(target=look) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({id(one) for one in found}) == 1


def test_they_keep_no_client_alive_and_make_no_circle() -> None:
    gc.disable()
    try:
        client: Any = Together(api_key="k")
        completions, gone = client.chat.completions, weakref.ref(client)
        del client
        assert gone() is None
        with LocalServer() as server:
            completions = Together(api_key="k", base_url=server.base_url).chat.completions
            assert completions.create(**CALL).choices
    finally:
        gc.enable()


def test_they_can_be_patched() -> None:
    client: Any = Together(api_key="k")
    client.chat.completions.create = lambda **params: params["model"]
    assert client.chat.completions.create(model="m") == "m"
    other: Any = Together(api_key="k")
    with mock.patch.object(other.chat.completions, "create", return_value=5):
        assert other.chat.completions.create(model="m") == 5
    assert inspect.ismethod(other.chat.completions.create)
    with mock.patch.object(other, "chat") as chat:
        assert other.chat is chat
    assert type(other.chat) is Chat
    with mock.patch.object(Completions, "create", return_value=6):
        assert Together(api_key="k").chat.completions.create(model="m", messages=[]) == 6
    with mock.patch("togetherpy.resources.chat.completions.Completions.create", autospec=True, return_value=7):
        assert Together(api_key="k").chat.completions.create(model="m", messages=[]) == 7


def test_a_double_of_the_client() -> None:
    double = mock.create_autospec(Together)
    client = double(api_key="k")
    client.chat.completions.create.return_value = 5
    assert client.chat.completions.create(model="m", messages=[]) == 5
    assert client.models.list() is not None
    with pytest.raises(TypeError, match="missing a required argument"):
        client.models.retrieve()
    with pytest.raises(AttributeError):
        client.chat.completions.no_such_method()
    double = mock.create_autospec(Together(api_key="k"))
    assert double.chat.completions.create(model="m", messages=[]) is not None


def test_a_double_of_the_asynchronous_client() -> None:
    client = mock.create_autospec(AsyncTogether)(api_key="k")
    assert inspect.iscoroutinefunction(client.chat.completions.create)
    assert inspect.iscoroutinefunction(client.models.list)


def test_asked_of_the_class_they_are_classes() -> None:
    assert Together.chat.completions is Completions
    assert AsyncTogether.chat.completions is AsyncCompletions


@pytest.mark.parametrize(("asynchronous", "plain"), [(AsyncModels, Models), (AsyncCompletions, Completions)])
def test_docstrings_are_written_once(asynchronous: Any, plain: Any) -> None:
    public = [name for name, method in vars(plain).items() if not name.startswith("_") and callable(method)]
    assert public
    for name in public:
        assert getattr(asynchronous, name).__doc__ == getattr(plain, name).__doc__
        assert len(getattr(plain, name).__doc__) > 40
    assert asynchronous.__doc__ == f"{plain.__doc__} of an AsyncTogether."


def test_raw_forms_are_of_every_method_that_is_one_call(kind: str) -> None:
    client = make_raw(kind, api_key="k")
    raw = client.chat.completions.with_raw_response
    assert {name for name in dir(raw) if not name.startswith("_")} == {"create", "parse"}
    for name in ("run_tools", "with_raw_response", "_loop", "nothing"):
        with pytest.raises(AttributeError):
            getattr(raw, name)
    assert inspect.signature(raw.create) == inspect.signature(client.chat.completions.create)
    assert client.chat.with_raw_response.completions.create


def test_a_resource_shows_nothing_of_its_client() -> None:
    assert repr(Together(api_key="sk-secret").models) == "<Models>"
    assert repr(Together(api_key="sk-secret").models.with_raw_response) == "<Models with raw responses>"
    assert Resource.__doc__
