"""Images: a prompt goes in; real small PNGs come out, in the answer or at a place on the server itself.

The rule: an image depends on its name alone, which holds its size and its colours, so nothing is kept.
"""

import base64
import hashlib
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any

from ._check import RequestError, check_model, check_rules, integer, wrong
from ._made import Plain, used

PLACE = "/made/images/"
_NAME = re.compile(r"(\d{1,4})x(\d{1,4})-([0-9a-f]{12})\.png")
_USUAL = 1024
_MOST = 2048


def check_images(params: dict[str, Any], knows: Callable[[str], bool]) -> None:
    """Raises RequestError for the first thing that is wrong."""
    check_model(params, knows)
    if not isinstance(params.get("prompt"), str) or not params["prompt"]:
        raise wrong("prompt", "a non-empty string")
    if params.get("response_format") not in (None, "url", "base64", "b64_json"):
        raise wrong("response_format", '"url" or "base64"')
    size = integer(1, _MOST)
    check_rules(params, {"n": integer(1, 16), "width": size, "height": size, "steps": integer(1), "seed": integer()})


def draw(params: dict[str, Any], *, identity: str, created: int, host: str) -> Plain:
    """The images for checked parameters; `host`: what the server is called by."""
    width, height = (params.get(name) or _USUAL for name in ("width", "height"))
    data: list[dict[str, Any]] = []
    for index in range(params.get("n") or 1):
        said = repr((params["prompt"], params.get("seed"), params.get("negative_prompt"), index))
        name = f"{width}x{height}-{hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()[:12]}.png"
        if params.get("response_format") in ("base64", "b64_json"):
            data.append({"index": index, "type": "b64_json", "b64_json": base64.b64encode(png(name)).decode()})
        else:
            data.append({"index": index, "type": "url", "url": f"http://{host}{PLACE}{name}"})
    return Plain({"id": identity, "object": "list", "model": params["model"], "data": data}, used(0))


def png(name: str) -> bytes:
    """The image of this name: two fields of colour, one above the other.

    Raises:
        RequestError: there is none.
    """
    found = _NAME.fullmatch(name)
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    if found is None or not (0 < width <= _MOST and 0 < height <= _MOST):
        raise RequestError(404, f"There is no image {name}.")
    colours = bytes.fromhex(found[3])
    rows = b"".join(b"\0" + colours[3 * (2 * row >= height) :][:3] * width for row in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
