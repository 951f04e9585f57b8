"""What endpoints answer: values of our types, lists, pages, bytes, places; each kind by its bytes alone."""

import json
from typing import Any

import msgspec
import pytest

from togetherpy import APIError, APIResponseError, InternalServerError
from togetherpy._core.config import Secret
from togetherpy._core.expected import JSON, Expected, Facts, ListOf, Moved, Page, Redirect, Whole, items_of
from togetherpy._core.wire import Headers, Reply
from togetherpy.types._model import Model
from togetherpy.types.common import UsageData


class Thing(Model, kw_only=True):
    id: str | None = None
    model: str | None = None
    usage: UsageData | None = None
    things: "list[Thing] | None" = None


class Job(Model, kw_only=True):
    id: str | None = None
    error: Any = None


class Things(Model, kw_only=True):
    object: str | None = None
    data: list[Thing] | None = None


def value(kind: Expected[Any], body: Any, status: int = 200, **fields: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = Headers({name.replace("_", "-"): text for name, text in fields.items()})
    return kind.value(Reply(status, headers, raw), (Secret("sk-secret"),))


def test_a_value_of_our_type() -> None:
    made = value(JSON[Thing](Thing), {"id": "x", "new": [1]})
    assert (type(made), made.id, made.model_extra) == (Thing, "x", {"new": [1]})
    assert value(JSON[Thing](Thing), {"id": 5}).id == 5
    assert value(JSON[dict[str, int]](dict[str, int]), {"a": 1}) == {"a": 1}


@pytest.mark.parametrize("body", [b"", b" \r\n", b"<html>", b'{"id"', b"[]", b"\xff"])
def test_what_is_none(body: bytes) -> None:
    made = value(JSON[Thing](Thing), body)
    assert type(made) is APIResponseError
    assert made.body == body


def test_an_empty_body_where_that_is_an_answer() -> None:
    assert value(JSON[Thing](Thing, empty=Thing), b"", 204) == Thing()


def test_what_names_an_error_is_one_unless_the_type_has_such_a_field() -> None:
    said = {"error": {"message": "m", "code": 500}}
    assert type(value(JSON[Thing](Thing), said)) is InternalServerError
    assert isinstance(value(JSON[Job](Job), {"object": "error", **said}), APIError)
    assert value(JSON[Job](Job), {"id": "j", **said}).error == said["error"]
    assert value(JSON[Thing](Thing), {"id": "x", "error": None, "text": '"error"'}).id == "x"
    assert "sk-secret" not in str(value(JSON[Thing](Thing), {"error": "key sk-secret"}))


@pytest.mark.parametrize(
    "body", [[{"id": "a", "new": 1}, {"id": "b"}], {"things": [{"id": "a", "new": 1}, {"id": "b"}]}]
)
def test_a_list_whose_objects_keep_what_is_new(body: Any) -> None:
    made = value(ListOf[Thing](Thing, "things"), body)
    assert [(one.id, one.model_extra) for one in made] == [("a", {"new": 1}), ("b", {})]


@pytest.mark.parametrize("body", [{"other": []}, {"data": 5}, {"data": {"a": 1}}, 5, b"["])
def test_a_list_that_is_not_there(body: Any) -> None:
    assert type(value(ListOf[Thing](Thing), body)) is APIResponseError


def test_a_page_whose_objects_keep_what_is_new() -> None:
    body = {"object": "list", "next": "n", "data": [{"id": "a", "new": 1}, {"id": 7, "newer": 2}]}
    made = value(Page[Things](Things), body)
    assert made.model_extra == {"next": "n"}
    assert [(one.id, one.model_extra) for one in made.data] == [("a", {"new": 1}), (7, {"newer": 2})]
    assert made.to_dict() == body


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": []}, {"data": "x"}, {"data": [5, None]}])
def test_a_page_of_nothing(body: Any) -> None:
    assert value(Page[Things](Things), body).data == body.get("data")


def test_items_in_json_that_msgspec_refuses() -> None:
    raw = b'\xef\xbb\xbf{"data": [{"id": "\\ud800", "n": NaN}]}'
    assert [msgspec.json.decode(one) for one in items_of(raw, "data")] == [{"id": "\ufffd", "n": None}]


def test_bytes() -> None:
    assert value(Whole(), b'{"error": 1}') == b'{"error": 1}'


def test_a_place_to_go_on_is_a_secret() -> None:
    made = value(Redirect(), b"", 302, location="https://h/p?sig=abc", x_id="5")
    assert isinstance(made, Moved)
    assert (made.status, made.location, made.headers["x-id"]) == (302, Secret("https://h/p?sig=abc"), "5")
    assert "sig" not in repr(made)
    assert type(value(Redirect(), b"", 302)) is APIResponseError
    assert type(value(Redirect(), b"{}", 200, location="/x")) is APIResponseError
    assert Redirect().welcomes(302)
    assert not Redirect().welcomes(404)


def test_what_hooks_are_told() -> None:
    thing = Thing(id="x", model="m", usage=UsageData(prompt_tokens=1))
    facts = JSON[Thing](Thing).facts(thing, b"{}")
    assert facts == Facts(id="x", model="m", usage=thing.usage, answer=thing)
    assert Whole().facts(b"x", b"x") == Facts(answer=b"x")
    odd: Any = Thing(id=5, usage=["x"])  # type: ignore[arg-type]
    assert JSON[Thing](Thing).facts(odd, b"{}") == Facts(answer=odd)
