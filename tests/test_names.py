"""Names of arguments that no method takes."""

import typing
import warnings
from typing import Any

import pytest
from support.clients import KEY, failure

from togetherpy._core.names import OPTIONS, Names
from togetherpy.testing import LocalServer
from togetherpy.testing._api import MODELS
from togetherpy.types._options import CallOptions

TAKES = Names(("max_tokens", "extra_body"), of_others=("min_tokens",), elsewhere={"on_step": "it is said elsewhere"})


def checked(params: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What is left of the parameters, and what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return TAKES.check("ask", params), [str(one.message) for one in caught]


def test_the_options_of_calls_are_known() -> None:
    assert OPTIONS._known == set(typing.get_type_hints(CallOptions))


@pytest.mark.parametrize(
    "params", [{"max_tokens": 1}, {"min_tokens": 1}, {"guided_json": {}}, {"api_key": None}, {}], ids=repr
)
def test_what_passes(params: dict[str, Any]) -> None:
    assert checked(dict(params)) == (params, [])


def test_a_near_miss_is_warned_of_once() -> None:
    said = "ask() sends max_token=... in the request's body as it is; did you mean max_tokens?"
    params, warned = checked({"max_token": 1, "extra_body": {"a": 2}})
    assert (params, warned) == ({"extra_body": {"max_token": 1, "a": 2}}, [said])
    assert checked(params) == (params, [])


@pytest.mark.parametrize(("name", "said"), [("api_key", "Together("), ("on_step", "it is said elsewhere")])
def test_what_belongs_elsewhere(name: str, said: str) -> None:
    params = {name: KEY, "max_tokens": 1}
    error = failure(TypeError, lambda: TAKES.check("ask", params))
    assert str(error).startswith(f"ask() takes no {name}=...: ")
    assert said in str(error)
    assert params == {}


def test_made_up_names_do_not_pile_up() -> None:
    for number in range(3_000):
        TAKES.check("ask", {f"x{number}": 1})
    assert len(TAKES._verdicts) <= 1_001


@pytest.mark.parametrize("method", ["list", "retrieve"])
def test_other_areas_of_the_api(method: str) -> None:
    arguments = {"id": MODELS[0]} if method == "retrieve" else {}
    with LocalServer() as server, server.client() as client:
        call = getattr(client.models, method)
        failure(TypeError, lambda: call(**arguments, api_key=KEY))
        failure(TypeError, lambda: call(**arguments, headers={"Authorization": KEY}))
        assert not server.requests
        with pytest.warns(UserWarning, match=rf"{method}\(\) sends timeuot=... in the request's query"):
            call(**arguments, timeuot=5)
        assert server.requests[0].query == "timeuot=5"
        assert server.requests[0].body == b""
