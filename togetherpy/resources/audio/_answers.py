"""Speech that came: whole, or piece by piece.

In: the body of an answer. Out: an AudioResponse, or a SpeechStream or AsyncSpeechStream.
The rule: a stream is events with base64, or bytes as they are; whoever reads it need not know which. What is saved
under a name in .wav is a WAV file, also where only samples came.
"""

from __future__ import annotations

import os
import struct
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any, Self

import msgspec

from togetherpy._core.decode import decode_json, errors
from togetherpy._core.download import AsyncBinaryStream, BinaryStream
from togetherpy._core.expected import Download, Expected, Facts, Secrets
from togetherpy._core.saving import Unfinished
from togetherpy._core.sse import DONE, SSEParser, begins_as_events
from togetherpy._core.wire import Headers, Reply
from togetherpy.error import APIResponseError, StreamInterruptedError
from togetherpy.types._awaitable import awaitable
from togetherpy.types.audio_speech import AudioSpeechStreamChunk

_chunks = msgspec.json.Decoder(AudioSpeechStreamChunk)
_FORMATS = {"pcm_s16le": (1, 16), "pcm_f32le": (3, 32), "pcm_alaw": (6, 8), "pcm_mulaw": (7, 8)}
"""Of the samples: what WAV calls them, and their bits."""
_HEADER = 44


class Samples(msgspec.Struct, frozen=True):
    """What raw samples are, for the head of a WAV file. One channel."""

    rate: int = 24_000
    encoding: str = "pcm_s16le"

    def header(self, size: int) -> bytes:
        """The first 44 bytes of a file with so many bytes of samples."""
        kind, bits = _FORMATS.get(self.encoding, _FORMATS["pcm_s16le"])
        width = bits // 8
        size = min(size, 0xFFFFFFFF - _HEADER)  # more has no place in such a head
        form = (16, kind, 1, self.rate, self.rate * width, width, bits)
        return b"RIFF" + struct.pack("<I4s4sIHHIIHH4sI", 36 + size, b"WAVE", b"fmt ", *form, b"data", size)


class _Written:
    """Nothing, which may be awaited."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield


class AudioResponse:
    """A whole answer of audio. Of an asynchronous client, what it gives may be awaited or not."""

    __slots__ = ("content", "content_type", "samples")

    def __init__(self, content: bytes, content_type: str) -> None:
        self.content: bytes = content
        """The bytes of the file, or samples."""
        self.content_type: str = content_type
        self.samples: Samples | None = None
        """What they are, where only samples were asked for."""

    def read(self) -> bytes:
        """`content`"""
        return awaitable(self.content)

    def save(self, path: str | os.PathLike[str], response_format: str | None = None) -> _Written:
        """Writes it to a file, which gets its name when it is whole. Of samples a file in .wav is made, if it is called
        so, or if `response_format` is "wav".

        Raises:
            OSError: the file cannot be written.
        """
        with Unfinished(path) as file:
            for piece in _headed(self.content, self.samples, path, response_format):
                file.write(piece)
            file.finish()
        return _Written()

    stream_to_file = save
    write_to_file = save

    def iter_bytes(self, chunk_size: int = 65_536) -> Iterator[bytes]:
        """`content` in pieces."""
        return (self.content[start : start + chunk_size] for start in range(0, len(self.content), chunk_size))

    __iter__ = iter_bytes

    def __len__(self) -> int:
        return len(self.content)

    def __repr__(self) -> str:
        return f"<AudioResponse {self.content_type} {len(self.content)} bytes>"


def _headed(content: bytes, samples: Samples | None, path: str | os.PathLike[str], wanted: str | None) -> list[bytes]:
    as_wav = samples is not None and is_wav(path, wanted) and not content.startswith(b"RIFF")
    return [samples.header(len(content)), content] if samples is not None and as_wav else [content]


def is_wav(path: str | os.PathLike[str], wanted: str | None) -> bool:
    """Whether a file is to be one in WAV."""
    return (wanted or os.fspath(path).rpartition(".")[2]).lower() == "wav"


class Spoken(Expected[AudioResponse]):
    """A whole answer of audio: an AudioResponse."""

    accept = "application/octet-stream"

    __slots__ = ()

    def value(self, reply: Reply, secrets: Secrets) -> Any:
        """The audio; JSON is none, whatever it says."""
        kind = reply.headers.get("content-type", "application/octet-stream")
        if "json" in kind.lower():
            return _no_audio(reply.body, reply.status, reply.headers, secrets)
        if not reply.body:
            return errors().unusable(reply, "its body is empty", secrets)
        return AudioResponse(reply.body, kind)

    def facts(self, value: Any, raw: bytes) -> Facts:
        """Nothing is known but the answer itself."""
        return Facts(answer=value)


def _no_audio(body: bytes, status: int, headers: Headers, secrets: Secrets) -> Exception:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        found = None
    if isinstance(found, dict) and ("error" in found or "message" in found):
        error: Exception = errors().named_error(body, status, headers, secrets)
        return error
    unusable: Exception = errors().unusable(Reply(status, headers, body), "it holds no audio", secrets)
    return unusable


class SpokenInPieces(Download):
    """Audio that is left open: a SpeechStream or AsyncSpeechStream."""

    accept = "text/event-stream, application/octet-stream"

    __slots__ = ()

    def stream(self, reader: Any, body: Any, head: Any, patience: Any, *, asynchronous: bool) -> Any:
        """What the caller reads it by."""
        opened: Any = super().stream(reader, body, head, patience, asynchronous=asynchronous)
        return (AsyncSpeechStream if asynchronous else SpeechStream)(opened)


class _Pieces:
    """Bytes of a body, as chunks."""

    def __init__(self, opened: Any) -> None:
        self._head = opened.response
        kind = self._head.headers.get("content-type", "").lower()
        self._json = "json" in kind
        self._parser = SSEParser() if "event-stream" in kind else None
        self._begun, self._whole, self._came = False, b"", False
        self.done = False

    def of(self, piece: bytes) -> list[AudioSpeechStreamChunk]:
        """The chunks in a piece of the body; b"": its end."""
        if self._json:
            return self._of_json(piece)
        if not self._begun and piece:
            self._begun = True
            if self._parser is None and begins_as_events(piece):
                self._parser = SSEParser()
        if self._parser is None:
            return [_of_bytes(piece)] if piece else []
        if not piece and not self.done:
            if self._came:
                return []
            raise StreamInterruptedError("The stream of speech ended before any of it came.")
        return [chunk for data in self._parser.feed(piece) if (chunk := self._event(data)) is not None]

    def _of_json(self, piece: bytes) -> list[AudioSpeechStreamChunk]:
        self._whole += piece[: 65_536 - len(self._whole)]
        if piece:
            return []
        raise _no_audio(self._whole, self._head.status_code, self._head.headers, ())

    def _event(self, data: bytes) -> AudioSpeechStreamChunk | None:
        if data.strip() == DONE:
            self.done = True
        if self.done or not data.strip():
            return None
        try:
            chunk: Any = decode_json(_chunks, bytes(data))
        except (ValueError, RecursionError):
            chunk = None
        inner = chunk.model_extra.get("data") if isinstance(chunk, AudioSpeechStreamChunk) else None
        if isinstance(inner, dict) and chunk.b64 is None:  # as the OpenAPI document draws it
            chunk = msgspec.convert(inner, AudioSpeechStreamChunk, strict=False)
        if not isinstance(chunk, AudioSpeechStreamChunk) or chunk.b64 is None:
            raise _no_audio(bytes(data), self._head.status_code, self._head.headers, ())
        try:
            _ = chunk.audio
        except (ValueError, TypeError):
            error = APIResponseError("An event of the stream of speech holds no base64 in its b64.")
            error.body = bytes(data)[:65_536]
            raise error from None
        self._came = True
        return chunk


def _of_bytes(piece: bytes) -> AudioSpeechStreamChunk:
    from binascii import b2a_base64

    return AudioSpeechStreamChunk(object="audio.tts.chunk", b64=b2a_base64(piece, newline=False).decode())


class _Speech:
    """What both streams are."""

    def __init__(self, opened: Any) -> None:
        self._opened, self._pieces = opened, _Pieces(opened)
        self.samples: Samples = Samples()
        """What the samples are, for files in WAV."""

    @property
    def response(self) -> Any:
        """Status, headers and request id of the answer."""
        return self._opened.response

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._opened.received} bytes>"

    def _write(self, file: Unfinished, audio: bytes, wav: bool) -> None:
        if wav and not file.size and not audio.startswith(b"RIFF"):
            file.write(bytes(_HEADER))  # until the size is known
        file.write(audio)

    def _finish(self, file: Unfinished, headed: bool) -> None:
        if headed:
            file.begin_with(self.samples.header(file.size - _HEADER))
        file.finish()


class SpeechStream(_Speech):
    """Speech as it comes: AudioSpeechStreamChunks. Iterable, and a context manager; leaving it early drops the
    connection."""

    _opened: BinaryStream

    def __iter__(self) -> Iterator[AudioSpeechStreamChunk]:
        try:
            while not self._pieces.done:
                piece = self._opened.next_piece()
                yield from self._pieces.of(piece)
                if not piece:
                    return
        finally:
            self.close()

    def iter_bytes(self) -> Iterator[bytes]:
        """The samples as they come."""
        return (chunk.audio for chunk in self)

    def read(self) -> bytes:
        """All samples that are left."""
        return b"".join(self.iter_bytes())

    def save(self, path: str | os.PathLike[str], response_format: str | None = None) -> None:
        """Writes all that is left to a file, which gets its name when it is whole; one in .wav is a WAV file.

        Raises:
            OSError: the file cannot be written. APIError: the stream broke off.
        """
        wav, headed = is_wav(path, response_format), False
        with self, Unfinished(path) as file:
            for audio in self.iter_bytes():
                headed = headed or (wav and not file.size and not audio.startswith(b"RIFF"))
                self._write(file, audio, wav)
            self._finish(file, headed)

    stream_to_file = save
    write_to_file = save

    def close(self) -> None:
        """Ends it. Idempotent."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


class AsyncSpeechStream(_Speech):
    """The same for asyncio."""

    _opened: AsyncBinaryStream

    async def __aiter__(self) -> AsyncIterator[AudioSpeechStreamChunk]:
        try:
            while not self._pieces.done:
                piece = await self._opened.next_piece()
                for chunk in self._pieces.of(piece):
                    yield chunk
                if not piece:
                    return
        finally:
            self._opened.abandon()

    async def iter_bytes(self) -> AsyncIterator[bytes]:
        """The samples as they come."""
        async for chunk in self:
            yield chunk.audio

    async def read(self) -> bytes:
        """All samples that are left."""
        return b"".join([audio async for audio in self.iter_bytes()])

    async def save(self, path: str | os.PathLike[str], response_format: str | None = None) -> None:
        """Writes all that is left to a file, which gets its name when it is whole; one in .wav is a WAV file.

        Raises:
            OSError: the file cannot be written. APIError: the stream broke off.
        """
        wav, headed = is_wav(path, response_format), False
        async with self:
            with Unfinished(path) as file:
                async for audio in self.iter_bytes():
                    headed = headed or (wav and not file.size and not audio.startswith(b"RIFF"))
                    self._write(file, audio, wav)
                self._finish(file, headed)

    stream_to_file = save
    write_to_file = save

    async def close(self) -> None:
        """Ends it. Idempotent."""
        await self._opened.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()
