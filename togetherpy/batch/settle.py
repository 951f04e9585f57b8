"""The end of a run: each row stands in the output once.

In: an output in which later lines win. Out: the same without the lines that were beaten, in the order they had, or in
the order of the input. The rule: memory holds 8 bytes or so a line; the new file takes the old one's place at once, so
that a kill leaves the one or the other.
"""

from __future__ import annotations

import os
import shutil
from array import array
from collections.abc import Callable, Iterable, Iterator

from togetherpy.batch.identity import Digests
from togetherpy.batch.output import read_output

_BLOCK = 1 << 20


def settle(path: str, *, sort: bool = False, beaten: Digests | None = None) -> int:
    """Rewrites the output where it has to be; how many lines were taken out. `beaten`: keys that stand elsewhere."""
    keys, indexes, starts = array("Q"), array("q"), array("Q", [0])
    for line, found in read_output(path):
        keys.append(0 if found is None else found.key)
        indexes.append(-1 if found is None else found.index)
        starts.append(starts[-1] + len(line))
    keep = _winners(keys, beaten)
    gone = len(keys) - sum(keep)
    order: Iterable[int] | None = None
    if sort and any(indexes[at] > indexes[at + 1] for at in range(len(indexes) - 1)):
        order = _by_index(indexes, keep)
    if not gone and order is None:
        return 0
    del keys
    _rewrite(path, starts, order if order is not None else (at for at in range(len(keep)) if keep[at]))
    return gone


def _winners(keys: array[int], beaten: Digests | None) -> bytearray:
    """1 for the last line of each key, and for lines that are not ours."""
    seen, keep = Digests(), bytearray(len(keys))
    for at in range(len(keys) - 1, -1, -1):
        key = keys[at]
        keep[at] = key == 0 or (seen.add(key) and not (beaten is not None and key in beaten))
    return keep


def _by_index(indexes: array[int], keep: bytearray) -> Iterator[int]:
    """The places of the lines that are kept, in the order of their indexes."""
    count = max(indexes, default=-1) + 1
    places = array("q", [-1]) * count
    odd: list[int] = []
    for at, index in enumerate(indexes):
        if not keep[at]:
            continue
        if index < 0 or places[index] >= 0:
            odd.append(at)
        else:
            places[index] = at
    yield from (at for at in places if at >= 0)
    yield from odd


def _rewrite(path: str, starts: array[int], order: Iterable[int]) -> None:
    beside = path + ".tmp"
    try:
        with open(path, "rb") as old, open(beside, "wb", buffering=_BLOCK) as new:
            shutil.copymode(path, beside)
            for at in order:
                _copy(old.seek, old.read, new.write, starts[at], starts[at + 1])
            new.flush()
            os.fsync(new.fileno())
        os.replace(beside, path)
    except BaseException:
        if os.path.exists(beside):
            os.unlink(beside)
        raise


def _copy(
    seek: Callable[[int], int], read: Callable[[int], bytes], write: Callable[[bytes], int], start: int, end: int
) -> None:
    seek(start)
    left = end - start
    while left > 0:
        piece = read(min(left, _BLOCK))
        if not piece:
            raise OSError("the output became shorter while it was read")
        write(piece)
        left -= len(piece)
