"""`togetherpy files`: what the server keeps: training data, the requests of batches, what comes of them.

In: paths, or files' ids. Out: a table, lines, or files. The rule: of several files each is tried, and each that failed
is named.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from togetherpy.cli._options import add_connection, add_json, connect, describe
from togetherpy.cli._output import add_output, free
from togetherpy.cli._screen import Screen, complain, explain, note
from togetherpy.error import TogetherError

_PURPOSES = ("fine-tune", "batch-api", "eval", "eval-output", "calibration")
_SOME_FAILED = {1: "failed, for one of them at least; why stands on standard error"}
_EVERY = 1.0
"""Seconds between two notes on how far it has got."""


def add(parser: argparse.ArgumentParser) -> None:
    """Makes `togetherpy files` of a parser."""
    describe(parser, "Lists, shows, checks, uploads, downloads and deletes files of the API.", _SOME_FAILED)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, run: Callable[..., int], said: str, about: str) -> argparse.ArgumentParser:
        made = actions.add_parser(name, help=said, allow_abbrev=False)
        describe(made, about, _SOME_FAILED)
        made.set_defaults(run=run)
        add_json(made, "print what there is to say of each as JSON")
        return made

    made = action("list", _list, "what the server keeps", "Lists the files that the server keeps.")
    add_connection(made)
    made = action("show", _show, "what the server knows of files", "Shows what the server knows of files, as JSON.")
    made.add_argument("id", nargs="+", metavar="ID")
    add_connection(made)
    made = action("check", _check, "look at files before they are uploaded",
        "Looks whether files can be read as what they are called: JSON lines, CSV, Parquet.")  # fmt: skip
    _add_paths(made)
    made = action("upload", _upload, "give the server files",
        "Uploads files, and prints the id of each. A file that the server has already is not sent again.")  # fmt: skip
    _add_paths(made)
    made.add_argument("--no-check", action="store_true", help="send them whatever they are")
    add_connection(made)
    made = action("download", _download, "bring a file",
        "Downloads a file, and prints its path. A download that breaks off goes on where it broke.")  # fmt: skip
    made.add_argument("id", metavar="ID")
    add_output(made, "a file, or a folder (default: ID.jsonl in this folder)")
    add_connection(made)
    made = action("delete", _delete, "delete files from the server", "Deletes files from the server.")
    made.add_argument("id", nargs="+", metavar="ID")
    add_connection(made)


def _add_paths(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", nargs="+", metavar="PATH")
    parser.add_argument("--purpose", choices=_PURPOSES, default="fine-tune", help="default: %(default)s")


def _list(options: argparse.Namespace, screen: Screen) -> int:
    with connect(options) as client:
        files = client.files.list()
    if options.json:
        screen.json(files.to_dict()["data"])
        return 0
    rows = [
        (one.id or "", one.filename or "", "" if one.bytes is None else str(one.bytes), one.purpose or "", _day(one))
        for one in files
    ]
    if rows:
        screen.table([("ID", "NAME", "BYTES", "PURPOSE", "CREATED"), *rows])
    else:
        note("the server keeps no files")
    return 0


def _day(file: Any) -> str:
    when: Any = file.created_at
    with contextlib.suppress(OverflowError, OSError, ValueError):  # there is no such year
        return time.strftime("%Y-%m-%d %H:%M", time.gmtime(when)) if isinstance(when, int) else ""
    return ""


def _show(options: argparse.Namespace, screen: Screen) -> int:
    with connect(options) as client:
        return _each(options.id, screen, lambda one: client.files.retrieve(one), json=True)


def _check(options: argparse.Namespace, screen: Screen) -> int:
    from togetherpy.utils import check_file

    reports = {path: check_file(path, options.purpose) for path in options.path}
    if options.json:
        screen.json({path: _without_none(report) for path, report in reports.items()})
    for path, report in reports.items():
        if not report["is_check_passed"]:
            complain(_about(path, report["message"]))
        elif not options.json:
            samples = report["num_samples"]
            screen.line(f"{path}: good" + ("" if samples is None else f", samples: {samples}"))
    return 0 if all(report["is_check_passed"] for report in reports.values()) else 1


def _without_none(report: dict[str, Any]) -> dict[str, Any]:
    return {name: said for name, said in report.items() if said is not None}


def _upload(options: argparse.Namespace, screen: Screen) -> int:
    with connect(options) as client:

        def upload(path: str) -> Any:
            told = _Told(path)
            return client.files.upload(
                path,
                purpose=options.purpose,
                check=not options.no_check,
                progress_callback=lambda so_far: told(so_far.uploaded_bytes, so_far.total_bytes),
            )

        return _each(options.path, screen, upload, json=options.json)


def _download(options: argparse.Namespace, screen: Screen) -> int:
    output = Path(options.output or f"{options.id}.jsonl")
    output = output / f"{options.id}.jsonl" if output.is_dir() else output
    told = _Told(options.id)
    free(output, force=options.force)
    with connect(options) as client:
        found = client.files.retrieve_content(
            options.id,
            output=output,
            progress_callback=lambda so_far: told(so_far.downloaded_bytes, so_far.total_bytes),
        )
    if options.json:
        screen.json(found)
    else:
        screen.line(found.filename or str(output))
    return 0


def _delete(options: argparse.Namespace, screen: Screen) -> int:
    with connect(options) as client:
        return _each(options.id, screen, lambda one: client.files.delete(one), json=options.json)


def _each(names: list[str], screen: Screen, do: Callable[[str], Any], *, json: bool) -> int:
    """Does it with each, prints its id (`json`: all of the answer), and says which failed."""
    failed = 0
    for name in names:
        try:
            answer = do(name)
        except (TogetherError, OSError, ValueError) as error:
            complain(f"error: {_about(name, explain(error))}")
            failed = 1
            continue
        if json:
            screen.json(answer, indent=2 if len(names) == 1 else None)
        else:
            screen.line(answer.id or name)
    return failed


def _about(name: str, said: str) -> str:
    """What is said of it, with its name, once."""
    return f"{name}: {said.removeprefix(f'{name}: ')}"


class _Told:
    """Says on standard error, now and then, how far a file has got."""

    def __init__(self, name: str) -> None:
        self._name, self._next = name, time.monotonic() + _EVERY

    def __call__(self, so_far: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _EVERY
            note(f"{self._name}: {so_far:,} bytes" + (f" of {total:,}" if total else ""))
