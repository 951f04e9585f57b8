"""OUT.meta.json: what an output was made of, so that it is not gone on with as something else.

In: the input's name, how its rows are read, and the shared parameters. Out: a file beside the output.
The rule: what decides the answers must be the same in every run on one output; what is not is named.
No secret is in it.
"""

from __future__ import annotations

import os
from typing import Any

import msgspec

from togetherpy._core.encode import encode_json
from togetherpy.batch.errors import BatchError
from togetherpy.batch.identity import digest

SUFFIX = ".meta.json"
_HIDDEN = ("extra_headers",)
_WHO = ("text", "template")
"""What decides which row is which; the rest decides what it is answered."""


class Manifest(msgspec.Struct, kw_only=True):
    """What a run is."""

    version: int = 1
    run: str = ""
    """Made with the first run; with a row's number it makes the key under which the server knows the row."""
    input: str | None = None
    """The input's path from the output's folder; None for what has no name."""
    reading: dict[str, Any] = {}
    """How rows are read: text, template, system."""
    params: dict[str, Any] | None = {}
    """The shared parameters; None while they are not known, for the answers came from files: then any are taken."""
    bringing: str = ""
    """The command that brings results here, `merge` or `download`, from its beginning to its end: until then they are
    only in their files, and a run would ask again."""
    checked: list[int] = []
    """Size and time of the input in which no custom_id comes twice, and its rows."""

    def differences(self, other: Manifest) -> list[str]:
        """What is not the same, in words."""
        found: list[str] = []
        if self.input != other.input:
            found.append(f"the input was {_said(self.input)} and is {_said(other.input)}")
        known = self.params is not None and other.params is not None
        for mine, theirs in ((self.reading, other.reading), (self.params or {}, other.params or {})):
            for name in sorted(mine.keys() | theirs.keys()):
                if mine.get(name) != theirs.get(name) and (known or name in _WHO):
                    found.append(f"{name} was {mine.get(name)!r} and is {theirs.get(name)!r}")
        return found


def _said(path: str | None) -> str:
    return "not a file" if path is None else repr(path)


def plain(params: dict[str, Any]) -> dict[str, Any]:
    """Parameters as JSON has them, without what may be secret."""
    shown = {name: value for name, value in params.items() if name not in _HIDDEN and value is not None}
    made: dict[str, Any] = msgspec.json.decode(encode_json(shown))
    for name in _HIDDEN:
        if params.get(name):
            made[name] = f"digest {digest(encode_json({name: params[name]})):016x}"
    return made


def load(output: str) -> Manifest | None:
    """The manifest beside an output, None when there is none. Raises BatchError for one that cannot be read."""
    path = output + SUFFIX
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=Manifest)
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise BatchError(f"{path} cannot be read ({error}); --restart begins anew") from None


def save(output: str, manifest: Manifest) -> None:
    """Writes it, whole or not at all."""
    path = output + SUFFIX
    beside = path + ".tmp"
    with open(beside, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
