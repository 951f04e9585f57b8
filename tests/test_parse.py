"""chat.completions.parse: an answer as a value of the caller's own type, by every kind of client."""

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from support.answers import chunk, text_of
from support.clients import CALL
from support.typed import (
    LAKES,
    Bay,
    Climate,
    Node,
    PydanticLake,
    StructLake,
    TypedDictLake,
    call,
    calls,
    fails,
    final,
    lake_json,
    loaded_after,
    reading,
    says,
)

import togetherpy
from togetherpy import BadRequestError, ParseError, StreamInterruptedError, UnprocessableEntityError
from togetherpy._typed.schema import strict_schema
from togetherpy.testing import LocalServer
from togetherpy.types.chat_completions import ChatCompletionResponse
from togetherpy.types.parsed import ParsedChatCompletion

Maker = Callable[..., Any]


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


def events(text: str, finish: str | None = "stop", size: int = 7) -> list[dict[str, Any]]:
    """A stream of this text in pieces."""
    pieces = [chunk(text[at : at + size]) for at in range(0, len(text), size)]
    return [*pieces, chunk("", finish)] if finish else pieces


# What is sent, and what comes back


@pytest.mark.parametrize("to", LAKES)
def test_the_answer_is_decoded_into_the_type(client: Maker, server: LocalServer, to: Any) -> None:
    """The server makes a value for the schema that it was sent, so the two agree."""
    answer = call(client(server), "parse", response_format=to)
    lake = answer.choices[0].message.parsed
    sent = server.requests[0].json["response_format"]
    assert sent == {
        "type": "json_schema",
        "json_schema": {"name": to.__name__, "schema": strict_schema(to), "strict": True},
    }
    if to is TypedDictLake:
        assert set(lake) == set(TypedDictLake.__annotations__)
        assert isinstance(lake["climate"], Climate)
    else:
        assert type(lake) is to
        assert isinstance(lake.climate, Climate)


@pytest.mark.parametrize("to", [Bay, Node])
def test_nested_and_recursive_types(client: Maker, server: LocalServer, to: Any) -> None:
    answer = call(client(server), "parse", response_format=to)
    assert type(answer.choices[0].message.parsed) is to


def test_all_else_is_as_create_answers_it(client: Maker, server: LocalServer) -> None:
    server.reply(body=says(lake_json(), reasoning="hm", new=1), times=2)
    caller = client(server)
    created, parsed = call(caller, "create"), call(caller, "parse", response_format=StructLake)
    assert isinstance(parsed, ChatCompletionResponse)
    assert isinstance(parsed, ParsedChatCompletion)
    shown = parsed.to_dict()
    lake = shown["choices"][0]["message"].pop("parsed")
    assert shown == created.to_dict()
    assert lake == msgspec.json.decode(lake_json())
    assert shown["choices"][0]["message"]["new"] == 1


def test_other_parameters_go_along(client: Maker, server: LocalServer) -> None:
    call(client(server), "parse", response_format=Node, temperature=0.5, extra_body={"a": 1}, further=2)
    sent = server.requests[0].json
    assert (sent["temperature"], sent["a"], sent["further"], "stream" in sent) == (0.5, 1, 2, False)


def test_every_choice_is_parsed(client: Maker, server: LocalServer) -> None:
    answer = call(client(server), "parse", response_format=StructLake, n=3)
    assert [type(choice.message.parsed) for choice in answer.choices] == [StructLake] * 3


def test_text_around_the_json_is_passed_over(client: Maker, server: LocalServer) -> None:
    server.reply(body=says(f"<think>Which {{lake}}?</think>\n```json\n{lake_json()}\n```"))
    assert call(client(server), "parse", response_format=PydanticLake).choices[0].message.parsed.name == "Kivu"


def test_content_in_parts(client: Maker, server: LocalServer) -> None:
    text = lake_json()
    server.reply(body=says([{"type": "text", "text": text[:9]}, {"type": "text", "text": text[9:]}]))  # type: ignore[arg-type]
    assert call(client(server), "parse", response_format=StructLake).choices[0].message.parsed.name == "Kivu"


def test_a_tool_call_or_a_refusal_is_none(client: Maker, server: LocalServer) -> None:
    server.reply(body=calls(("look_up", {})))
    server.reply(body=says(None, refusal="no"))
    server.reply(body=says("  "))
    server.reply(body={"choices": [{"finish_reason": "content_filter", "message": None}]})
    server.reply(body={"choices": [], "id": "x"})
    caller = client(server)
    for refusal in (None, "no", None, None):
        message = call(caller, "parse", response_format=StructLake).choices[0].message
        assert (message.parsed, message.refusal) == (None, refusal)
    assert call(caller, "parse", response_format=StructLake).choices == []


def test_what_the_server_calls_parsed_is_not_taken_for_ours(client: Maker, server: LocalServer) -> None:
    server.reply(body=says(None, parsed={"name": "x"}))
    assert call(client(server), "parse", response_format=StructLake).choices[0].message.parsed is None


def test_a_parsed_message_can_be_sent_back(client: Maker, server: LocalServer) -> None:
    caller = client(server)
    for to in (StructLake, PydanticLake):
        message = call(caller, "parse", response_format=to).choices[0].message
        call(caller, "create", messages=[*CALL["messages"], message, *CALL["messages"]])
        assert server.requests[-1].json["messages"][1] == {"role": "assistant", "content": message.content}
        assert message.parsed is not None


@pytest.mark.parametrize("to", [StructLake, PydanticLake])
def test_an_answer_can_be_shown_and_kept(client: Maker, server: LocalServer, to: Any) -> None:
    answer = call(client(server), "parse", response_format=to)
    for again in (pickle.loads(pickle.dumps(answer)), copy.deepcopy(answer)):
        assert again == answer
        assert again.choices[0].message.parsed == answer.choices[0].message.parsed
    assert msgspec.json.decode(answer.to_json())["choices"][0]["message"]["parsed"]["name"]
    assert answer.model_dump()["choices"][0]["message"]["parsed"]["name"]


# What does not fit


def test_what_does_not_fit_is_an_error_that_has_it_all(client: Maker, server: LocalServer) -> None:
    server.reply(body=says(lake_json(countries=["a", 2])))
    error = fails(ParseError, client(server), "parse", response_format=StructLake)
    assert isinstance(error, togetherpy.APIResponseError)
    assert error.text == lake_json(countries=["a", 2])
    assert (error.path, error.choice) == ("$.countries[1]", 0)
    assert error.completion.usage.total_tokens == 3
    assert error.completion.choices[0].message.content == error.text
    assert (error.request_id, error.http_status, error.maybe_billed) == ("r-1", 200, True)
    assert str(error) == (
        "The answer does not fit StructLake: Expected `str`, got `int`, at $.countries[1]. All of it is in .completion."
    )
    assert isinstance(error.__cause__, msgspec.ValidationError)
    again = pickle.loads(pickle.dumps(error))
    assert (again.text, again.path, again.completion) == (error.text, error.path, error.completion)


@pytest.mark.parametrize("text", ['{"name": "Ki', "", None, "<think>I should"])
def test_an_answer_that_was_cut_names_the_cause(client: Maker, server: LocalServer, text: str | None) -> None:
    server.reply(body=says(text, "length"))
    error = fails(ParseError, client(server), "parse", response_format=StructLake, max_tokens=3)
    assert "cut at max_tokens (finish_reason is 'length'); raise max_tokens" in str(error)
    assert error.text == (text or "")


def test_the_server_cuts_and_the_cause_is_named(client: Maker, server: LocalServer) -> None:
    error = fails(ParseError, client(server), "parse", response_format=StructLake, max_tokens=3)
    assert "raise max_tokens" in str(error)


def test_an_answer_that_is_whole_though_it_was_cut(client: Maker, server: LocalServer) -> None:
    server.reply(body=says(lake_json(), "length"))
    assert call(client(server), "parse", response_format=StructLake).choices[0].message.parsed.name == "Kivu"


def test_one_choice_of_several_does_not_fit(client: Maker, server: LocalServer) -> None:
    body = says(lake_json())
    body["choices"] = [says(text)["choices"][0] for text in (lake_json(), "Sorry.", lake_json(name="x"))]
    server.reply(body=body)
    error = fails(ParseError, client(server), "parse", response_format=StructLake, n=3)
    assert (error.choice, error.text, error.path) == (1, "Sorry.", "$")
    parsed = [choice.message.parsed for choice in error.completion.choices]
    assert [lake and lake.name for lake in parsed] == ["Kivu", None, "x"]


class Picky(msgspec.Struct):
    name: str

    def __post_init__(self) -> None:
        raise LookupError("no such lake")


def test_a_type_that_refuses_in_its_own_way(client: Maker, server: LocalServer) -> None:
    server.reply(body=says(lake_json()))
    error = fails(ParseError, client(server), "parse", response_format=Picky)
    assert "no such lake" in str(error)
    assert isinstance(error.__cause__, LookupError)


# What cannot be asked for


class Thing:
    pass


class Bad(msgspec.Struct):
    thing: Thing


def test_a_type_without_a_schema_costs_nothing(client: Maker, server: LocalServer) -> None:
    error = fails(TypeError, client(server), "parse", response_format=Bad)
    assert str(error).startswith("Bad.thing is of type Thing, which has no JSON schema; annotate it with str, int")
    fails(TypeError, client(server), "parse", response_format={"type": "json_object"})
    fails(TypeError, client(server), "parse", response_format=Node, response_type=Node)
    assert "parse() needs model=" in str(fails(TypeError, client(server), "parse", response_format=Node, model=None))
    assert server.requests == []


REFUSALS = {
    400: "The provided JSON schema contains features not supported by xgrammar.",
    422: "grammar is not valid: failed to compile grammar",
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", REFUSALS)
def test_a_schema_that_the_server_refuses(client: Maker, server: LocalServer, status: int, stream: bool) -> None:
    server.reply(status=status, body={"error": {"message": REFUSALS[status], "type": "invalid_request_error"}})
    expected = BadRequestError if status == 400 else UnprocessableEntityError
    error = fails(expected, client(server), "parse", response_format=StructLake, stream=stream)
    assert REFUSALS[status] in str(error)
    assert "the JSON schema made from StructLake: leave out of that type what the server does not support" in str(error)
    assert str(error) == error.message
    assert '"islands"' in error.__notes__[0]


@pytest.mark.parametrize("status", [400, 404, 422])
def test_another_refusal_is_not_blamed_on_the_schema(client: Maker, server: LocalServer, status: int) -> None:
    server.reply(status=status, body={"error": {"message": "`inputs` tokens + `max_new_tokens` must be <= 32769"}})
    error = fails(togetherpy.InvalidRequestError, client(server), "parse", response_format=StructLake)
    assert "JSON schema" not in str(error)
    assert not hasattr(error, "__notes__")


# Streams


@pytest.mark.parametrize("to", LAKES)
def test_a_stream_gives_deltas_and_at_the_end_the_value(client: Maker, server: LocalServer, to: Any) -> None:
    server.reply(events=events(lake_json()))
    caller = client(server)
    stream = reading(caller, call(caller, "parse", response_format=to, stream=True))
    first = stream.next()
    rest = stream.read()
    assert text_of([first, *rest]) == lake_json()
    answer = final(caller, stream.raw)
    lake = answer.choices[0].message.parsed
    assert (lake["name"] if to is TypedDictLake else lake.name) == "Kivu"
    assert server.requests[0].json["stream"] is True


def test_a_stream_can_be_read_by_its_end_alone(client: Maker, server: LocalServer) -> None:
    caller = client(server)
    stream = call(caller, "parse", response_format=StructLake, stream=True, n=2)
    answer = final(caller, stream)
    assert isinstance(answer, ParsedChatCompletion)
    assert [type(choice.message.parsed) for choice in answer.choices] == [StructLake, StructLake]
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens > 0
    assert final(caller, stream) == answer


def test_a_stream_is_a_stream(client: Maker, server: LocalServer) -> None:
    caller = client(server)
    stream = call(caller, "parse", response_format=StructLake, stream=True)
    assert isinstance(stream, togetherpy.Stream if caller.kind == "sync" else togetherpy.AsyncStream)
    assert type(stream).__name__ == ("ParsedStream" if caller.kind == "sync" else "AsyncParsedStream")
    assert stream.response.status_code == 200
    assert stream.current is None
    final(caller, stream)
    assert stream.current.choices[0].message.content.startswith("{")


def test_a_stream_that_is_left_is_closed(client: Maker, server: LocalServer) -> None:
    """And its connection with it: the pool has one place only."""
    caller = client(server, max_connections=1)
    stream = reading(caller, call(caller, "parse", response_format=StructLake, stream=True))
    stream.next()
    stream.close()
    assert call(caller, "create").choices


def test_a_stream_whose_text_does_not_fit(client: Maker, server: LocalServer) -> None:
    server.reply(events=events("Sorry."))
    server.reply(events=events('{"name": "Ki', "length"))
    caller = client(server)
    for words in ("malformed", "raise max_tokens"):
        stream = call(caller, "parse", response_format=StructLake, stream=True)
        with pytest.raises(ParseError, match=words) as caught:
            final(caller, stream)
        assert caught.value.text in ("Sorry.", '{"name": "Ki')
        assert caught.value.completion.choices[0].message.content == caught.value.text


def test_a_stream_that_breaks_off(client: Maker, server: LocalServer) -> None:
    server.reply(events=events(lake_json(), None), done=False)
    caller = client(server)
    stream = call(caller, "parse", response_format=StructLake, stream=True)
    with pytest.raises(StreamInterruptedError) as caught:
        final(caller, stream)
    assert caught.value.partial is not None
    assert caught.value.partial.choices[0].message.content == lake_json()  # type: ignore[index, union-attr]


# What it costs those who do not use it


@pytest.mark.parametrize("method", ["create", "parse"])
def test_a_plain_call_loads_nothing_of_it(server: LocalServer, method: str) -> None:
    code = f"""
import msgspec, togetherpy
class Lake(msgspec.Struct):
    name: str
client = togetherpy.Together(api_key="k", base_url={server.base_url!r})
tool = {{"type": "function", "function": {{"name": "f"}}}}
more = dict(response_format=Lake) if {method!r} == "parse" else dict(tools=[tool])
client.chat.completions.{method}(model="m", messages=[{{"role": "user", "content": "x"}}], **more)
"""
    ours = (
        "togetherpy._typed.schema",
        "togetherpy._chat.parse",
        "togetherpy._chat.parsing",
        "togetherpy.types.parsed",
    )
    never = ("togetherpy.tools", "togetherpy._chat.parsed_stream", "togetherpy._chat.run_tools", "pydantic")
    assert loaded_after(code, *ours, *never) == (sorted(ours) if method == "parse" else [])
