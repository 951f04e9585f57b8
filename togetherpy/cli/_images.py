"""`togetherpy images`: images made from words.

In: a prompt. Out: files, their paths on standard output. The rule: no file is written over, and where an image cannot
be stored its place on the server is told.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from togetherpy.cli._input import text_of
from togetherpy.cli._options import add_connection, add_json, add_model, connect, describe, positive
from togetherpy.cli._output import STDOUT, add_output, free, store, unused
from togetherpy.cli._screen import Screen, complain, explain
from togetherpy.error import TogetherError

_MODEL = "black-forest-labs/FLUX.1-schnell"
_KINDS = ((b"\x89PNG", ".png"), (b"\xff\xd8", ".jpg"), (b"RIFF", ".webp"), (b"GIF8", ".gif"))


def add(parser: argparse.ArgumentParser) -> None:
    """Makes `togetherpy images` of a parser."""
    describe(
        parser,
        """\
Makes images from words, stores them, and prints their paths. Without -o they are named after the prompt, in this
folder; no file is written over without --force.""",
    )
    parser.set_defaults(run=run)
    parser.add_argument("prompt", nargs="*", metavar="PROMPT", help="what is to be seen; standard input if none, or -")
    add_model(parser, _MODEL)
    parser.add_argument("-n", type=positive, default=1, metavar="N", help="how many images (default: 1)")
    parser.add_argument("--size", type=_size, metavar="WxH", help="pixels, such as 1024x768")
    parser.add_argument("--steps", type=positive, metavar="N", help="steps that the model makes; more take longer")
    parser.add_argument("--seed", type=int, metavar="N", help="for the same image again")
    parser.add_argument("--negative-prompt", metavar="TEXT", help="what is not to be seen")
    parser.add_argument("--image-url", metavar="URL", help="an image to begin with, for models that can edit one")
    add_output(parser, "a file, a folder, or - for standard output; of several images name-1.png, name-2.png ...")
    add_json(parser, "print paths, and what the server says of the images, as JSON")
    add_connection(parser)


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,5})[x*](\d{1,5})", text.lower())
    if found is None or not int(found[1]) or not int(found[2]):
        raise argparse.ArgumentTypeError(f"must be a width and a height, such as 1024x768, not {text!r}")
    return int(found[1]), int(found[2])


def run(options: argparse.Namespace, screen: Screen) -> int:
    """`togetherpy images`."""
    prompt = text_of(options.prompt, "the prompt")
    place = _Place(options, prompt, screen)
    width, height = options.size or (None, None)
    names = ("model", "n", "steps", "seed", "negative_prompt", "image_url")
    params: dict[str, Any] = {"prompt": prompt, "width": width, "height": height}
    with connect(options) as client:
        answer = client.images.generate(**params, **{name: getattr(options, name) for name in names})
        images = answer.data or []
        if not images:
            raise ValueError("the server sent no image")
        said = [_put(place, image, number, len(images)) for number, image in enumerate(images, 1)]
    if options.json and place.output != STDOUT:
        screen.json({"model": answer.model, "prompt": prompt, "images": said})
    return int(any("error" in one for one in said))


def _put(place: _Place, image: Any, number: int, count: int) -> dict[str, Any]:
    """Stores an image; what is said of it. One that cannot be stored keeps no other one from it."""
    try:
        return place.put(image, number, count)
    except (TogetherError, OSError, ValueError) as error:
        where = "" if image.url is None else f" It is still at {image.url}"
        complain(f"error: {'the image' if count == 1 else f'image {number} of {count}'}: {explain(error)}{where}")
        return {"error": explain(error), **_described(image)}


def _described(image: Any) -> dict[str, Any]:
    return {key: value for key, value in image.to_dict().items() if key != "b64_json"}


class _Place:
    """Where images go; raises before any is asked for, when none could."""

    def __init__(self, options: argparse.Namespace, prompt: str, screen: Screen) -> None:
        self.output: str = options.output or "."
        self._force, self._prompt, self._screen, self._json = options.force, prompt, screen, options.json
        if self.output == STDOUT:
            if options.n > 1 or screen.terminal:
                raise ValueError("standard output takes one image, and is no terminal; -o names a file or a folder")
            return
        self._folder = Path(self.output) if Path(self.output).is_dir() else None
        for number in range(1, options.n + 1):
            if self._folder is None:
                free(self._named(number, options.n), force=self._force)
            else:
                free(unused(self._folder, prompt, ".png"))

    def put(self, image: Any, number: int, count: int) -> dict[str, Any]:
        """Stores an image; what is said of it."""
        data: bytes = image.bytes()
        said = _described(image)
        if self.output == STDOUT:
            self._screen.data(data)
            return said
        suffix = next((suffix for start, suffix in _KINDS if data.startswith(start)), ".bin")
        folder = self._folder
        path = self._named(number, count) if folder is None else unused(folder, self._prompt, suffix)
        store(free(path, force=self._force), data)
        if not self._json:
            self._screen.line(str(path))
        return {"path": str(path), **said}

    def _named(self, number: int, count: int) -> Path:
        path = Path(self.output)
        return path if count == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
