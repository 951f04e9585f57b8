"""`client.audio`

In: nothing. Out: the resource whose parts speech, transcriptions and translations are.
The rule: each is in a module of its own, which is loaded when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from togetherpy.resources._base import Area, AsyncResource, Resource

if TYPE_CHECKING:
    from togetherpy.resources.audio.speech import AsyncSpeech, Speech
    from togetherpy.resources.audio.transcriptions import AsyncTranscriptions, Transcriptions
    from togetherpy.resources.audio.translations import AsyncTranslations, Translations

_HERE = "togetherpy.resources.audio"


class Audio(Resource):
    """`client.audio`"""

    speech: Area[Speech] = Area(f"{_HERE}.speech", "Speech")
    """Text to speech."""
    transcriptions: Area[Transcriptions] = Area(f"{_HERE}.transcriptions", "Transcriptions")
    """Speech to text."""
    translations: Area[Translations] = Area(f"{_HERE}.translations", "Translations")
    """Speech to text in English."""


class AsyncAudio(AsyncResource, like=Audio):
    """`client.audio` of an AsyncTogether."""

    speech: Area[AsyncSpeech] = Area(f"{_HERE}.speech", "AsyncSpeech")
    """Text to speech."""
    transcriptions: Area[AsyncTranscriptions] = Area(f"{_HERE}.transcriptions", "AsyncTranscriptions")
    """Speech to text."""
    translations: Area[AsyncTranslations] = Area(f"{_HERE}.translations", "AsyncTranslations")
    """Speech to text in English."""


AudioResource = Audio
AsyncAudioResource = AsyncAudio
