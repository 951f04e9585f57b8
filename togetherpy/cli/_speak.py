"""`togetherpy speak`: text as speech.

In: a text. Out: a file, its path on standard output; or the audio itself there.
The rule: no file is written over; audio goes to no terminal. Samples for standard output go there as they come.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from togetherpy.cli._input import text_of
from togetherpy.cli._options import add_connection, add_json, add_model, connect, describe, positive
from togetherpy.cli._output import STDOUT, add_output, free, unused
from togetherpy.cli._screen import Screen

_FORMATS = ("wav", "mp3", "raw")


def add(parser: argparse.ArgumentParser) -> None:
    """Makes `togetherpy speak` of a parser."""
    describe(
        parser,
        """\
Has a text spoken, stores it, and prints the path. Without -o it is named after the text, in this folder; no file is
written over without --force. `-o - --format raw` sends samples as they come, for a player.""",
    )
    parser.set_defaults(run=run)
    parser.add_argument("text", nargs="*", metavar="TEXT", help="what to say; standard input if there is none, or -")
    add_model(parser, "hexgrad/Kokoro-82M")
    parser.add_argument("--voice", default="af_alloy", metavar="NAME", help="one of the model's (default: %(default)s)")
    parser.add_argument("--language", metavar="CODE", help="of the text, such as en")
    parser.add_argument("--format", choices=_FORMATS, help="default: by the ending of PATH, else wav")
    parser.add_argument("--sample-rate", type=positive, metavar="HZ")
    add_output(parser, "a file, or - for standard output")
    add_json(parser, "print path, format and size as JSON")
    add_connection(parser)


def run(options: argparse.Namespace, screen: Screen) -> int:
    """`togetherpy speak`."""
    text = text_of(options.text, "the text")
    output: str | None = options.output
    ending = "" if output is None else Path(output).suffix.lower().removeprefix(".")
    form = options.format or (ending if ending in _FORMATS else "wav")
    params: dict[str, Any] = {"model": options.model, "input": text, "voice": options.voice, "response_format": form}
    params.update(language=options.language, sample_rate=options.sample_rate)
    if output == STDOUT:
        if screen.terminal:
            raise ValueError("audio is nothing for a terminal; -o names a file")
        with connect(options) as client:
            _pour(client.audio.speech, params, screen)
        return 0
    path = unused(Path(), text, f".{form}") if output is None else Path(output)
    free(path, force=options.force)
    with connect(options) as client:
        answer = client.audio.speech.create(stream=False, **params)
    # What was asked for as raw samples stays that, whatever the file is called.
    answer.save(free(path, force=options.force), form)
    if options.json:
        screen.json({"path": str(path), "format": form, "bytes": path.stat().st_size})
    else:
        screen.line(str(path))
    return 0


def _pour(speech: Any, params: dict[str, Any], screen: Screen) -> None:
    if params["response_format"] != "raw":
        screen.data(speech.create(**params).content)
        return
    with speech.create(stream=True, **params) as stream:
        for piece in stream.iter_bytes():
            screen.data(piece)
