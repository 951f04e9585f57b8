"""`togetherpy.accumulate`: chunks, from wherever they are kept, -> one answer.

In: chunks as objects, as plain data or as JSON, one a line. Out: a ChatCompletionResponse.
The rule: what a Stream does with what it reads is done here with what was read before; one pass, in linear time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from togetherpy._chat.accumulate import Accumulator
from togetherpy._core.decode import decode_json
from togetherpy._core.sse import DONE
from togetherpy.types.chat_completions import ChatCompletionChunk, ChatCompletionResponse

_decoder = msgspec.json.Decoder(ChatCompletionChunk)


def accumulate(chunks: Iterable[ChatCompletionChunk | Mapping[str, Any] | bytes | str]) -> ChatCompletionResponse:
    """The whole answer that these chunks are, in order, as `stream=False` would have brought it.

    chunks: ChatCompletionChunks, the same as dicts, or JSON text: the lines of a file with one chunk each, or those of
        a recorded event stream (`data: {...}`), whose blank lines, comments and [DONE] are passed over.

    An answer without choices is returned for no chunks. Errors among the chunks are not raised.

    Raises:
        ValueError: a line is not JSON. TypeError: a chunk is none of these.
    """
    accumulator = Accumulator()
    for chunk in _decoded(chunks):
        accumulator.add(chunk)
    return accumulator.response() or ChatCompletionResponse()


def _decoded(chunks: Iterable[Any]) -> Iterator[ChatCompletionChunk]:
    if isinstance(chunks, (str, bytes, dict)):
        raise TypeError("accumulate() takes an iterable of chunks, not a single one")
    for chunk in chunks:
        if isinstance(chunk, ChatCompletionChunk):
            yield chunk
        elif isinstance(chunk, (str, bytes)):
            line = (chunk.encode() if isinstance(chunk, str) else chunk).strip().removeprefix(b"data:").lstrip()
            if line and line != DONE and not line.startswith(b":"):
                yield decode_json(_decoder, line)
        elif isinstance(chunk, Mapping):
            yield decode_json(_decoder, msgspec.json.encode(chunk))
        else:
            raise TypeError(f"accumulate() takes chunks, dicts or JSON, not {type(chunk).__name__}")
