"""Text to speech.

In: text. Out: an AudioResponse, or a stream of its pieces.
The rule: what is left out is as the API has it.
Facts: the OpenAPI document, and both official packages, which send a format ("wav") and a rate (24000, of models of
Cartesia's 44100) that are not given; here they are the API's to choose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from togetherpy._core.names import Names, require
from togetherpy._core.wire import Endpoint
from togetherpy.resources._base import AsyncResource, Resource, mapped
from togetherpy.resources._signature import takes
from togetherpy.resources.audio._answers import (
    AsyncSpeechStream,
    AudioResponse,
    Samples,
    SpeechStream,
    Spoken,
    SpokenInPieces,
)
from togetherpy.types.audio_speech import AudioSpeechParams

if TYPE_CHECKING:
    from typing import Protocol

    from togetherpy.types._response import APIResponse, APIStreamResponse

_WHOLE: Endpoint[Any] = Endpoint("audio.speech", "POST", "/audio/speech", Spoken())
_STREAMED: Endpoint[Any] = Endpoint("audio.speech", "POST", "/audio/speech", SpokenInPieces())
_NAMES = Names((*AudioSpeechParams.__annotations__, "stream"), of_others=("instructions", "speed"))


class Speech(Resource):
    """`client.audio.speech`"""

    @overload
    def create(self, *, stream: Literal[False] | None = None, **params: Unpack[AudioSpeechParams]) -> AudioResponse: ...
    @overload
    def create(self, *, stream: Literal[True], **params: Unpack[AudioSpeechParams]) -> SpeechStream: ...
    @overload
    def create(self, *, stream: bool | None, **params: Unpack[AudioSpeechParams]) -> AudioResponse | SpeechStream: ...
    @takes("AudioSpeechParams", "audio_speech")
    def create(self, *, stream: bool | None = None, **params: Any) -> Any:
        """Has a text spoken.

        Returns an AudioResponse, with its bytes in `content`, and `save(path)` (`stream_to_file`, `write_to_file`).
        With `stream=True` a SpeechStream (an AsyncTogether's: an AsyncSpeechStream) that yields pieces as they come,
        and has `iter_bytes()`, `read()` and `save(path)`.

        model, input, voice: who says what.
        response_format: "wav", "mp3" or "raw"; of a stream "raw" alone.
        response_encoding: of raw samples: "pcm_f32le", "pcm_s16le", "pcm_mulaw" or "pcm_alaw"; some models give
            pcm_s16le alone. sample_rate: in Hz; some models have one of their own. bit_rate: of mp3, bits a second.
        language: of the text, such as "en".

        Raises:
            TypeError, ValueError: the request cannot be sent, the field named; nothing was sent.
            APIStatusError: the server refused. APIConnectionError, APITimeoutError: no usable answer came.
            APIResponseError: an answer came that holds no audio.
            StreamInterruptedError: while reading, the stream ended before its end.
        """
        made = self._call(_STREAMED if stream else _WHOLE, _prepared(params, stream))
        return mapped(made, _Told(params), raw=self._raw)

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> RawSpeech: ...


class AsyncSpeech(AsyncResource, like=Speech):
    """`client.audio.speech` of an AsyncTogether."""

    @overload
    async def create(
        self, *, stream: Literal[False] | None = None, **params: Unpack[AudioSpeechParams]
    ) -> AudioResponse: ...
    @overload
    async def create(self, *, stream: Literal[True], **params: Unpack[AudioSpeechParams]) -> AsyncSpeechStream: ...
    @overload
    async def create(
        self, *, stream: bool | None, **params: Unpack[AudioSpeechParams]
    ) -> AudioResponse | AsyncSpeechStream: ...
    @takes("AudioSpeechParams", "audio_speech")
    async def create(self, *, stream: bool | None = None, **params: Any) -> Any:
        """Has a text spoken. The rest: `Speech.create`."""
        made = await self._call(_STREAMED if stream else _WHOLE, _prepared(params, stream))
        return mapped(made, _Told(params), raw=self._raw)

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> AsyncRawSpeech: ...


def _prepared(params: dict[str, Any], stream: bool | None) -> dict[str, Any]:
    _NAMES.check("create", params)
    require("create", params, "model", "input")
    return {**params, "stream": stream}


class _Told:
    """Tells an answer what its samples are, by what was asked for."""

    def __init__(self, params: dict[str, Any]) -> None:
        self._raw = params.get("response_format") == "raw"
        # Of the models, those of Cartesia alone heed what is asked for.
        theirs = str(params.get("model", "")).startswith("cartesia")
        rate, encoding = params.get("sample_rate"), params.get("response_encoding")
        self._samples = Samples(
            (rate if isinstance(rate, int) else 44_100) if theirs else 24_000,
            str(encoding or "pcm_f32le") if theirs else "pcm_s16le",
        )

    def __call__(self, answer: Any) -> Any:
        if not isinstance(answer, AudioResponse) or self._raw:
            answer.samples = self._samples
        return answer


if TYPE_CHECKING:

    class RawSpeech(Protocol):
        """`client.audio.speech.with_raw_response`"""

        @overload
        def create(
            self, *, stream: Literal[False] | None = None, **params: Unpack[AudioSpeechParams]
        ) -> APIResponse[AudioResponse]: ...
        @overload
        def create(
            self, *, stream: Literal[True], **params: Unpack[AudioSpeechParams]
        ) -> APIStreamResponse[SpeechStream]: ...

    class AsyncRawSpeech(Protocol):
        """`client.audio.speech.with_raw_response` of an AsyncTogether"""

        @overload
        async def create(
            self, *, stream: Literal[False] | None = None, **params: Unpack[AudioSpeechParams]
        ) -> APIResponse[AudioResponse]: ...
        @overload
        async def create(
            self, *, stream: Literal[True], **params: Unpack[AudioSpeechParams]
        ) -> APIStreamResponse[AsyncSpeechStream]: ...


SpeechResource = Speech
AsyncSpeechResource = AsyncSpeech
