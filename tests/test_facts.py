"""What chat completions answer, by the bytes alone; and that the usual answer pays nothing for the odd ones."""

import builtins
import json
from typing import Any

import msgspec
import pytest

from togetherpy import error as errors
from togetherpy._chat.facts import ChatAnswer, ChatEvents, facts_of
from togetherpy._core.config import Secret
from togetherpy._core.decode import decode_json
from togetherpy._core.expected import Facts
from togetherpy._core.wire import Headers, Reply
from togetherpy.types.chat_completions import ChatCompletionChunk, ChatCompletionResponse

ANSWER: ChatAnswer[ChatCompletionResponse] = ChatAnswer(ChatCompletionResponse)
EVENTS = ChatEvents()
CHUNK = msgspec.json.Decoder(ChatCompletionChunk)
HEADERS = Headers({"content-type": "application/json", "x-request-id": "r"})
GOOD = {
    "id": "x",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "prompt": [],
    "choices": [
        {"index": 0, "finish_reason": "stop", "logprobs": None, "message": {"role": "assistant", "content": "hi"}}
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
}


def outcome(body: Any, status: int = 200, *, stream: bool = False, secrets: tuple[Secret, ...] = ()) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return (EVENTS if stream else ANSWER).value(Reply(status, HEADERS, raw), secrets)


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def test_a_good_answer() -> None:
    value = outcome(json.dumps(GOOD, indent=2).encode())
    assert type(value) is ChatCompletionResponse
    assert value.choices[0].message.content == "hi"
    assert value.usage.total_tokens == 3


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_every_2xx_is_an_answer(status: int) -> None:
    assert type(outcome(GOOD, status)) is ChatCompletionResponse


@pytest.mark.fault("B14", "B17", "B18")
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"", "its body is empty", id="empty"),
        pytest.param(b" \n", "its body is empty", id="blank"),
        pytest.param(b"<html>sign in</html>", "is not usable JSON", id="HTML"),
        pytest.param(b"hello", "is not usable JSON", id="text"),
        pytest.param(b'{"id": "x"', "is not usable JSON", id="truncated"),
        pytest.param(b'{"id": "x"} {}', "is not usable JSON", id="two values"),
        pytest.param(b"[]", "it is no JSON object but list", id="list"),
        pytest.param(b"null", "it is no JSON object but NoneType", id="null"),
        pytest.param(b'"x"', "it is no JSON object but str", id="text in JSON"),
        pytest.param(b'{"z": %s}' % nested(100_000), "is not usable JSON", id="too deep"),
        pytest.param(b'{"metadata": %s}' % nested(100_000), "is not usable JSON", id="too deep, known field"),
        pytest.param(b'{"created": %s}' % (b"9" * 5000), "is not usable JSON", id="giant number"),
    ],
)
def test_an_answer_that_cannot_be_used_keeps_its_body(body: bytes, reason: str) -> None:
    made = outcome(body)
    assert type(made) is errors.APIResponseError
    assert reason in str(made)
    assert made.body == body[: 64 * 1024]
    assert made.request_id == "r"
    assert len(str(made)) < 600


@pytest.mark.fault("B18")
@pytest.mark.parametrize(
    ("unknown", "shown"),
    [(b'"caf\xc3"', {"id": "x", "choices": [], "new": "caf\ufffd"}), (b"9" * 5000, {"id": "x", "choices": []})],
    ids=["not UTF-8", "giant number"],
)
def test_damage_in_a_field_that_nobody_knows_costs_nothing_else(unknown: bytes, shown: dict[str, Any]) -> None:
    value = outcome(b'{"id": "x", "choices": [], "new": %s}' % unknown)
    assert value.id == "x"
    assert value.to_dict() == shown
    assert json.loads(value.to_json()) == shown


@pytest.mark.fault("B19")
def test_a_bom_is_dropped() -> None:
    value = outcome(b"\xef\xbb\xbf" + json.dumps(GOOD | {"new": 1}).encode())
    assert value.id == "x"
    assert value.model_extra == {"new": 1}
    assert value.to_dict()["new"] == 1


@pytest.mark.fault("B18")
def test_lone_surrogate_escapes_are_replaced_not_lost() -> None:
    body = json.dumps(GOOD).replace('"hi"', '"a\\ud83d b\\ud83c\\udf4c"').replace('"id"', '"new": ["\\udc00"], "id"')
    value = outcome(body.encode())
    assert value.choices[0].message.content == "a\ufffd b\U0001f34c"
    assert value.model_extra == {"new": ["\ufffd"]}
    assert json.loads(value.to_json())["new"] == ["\ufffd"]


@pytest.mark.fault("B16")
@pytest.mark.parametrize(
    ("body", "cls"),
    [
        ({"error": {"message": "m", "type": "server_error"}}, errors.InternalServerError),
        ({"error": "m"}, errors.APIStatusError),
        ({"object": "error", "message": "m", "type": "rate_limit"}, errors.RateLimitError),
        ({"error": {"message": "m", "code": 503}, "choices": []}, errors.ServiceUnavailableError),
        (GOOD | {"error": {"message": "m"}}, errors.APIStatusError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_200_that_names_an_error(body: Any, cls: type, stream: bool) -> None:
    made = outcome(body, stream=stream)
    assert type(made) is cls
    assert str(made).endswith("named an error: m.")


@pytest.mark.parametrize("nothing", [None, "", {}, [], False, 0], ids=repr)
def test_an_error_that_is_nothing_is_none(nothing: Any) -> None:
    assert type(outcome(GOOD | {"error": nothing})) is ChatCompletionResponse


def test_a_plain_answer_where_a_stream_was_asked_for() -> None:
    made = outcome(GOOD, stream=True)
    assert type(made) is errors.APIResponseError
    assert "a stream of events was asked for" in str(made)
    assert json.loads(made.body) == GOOD


def test_the_usual_answer_does_without_the_lenient_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if "lenient" in name:
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert type(outcome(GOOD)) is ChatCompletionResponse
    assert decode_json(CHUNK, b'{"choices": []}').choices == []
    with pytest.raises(ImportError):
        outcome(GOOD | {"created": "now"})


def test_what_hooks_are_told() -> None:
    value = outcome(GOOD)
    facts = facts_of(value)
    assert (facts.id, facts.model, facts.finish_reasons, facts.answer) == ("x", "m", ("stop",), value)
    assert facts.usage is value.usage
    assert facts.messages is not None
    assert facts.messages() == [{"role": "assistant", "content": "hi", "finish_reason": "stop"}]


def test_what_hooks_are_told_of_odd_answers_and_of_none() -> None:
    assert facts_of(None) == Facts()
    for choices in (5, "ab", {"a": 1}, [None, 5, {"finish_reason": "stop"}]):
        value = outcome(GOOD | {"choices": choices, "usage": "much", "id": 7})
        facts = facts_of(value)
        assert (facts.id, facts.usage, facts.model) == (None, None, "m")
        assert facts.messages is not None
        assert all(message.get("role") is None for message in facts.messages())


def test_several_answers_are_read_by_an_endpoint_of_as_many() -> None:
    assert EVENTS.of(3) is not EVENTS
    assert (EVENTS.take, EVENTS.accept, EVENTS.operation) == ("events", "text/event-stream", "chat")
