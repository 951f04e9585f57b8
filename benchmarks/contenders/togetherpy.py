"""togetherpy, the synchronous client."""

from functools import cache
from typing import Any

from benchmarks.ask import KEY, TIMEOUT, Tally, drain, take

ROLE = "ours"
REQUIRES = ["."]
IMPORT = "import togetherpy"
IMPORT_CLIENT = "from togetherpy import Together"


def connect(url: str) -> Any:
    from togetherpy import Together

    return Together(api_key=KEY, base_url=url + "/v1", timeout=TIMEOUT, max_retries=0)


def answer(client: Any, ask: dict[str, Any]) -> Tally:
    return take(client.chat.completions.create(**ask))


def stream(client: Any, ask: dict[str, Any]) -> Tally:
    return drain(client.chat.completions.create(stream=True, **ask))


def accumulate(client: Any, ask: dict[str, Any]) -> Tally:
    with client.chat.completions.create(stream=True, **ask) as chunks:
        return take(chunks.get_final_response())


def parse(client: Any, ask: dict[str, Any]) -> Tally:
    answer = client.chat.completions.parse(response_format=_lake(), **ask)
    if answer.choices[0].message.parsed.deepest_m != 136:
        raise ValueError("the answer was not read")
    return take(answer)


@cache
def _lake() -> Any:
    import msgspec

    fields = [("name", str), ("area_km2", float), ("deepest_m", int), ("cantons", list[str])]
    return msgspec.defstruct("Lake", fields)
