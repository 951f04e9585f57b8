"""`answer.text` and `answer.parsed`: the text of an answer, and what is raised where there is none."""

import pickle
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from support.clients import CALL

from togetherpy import NoTextError, TogetherError
from togetherpy._core.decode import decode_json
from togetherpy.testing import LocalServer
from togetherpy.types.chat_completions import ChatCompletionResponse
from togetherpy.types.completions import CompletionResponse
from togetherpy.types.parsed import ParsedChatCompletion, ParsedChoice, ParsedMessage

TOOL_CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}


class Lake(msgspec.Struct):
    name: str


def decoded(cls: Any = ChatCompletionResponse, **body: Any) -> Any:
    return decode_json(msgspec.json.Decoder(cls), msgspec.json.encode(body))


def chat(message: Any, finish_reason: Any = "stop", **choice: Any) -> Any:
    return decoded(choices=[{"message": message, "finish_reason": finish_reason, **choice}])


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (chat({"content": "1,470 m"}), "1,470 m"),
        (chat({"content": "", "tool_calls": []}), ""),
        (chat({"content": "", "tool_calls": None}, None), ""),
        (chat({"content": "It is cut her"}, "length"), "It is cut her"),
        (chat({"content": "I look", "tool_calls": [TOOL_CALL]}, "tool_calls"), "I look"),
        (chat({"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "deep"}]}), "deep"),
        (decoded(choices={"message": {"content": "no list"}}), "no list"),
        (decoded(choices=[{"message": {"content": "one"}}, {"message": {"content": "two"}}]), "one"),
        (decoded(choices=[{"message": {"content": "mine"}}], text="the server's"), "mine"),
        (decoded(CompletionResponse, choices=[{"text": "and deep"}]), "and deep"),
        (decoded(CompletionResponse, choices=[{"text": ""}]), ""),
    ],
)
def test_text(answer: Any, text: str) -> None:
    assert answer.text == text


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (decoded(), "it has no choices"),
        (decoded(choices=[]), "it has no choices"),
        (decoded(choices=[None]), "it has no choices"),
        (decoded(choices=[{}]), "its content is None, with finish_reason None"),
        (chat({"content": None}), "its content is None, with finish_reason stop"),
        (
            chat({"content": None, "tool_calls": [TOOL_CALL, TOOL_CALL]}),
            "the model called get_weather, get_weather; the calls",
        ),
        (
            chat({"content": "", "tool_calls": [TOOL_CALL]}, "tool_calls"),
            "the model called get_weather; the calls are in",
        ),
        (chat({"tool_calls": [{"function": "odd"}]}), "the model called a tool"),
        (chat({"content": None, "refusal": "I will not"}), "choices[0].message.refusal"),
        (chat({"content": "", "reasoning": "a long thought"}, "length"), "raise max_tokens"),
        (chat({"content": ""}, "content_filter"), "a content filter withheld it"),
        (chat({"content": ""}, "error", error={"message": "broken"}), "choices[0].error"),
        (decoded(CompletionResponse, choices=[{"finish_reason": "length"}]), "raise max_tokens"),
    ],
)
def test_no_text(answer: Any, reason: str) -> None:
    with pytest.raises(NoTextError) as caught:
        _ = answer.text
    assert str(caught.value).startswith("The answer has no text: ")
    assert reason in str(caught.value)
    assert caught.value.completion is answer
    assert isinstance(caught.value, TogetherError)
    assert not hasattr(answer, "text")  # what programs ask that tell answers of several kinds apart
    assert getattr(answer, "text", "other") == "other"
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.completion) == (str(caught.value), answer)


def test_what_the_model_wrote_is_in_no_message() -> None:
    with pytest.raises(NoTextError) as caught:
        _ = chat({"content": None, "refusal": "I will not", "reasoning": "secret"}).text
    assert "I will not" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_field_of_this_name_stays_where_unknown_fields_are() -> None:
    answer = decoded(choices=[{"message": {"content": "mine"}}], text="theirs", parsed=1)
    for one in (answer, ChatCompletionResponse.model_validate(answer.to_dict()), pickle.loads(pickle.dumps(answer))):
        assert one.model_extra == {"text": "theirs", "parsed": 1}
        assert one.to_dict()["text"] == "theirs"
        assert one.text == "mine"
    assert answer.model_copy(update={"text": "other"}).model_extra["text"] == "other"
    assert "text" not in ChatCompletionResponse.model_fields
    assert "text" not in decoded(choices=[{"message": {"content": "mine"}}]).to_dict()


def test_text_cannot_be_set() -> None:
    with pytest.raises(AttributeError):
        chat({"content": "mine"}).text = "other"


class TestParsed:
    def of(self, **message: Any) -> ParsedChatCompletion[Lake]:
        return ParsedChatCompletion[Lake](choices=[ParsedChoice[Lake](message=ParsedMessage[Lake](**message))])

    def test_it_is_what_the_first_choice_says(self) -> None:
        assert self.of(content="{}", parsed=Lake("Kivu")).parsed == Lake("Kivu")

    def test_null_is_a_value(self) -> None:
        assert self.of(content="null", parsed=None).parsed is None

    @pytest.mark.parametrize(
        "message", [{"content": None}, {"content": "", "tool_calls": [TOOL_CALL]}, {"content": None, "refusal": "no"}]
    )
    def test_nothing_said(self, message: Any) -> None:
        with pytest.raises(NoTextError):
            _ = self.of(**message).parsed

    def test_no_choices(self) -> None:
        with pytest.raises(NoTextError, match="no choices"):
            _ = ParsedChatCompletion[Lake](choices=[]).parsed


def test_over_a_socket(client: Callable[..., Any]) -> None:
    with LocalServer() as server:
        caller = client(server)
        plain = caller.create()
        assert plain.text == plain.choices[0].message.content != ""
        assert caller.stream().final().text == plain.text
        parse = caller.area("chat.completions").parse
        lake = parse(**CALL, response_format=Lake)
        assert lake.parsed == lake.choices[0].message.parsed
        completed = caller.area("completions").create(model="m", prompt="Lake Kivu is")
        assert completed.text == completed.choices[0].text != ""
