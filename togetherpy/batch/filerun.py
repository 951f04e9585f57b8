"""From file to file: rows in, a line for each out, gone on with where an earlier run ended.

In: a source of rows, an output, a client. Out: the output's lines and a BatchSummary.
The rule: a row is finished when its line is on disk; finished rows are never sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from togetherpy._core.encode import encode_json
from togetherpy.batch.asking import AskBytes, Got, Limits, Line, NoAnswerError
from togetherpy.batch.descriptors import affordable
from togetherpy.batch.engine import Engine, Job
from togetherpy.batch.envelope import RowFailure, failure_of, line_of
from togetherpy.batch.errors import BatchError
from togetherpy.batch.identity import Digests, digest
from togetherpy.batch.manifest import plain
from togetherpy.batch.options import Options
from togetherpy.batch.output import OutputError
from togetherpy.batch.place import Place
from togetherpy.batch.plot import Sample, Samples, svg
from togetherpy.batch.prices import Prices
from togetherpy.batch.progress import Progress, Standing
from togetherpy.batch.rows import NO_MODEL, Row, RowError, body_of, lacks_model
from togetherpy.batch.source import FileSource, Source
from togetherpy.batch.tally import BatchSummary, Tally, json_of
from togetherpy.batch.texts import text_line

if TYPE_CHECKING:
    from togetherpy.client import AsyncTogether, Together

_SAMPLED = 0.25
"""Seconds between the samples of a drawing."""


class Run:
    """One run. Made (which opens the output), awaited by `go`, stopped by `stop`."""

    def __init__(self, source: Source, options: Options, client: Together | AsyncTogether) -> None:
        """Raises BatchError, TypeError, ValueError: it cannot begin; nothing was sent."""
        self.options = options
        ceiling = affordable(options.settings.ceiling, stacklevel=5)
        self._settings = msgspec.structs.replace(options.settings, ceiling=ceiling)
        self._client = client
        client._loop.shared.check_open()  # pyright: ignore[reportPrivateUsage]
        if "model" not in options.params and isinstance(source, FileSource):
            rows = islice(source.read(), options.limit)
            if lacks_model(rows, options.form):
                raise ValueError(f"no row of {source.name} can be sent: {NO_MODEL}")
        self.place: Place = Place(source, options)
        self.tally: Tally = Tally()
        self._rows = RowFeed(source, options, self.place, self.tally)
        self._engine: Engine | None = None
        self._limits: Limits | None = None
        self._prices: Prices | None = None
        self._samples = Samples()
        self._sampling: asyncio.TimerHandle | None = None
        self._stopped: str | None = None

    async def go(self) -> BatchSummary:
        """Sends what is not finished.

        Raises:
            BatchError: it ended before its input did; `.summary` says what it came to.
        """
        line = Line(self._client._loop, self._settings.ceiling)  # pyright: ignore[reportPrivateUsage]
        self._limits = Limits(line.config, self._settings.ceiling, self.options.bounds)
        self._engine = Engine(self._rows, AskBytes(line, self._limits), self._settled, self._settings)
        try:
            failure = await self._run(self._engine, line)
        finally:
            self.place.close()
            await self._rows.aclose()
            await line.aclose()
        summary = self._summary(failure)
        self._report(summary)
        if failure is not None:
            failure.summary = summary
            raise failure
        return summary

    async def _run(self, engine: Engine, line: Line) -> BatchError | None:
        failure: BatchError | None = None
        try:
            await self._learn_prices(line)
            with self._shown():
                if self._stopped is None:
                    await engine.run()
        except BatchError as error:
            failure = error
        try:
            await self._settle()
        except BatchError as error:
            failure = failure or error
        return failure

    async def _settle(self) -> None:
        """Raises OutputError."""
        settling = partial(self.place.settle, self.tally.skipped)
        try:
            await asyncio.to_thread(settling)
        except RuntimeError:  # in an atexit handler, where Python begins no thread any more
            settling()

    @contextlib.contextmanager
    def _shown(self) -> Any:
        progress = Progress(self.standing) if self.options.progress else None
        if progress is not None:
            progress.begin()
        if self.options.plot is not None:
            self._sample()
        try:
            yield
        finally:
            if self._sampling is not None:
                self._sampling.cancel()
            if progress is not None:
                progress.end()

    def stop(self, why: str) -> None:
        """Nothing new is sent; what is in flight is finished. On the loop of `go`."""
        self._stopped = self._stopped or why
        if self._engine is not None:
            self._engine.stop()

    def abort(self) -> None:
        """Ends now. On the loop of `go`."""
        if self._engine is not None:
            self._engine.abort()

    def standing(self) -> Standing:
        """How far it is."""
        tally, limits = self.tally, self._limits.by_model.values() if self._limits is not None else ()
        return Standing(
            rows=tally.rows,
            skipped=tally.skipped,
            good=tally.succeeded,
            failed=tally.failed,
            tokens=tally.total_tokens,
            in_flight=self._engine.in_flight if self._engine is not None else 0,
            limit=sum(limit.limit for limit in limits),
            total=self.place.total,
        )

    def _settled(self, job: Job) -> None:
        got, failure = _outcome(job, self.options.fail_on)
        line = line_of(
            job.request,
            status=got.status if got else 0,
            request_id=got.request_id if got else None,
            body=got.body if got else None,
            failure=failure,
            attempts=job.attempts,
            seconds=job.seconds,
            finished_at=time.time(),
        )
        if self.options.only_text and not self.place.output.is_file:
            line = b"" if got is None or failure is not None else text_line(got.body)
        (self.place.output if failure is None else self.place.errors).write(line)
        usage = got.usage if got is not None else None
        self.tally.settled(good=failure is None, seconds=job.seconds, billed=job.billed, usage=usage)
        if failure is not None and self.tally.first_failure is None:
            self.tally.first_failure = failure.message
        if usage and self._prices is not None:
            self.tally.add_cost(self._prices.of_usage(job.params.get("model"), usage))
        self._guard()

    def _guard(self) -> None:
        """Nothing more is begun when what was allowed is used up."""
        options, tally = self.options, self.tally
        if options.max_total_tokens is not None and tally.total_tokens >= options.max_total_tokens:
            self._give_up(f"{tally.total_tokens} tokens are used, and {options.max_total_tokens} were allowed")
        if options.max_cost is not None and (tally.cost or 0.0) >= options.max_cost:
            self._give_up(f"${tally.cost:.4f} are spent, and ${options.max_cost:g} were allowed")

    def _give_up(self, why: str) -> None:
        if self._engine is not None:
            self._engine.stop(BatchError(f"Stopped: {why}."))

    async def _learn_prices(self, line: Line) -> None:
        """Raises BatchError when the model has no price, for then a bound would be none."""
        if self.options.max_cost is None:
            return
        prices, model = Prices(await line.models.list()), self.options.params.get("model")
        if model is not None and model not in prices:
            raise BatchError(f"max_cost cannot be kept: the list of models has no price for {model}")
        self._prices = self._rows.prices = prices

    def _report(self, summary: BatchSummary) -> None:
        """Raises OutputError."""
        for path, text in ((self.options.summary, json_of(summary)), (self.options.plot, self._drawing())):
            if path is not None:
                try:
                    with open(path, "w", encoding="utf-8") as file:
                        file.write(text)
                except OSError as error:
                    raise OutputError(f"cannot write {path}: {error.strerror or error}") from None

    def _drawing(self) -> str:
        return svg(self._samples.taken) if self.options.plot is not None else ""

    def _sample(self) -> None:
        limits = self._limits.by_model.values() if self._limits is not None else ()
        self._samples.add(
            Sample(
                time.monotonic() - self.tally.begun,
                self.tally.succeeded + self.tally.failed,
                sum(limit.limit for limit in limits),
                sum(limit.limited_count for limit in limits),
            )
        )
        self._sampling = asyncio.get_running_loop().call_later(_SAMPLED, self._sample)

    def _summary(self, failure: BatchError | None) -> BatchSummary:
        stopped = str(failure) if failure is not None else self._stopped
        code = failure.exit_code if failure is not None else 130 if stopped else 3 if self.tally.failed else 0
        limits = self._limits.by_model if self._limits is not None else {}
        self.tally.maybe_billed += self._engine.left_billed if self._engine is not None else 0
        return self.tally.summary(
            retries=dict(self._engine.retries) if self._engine is not None else {},
            limits={model: _history(limit, self.tally.begun) for model, limit in limits.items()},
            stopped=stopped,
            exit_code=code,
            output=self.options.output,
        )


def _history(limit: Any, begun: float) -> list[list[float]]:
    return [[round(at.at - begun, 3), at.limit, at.in_flight, at.limited] for at in limit.history if at.at >= begun]


def _outcome(job: Job, fail_on: frozenset[str]) -> tuple[Got | None, RowFailure | None]:
    """The answer, if one came, and what is wrong, if anything is."""
    if job.error is not None:
        got = job.error.got if isinstance(job.error, NoAnswerError) else None
        return got, failure_of(job.error, job.request)
    got = job.answer.value if job.answer is not None else None
    bad = fail_on.intersection(got.finish_reasons) if fail_on and got is not None else None
    if bad:
        word = sorted(bad)[0]
        return got, RowFailure(word, f"finish_reason is {word}, which counts as a failure here", None, None, None)
    return got, None


class RowFeed:
    """The rows that are not finished, as Jobs."""

    def __init__(self, source: Source, options: Options, place: Place, tally: Tally) -> None:
        self._options, self._place, self._tally = options, place, tally
        self._rows: AsyncGenerator[Row | int, None] = source.rows(place.finished, options.limit)
        self._seen = None if isinstance(source, FileSource) else Digests()
        self._run = digest(place.run.encode(), encode_json(plain(options.params)))
        self._may_lack = isinstance(source, FileSource)  # a file was looked through: others in it name a model
        self.prices: Prices | None = None
        """Set: models without a price are refused."""

    async def take(self) -> Job | None:
        """The next row that is not finished."""
        tally = self._tally
        async for row in self._rows:
            if isinstance(row, int):
                tally.rows += row
                tally.skipped += row
                await asyncio.sleep(0)
                continue
            tally.rows += 1
            if self._is_wanted(row):
                return self._job(row)
        return None

    def _is_wanted(self, row: Row) -> bool:
        """Of a stream, whose custom_ids nobody has looked at before."""
        if self._seen is None:
            return True
        if not self._seen.add(row.key):
            row.error = f"the custom_id {row.custom_id.decode()} came before"
            row.custom_id = b'"row-%d"' % row.index
        elif row.number in self._place.finished:
            self._tally.skipped += 1
            return False
        return True

    def _check_model(self, row: Row, model: Any) -> None:
        """Raises RowError; where no row before named a model, none will, and it is a BatchError."""
        if not model and not self._may_lack:
            raise BatchError(f"{row.where()}: {NO_MODEL}")
        if not model:
            raise RowError(NO_MODEL)
        self._may_lack = True

    async def aclose(self) -> None:
        """The source is not read any more."""
        await self._rows.aclose()

    def _job(self, row: Row) -> Job:
        job = Job(row.index, row, {}, f"{self._run:016x}-{row.number:016x}")
        try:
            params = {**self._options.params, **body_of(row, self._options.form)}
            params.pop("stream", None)
            self._check_model(row, params.get("model"))
            if self.prices is not None and params.get("model") not in self.prices:
                raise RowError(f"the model {params.get('model')!r} has no price, so max_cost could not be kept")
            job.params = params
        except RowError as error:
            job.error = error
        return job
