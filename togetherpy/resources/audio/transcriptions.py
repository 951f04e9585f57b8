"""Speech to text.

In: a path, a URL, bytes or an open file. Out: an AudioTranscriptionResponse.
The rule: the request is a form, whose file is read while it is sent; a URL is a field of it, which the server follows.
Facts: the OpenAPI document, and both official packages. Version 1 of them sends a model that is not given.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, cast

from togetherpy._core.expected import JSON, Secrets
from togetherpy._core.forms import File
from togetherpy._core.names import Names, require
from togetherpy._core.wire import Endpoint, Part, Reply
from togetherpy.resources._base import AsyncResource, Resource, raw
from togetherpy.resources._signature import takes
from togetherpy.types.audio_speech import AudioTranscriptionParams, AudioTranscriptionResponse

MODEL = "openai/whisper-large-v3"
_NAMES = Names(AudioTranscriptionParams.__annotations__)
_KINDS = ((b"RIFF", "wav"), (b"ID3", "mp3"), (b"\xff", "mp3"), (b"fLaC", "flac"), (b"OggS", "ogg"), (b"\x1aE", "webm"))
"""How files begin."""
_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "mp4": "audio/mp4",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "webm": "audio/webm",
    "aac": "audio/aac",
}


class Heard(JSON[AudioTranscriptionResponse]):
    """A transcription. Some servers send the text alone, where they are asked for text, srt or vtt."""

    __slots__ = ()

    def value(self, reply: Reply, secrets: Secrets) -> Any:
        """The transcription."""
        if reply.headers.get("content-type", "").lower().startswith("text/") and not reply.body.startswith(b"<"):
            return AudioTranscriptionResponse(text=reply.body.decode("utf-8", "replace"))
        return super().value(reply, secrets)


def heard() -> Heard:
    """What transcriptions and translations answer."""
    return Heard(AudioTranscriptionResponse)


_TRANSCRIBE: Endpoint[AudioTranscriptionResponse] = Endpoint(
    "audio.transcriptions", "POST", "/audio/transcriptions", heard()
)


class Transcriptions(Resource):
    """`client.audio.transcriptions`"""

    @takes("AudioTranscriptionParams", "audio_speech")
    def create(self, **params: Unpack[AudioTranscriptionParams]) -> AudioTranscriptionResponse:
        """Writes down what is said.

        file: a path; a URL that the server can reach; bytes; an open binary file; or a name and one of the last two.
        model: by default "openai/whisper-large-v3". language: of the audio, such as "en", or "auto".
        prompt: a text that goes before, in the same style. temperature: 0 to 1.
        response_format: "json", or "verbose_json" with times.
        timestamp_granularities: "segment", "word", or a list of both: what has times.
        diarize: who says what. min_speakers, max_speakers: how many there are.

        Raises:
            OSError: there is no such file, or it is a folder.
            TypeError, ValueError: the request cannot be sent, the field named; nothing was sent.
            APIStatusError: the server refused. APIConnectionError, APITimeoutError: no usable answer came.
            APIResponseError: an answer came that cannot be used.
        """
        return self._call(_TRANSCRIBE, form_of(params))

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> RawTranscriptions: ...


class AsyncTranscriptions(AsyncResource, like=Transcriptions):
    """`client.audio.transcriptions` of an AsyncTogether."""

    @takes("AudioTranscriptionParams", "audio_speech")
    async def create(self, **params: Unpack[AudioTranscriptionParams]) -> AudioTranscriptionResponse:
        """Writes down what is said. The rest: `Transcriptions.create`."""
        return await self._call(_TRANSCRIBE, form_of(params))

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> AsyncRawTranscriptions: ...


def form_of(params: Any) -> dict[str, Any]:
    """The parameters as they are sent.

    Raises:
        OSError, TypeError, ValueError: a file that is none.
    """
    _NAMES.check("create", params)
    require("create", params, "file")
    return {"model": MODEL, **{name: value for name, value in params.items() if value is not None}, **_file(params)}


def _file(params: dict[str, Any]) -> dict[str, Part]:
    given: Any = params["file"]
    if isinstance(given, str) and given.lower().startswith(("http://", "https://")):
        return {"file": Part(None, given.encode())}
    name: str | None = None
    if isinstance(given, tuple):
        name, given = cast("tuple[Any, Any]", given)[:2]
        if not isinstance(name, str):
            raise TypeError(f"file[0] must be a name, not {type(name).__name__}")
    if isinstance(given, (bytes, bytearray, memoryview)):
        content = bytes(cast(bytes, given))
        if not content:
            raise ValueError("file is empty")
        name = name or f"audio.{next((kind for start, kind in _KINDS if content.startswith(start)), 'wav')}"
        return {"file": Part(name, content, _type_of(name))}
    source = File(given)
    if not source.size:
        raise ValueError("file is empty")
    where: Any = getattr(given, "name", given)  # of a Path and of a file; a file that was opened by its number has that
    name = name or (Path(where).name if isinstance(where, str) else "audio.wav")
    return {"file": Part(name, source, _type_of(name))}


def _type_of(name: str) -> str:
    return _TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")


if TYPE_CHECKING:

    class RawTranscriptions:
        @raw(Transcriptions.create)
        def create(self) -> None: ...

    class AsyncRawTranscriptions:
        @raw(AsyncTranscriptions.create)
        def create(self) -> None: ...


TranscriptionsResource = Transcriptions
AsyncTranscriptionsResource = AsyncTranscriptions
