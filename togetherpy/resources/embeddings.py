"""Texts as vectors.

In: texts. Out: an EmbeddingResponse.
The rule: what is asked and answered is as both official packages (1.5.35, 3.1.1) and the OpenAPI document have it;
`encoding_format` and `dimensions` are of other servers of the protocol. What comes as base64 is 32-bit floats, the
lowest byte first.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Unpack, cast

from togetherpy._core.config import check_count
from togetherpy._core.expected import JSON
from togetherpy._core.names import Names, require
from togetherpy._core.wire import Endpoint
from togetherpy.resources._base import AsyncResource, Resource, raw
from togetherpy.resources._signature import takes
from togetherpy.types.embeddings import EmbeddingParams, EmbeddingResponse

if TYPE_CHECKING:
    from togetherpy.resources._rows import Piece, Work

_NAMES = Names(EmbeddingParams.__annotations__, of_others=("input_type", "inputs"))
_CONCURRENCY = 4
"""Calls at a time, where one is split."""


class _Embeddings(JSON[EmbeddingResponse]):
    """An answer, whose base64 becomes floats."""

    operation = "embeddings"

    __slots__ = ()

    def decoded(self, raw: bytes) -> Any:
        """The answer; an embedding that is no base64 is left as it came."""
        answer = super().decoded(raw)
        listed: Any = getattr(answer, "data", None)
        rows = cast("list[object]", listed) if isinstance(listed, list) else []
        for one in rows:
            packed: Any = getattr(one, "embedding", None)
            if type(packed) is bytes:
                cast(Any, one).embedding = _floats(packed)
        return answer


def _floats(packed: bytes) -> array[float] | str:
    floats = array("f")
    try:
        floats.frombytes(packed)
    except ValueError:  # not a number of whole floats: as it came
        from binascii import b2a_base64

        from togetherpy._core.lenient import log_once

        log_once("EmbeddingChoicesData.embedding", "its base64 is not of whole floats")
        return b2a_base64(packed, newline=False).decode()
    if sys.byteorder == "big":
        floats.byteswap()
    return floats


_EMBEDDINGS = Endpoint("embeddings", "POST", "/embeddings", _Embeddings(EmbeddingResponse, needs="data"))


class Embeddings(Resource):
    """`client.embeddings`"""

    @takes("EmbeddingParams", "embeddings")
    def create(self, **params: Unpack[EmbeddingParams]) -> EmbeddingResponse:
        """Makes vectors of texts: `answer.data[0].embedding`; with numpy, `answer.numpy()` is all of them.

        model: name of an embedding model.
        input: a text, or any iterable of texts; for servers that take them, lists of token numbers.
        encoding_format: "float", or "base64", which is shorter and quicker to read, for servers that know it; the
            embedding is then an `array.array("f")`.
        dimensions: how long the vectors are to be, for models that can choose, >= 1.
        user: your name for the end user.
        batch_size: most texts in one request, >= 1. A longer input is sent in several, and their answers are joined in
            its order; without it and `batch_tokens` all goes into one.
        batch_tokens: most tokens in one request, >= 1, taken for four bytes of text each.
        concurrency: how many of these requests at a time, >= 1; default 4. `timeout` and `max_retries` are of each.

        When one of several requests fails, the others go on. One that the server refuses (400, 413, 422) is sent again
        in halves, down to the text that is at fault. Then the first failure is raised: `error.index` is the place of
        its text, and `error.partial` an EmbeddingResponse of all that came, each with its own `index`.

        Raises:
            TypeError, ValueError: the request cannot be sent, the field named; nothing was sent.
            APIStatusError: the server refused. APIConnectionError, APITimeoutError: no usable answer came.
            APIResponseError: an answer came that cannot be used.
        """
        prepared, work, concurrency = _prepared(params, raw=bool(self._raw))
        if work is None:
            return self._call(_EMBEDDINGS, prepared)
        from togetherpy.resources._rows import ask_here

        ask_here(work, lambda piece: self._call(_EMBEDDINGS, {**prepared, "input": piece.rows}), concurrency)
        return work.result(_joined)  # type: ignore[no-any-return]

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> RawEmbeddings: ...


class AsyncEmbeddings(AsyncResource, like=Embeddings):
    """`client.embeddings` of an AsyncTogether."""

    @takes("EmbeddingParams", "embeddings")
    async def create(self, **params: Unpack[EmbeddingParams]) -> EmbeddingResponse:
        """Makes vectors of texts: `answer.data[0].embedding`; with numpy, `answer.numpy()` is all of them.

        The rest: `Embeddings.create`.
        """
        prepared, work, concurrency = _prepared(params, raw=bool(self._raw))
        if work is None:
            return await self._call(_EMBEDDINGS, prepared)
        from togetherpy.resources._rows import ask_by_tasks

        await ask_by_tasks(work, lambda piece: self._call(_EMBEDDINGS, {**prepared, "input": piece.rows}), concurrency)
        return work.result(_joined)  # type: ignore[no-any-return]

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> AsyncRawEmbeddings: ...


if TYPE_CHECKING:

    class RawEmbeddings:
        @raw(Embeddings.create)
        def create(self) -> None: ...

    class AsyncRawEmbeddings:
        @raw(AsyncEmbeddings.create)
        def create(self) -> None: ...


def _prepared(params: Any, *, raw: bool) -> tuple[dict[str, Any], Work | None, int]:
    """The parameters as they are sent; where they are too many for one call also the work, and how much at a time."""
    _NAMES.check("create", params)
    require("create", params, "model", "input")
    params["input"] = _checked(params["input"])
    most, tokens = (check_count(params.pop(name, None), name, 1, 0) for name in ("batch_size", "batch_tokens"))
    concurrency = check_count(params.pop("concurrency", None), "concurrency", 1, _CONCURRENCY)
    rows = params["input"]
    if not (most or tokens) or isinstance(rows, str) or isinstance(rows[0], int):
        return params, None, 1
    from togetherpy.resources._rows import Work, cut

    pieces = list(cut(rows, most, tokens or None))
    if raw and len(pieces) == 1:
        return params, None, 1
    if raw:
        raise TypeError(f"a raw response is of one request, and this input takes {len(pieces)}; leave batch_size out")
    return params, Work(iter(pieces)), min(concurrency, len(pieces))


def _checked(given: Any) -> Any:
    """The input as a text or a list.

    Raises:
        TypeError, ValueError: there is nothing to embed in it, its place named.
    """
    if isinstance(given, str):
        if not given:
            raise ValueError("input is empty: there is nothing to embed")
        return given
    kind = type(given).__name__
    if isinstance(given, (bytes, bytearray, Mapping)) or not isinstance(given, Iterable):
        raise TypeError(f"input must be a str or a list of str, not {kind}")
    rows = list(cast("Iterable[object]", given))
    if not rows:
        raise ValueError("input is empty: there is nothing to embed")
    for place, row in enumerate(rows):
        if row is None or isinstance(row, (bytes, bytearray, Mapping)):
            raise TypeError(f"input[{place}] must be a str, not {type(row).__name__}")  # pyright: ignore[reportUnknownArgumentType]
        if not isinstance(row, int) and not row:
            raise ValueError(f"input[{place}] is empty: there is nothing to embed")
        if isinstance(row, str) and not row.isascii():
            _check_text(row, place)
    return rows


def _check_text(row: str, place: int) -> None:
    try:
        row.encode()
    except UnicodeEncodeError as error:
        lone = f"U+{ord(row[error.start]):04X} at index {error.start}"
        raise ValueError(f"input[{place}] holds a lone surrogate ({lone}), which UTF-8 cannot carry") from None


def _joined(answers: list[tuple[Piece, EmbeddingResponse]]) -> EmbeddingResponse:
    """One answer of several, in their order; one that has all is itself."""
    from togetherpy.types.common import UsageData

    answers = [(piece, answer) for piece, answer in answers if isinstance(cast(object, answer.data), list)]
    if len(answers) == 1 and answers[0][0].start == 0:
        answers[0][1].data = _in_order(cast("list[Any]", answers[0][1].data))
        return answers[0][1]
    whole, used = EmbeddingResponse(object="list", data=[]), dict[str, int]()
    for piece, answer in answers:
        whole.id, whole.model = whole.id or answer.id, whole.model or answer.model
        for place, one in enumerate(_in_order(cast("list[Any]", answer.data))):
            if hasattr(one, "embedding"):
                one.index = piece.start + place
            cast("list[Any]", whole.data).append(one)
        for name in UsageData.__struct_fields__:
            count = getattr(answer.usage, name, None)
            if isinstance(count, int):
                used[name] = used.get(name, 0) + count
    whole.usage = UsageData(**used) if used else None  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return whole


def _in_order(data: list[Any]) -> list[Any]:
    """By their index, where each has its own."""
    places = [getattr(one, "index", None) for one in data]
    if sorted(places, key=str) != sorted(range(len(data)), key=str):
        return data
    return sorted(data, key=lambda one: one.index)


# The official packages' names: the classes themselves, so that what an instrument puts in the place of a method is seen
# by every client.
EmbeddingsResource = Embeddings
AsyncEmbeddingsResource = AsyncEmbeddings
