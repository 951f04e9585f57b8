"""Batches in the forms that engines keep them in: dicts of columns, pandas, Arrow, Polars.

In: a batch. Out: one of the same form with four columns more. The rule: none of their packages is imported that the
batch has not brought; of a batch only the columns that are asked about are read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import msgspec

from togetherpy.batch.asker import Asker, Cells
from togetherpy.batch.columns import arrow_kinds, polars_kinds

Names = Callable[[Iterable[str]], tuple[str, str, str, str]]


def _rows(asker: Asker, names: Iterable[str], cells: Callable[[str], Iterable[Any]], count: int) -> list[Any]:
    """The rows of a batch, with the columns that are read; a column that is not there is each row's error.

    Raises ValueError: one is there twice.
    """
    there = list(names)
    wanted = [name for name in asker.question.columns if name in there]
    for name in wanted:
        if there.count(name) > 1:
            raise ValueError(f"there are {there.count(name)} columns {name!r}; which one is meant?")
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
        if asker.to is not None and str(ours[0].type) == "string":
            found = _answers_as_json(found)
        arrays, found = _arrays([field.type for field in ours], found)
        yield _kind(batch).from_arrays([*batch.columns, *arrays], schema=schema)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _answers_as_json(found: list[Cells]) -> list[Cells]:
    return [(None if cells[0] is None else _json(cells[0]), *cells[1:]) for cells in found]


def with_columns(to: Any, names: Names, schema: Any) -> Any:
    """A pyarrow schema with the four fields more."""
    pa: Any = import_module("pyarrow")
    for name, kind in zip(names(schema.names), arrow_kinds().all(to), strict=True):
        schema = schema.append(pa.field(name, kind))
    return schema


def series_type(to: Any, names: Sequence[str]) -> Any:
    """The dtype of a Polars series of structs of the four."""
    kinds = polars_kinds()
    return kinds.object(dict(zip(names, kinds.all(to), strict=True)))


def of_series(asker: Asker, names: Sequence[str], series: Any) -> Any:
    """A Polars series: a series of structs of the four."""
    kinds = polars_kinds()
    found = _one(asker, series, series.to_list())
    if asker.to is not None and kinds.answer(asker.to) is kinds.string:
        found = _answers_as_json(found)
    rows = [dict(zip(names, cells, strict=True)) for cells in found]
    return _kind(series)(series.name, rows, dtype=series_type(asker.to, names))


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
    try:
        pa.array([answer], kind)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as failure:
        answer, error = None, f"answer: Arrow cannot keep it as {kind}: {failure}: {_json(answer)}"
    return answer, error, usage, attempts
