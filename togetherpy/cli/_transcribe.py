"""`togetherpy transcribe`: speech as text.

In: a file or a URL. Out: what is said: text, subtitles, or JSON.
The rule: subtitles have the times that the server sent, and none are made up.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from togetherpy.cli._input import STDIN, read_bytes
from togetherpy.cli._options import add_connection, add_json, add_model, connect, describe
from togetherpy.cli._output import STDOUT, add_output, free, store
from togetherpy.cli._screen import Screen, note

if TYPE_CHECKING:
    from togetherpy.types.audio_speech import AudioTranscriptionResponse

_FORMATS = ("text", "json", "srt", "vtt")


def add(parser: argparse.ArgumentParser) -> None:
    """Makes `togetherpy transcribe` of a parser."""
    describe(
        parser,
        """\
Writes down what is said in a recording: as text, as subtitles (srt, vtt), or as JSON with the times of its parts. With
--translate, in English whatever is spoken.""",
    )
    parser.set_defaults(run=run)
    parser.add_argument("file", metavar="FILE", help="a path, a URL that the server can reach, or - for standard input")
    add_model(parser, "openai/whisper-large-v3")
    parser.add_argument(
        "--language", metavar="CODE", help="what is spoken, such as en or de (default: the model listens)"
    )
    parser.add_argument("--prompt", metavar="TEXT", help="a text that goes before, in the same style: names, terms")
    parser.add_argument("-t", "--temperature", type=float, metavar="X", help="0 to 1")
    parser.add_argument("--diarize", action="store_true", help="say who says what")
    parser.add_argument("--translate", action="store_true", help="into English")
    parser.add_argument("--format", choices=_FORMATS, help="default: by the ending of PATH, else text")
    add_output(parser, "a file in .txt, .srt, .vtt or .json (default: standard output)")
    add_json(parser, "the same as --format json: all that the server says, as JSON")
    add_connection(parser)


def run(options: argparse.Namespace, screen: Screen) -> int:
    """`togetherpy transcribe`."""
    output: str = options.output or STDOUT
    ending = Path(output).suffix.lower().removeprefix(".")
    form = "json" if options.json else options.format or (ending if ending in _FORMATS else "text")
    path = None if output == STDOUT else free(output, force=options.force)
    params: dict[str, Any] = {
        "file": read_bytes(STDIN) if options.file == STDIN else options.file,
        "response_format": "json" if form == "text" and not options.diarize else "verbose_json",
        "diarize": options.diarize or None,
        **{name: getattr(options, name) for name in ("model", "language", "prompt", "temperature")},
    }
    with connect(options) as client:
        area = client.audio.translations if options.translate else client.audio.transcriptions
        answer = area.create(**params)
    if form == "json":
        text = answer.to_json(indent=2)
    elif form == "text":
        text = _who_says_what(answer) if options.diarize else answer.text or ""
    else:
        text = _subtitles(answer, form)
    if path is None:
        screen.line(text.removesuffix("\n"))
    else:
        store(path, text.removesuffix("\n").encode() + b"\n")
        note(f"written: {path}")
    return 0


def _who_says_what(answer: AudioTranscriptionResponse) -> str:
    said = answer.speaker_segments
    return "\n".join(f"{one.speaker_id}: {(one.text or '').strip()}" for one in said) if said else answer.text or ""


def _subtitles(answer: AudioTranscriptionResponse, form: str) -> str:
    """Raises ValueError: the server sent no times."""
    parts: Iterable[Any] = answer.speaker_segments or answer.segments or ()
    timed: list[Any] = [one for one in parts if one.start is not None and one.end is not None]
    if not timed:
        raise ValueError("the server sent no times, of which subtitles could be made; --format text has the text")
    comma = "," if form == "srt" else "."
    blocks = [
        "\n".join(
            [
                *([str(number)] if form == "srt" else []),
                f"{_time(one.start, comma)} --> {_time(one.end, comma)}",
                " ".join((one.text or "").split()).replace("-->", "->"),
            ]
        )
        for number, one in enumerate(timed, 1)
    ]
    return "\n\n".join([*(["WEBVTT"] if form == "vtt" else []), *blocks])


def _time(seconds: float, comma: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{comma}{rest % 1000:03}"
