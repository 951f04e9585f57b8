"""togetherpy, the synchronous client."""

from functools import cache
from typing import Any

from benchmarks.ask import KEY, TEXTS, TIMEOUT, Tally, drain, measure, take

ROLE = "ours"
REQUIRES = ["."]
IMPORT = "import togetherpy"
IMPORT_CLIENT = "from togetherpy import Together"
IMPORT_STACK = "import urllib3, msgspec"


def connect(url: str) -> Any:
    from togetherpy import Together

    return Together(api_key=KEY, base_url=url + "/v1", timeout=TIMEOUT, max_retries=0)


def answer(client: Any, ask: dict[str, Any]) -> Tally:
    return take(client.chat.completions.create(**ask))


def stream(client: Any, ask: dict[str, Any]) -> Tally:
    return drain(client.chat.completions.create(stream=True, **ask))


def embed(client: Any, ask: dict[str, Any]) -> Tally:
    return measure(client.embeddings.create(**TEXTS))


embed_packed = embed


def accumulate(client: Any, ask: dict[str, Any]) -> Tally:
    with client.chat.completions.create(stream=True, **ask) as chunks:
        return take(chunks.get_final_response())


def parse(client: Any, ask: dict[str, Any]) -> Tally:
    answer = client.chat.completions.parse(response_format=_lake(), **ask)
    if answer.choices[0].message.parsed.deepest_m != 136:
        raise ValueError("the answer was not read")
    return take(answer)


def answer_own(client: Any, ask: dict[str, Any]) -> Tally:
    answer, _ = _own_types()
    return take(client.chat.completions.create(response_type=answer, **ask))


def stream_own(client: Any, ask: dict[str, Any]) -> Tally:
    _, chunk = _own_types()
    return drain(client.chat.completions.create(stream=True, response_type=chunk, **ask))


def answer_hooks(client: Any, ask: dict[str, Any]) -> Tally:
    return answer(_hooked(client), ask)


def stream_hooks(client: Any, ask: dict[str, Any]) -> Tally:
    return stream(_hooked(client), ask)


@cache
def _own_types() -> tuple[Any, Any]:
    """An answer and a chunk: of their fields `choices` and `usage`, and of these what is read."""
    import msgspec

    text = ("content", str | None, None)
    nothing = ("logprobs", None, None), ("tool_calls", None, None)  # `take` and `drain` ask whether there are any
    message = msgspec.defstruct("Message", [text])
    delta = msgspec.defstruct("Delta", [text, nothing[1]])
    reason = ("finish_reason", str | None, None)
    usage = ("usage", msgspec.defstruct("Usage", [("total_tokens", int)]) | None, None)
    choice = msgspec.defstruct("Choice", [("message", message), reason, nothing[0]])
    piece = msgspec.defstruct("Piece", [("delta", delta), reason])
    return (
        msgspec.defstruct("Answer", [("choices", list[choice]), usage]),
        msgspec.defstruct("Chunk", [("choices", list[piece]), usage]),
    )


@cache
def _hooked(client: Any) -> Any:
    """The same client with hooks that look at every event."""
    from togetherpy import Hooks

    class Counting(Hooks):
        def __init__(self) -> None:
            self.events = 0

        def _count(self, event: Any) -> None:
            self.events += 1

        on_request = on_retry = on_response = on_stream_start = on_stream_end = on_error = _count

    return client.with_options(hooks=Counting())


@cache
def _lake() -> Any:
    import msgspec

    fields = [("name", str), ("area_km2", float), ("deepest_m", int), ("cantons", list[str])]
    return msgspec.defstruct("Lake", fields)
