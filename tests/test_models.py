"""client.models: the list and one model, in every form in which servers send them."""

from collections.abc import Callable
from typing import Any

import pytest
from support.answers import answer
from support.clients import CALL
from support.scripted import ScriptedServer, request, send

from togetherpy import APIResponse, APIResponseError, InternalServerError, NotFoundError
from togetherpy.testing import LocalServer
from togetherpy.types.models import ModelObject

Maker = Callable[..., Any]
ONE: dict[str, Any] = {
    "id": "a/b-1",
    "object": "model",
    "created": 5,
    "type": "chat",
    "display_name": "B 1",
    "organization": "A",
    "link": "https://example.com",
    "license": "mit",
    "context_length": 4096,
    "pricing": {"hourly": 0, "input": 0.2, "output": 0.6, "base": 0, "finetune": 0},
    "config": {"chat_template": None, "stop": ["</s>"], "bos_token": "<s>", "eos_token": "</s>"},
}


def models(caller: Any) -> Any:
    return caller.area("models")


def test_the_list_of_the_local_server(client: Maker) -> None:
    with LocalServer() as server:
        found = models(client(server)).list()
        sent = server.requests[-1]
    assert [type(one) for one in found] == [ModelObject] * len(found)
    assert "meta-llama/Llama-3.3-70B-Instruct-Turbo" in [one.id for one in found]
    assert (sent.method, sent.path, sent.body) == ("GET", "/v1/models", b"")
    assert not {"content-type", "content-length"} & set(sent.headers)


def test_one_model_of_the_local_server(client: Maker) -> None:
    name = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
    with LocalServer() as server:
        assert models(client(server)).retrieve(name).id == models(client(server)).retrieve(id=name).id == name
        assert server.requests[-1].path == "/v1/models/meta-llama%2FLlama-3.3-70B-Instruct-Turbo"
        with pytest.raises(NotFoundError):
            models(client(server)).retrieve("no-such/model")


@pytest.mark.parametrize(
    "body", [[ONE, {"id": "c", "new": 1}], {"object": "list", "data": [ONE, {"id": "c", "new": 1}]}]
)
def test_both_forms_of_the_list(client: Maker, body: Any) -> None:
    with ScriptedServer([request, send(answer(body))]) as server:
        first, second = models(client(server)).list()
    assert (first.pricing.output, first.context_length, first.config.stop, first.type) == (0.6, 4096, ["</s>"], "chat")
    assert first.to_dict() == {**ONE, "config": {"stop": ["</s>"], "bos_token": "<s>", "eos_token": "</s>"}}
    assert (second.id, second.model_extra) == ("c", {"new": 1})


@pytest.mark.parametrize(
    ("body", "ids"),
    [([], []), ({"data": None}, []), ({"data": []}, []), (b'\xef\xbb\xbf[{"id": "\\ud800"}]', ["\ufffd"])],
)
def test_lists_that_are_odd(client: Maker, body: Any, ids: list[str]) -> None:
    with ScriptedServer([request, send(answer(body))]) as server:
        assert [one.id for one in models(client(server)).list()] == ids


def test_what_does_not_fit_is_kept_and_loses_no_other(client: Maker) -> None:
    body = [{"id": 5, "context_length": "long"}, None, "d", {"id": "c"}]
    with ScriptedServer([request, send(answer(body))]) as server:
        odd, nothing, text, good = models(client(server)).list()
    assert (odd.id, odd.context_length, nothing, text, good.id) == (5, "long", None, "d", "c")


@pytest.mark.parametrize("body", [{"models": []}, "x", 5, b"<html>", b""])
def test_what_is_no_list(client: Maker, body: Any) -> None:
    with ScriptedServer([request, send(answer(body))]) as server, pytest.raises(APIResponseError):
        models(client(server)).list()


@pytest.mark.parametrize(
    "body", [{"error": {"message": "m", "code": 500}}, {"object": "error", "message": "m", "error": 1, "code": 500}]
)
def test_an_error_in_a_200(client: Maker, body: Any) -> None:
    with ScriptedServer([request, send(answer(body)), request, send(answer(body))]) as server:
        caller = client(server)
        with pytest.raises(InternalServerError):
            models(caller).list()
        with pytest.raises(InternalServerError):
            models(caller).retrieve("m")


def test_the_query(client: Maker) -> None:
    with LocalServer() as server:
        caller = models(client(server))
        caller.list(dedicated=True)
        assert server.requests[-1].query == "dedicated=true"
        caller.list(True)
        assert server.requests[-1].query == "dedicated=true"
        caller.list(dedicated=False, extra_query={"b": "c d"}, further=3)
        assert server.requests[-1].query == "dedicated=false&further=3&b=c+d"


@pytest.mark.parametrize(
    ("model", "expected"),
    [("", ValueError), ("..", ValueError), (".", ValueError), ("\ud800", ValueError), (None, TypeError)],
)
def test_ids_that_are_none(client: Maker, model: Any, expected: type[Exception]) -> None:
    with pytest.raises(expected, match="model"):
        models(client(base_url="http://127.0.0.1:9/v1")).retrieve(model)


@pytest.mark.fault("G12")
def test_ids_are_percent_encoded(client: Maker) -> None:
    with ScriptedServer([request, send(answer({"id": "x"}))]) as server:
        models(client(server)).retrieve("a b/ü?c#d%2F..")
        assert server.requests[0].target == "/v1/models/a%20b%2F%C3%BC%3Fc%23d%252F.."


def test_raw_answers(client: Maker) -> None:
    with LocalServer() as server:
        caller = models(client(server))
        raw = caller.with_raw_response.list()
        assert type(raw) is APIResponse
        assert raw.json()[0]["id"] == raw.parse()[0].id
        assert (raw.status_code, raw.attempts) == (200, 1)
        assert caller.with_raw_response.retrieve(raw.parse()[0].id).parse().id == raw.parse()[0].id


def test_retries_and_hooks_are_those_of_every_call(client: Maker) -> None:
    seen: list[Any] = []

    class Seen:
        content = True

        def on_request(self, event: Any) -> None:
            seen.append(event)

        def on_retry(self, event: Any) -> None:
            seen.append(event)

        def on_response(self, event: Any) -> None:
            seen.append(event)

    with ScriptedServer([request, send(answer({}, 503)), request, send(answer([ONE]))]) as server:
        (made,) = models(client(server, max_retries=1, hooks=Seen())).list()
    asked, retried, answered = seen
    assert (asked.endpoint, asked.operation, asked.model, asked.stream, asked.messages) == (
        "models.list",
        None,
        None,
        False,
        None,
    )
    assert (retried.reason, answered.answer, answered.response_id) == ("503", [made], None)


def test_a_call_of_another_area_beside_it(client: Maker) -> None:
    with LocalServer() as server:
        caller = client(server)
        models(caller).list()
        assert caller.create(**CALL).choices
