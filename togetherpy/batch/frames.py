"""Batches in the forms that engines keep them in: dicts of columns, pandas, Arrow.

In: a batch. Out: one of the same form with four columns more. The rule: none of their packages is imported that the
batch has not brought; of a batch only the columns that are asked about are read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any

import msgspec

from togetherpy.batch.asker import Asker, Cells
from togetherpy.batch.outcome import USAGE

Names = Callable[[Iterable[str]], tuple[str, str, str, str]]


def _rows(asker: Asker, names: Iterable[str], cells: Callable[[str], Iterable[Any]], count: int) -> list[Any]:
    """The rows of a batch, with the columns that are read; a column that is not there is each row's error."""
    there = set(names)
    wanted = [name for name in asker.question.columns if name in there]
    if not wanted:
        return [{} for _ in range(count)]
    return [dict(zip(wanted, row, strict=True)) for row in zip(*(cells(name) for name in wanted), strict=True)]


def _one(asker: Asker, batch: Any, rows: list[Any]) -> list[Cells]:
    return next(cells for _, cells in asker.ask([(batch, rows)]))


def of_columns(asker: Asker, names: Names, batch: Mapping[str, Any]) -> dict[str, Any]:
    """A dict of columns; where there are numpy arrays, ours are, too."""
    ours = names(batch)
    count = len(next(iter(batch.values()), ()))
    found = _one(asker, batch, _rows(asker, batch, lambda name: batch[name], count))
    columns = [list(column) for column in zip(*found, strict=True)] or [[], [], [], []]
    numpy: Any = sys.modules.get("numpy")
    if numpy is None or not any(isinstance(column, numpy.ndarray) for column in batch.values()):
        return {**batch, **dict(zip(ours, columns, strict=True))}
    arrays = [_objects(numpy, column) for column in columns[:3]]
    return {**batch, **dict(zip(ours, [*arrays, numpy.array(columns[3], dtype="int64")], strict=True))}


def _objects(numpy: Any, column: list[Any]) -> Any:
    made = numpy.empty(len(column), dtype=object)
    for at, cell in enumerate(column):  # `made[:] = column` would look into lists
        made[at] = cell
    return made


def of_frame(asker: Asker, names: Names, frame: Any) -> Any:
    """A pandas DataFrame."""
    return next(of_frames(asker, names, [frame]))


def of_frames(asker: Asker, names: Names, frames: Iterable[Any]) -> Iterator[Any]:
    """One for each."""

    def rows(frame: Any) -> list[Any]:
        return _rows(asker, frame.columns, lambda name: frame[name].tolist(), len(frame))

    for frame, found in asker.ask((frame, rows(frame)) for frame in frames):
        made, series = frame.copy(deep=False), _kind(frame.index.to_series())
        for at, name in enumerate(names(frame.columns)):
            column = [cells[at] for cells in found]
            made[name] = series(column, index=frame.index, dtype="int64" if at == 3 else object)
        yield made


def _kind(of: Any) -> Any:
    """Its class, whose package need not be imported."""
    return of.__class__


def of_arrow(asker: Asker, names: Names, batch: Any) -> Any:
    """A RecordBatch or a Table."""
    return next(of_arrows(asker, names, [batch]))


def of_arrows(asker: Asker, names: Names, batches: Iterable[Any]) -> Iterator[Any]:
    """One for each."""

    def rows(batch: Any) -> list[Any]:
        return _rows(asker, batch.schema.names, lambda name: batch.column(name).to_pylist(), batch.num_rows)

    for batch, found in asker.ask((batch, rows(batch)) for batch in batches):
        schema = with_columns(asker.to, names, batch.schema)
        ours = list(schema)[-4:]
        if asker.to is not None and _is_text(ours[0].type):
            found = [(None if cells[0] is None else _json(cells[0]), *cells[1:]) for cells in found]
        arrays, found = _arrays([field.type for field in ours], found)
        yield _kind(batch).from_arrays([*batch.columns, *arrays], schema=schema)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _is_text(kind: Any) -> bool:
    return str(kind) == "string"


def with_columns(to: Any, names: Names, schema: Any) -> Any:
    """A pyarrow schema with the four fields more."""
    pa: Any = import_module("pyarrow")

    usage = pa.struct([(name, pa.int64()) for name in USAGE])
    answer = pa.string() if to is None else _arrow_type(pa, to)
    for name, kind in zip(names(schema.names), (answer, pa.string(), usage, pa.int64()), strict=True):
        schema = schema.append(pa.field(name, kind))
    return schema


def _arrow_type(pa: Any, to: Any) -> Any:
    """The type that has the values of `to`; where Arrow has none, they are JSON texts."""
    from togetherpy._typed.schema import strict_schema

    schema = strict_schema(to)
    return _of_schema(pa, schema, schema.get("$defs", {}), 0) or pa.string()


def _of_schema(pa: Any, schema: dict[str, Any], definitions: dict[str, Any], depth: int) -> Any:
    if depth > 20:
        return None  # a type that holds itself
    if "$ref" in schema:
        return _of_schema(pa, definitions[schema["$ref"].rpartition("/")[2]], definitions, depth + 1)
    kinds = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
    if kinds:
        return _of_schema(pa, kinds[0], definitions, depth + 1) if len(kinds) == 1 else None
    kind: Any = schema.get("type")
    if type(kind) is list:
        listed: list[Any] = kind
        kind = next((one for one in listed if one != "null"), None)
    if kind is None and all(isinstance(one, str) for one in schema.get("enum", [0])):
        kind = "string"
    if kind == "array":
        items = _of_schema(pa, schema.get("items") or {}, definitions, depth + 1)
        return items and pa.list_(items)
    if kind == "object":
        fields = {name: _of_schema(pa, one, definitions, depth + 1) for name, one in schema["properties"].items()}
        return pa.struct(list(fields.items())) if fields and all(fields.values()) else None
    makes = {"string": pa.string, "integer": pa.int64, "number": pa.float64, "boolean": pa.bool_}
    return makes[kind]() if kind in makes else None


def _arrays(kinds: list[Any], found: list[Cells]) -> tuple[list[Any], list[Cells]]:
    """The four columns. A value that Arrow cannot keep (a number above 64 bits) makes its row one that failed."""
    pa: Any = import_module("pyarrow")

    try:
        return [pa.array([cells[at] for cells in found], kind) for at, kind in enumerate(kinds)], found
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        kept = [_kept(pa, kinds[0], cells) for cells in found]
        return [pa.array([cells[at] for cells in kept], kind) for at, kind in enumerate(kinds)], kept


def _kept(pa: Any, kind: Any, cells: Cells) -> Cells:
    answer, error, usage, attempts = cells
    error = None if error is None else _whole(error)
    answer = _whole(answer) if isinstance(answer, str) else answer
    try:
        pa.array([answer], kind)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as failure:
        answer, error = None, f"answer: Arrow cannot keep it as {kind}: {failure}: {_json(answer)}"
    return answer, error, usage, attempts


def _whole(text: str) -> str:
    """Text without halves of characters, which are no UTF-8."""
    return text.encode(errors="replace").decode()
