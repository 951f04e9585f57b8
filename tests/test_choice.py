"""One of the `n` answers, added up."""

from typing import Any

import msgspec

from togetherpy._chat.choice import ChoiceSum, joined
from togetherpy._core.decode import decode_json
from togetherpy.types.chat_completions import ChatCompletionChoicesChunk

CHOICE = msgspec.json.Decoder(ChatCompletionChoicesChunk)


def summed(*choices: dict[str, Any]) -> ChoiceSum:
    total = ChoiceSum()
    for choice in choices:
        one = decode_json(CHOICE, msgspec.json.encode(choice))
        total.add(one, True)
        total.add_extra(one)
    return total


def test_texts_and_what_our_types_do_not_name() -> None:
    total = summed(
        {"delta": {"role": "assistant", "content": "a", "refusal": "I ", "sign": "x"}, "hint": 1},
        {"delta": {"content": "b", "refusal": "can't", "reasoning": "hm"}, "finish_reason": "", "hint": 2},
        {"delta": {}, "finish_reason": "stop"},
    )
    answer = total.data(0)
    assert answer.message is not None
    assert (answer.message.content, answer.message.reasoning, answer.finish_reason) == ("ab", "hm", "stop")
    assert answer.message.refusal == "I can't"
    assert answer.message.model_extra == {"sign": "x"}
    assert answer.model_extra == {"hint": 2}


def test_a_whole_message_instead_of_deltas() -> None:
    answer = summed({"message": {"role": "assistant", "content": "all of it", "odd": 1}, "finish_reason": "stop"}).data(
        0
    )
    assert answer.message is not None
    assert answer.message.content == "all of it"
    assert answer.message.model_extra == {"odd": 1}


def test_several_that_are_one() -> None:
    first, second = summed({"delta": {"content": "a"}}), summed({"delta": {"content": "b"}, "finish_reason": "stop"})
    answer = joined([first, second]).data(0)
    assert answer.message is not None
    assert (answer.message.content, answer.finish_reason) == ("ab", "stop")
