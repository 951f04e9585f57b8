"""Embeddings: texts go in; vectors come out.

The rule: a vector is of length 1 and depends on its text and the number of dimensions alone, so equal texts have equal
vectors, and others have others, in every process and on every machine.
"""

import base64
import hashlib
import math
import struct
from collections.abc import Callable
from typing import Any

from . import _text
from ._check import check_model, check_rules, integer, wrong
from ._json import as_list, is_integer
from ._made import Plain, used

DIMENSIONS = 64


def check_embeddings(params: dict[str, Any], knows: Callable[[str], bool]) -> None:
    """Raises RequestError for the first thing that is wrong."""
    check_model(params, knows)
    inputs = _inputs(params.get("input"))
    if not inputs:
        raise wrong("input", "a string or a non-empty list of them")
    for place, one in enumerate(inputs):
        if not one or not (isinstance(one, str) or all(map(is_integer, as_list(one) or [None]))):
            raise wrong(f"input[{place}]", "a non-empty string")
    if params.get("encoding_format") not in (None, "float", "base64"):
        raise wrong("encoding_format", '"float" or "base64"')
    check_rules(params, {"dimensions": integer(1, 8192)})


def embed(params: dict[str, Any], *, identity: str, created: int) -> Plain:
    """The embeddings for checked parameters."""
    size, packed = params.get("dimensions") or DIMENSIONS, params.get("encoding_format") == "base64"
    inputs = _inputs(params["input"])
    data: list[dict[str, Any]] = []
    for index, one in enumerate(inputs):
        floats = vector(str(one), size)
        embedding = base64.b64encode(struct.pack(f"<{size}f", *floats)).decode() if packed else floats
        data.append({"object": "embedding", "index": index, "embedding": embedding})
    usage = used(sum(len(_text.tokens(one)) if isinstance(one, str) else len(one) for one in inputs))
    return Plain({"id": identity, "object": "list", "model": params["model"], "data": data, "usage": usage}, usage)


def _inputs(given: Any) -> list[Any]:
    """The inputs one by one; a list of token numbers is one."""
    inputs = as_list(given)
    if inputs is None:
        return [given] if isinstance(given, str) else []
    return [inputs] if inputs and all(map(is_integer, inputs)) else inputs


def vector(text: str, size: int = DIMENSIONS) -> list[float]:
    """The vector of a text: 32-bit floats, which are the same after a way through base64."""
    drawn = hashlib.shake_256(text.encode("utf-8", "replace")).digest(4 * size)
    numbers = [number / 2**31 for number in struct.unpack(f"<{size}i", drawn)]
    length = math.sqrt(math.fsum(number * number for number in numbers)) or 1.0
    return list(struct.unpack(f"<{size}f", struct.pack(f"<{size}f", *(number / length for number in numbers))))
