"""What a run from file to file is told, checked.

In: the keyword arguments of `run`. Out: Options. The rule: what cannot be meant is refused before anything is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, TypedDict, cast

import msgspec

from togetherpy._core.caller import warn_caller
from togetherpy._core.config import check_count
from togetherpy.batch.checks import bounds_of, check_number, settings_of
from togetherpy.batch.engine import Settings
from togetherpy.batch.rows import Form
from togetherpy.batch.template import Template
from togetherpy.types._timeout import TimeoutTypes
from togetherpy.types.common import FinishReason

CEILING = 256


class RunOptions(TypedDict, total=False):
    """The keyword arguments of `run` and `arun`. What is not listed goes to the model."""

    concurrency: int | None
    """The most in flight, >= 1; default 256. How many are depends on what the server's answers say."""
    text: bool
    """Each line of the input is a prompt."""
    system: str | None
    """A system prompt for rows that have none."""
    template: str | None
    """The prompt, made from the row's columns: "Translate {text} into {language}"."""
    errors: str | os.PathLike[str] | None
    """Where rows that failed go; default: into the output."""
    only_text: bool
    """The output has the answers' texts, in the rows' order, and nothing else."""
    sort: bool
    """The output is in the order of the rows at the end."""
    fsync: bool
    """A row counts when the disk has it: safe from loss of power too, and slower."""
    limit: int | None
    """Only the first so many rows."""
    max_total_tokens: int | None
    """No row is begun when so many tokens are used."""
    max_cost: float | None
    """Likewise, in US dollars by the prices of `models.list`."""
    fail_on: str | Iterable[str] | None
    """Finish reasons that are failures: "length,content_filter"."""
    restart: bool
    """Forgets what is in the output and begins anew."""
    force: bool
    """Goes on with an output that was made from another input or with other parameters."""
    max_retries: int | None
    """Retries of a row after transient failures; default 5."""
    stall: float | None
    """Seconds without a success after which the run gives up; default 600."""
    grace: float | None
    """Seconds that what is in flight has to end when the run is stopped; default 60."""
    rpm: float | None
    """Requests a minute, never exceeded."""
    tpm: float | None
    """Tokens a minute, never exceeded."""
    share: float | None
    """This process's part of both, above 0 and up to 1, when several processes use one key."""
    progress: bool
    """Shows on standard error how far it is."""
    summary: str | os.PathLike[str] | None
    """Where the summary goes, as JSON."""
    plot: str | os.PathLike[str] | None
    """Where a drawing of rows a second, limit and 429s over time goes, as SVG."""
    max_tokens: int | None
    """Most tokens of each answer, >= 1."""
    temperature: float | None
    """Randomness, 0 to 1 (some models take up to 2)."""
    top_p: float | None
    """Share of probability mass to sample from, 0 to 1."""
    seed: int | None
    """An integer for repeatable sampling."""
    timeout: TimeoutTypes | None
    """Seconds of each attempt, from when it is sent."""
    extra_headers: Mapping[str, str | None] | None
    """Header fields to add; a value of None removes a default one."""
    extra_body: Mapping[str, Any] | None
    """Fields to add to each body, over all others."""


_TO_THE_MODEL = ("max_tokens", "temperature", "top_p", "seed", "timeout", "extra_headers", "extra_body")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments of a run."""

    output: str
    form: Form
    params: dict[str, Any]
    settings: Settings
    bounds: dict[str, float]
    errors: str | None
    only_text: bool
    sort: bool
    fsync: bool
    limit: int | None
    max_total_tokens: int | None
    max_cost: float | None
    fail_on: frozenset[str]
    restart: bool
    force: bool
    progress: bool
    summary: str | None
    plot: str | None


_PARTS = ("text", "template", "system")
_FLAGS = ("only_text", "sort", "fsync", "restart", "force", "progress")
_FILES = ("errors", "summary", "plot")


def make_options(output: Any, model: str | None, arguments: dict[str, Any]) -> Options:
    """`arguments`: by name, what is the run's and what goes to the model.

    Raises:
        TypeError, ValueError: an argument that cannot be meant, named.
    """
    given = {name: arguments.pop(name, None) for name in RunOptions.__annotations__ if name not in _TO_THE_MODEL}
    params = {"model": model, **arguments}
    if params.get("stream"):
        raise TypeError("a batch has whole answers; leave stream=... out")
    if "messages" in params:
        raise TypeError("messages=... are the rows'; system=... is for all of them")
    if params["model"] == "":
        raise ValueError("model is empty")
    template, place = given["template"], cast(str, os.fspath(output))
    if place.endswith((".gz", ".zst")):
        raise ValueError(f"the output {place} could not be gone on with if it were compressed; compress it afterwards")
    flags: dict[str, Any] = {name: bool(given[name]) for name in _FLAGS}
    files: dict[str, Any] = {name: None if given[name] is None else os.fspath(given[name]) for name in _FILES}
    return Options(
        output=place,
        form=Form(
            text=bool(given["text"]),
            template=None if template is None else Template(template),
            system=given["system"],
        ),
        settings=settings_of(check_count(given["concurrency"], "concurrency", 1, CEILING), given),
        bounds=bounds_of(given),
        params={name: value for name, value in params.items() if value is not None},
        fail_on=_words(given["fail_on"]),
        limit=_most(given["limit"], "limit"),
        max_total_tokens=_most(given["max_total_tokens"], "max_total_tokens"),
        max_cost=check_number(given["max_cost"], "max_cost"),
        **flags,
        **files,
    )


def _most(value: Any, name: str) -> int | None:
    return None if value is None else check_count(value, name, 0, 0)


def _words(value: Any) -> frozenset[str]:
    if value is None:
        return frozenset()
    words = value.split(",") if isinstance(value, str) else cast("Iterable[str]", value)
    found = frozenset(word.strip() for word in words if word.strip())
    known = [reason.value for reason in FinishReason]
    for word in sorted(found.difference(known)):
        warn_caller(f"fail_on={word!r} is no finish reason that is known: {', '.join(known)}")
    return found
