"""What completions of a prompt answer: see `test_completions` for whole calls."""

from typing import Any

import msgspec

from togetherpy._chat.prompted import PromptAccumulator, PromptTexts, is_of_prompt
from togetherpy._core.decode import decode_json
from togetherpy.types.chat_completions import ChatCompletionChunk
from togetherpy.types.completions import CompletionChunk

CHUNK = msgspec.json.Decoder(CompletionChunk)


def chunks(*choices: dict[str, Any]) -> list[CompletionChunk]:
    return [decode_json(CHUNK, msgspec.json.encode({"choices": [choice]})) for choice in choices]


def test_the_text_is_beside_the_delta_or_in_it() -> None:
    found = chunks({"index": 0, "text": "a"}, {"index": 0, "delta": {"content": "b"}}, {"index": 0, "text": "c"})
    total, texts = PromptAccumulator(), PromptTexts(1)
    for one in found:
        total.add_odd(one)
    answer: Any = total.response()
    assert answer.choices[0].text == "abc"
    assert [text for one in found for text in texts.of(one)] == ["a", "b", "c"]


def test_which_chunks_are_of_a_prompt() -> None:
    decode = msgspec.json.Decoder(ChatCompletionChunk).decode
    assert is_of_prompt(decode(b'{"object": "text_completion", "choices": []}'))
    assert is_of_prompt(decode(b'{"choices": [{"text": "a"}]}'))
    assert not is_of_prompt(decode(b'{"choices": [{"delta": {"content": "a"}}]}'))
