"""What a row asks, read from the cells of a table, whichever engine keeps it.

In: a row's columns: texts, lists or numpy arrays of dicts, bytes of images. Out: the messages of a request.
The rule: no engine is imported and no cell is changed; a null is absent, since tables with nested columns give every
message every field.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from togetherpy.batch.rows import RowError
from togetherpy.batch.template import Template
from togetherpy.batch.work import Question, template_of

_IMAGES = ((b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"), (b"BM", "bmp"), (b"II*\0", "tiff"))
_encode = msgspec.json.Encoder().encode


def row_of(question: Question, item: object) -> Mapping[str, Any]:
    """The row that an item of a list is: a mapping as it is; all else is the cell of the one column."""
    columns = question.columns
    if isinstance(item, Mapping):
        row = cast("Mapping[str, Any]", item)
        if "role" not in row or any(name in row for name in columns):
            return row
    if len(columns) != 1:
        raise RowError(f"columns {', '.join(columns)} are wanted, so each item must be a dict of them")
    return {columns[0]: item}


def messages_of(question: Question, row: Mapping[str, Any]) -> list[Any]:
    """What a row asks. Raises RowError: there is nothing to ask, or it cannot be read."""
    name = question.prompt or question.messages
    if question.template is not None:
        asked: Any = _filled(template_of(question.template), row)
    else:
        asked = plain(_text(_cell(row, cast(str, name)), cast(str, name)))
        if asked is None:
            raise RowError(f"its column {name!r} is null")
    images = [] if question.images is None else _images(_cell(row, question.images))
    return _with_system(_messages(asked, images, name), question.system)


def _filled(template: Template, row: Mapping[str, Any]) -> str:
    try:
        filled = {name: msgspec.Raw(_encode(plain(_text(_cell(row, name), name)))) for name in template.columns}
        return template.fill(filled)
    except RowError:
        raise
    except (ValueError, TypeError) as error:
        raise RowError(str(error)) from None


def _cell(row: Mapping[str, Any], name: str) -> Any:
    if name not in row:
        raise RowError(f"it has no column {name!r}")
    return row[name]


def _text(cell: object, name: str) -> object:
    """Bytes that stand where a text does are one: tables have binary columns of texts, and numpy has them."""
    if not isinstance(cell, bytes):
        return cell
    try:
        return cell.decode()
    except UnicodeDecodeError:
        raise RowError(
            f"its column {name!r} has bytes that are no text; a column of images goes to images=..."
        ) from None


def plain(value: object) -> Any:
    """A cell as JSON's values: without nulls in dicts, numpy's as Python's, bytes as data URLs, dates as ISO 8601.

    NaN is null.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return str.__str__(value) if isinstance(value, str) else value
    if isinstance(value, float):
        return None if value != value else value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return data_url(bytes(cast(bytes, value)))
    if isinstance(value, Mapping):
        return _object(cast("Mapping[str, Any]", value))
    if (named := names_of(value)) is not None:
        return _object(named)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in cast("Iterable[object]", value)]
    return _of_a_package(value)


def _of_a_package(value: object) -> Any:
    """What numpy, pandas, Arrow and our messages have that is no value of JSON."""
    kind = type(value).__name__
    if kind in ("NAType", "NaTType"):
        return None
    if kind in ("datetime64", "timedelta64"):  # as numbers they would be nanoseconds
        return None if value != value else str(value)
    for method in ("isoformat", "to_list", "tolist", "as_py", "model_dump", "to_dict"):
        convert = getattr(value, method, None)
        if callable(convert):
            return plain(convert())
    return value


def names_of(value: object) -> Mapping[str, Any] | None:
    """The fields of a tuple that has names, Spark's rows among them."""
    convert: Any = getattr(value, "asDict", None) or getattr(value, "_asdict", None)
    return cast("Mapping[str, Any]", convert()) if isinstance(value, tuple) and callable(convert) else None


def _object(value: Mapping[str, Any]) -> dict[str, Any]:
    made = {name: kept for name, item in value.items() if (kept := plain(item)) is not None}
    if value.get("content", made) is None:
        made["content"] = None  # a message with tool calls has it so
    if isinstance(made.get("image_url"), str):
        made["image_url"] = {"url": made["image_url"]}
    if made.get("type") == "image" and isinstance(made.get("image"), str):
        return _part(made["image"])
    return made


def data_url(content: bytes) -> str:
    """An image's bytes as a URL that holds them; what they are is seen from how they begin."""
    kind = next((name for start, name in _IMAGES if content.startswith(start)), "png")
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        kind = "webp"
    return f"data:image/{kind};base64,{b64encode(content).decode()}"


def _part(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def _images(cell: object) -> list[dict[str, Any]]:
    """The parts of a message that the images of a cell are."""
    found: Any = plain(cell)
    listed: list[Any] = cast(Any, found) if isinstance(found, list) else [] if found is None else [found]
    parts: list[dict[str, Any]] = []
    for one in listed:
        url = one
        if hasattr(one, "get"):  # as data sets keep images
            url = one.get("bytes") or one.get("url") or one.get("path")
        if not isinstance(url, str):
            raise RowError(f"an image is bytes or a URL, not {type(one).__name__}")
        parts.append(_part(url))
    return parts


def _messages(asked: Any, images: list[dict[str, Any]], name: str | None) -> list[Any]:
    if isinstance(asked, str):
        content = [{"type": "text", "text": asked}, *images] if images else asked
        return [{"role": "user", "content": content}]
    messages: list[Any] = cast(Any, asked) if isinstance(asked, list) else [asked]
    if not messages or not all(type(one) is dict for one in messages):
        kind = type(cast(object, asked)).__name__ if messages else "empty"
        raise RowError(f"its column {name!r} is neither a text nor a list of messages ({kind})")
    return [*messages, {"role": "user", "content": images}] if images else messages


def _with_system(messages: list[Any], system: str | None) -> list[Any]:
    if system is None or messages[0].get("role") in ("system", "developer"):
        return messages
    return [{"role": "system", "content": system}, *messages]
