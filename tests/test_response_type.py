"""response_type: answers and chunks as the caller's own types."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any, TypedDict

import attrs
import msgspec
import pydantic
import pytest
from support.answers import (
    COMPLETION,
    DONE,
    HELLO,
    OK,
    SSE,
    SSE_CLOSE,
    STREAM_OK,
    answer,
    chunk,
    chunked,
    completion,
    event,
)
from support.clients import failure
from support.scripted import ScriptedServer, request, send, until_gone

from togetherpy import APIResponseError, APIStatusError, StreamInterruptedError
from togetherpy._chat import response_type as own
from togetherpy.resources.chat.completions import CHAT_COMPLETIONS, endpoint_for
from togetherpy.types import ChatCompletionChunk, ChatCompletionResponse

Maker = Callable[..., Any]


class Said(msgspec.Struct):
    content: str | None = None


class Choice(msgspec.Struct):
    message: Said | None = None
    delta: Said | None = None


class AsStruct(msgspec.Struct):
    id: str
    choices: list[Choice]


@dataclasses.dataclass
class AsDataclass:
    id: str
    choices: list[Choice]


@attrs.define
class AsAttrs:
    id: str
    choices: list[Choice]


class AsDict(TypedDict):
    id: str
    choices: list[Choice]


OWN = [AsStruct, AsDataclass, AsAttrs, AsDict]


def get(value: Any, name: str) -> Any:
    return value[name] if isinstance(value, dict) else getattr(value, name)


@pytest.mark.parametrize("to", OWN)
def test_an_answer_in_the_callers_type(client: Maker, to: Any) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        value = client(server).create(response_type=to)
    assert type(value) is (dict if to is AsDict else to)
    assert get(value, "id") == "r-1"
    assert get(value, "choices") == [Choice(message=Said(COMPLETION))]


@pytest.mark.parametrize("to", OWN)
def test_chunks_in_the_callers_type(client: Maker, to: Any) -> None:
    with ScriptedServer([request, send(STREAM_OK)]) as server:
        values = client(server).chunks(response_type=to)
    assert [type(value) for value in values] == [dict if to is AsDict else to] * 3
    assert [get(value, "choices")[0].delta.content for value in values] == ["Hello", " world", ""]


def test_plain_dicts(client: Maker) -> None:
    body = completion() | {"brand_new": 1}
    with ScriptedServer([request, send(answer(body)), request, send(STREAM_OK)]) as server:
        caller = client(server)
        assert caller.create(response_type=dict) == body
        assert caller.chunks(response_type=dict) == [chunk("Hello"), chunk(" world"), chunk("", "stop")]


def test_the_raw_bytes(client: Maker) -> None:
    body = b' {"id":  "x"}\n'
    with ScriptedServer([request, send(answer(body)), request, send(STREAM_OK)]) as server:
        caller = client(server)
        assert caller.create(response_type=bytes) == body
        assert caller.chunks(response_type=bytes) == [
            json.dumps(one).encode() for one in (chunk("Hello"), chunk(" world"), chunk("", "stop"))
        ]


def test_with_a_raw_response(client: Maker) -> None:
    with ScriptedServer([request, send(OK), request, send(STREAM_OK)]) as server:
        caller = client(server)
        raw = caller.raw_response(response_type=AsStruct)
        assert type(raw.parse()) is AsStruct
        assert raw.json() == completion()
        stream = caller.opened(caller.raw_response(response_type=dict, stream=True).parse())
        assert stream.read()[0] == chunk("Hello")


def test_our_own_types_are_the_usual_ones(client: Maker) -> None:
    assert endpoint_for(ChatCompletionResponse, False) is endpoint_for(None, False) is CHAT_COMPLETIONS
    assert endpoint_for(ChatCompletionChunk, True) is endpoint_for(None, True)
    with ScriptedServer([request, send(answer(completion() | {"id": 5, "new": 1}))]) as server:
        made = client(server).create(response_type=ChatCompletionResponse)
    assert (made.id, made.model_extra) == (5, {"new": 1})


class More(ChatCompletionResponse, kw_only=True):
    brand_new: int = 0


def test_our_types_extended_know_the_fields_they_do_not_name(client: Maker) -> None:
    with ScriptedServer([request, send(answer(completion() | {"brand_new": 3, "other": 4}))]) as server:
        made = client(server).create(response_type=More)
    assert (made.brand_new, made.model_extra) == (3, {"other": 4})


def test_what_a_type_is_made_into_is_kept() -> None:
    assert endpoint_for(AsStruct, False).answer.own is endpoint_for(AsStruct, True).answer.own
    assert endpoint_for(AsStruct, False).answer.own is not endpoint_for(AsDataclass, False).answer.own


def test_text_that_msgspec_refuses_is_decoded_all_the_same(client: Maker) -> None:
    odd = b'\xef\xbb\xbf{"id": "\\ud83d", "choices": []}'
    with ScriptedServer([request, send(answer(odd)), request, send(SSE + chunked(event(odd[3:]) + DONE))]) as server:
        caller = client(server)
        assert caller.create(response_type=AsStruct) == AsStruct("\ufffd", [])
        assert caller.chunks(response_type=AsDict) == [{"id": "\ufffd", "choices": []}]


# What does not fit


class Misfit(msgspec.Struct):
    usage: dict[str, str]


def test_a_misfit_says_where_and_has_the_whole_answer(client: Maker) -> None:
    body = completion("x" * 200_000)
    with ScriptedServer([request, send(answer(body, x_request_id="id-1"))]) as server:
        error = client(server, max_retries=2).fails(APIResponseError, response_type=Misfit)
    assert "response_type=Misfit" in str(error)
    assert "`$.usage[...]`" in str(error)
    assert json.loads(error.body) == body
    assert (error.request_id, error.attempts, error.response.status_code) == ("id-1", 1, 200)
    assert "xxx" not in str(error)


def test_a_misfit_in_a_stream_has_the_event(client: Maker) -> None:
    odd = chunk("b", usage={"total_tokens": 1})
    with ScriptedServer([request, send(SSE + chunked(event({"usage": {}}) + event(odd) + DONE))]) as server:
        seen: list[Any] = []
        stream = client(server).stream(response_type=Misfit)
        error = failure(APIResponseError, lambda: stream.each(seen.append))
    assert seen == [Misfit({})]
    assert "`$.usage[...]`" in str(error)
    assert json.loads(error.body) == odd
    assert error.partial is None


NO_ANSWER = [(to, body) for to in (AsStruct, dict, bytes) for body in (b"", b" \n", b"<html>", b"[]")]


@pytest.mark.parametrize(("to", "body"), [*NO_ANSWER, (AsStruct, b'{"id": '), (dict, b'{"id": ')])
def test_what_is_no_answer_at_all(client: Maker, to: Any, body: bytes) -> None:
    with ScriptedServer([request, send(answer(body))]) as server:
        error = client(server).fails(APIResponseError, response_type=to)
    assert error.body == body


def test_an_empty_answer_is_tried_again(client: Maker) -> None:
    with ScriptedServer([request, send(answer(b"")), request, send(OK)]) as server:
        assert client(server, max_retries=1).create(response_type=dict)["id"] == "r-1"


def test_an_event_that_is_no_json(client: Maker) -> None:
    with ScriptedServer([request, send(SSE + chunked(event("{not json") + DONE))]) as server:
        error = client(server).fails(APIResponseError, stream=True, response_type=dict)
    assert error.body == b"{not json"


def test_a_plain_answer_to_a_stream_request(client: Maker) -> None:
    body = completion("x" * 200_000)
    with ScriptedServer([request, send(answer(body))]) as server:
        error = client(server).fails(APIResponseError, stream=True, response_type=dict)
    assert json.loads(error.body) == body


# Errors that come inside of a success


@pytest.mark.fault("B16", "D9")
@pytest.mark.parametrize("to", [AsStruct, dict, bytes])
@pytest.mark.parametrize(
    "body", [{"error": {"message": "late", "code": 503}}, {"error": "late"}, {"object": "error", "message": "late"}]
)
def test_an_error_inside_of_a_success_is_raised(client: Maker, to: Any, body: Any) -> None:
    good = event(chunk("a"))
    with ScriptedServer([request, send(answer(body)), request, send(SSE + chunked(good + event(body)))]) as server:
        caller = client(server)
        assert "late" in str(caller.fails(APIStatusError, response_type=to))
        seen: list[Any] = []
        stream = caller.stream(response_type=to)
        error = failure(APIStatusError, lambda: stream.each(seen.append))
    assert "late" in str(error)
    assert len(seen) == 1


@pytest.mark.fault("B16")
def test_an_error_after_the_choices_is_raised(client: Maker) -> None:
    body = completion("x" * 5000) | {"error": {"message": "late"}}
    with ScriptedServer([request, send(answer(body))]) as server:
        assert "late" in str(client(server).fails(APIStatusError, response_type=dict))


def test_an_event_named_error_is_raised(client: Maker) -> None:
    named = b'event: error\ndata: {"finish_reason":null, "message": "late"}\n\n'
    with ScriptedServer([request, send(SSE + chunked(named))]) as server:
        assert "late" in str(client(server).fails(APIStatusError, stream=True, response_type=bytes))


@pytest.mark.fault("D9")
@pytest.mark.parametrize("end", [DONE, b""])
def test_an_error_beside_a_choice_that_goes_on_is_raised_at_the_end(client: Maker, end: bytes) -> None:
    odd = tight(chunk("b", error={"message": "late"}))
    with ScriptedServer([request, send(SSE + chunked(tight(chunk("a")) + odd + end))]) as server:
        seen: list[Any] = []
        stream = client(server).stream(response_type=dict)
        error = failure(APIStatusError, lambda: stream.each(seen.append))
    assert "late" in str(error)
    assert len(seen) == 2


def test_the_word_alone_is_no_error(client: Maker) -> None:
    harmless = completion('"error"') | {"error": None, "kind": "error", "object": "error"}
    events = event(chunk('"error"', error="", kind="error")) + event(chunk("", "error")) + DONE
    with ScriptedServer([request, send(answer(harmless)), request, send(SSE + chunked(events))]) as server:
        caller = client(server)
        assert caller.create(response_type=dict) == harmless
        assert len(caller.chunks(response_type=dict)) == 2


# Whether a stream is whole


def tight(value: Any) -> bytes:
    return event(json.dumps(value, separators=(",", ":")))


@pytest.mark.fault("B7")
@pytest.mark.parametrize("to", [AsStruct, dict, bytes])
@pytest.mark.parametrize("write", [event, tight])
def test_a_finish_reason_and_a_proper_end_are_enough(client: Maker, to: Any, write: Any) -> None:
    body = write(chunk("a")) + write(chunk("b", "stop")) + write({"id": "u", "choices": [], "usage": {}})
    with ScriptedServer([request, send(SSE + chunked(body))]) as server:
        assert len(client(server).chunks(response_type=to)) == 3


@pytest.mark.fault("B7")
@pytest.mark.parametrize("to", [AsStruct, dict, bytes])
@pytest.mark.parametrize("write", [event, tight])
@pytest.mark.parametrize("finish", [None, ""])
def test_an_end_without_one_is_none(client: Maker, to: Any, write: Any, finish: Any) -> None:
    with ScriptedServer([request, send(SSE + chunked(write(chunk("a", finish))))]) as server:
        error = client(server).fails(StreamInterruptedError, stream=True, response_type=to)
    assert error.partial is None


@pytest.mark.fault("B7")
def test_every_choice_needs_one(client: Maker) -> None:
    first = chunk("a", "stop")
    both = chunk("b")
    both["choices"] += chunk("c", "length", 1)["choices"]
    for events, whole in ((tight(first), False), (tight(first) + tight(both), True)):
        with ScriptedServer([request, send(SSE + chunked(events))]) as server:
            caller = client(server)
            if whole:
                assert len(caller.chunks(response_type=dict, n=2)) == 2
            else:
                caller.fails(StreamInterruptedError, stream=True, response_type=dict, n=2)


@pytest.mark.fault("B7")
def test_the_end_of_one_choice_in_an_event_of_several(client: Maker) -> None:
    one_ends = chunk("a", "stop")
    one_ends["choices"] += chunk("b", None, 1)["choices"]
    with ScriptedServer([request, send(SSE + chunked(tight(one_ends) + tight(chunk("c", "length", 1))))]) as server:
        assert len(client(server).chunks(response_type=dict, n=2)) == 2


@pytest.mark.parametrize("end", [DONE, b"data: [DONE]", b"data:[DONE]\r\n\r\n"])
def test_the_official_end(client: Maker, end: bytes) -> None:
    with ScriptedServer([request, send(SSE_CLOSE + event(chunk("a")) + end)]) as server:
        assert len(client(server).chunks(response_type=bytes)) == 1


def test_comments_and_blank_events_are_no_chunks(client: Maker) -> None:
    with ScriptedServer([request, send(SSE + chunked(b": ping\n\ndata:\n\n" + HELLO))]) as server:
        assert len(client(server).chunks(response_type=bytes)) == 3


def test_a_broken_stream_gave_its_chunks_already(client: Maker) -> None:
    with ScriptedServer([request, send(SSE + chunked(event(chunk("a")), end=False))]) as server:
        seen: list[Any] = []
        stream = client(server).stream(response_type=dict)
        error = failure(StreamInterruptedError, lambda: stream.each(seen.append))
    assert (seen, error.partial) == ([chunk("a")], None)


def test_helpers_that_must_know_what_chunks_mean(client: Maker) -> None:
    with ScriptedServer([request, send(SSE + chunked(event(chunk("a")), end=False)), until_gone]) as server:
        stream = client(server).stream(response_type=dict)
        for helper in (stream.texts, stream.final):
            with pytest.raises(TypeError, match="response_type of your own"):
                helper()
        assert stream.next() == chunk("a")
        assert stream.raw.current is None
        stream.close()


# What cannot be decoded into


class Pydantic(pydantic.BaseModel):
    id: str


class Unknown:
    pass


@pytest.mark.parametrize("to", [int, str, list, set, Unknown, AsStruct("x", []), [1], {"id": str}, "dict"])
def test_a_type_that_no_answer_fits(client: Maker, to: Any) -> None:
    with ScriptedServer([request, send(OK)]) as server, pytest.raises(TypeError, match="response_type"):
        client(server).create(response_type=to)
    assert not server.requests


def test_pydantic_models_are_refused_with_a_word_of_help(client: Maker) -> None:
    with ScriptedServer([request, send(OK)]) as server, pytest.raises(TypeError, match="pydantic"):
        client(server).create(response_type=Pydantic)


def test_signs_in_what_is_odd() -> None:
    assert own.read_signs(b'{"id": "\\ud83d", "error": 1}').error == 1
    assert own.read_signs(b'{"choices": 5}').choices is None
    assert own.read_signs(b"nothing").names_error is False
