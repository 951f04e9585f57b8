"""Body bytes of a stream -> chunks, and the knowledge whether they are all.

In: what was read from an accepted stream. Out: the values of its events, one by one, or the exception that ends it.
The rule: an event is decoded once, when it is taken; nothing is skipped in silence; a stream is complete only
with [DONE], or when it ended properly after every choice had its finish_reason (fault B7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from togetherpy._chat.accumulate import Accumulator
from togetherpy._chat.aside import Aside, is_error_list
from togetherpy._chat.exact import exact_decoder
from togetherpy._chat.facts import facts_of, names_error
from togetherpy._chat.halves import Halves
from togetherpy._chat.texts import Texts
from togetherpy._core.config import Secret
from togetherpy._core.decode import decode_json, decode_odd_event
from togetherpy._core.errors import (
    concluded,
    fault_error,
    mask,
    mask_headers,
    mask_text,
    named_error,
    request_id,
    words_of,
)
from togetherpy._core.expected import REFUSED, Facts
from togetherpy._core.sse import DONE, EventTooLargeError, NamedEvent, SSEParser
from togetherpy._core.wire import Fault, Headers
from togetherpy.error import APIError, APIResponseError, StreamInterruptedError, StreamTimeoutError
from togetherpy.types._model import Source, link
from togetherpy.types._response import RawResponse, ResponseInfo
from togetherpy.types.chat_completions import ChatCompletionChunk

T = TypeVar("T")
ALL_PLAIN = 8
"""After so many chunks without fields that our types do not name, a stream is expected to have none."""
_NOTHING: Iterator[bytes] = iter(())


class ChunkReader(Generic[T]):
    """One stream, seen from above the network."""

    adds_up: ClassVar[bool] = True
    """`accumulator` makes an answer of the chunks."""
    accumulates: ClassVar[type[Accumulator]] = Accumulator
    of_chunks: ClassVar[type[ChatCompletionChunk]] = ChatCompletionChunk
    """The type of which there is one that allows no other fields."""

    __slots__ = (
        "_answered",
        "_aside",
        "_choices",
        "_decode",
        "_decoder",
        "_exact",
        "_halves",
        "_headers",
        "_parser",
        "_plain",
        "_secrets",
        "accumulator",
        "cancelled",
        "clean",
        "complete",
        "error",
        "pending",
        "response",
    )

    def __init__(
        self,
        decoder: msgspec.json.Decoder[T],
        response: ResponseInfo,
        secrets: tuple[Secret, ...],
        choices: int,
    ) -> None:
        """`response`: the head of the stream. `choices`: how many answers (`n`) were asked for."""
        self._decoder = decoder
        self._exact: bool = False
        """`_decode` refuses what has fields that our types do not name."""
        self._decode: Callable[[bytes], Any] = decoder.decode
        self._plain = 0
        """How many chunks in a row had none of these."""
        self._halves: Halves | None = None
        self._headers = Headers(response.headers)
        self._secrets, self._choices = secrets, choices
        self.response: ResponseInfo = response
        self._parser = SSEParser()
        self.accumulator: Accumulator = self.accumulates(choices)
        self.pending: Iterator[bytes] = _NOTHING
        """Data of events that have come and are not taken yet. Shared by all who iterate, so none gets one twice."""
        self.complete: bool = False
        """The end of the stream has been seen."""
        self.clean: bool = False
        """Nothing came after that end."""
        self.cancelled: bool = False
        """A read of it was cancelled, or interrupted, and with it the stream."""
        self.error: APIError | None = None
        """The exception that ended the stream."""
        self._answered = False
        """An event had choices."""
        self._aside = Aside(response.status_code, self._headers, secrets)

    @property
    def asked(self) -> int:
        """How many answers were asked for."""
        return self._choices

    def texts(self) -> Texts:
        """What has the text of its chunks."""
        return Texts(self._choices)

    def feed(self, data: bytes) -> bool:
        """Takes what was read; whether there is an event in it that carries data (fault B9)."""
        try:
            events = self._parser.feed(data)
        except EventTooLargeError as error:
            raise self._with_partial(APIResponseError(f"The stream cannot be read on: {error}.")) from None
        self.pending = iter(events)
        if self._parser.stray:
            self._aside.look(self._parser.stray)
        return self._aside.failure is not None or any(events)

    def end(self) -> bool:
        """The body ended properly; whether there is something yet to be taken.

        Raises:
            StreamInterruptedError: the stream did not.
        """
        done = bool(self._parser.finish())
        self._aside.look(self._parser.stray, last=True)
        error = self._aside.failure or self._no_choices()
        if error is None and not done and not self.accumulator.finished(self._choices):
            error = self._aside.no_stream() or StreamInterruptedError(
                f"The stream ended before the model had finished{self._words()}. What came is in .partial."
            )
        if error is not None:
            raise self._with_partial(error)
        self.complete = self.clean = True
        rest = self._rest()
        self.pending = iter([rest] if rest else ())
        return bool(rest)

    def chunks(self) -> Iterator[T]:
        """The values of the events that have come and are not taken yet.

        Raises:
            APIError: an event names an error (fault D9) or is damaged (fault D11).
        """
        add, decode, exact = self.accumulator.add, self._decode, self._exact
        for data in self.pending:
            chunk: Any
            try:
                chunk = decode(data)
            except REFUSED:
                chunk = None
            if chunk is not None and chunk.error is None and chunk.choices is not None:
                if exact:
                    add(chunk)
                else:
                    self._answered = True
                    self._add(chunk, data)
                    decode, exact = self._decode, self._exact
            else:
                chunk = self._odd(data)
                decode, exact = self._decode, self._exact
                if chunk is None:
                    continue
                if isinstance(chunk, APIError):
                    data = b""  # a traceback with local variables must not show what the error masks (fault G7)
                    raise chunk
            yield chunk
        if self._aside.failure is not None:
            raise self._with_partial(self._aside.failure)

    def _add(self, chunk: Any, data: bytes) -> None:
        """Adds a chunk of which nobody has said yet that its types name all its fields."""
        if self._decoder.type is self.of_chunks:
            decode = exact_decoder(self.of_chunks).decode
            try:
                decode(data)  # once more: a tenth of looking for fields that have no name
            except REFUSED:
                pass
            else:
                self.accumulator.add(chunk)
                self._plain += 1
                if self._plain == ALL_PLAIN:
                    self._decode, self._exact = decode, True
                return
        self._plain = 0
        link(chunk, Source(data))
        self.accumulator.add_odd(chunk)

    def _odd(self, data: bytes) -> Any:
        """An event that did not decode to a usual chunk: its value, an error's included, or None when it is the end
        or carries nothing."""
        if self._is_end(data):
            error = self._no_choices() if self.complete else None
            if error is not None:
                return self._with_partial(error)
            data = self._rest() if self.complete else b""
            if not data:
                return None
        if self._halves or b"\\u" in data:
            data = self._with_whole_characters(data)
        value: Any = decode_odd_event(
            self._decoder, data, self.response.status_code, self._headers, self._secrets, names_error
        )
        if is_error_list(data):
            value = named_error(bytes(data), self.response.status_code, self._headers, self._secrets)
        if isinstance(value, APIError):
            return self._with_partial(value)
        if value.choices is None:
            self._aside.see(data)
        else:
            self._answered = True
        if not self._halves:
            self._decode, self._exact, self._plain = self._decoder.decode, False, 0
        self.accumulator.add_odd(value)
        return value

    def _no_choices(self) -> APIError | None:
        return None if self._answered else self._aside.no_choices()

    def _with_whole_characters(self, data: bytes) -> bytes:
        """An event without halves of characters, of which the other half is in the next one, or was in the last."""
        if isinstance(data, NamedEvent):
            return data
        if self._halves is None:
            self._halves = Halves()
        mended = self._halves.mend(data)
        if self._halves:
            self._decode = _refuse  # whatever comes next, it is to be looked at
        return mended

    def _rest(self) -> bytes:
        """At the end of the stream, an event with the halves of characters that never got their other half."""
        return b"" if self._halves is None else self._halves.rest()

    def _is_end(self, data: bytes) -> bool:
        """Whether an event is the end, or carries nothing."""
        text = data.strip()
        if text == DONE:
            self.complete = True
            self.clean = not any(self.pending) and not self._parser.holding
            return True
        return not text

    def facts(self) -> Facts:
        """What hooks are told of the whole."""
        return facts_of(self.accumulator.response())

    def interrupted(self, fault: Fault, limit: str) -> APIError:
        """The exception for a network fault in the middle of the stream; `limit`: which one ran out, if one did."""
        self._parser.finish()
        self._aside.look(self._parser.stray, last=True)
        if self._aside.failure is not None:
            return self._with_partial(self._aside.failure)
        if fault.kind == "timeout":
            error: APIError = StreamTimeoutError(
                f"No content came in the stream in time: {limit} ran out. What came is in .partial."
            )
        elif fault.kind == "encoding":
            error = fault_error(fault, self._secrets)
        else:
            message = mask_text(fault.message, self._secrets)
            said = self._words()
            message = f"{message.removesuffix('.')}{said}." if said else message
            error = StreamInterruptedError(f"The stream broke off: {message} What came is in .partial.")
        return self._with_partial(error)

    def _words(self) -> str:
        """What came that is no event: who ends a stream before its time may have said why."""
        words = words_of(mask(bytes(self._parser.stray) or self._parser.words, self._secrets))
        return f", and last said {words!r}" if words else ""

    def drop(self) -> None:
        """What has come and is not taken yet is given up."""
        for _ in self.pending:
            pass

    def closed(self) -> APIError:
        """The exception for reading on in a stream that was closed before its end."""
        if self.cancelled:
            return self._with_partial(
                StreamInterruptedError(
                    "The stream was given up when a read of it was cancelled or interrupted, for what was on its way "
                    "then is lost; it cannot be read on. What came is in .partial."
                )
            )
        return self._with_partial(
            StreamInterruptedError(
                "The stream was closed before its end, by close() or by leaving a for loop; to go on later, "
                "keep one iterator: chunks = iter(stream). What came is in .partial."
            )
        )

    def _with_partial(self, error: APIError) -> APIError:
        if error is self.error:
            return error
        rest = self._rest()
        if rest:
            self.accumulator.add_odd(decode_json(self._decoder, rest))
        error.partial = self.accumulator.response() or error.partial
        error.headers = error.headers or mask_headers(self._headers, self._secrets)
        error.request_id = error.request_id or request_id(error.headers, None)
        error.maybe_billed = True
        error.attempts, error.elapsed = self.response.attempts, self.response.elapsed
        error.request = self.response.http_request
        error.response = RawResponse(
            status_code=self.response.status_code,
            headers=error.headers,
            request_id=error.request_id,
            attempts=error.attempts,
            elapsed=error.elapsed,
            http_request=error.request,
        )
        self.error = concluded(error)
        return error


def _refuse(data: bytes) -> Any:
    raise msgspec.DecodeError
