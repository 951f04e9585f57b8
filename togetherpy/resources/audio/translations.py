"""Speech to text in another language.

In: a path, a URL, bytes or an open file. Out: an AudioTranscriptionResponse.
The rule: all but the place is as of transcriptions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from togetherpy._core.wire import Endpoint
from togetherpy.resources._base import AsyncResource, Resource, raw
from togetherpy.resources._signature import takes
from togetherpy.resources.audio.transcriptions import form_of, heard
from togetherpy.types.audio_speech import AudioTranscriptionParams, AudioTranscriptionResponse

_TRANSLATE: Endpoint[AudioTranscriptionResponse] = Endpoint(
    "audio.translations", "POST", "/audio/translations", heard()
)


class Translations(Resource):
    """`client.audio.translations`"""

    @takes("AudioTranscriptionParams", "audio_speech")
    def create(self, **params: Unpack[AudioTranscriptionParams]) -> AudioTranscriptionResponse:
        """Writes down in English, or in `language`, what is said in another language.

        Parameters and exceptions are those of `audio.transcriptions.create`.
        """
        return self._call(_TRANSLATE, form_of(params))

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> RawTranslations: ...


class AsyncTranslations(AsyncResource, like=Translations):
    """`client.audio.translations` of an AsyncTogether."""

    @takes("AudioTranscriptionParams", "audio_speech")
    async def create(self, **params: Unpack[AudioTranscriptionParams]) -> AudioTranscriptionResponse:
        """Writes down in English, or in `language`, what is said in another language.

        The rest: `Translations.create`.
        """
        return await self._call(_TRANSLATE, form_of(params))

    if TYPE_CHECKING:

        @property
        def with_raw_response(self) -> AsyncRawTranslations: ...


if TYPE_CHECKING:

    class RawTranslations:
        @raw(Translations.create)
        def create(self) -> None: ...

    class AsyncRawTranslations:
        @raw(AsyncTranslations.create)
        def create(self) -> None: ...


TranslationsResource = Translations
AsyncTranslationsResource = AsyncTranslations
