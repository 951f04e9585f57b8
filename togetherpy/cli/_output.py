"""Files that a command writes.

In: a path, or a text to make a name of. Out: a path that can be written to.
The rule: nothing is overwritten but with --force, and what cannot be written is said before anything is asked for that
costs money.
"""

from __future__ import annotations

import argparse
import errno
import os
import re
from pathlib import Path

STDOUT = "-"


def add_output(parser: argparse.ArgumentParser, said: str) -> None:
    """-o and --force"""
    parser.add_argument("-o", "--output", type=_path, metavar="PATH", help=said)
    parser.add_argument("-f", "--force", action="store_true", help="write over a file that is there")


def _path(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    if text.endswith(("/", os.sep)) and not os.path.isdir(text):
        raise argparse.ArgumentTypeError(f"there is no folder {text}")
    return text


def free(path: str | Path, *, force: bool = False) -> Path:
    """The path, where a file can be written.

    Raises:
        OSError: there is a file, a folder of that name, no folder to write in, or no leave to.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, where a file is to be written")
    if path.exists() and not path.is_file():  # the new file would take its place
        raise OSError(errno.EINVAL, "is a device or a pipe, where a file is to be written; -o - is standard output",
            str(path))  # fmt: skip
    if path.exists() and not force:
        raise FileExistsError(f"{path} is there already; --force writes over it, and -o names another")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to write {path.name} in")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"the folder {path.parent} cannot be written to")
    return path


def store(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Writes a file, as a whole or not at all. `mode`: who may read and write it.

    Raises:
        OSError: it cannot be written.
    """
    from togetherpy._core.saving import Unfinished

    with Unfinished(path, mode=mode) as file:
        file.write(data)
        file.finish()


def unused(folder: Path, text: str, suffix: str) -> Path:
    """A path in a folder, named after a text, that no file has yet: lake-at-dawn.png, lake-at-dawn-2.png ..."""
    stem = "-".join(re.findall(r"\w+", text.lower())[:6])[:40].strip("-") or "output"
    number = 1
    while (path := folder / f"{stem}{f'-{number}' * (number > 1)}{suffix}").exists():
        number += 1
    return path
