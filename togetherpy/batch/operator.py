"""One operator for the engines that people run: a column of questions in, columns of answers out.

In: batches of rows in an engine's form. Out: the same rows with four columns more.
The rule: it holds configuration and nothing else, so every engine can pickle it; what it needs to send lives in the
process that calls it (`pool`, `store`). A row never raises, and what it was given is not changed.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from togetherpy._core.config import check_count
from togetherpy.batch.work import Question, Work

if TYPE_CHECKING:
    from togetherpy.batch.asker import Asker

CEILING = 256
_COLUMNS = "error", "usage", "attempts"
_NOT_HERE = {
    "stream": "an operator gives whole answers; leave stream=... out",
    "api_key": "the key is read where the operator runs and is not pickled: set TOGETHER_API_KEY for the workers",
    "n": "an operator gives one answer a row; leave n=... out",
}


class Rows(Iterator[dict[str, Any]]):
    """Rows as they are answered. Pickled it is the list of those that are left, for Dask sends between processes what a
    partition's function gives."""

    def __init__(self, rows: Generator[dict[str, Any], None, None]) -> None:
        self._rows = rows

    def __next__(self) -> dict[str, Any]:
        return next(self._rows)

    def close(self) -> None:
        """What has not been sent is not sent any more."""
        self._rows.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


class ChatOp:
    """Asks a model about each row of a table, inside of Ray Data, Spark, Daft, Dask, Polars or a loop of your own.

    The rows that come back have all they had, and the columns

    * `answer`, or what `output` says: the text (where there is none, the tool calls as JSON); with
      `response_format=T` the value as dicts and lists; None for a row that failed,
    * `error`: None, or `code: message`; rows fail one by one and never raise,
    * `usage`: `prompt_tokens`, `completion_tokens`, `total_tokens`; None where nothing is known,
    * `attempts`: times that the row was sent; 0 for an answer from the store.

    `answer` and `error` are what `ai_query(..., failOnError => false)` of Databricks calls `result` and
    `errorMessage`. Where the rows have a column `error`, `usage` or `attempts` already, theirs stays and ours is
    called `{output}_error` and so on, so that operators can follow one another.

    Failures that all rows share (no key, no credit, no such model) are each row's error, too, and after three of them
    in a row the rest of what is at hand fails unsent.

    Total in flight is processes x `concurrency`, unless `share` says how many processes there are. TOGETHER_API_KEY
    and TOGETHER_BASE_URL are read in the process that sends.
    """

    def __init__(
        self,
        *,
        model: str,
        prompt: str | None = None,
        template: str | None = None,
        messages: str | None = None,
        images: str | None = None,
        system: str | None = None,
        output: str = "answer",
        response_format: Any = None,
        concurrency: int | None = None,
        store: str | os.PathLike[str] | None = None,
        share: int | None = None,
        rpm: float | None = None,
        tpm: float | None = None,
        max_retries: int | None = None,
        stall: float | None = None,
        base_url: str | None = None,
        **params: Any,
    ) -> None:
        """Checks the configuration; nothing is opened or started.

        prompt: the column with the question, a text or a list of messages; default "prompt".
        template: the question from several columns instead: "Translate {text} into {language}".
        messages: the column with lists of messages instead: dicts, numpy arrays of dicts; images in them may be bytes.
        images: a column with bytes or URLs, one or a list, that are asked about together with the question.
        system: a system prompt for rows that have none.
        output: the column of the answer.
        response_format: a type, whose schema the answer must have, or what the API takes.
        concurrency: the most in flight in a process, >= 1; default 256. How many are follows the server's answers.
        store: a directory that all processes see. Each answer is kept there under the hash of its request, so that
            task retries, speculation, a second action and a restarted job do not pay again. Equal requests have one
            answer then, whatever the temperature.
        share: how many processes send at the same time; each takes its part of `concurrency`, `rpm`, `tpm`.
        rpm, tpm: requests and tokens a minute, never exceeded.
        max_retries: of a row after transient failures, >= 0; default 5. Rate limits are waited out and do not count.
        stall: seconds without a success after which the rows at hand fail; default 600.
        base_url: else TOGETHER_BASE_URL where it runs, else the API's.
        params: go to the model (`max_tokens`, `temperature` ...), and `timeout`, `extra_headers`, `extra_body`.

        Raises:
            TypeError, ValueError: an argument that cannot be meant, named.
        """
        for name, why in _NOT_HERE.items():
            if params.get(name):
                raise TypeError(why)
        if sum(one is not None for one in (prompt, template, messages)) > 1:
            raise TypeError("give one of prompt=..., template=... and messages=...")
        if not isinstance(cast(object, model), str):
            raise TypeError(f"model must be a str, not {type(model).__name__}")
        if prompt is None and template is None and messages is None:
            prompt = "prompt"
        self._output = output
        parses = response_format is not None and not isinstance(cast(object, response_format), Mapping)
        given: dict[str, Any] = {"response_format": None if parses else response_format, **params}
        parts = check_count(share, "share", 1, 1)
        self._work = Work(
            question=Question(prompt=prompt, template=template, messages=messages, images=images, system=system),
            params={"model": model, **{name: value for name, value in given.items() if value is not None}},
            to=response_format if parses else None,
            store=None if store is None else os.path.abspath(os.fspath(store)),
            bounds={
                "ceiling": max(1, check_count(concurrency, "concurrency", 1, CEILING) // parts),
                "share": 1 / parts,
                "rpm": _above_0(rpm, "rpm"),
                "tpm": _above_0(tpm, "tpm"),
                "max_retries": check_count(max_retries, "max_retries", 0, 5),
                "stall": _above_0(stall, "stall") or 600.0,
            },
            base_url=base_url,
        )
        if parses:
            from togetherpy._typed.schema import response_format as check

            check(response_format)

    def __repr__(self) -> str:
        asked = self._work.question
        name = next(name for name in ("prompt", "template", "messages") if getattr(asked, name) is not None)
        model = self._work.params["model"]
        return f"ChatOp(model={model!r}, {name}={getattr(asked, name)!r}, output={self._output!r})"

    def columns(self, names: Iterable[str]) -> tuple[str, str, str, str]:
        """What the four columns are called where the rows have columns of these names.

        Raises:
            ValueError: one of them is the output's.
        """
        taken = set(names)
        if self._output in taken:
            raise ValueError(f"there is a column {self._output!r} already; give the answers another one: output=...")
        error, usage, attempts = (self._free(name, taken) for name in _COLUMNS)
        return self._output, error, usage, attempts

    def _free(self, name: str, taken: set[str]) -> str:
        while name in taken:
            name = f"{self._output}_{name}"
        return name

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """A batch as a dict of columns, for Ray Data's `map_batches`."""
        from togetherpy.batch.frames import of_columns

        return of_columns(self._asker(), self.columns, batch)

    def map_list(self, items: Any) -> Any:
        """A dict of the four columns for each item of a list, in their order, for Daft's batch methods; for a Polars
        series, in `map_batches`, a series of such structs.

        An item is the cell of the one column that is asked about, or a dict of columns.
        """
        names = self.columns(())
        if type(items).__module__.startswith("polars."):
            from togetherpy.batch.frames import of_series

            return of_series(self._asker(), names, items)
        chunks = ((None, [item]) for item in items)
        return [dict(zip(names, cells, strict=True)) for _, [cells] in self._asker().ask(chunks)]

    def polars_dtype(self) -> Any:
        """What `map_list` gives for a Polars series: the `return_dtype` of `map_batches`."""
        from togetherpy.batch.frames import series_type

        return series_type(self._work.to, self.columns(()))

    def map_partition(self, rows: Iterable[Mapping[str, Any]]) -> Rows:
        """Each row, a dict, with the four columns more, for Dask's bags and Spark's RDDs; rows are read as needed.

        Spark's rows and named tuples become dicts; any other item is the cell of the one column that is asked about.
        """
        return Rows(self._rows(rows))

    def _rows(self, rows: Iterable[Mapping[str, Any]]) -> Generator[dict[str, Any], None, None]:
        for row, [cells] in self._asker().ask((row, [row]) for row in map(self._as_row, rows)):
            yield {**row, **dict(zip(self.columns(row), cells, strict=True))}

    def _as_row(self, item: Any) -> Mapping[str, Any]:
        from togetherpy.batch.cells import names_of

        if isinstance(item, Mapping):
            return cast("Mapping[str, Any]", item)
        columns = self._work.question.columns
        return names_of(item) or ({columns[0]: item} if len(columns) == 1 else {})

    def map_pandas(self, frames: Any) -> Any:
        """A pandas DataFrame with the four columns more; or for an iterator of them an iterator (`mapInPandas`)."""
        from togetherpy.batch.frames import of_frame, of_frames

        of = of_frame if hasattr(frames, "columns") else of_frames
        return of(self._asker(), self.columns, frames)

    def map_arrow(self, batches: Any) -> Any:
        """RecordBatches with the four columns more, one for each of an iterator's, for Spark's `mapInArrow`; or for
        one RecordBatch or Table one. A `response_format=T` that Arrow has no type for is JSON there."""
        from togetherpy.batch.frames import of_arrow, of_arrows

        of = of_arrow if hasattr(batches, "num_rows") else of_arrows
        return of(self._asker(), self.columns, batches)

    def arrow_schema(self, schema: Any) -> Any:
        """The pyarrow schema that `map_arrow` gives batches of this one."""
        from togetherpy.batch.frames import with_columns

        return with_columns(self._work.to, self.columns, schema)

    def _asker(self) -> Asker:
        from togetherpy.batch.asker import Asker

        return Asker(self._work)


def _above_0(value: float | None, name: str) -> float | None:
    if value is not None and not value > 0:
        raise ValueError(f"{name} must be above 0, not {value}")
    return value
