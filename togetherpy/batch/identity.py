"""Who a row is: its custom_id (or its place) and what it asks.

In: bytes. Out: numbers of 64 bits, and sets of them that take 8 bytes a number.
The rule: the same row has the same number in every run, in every process and on every machine.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import chain

_BITS = 12
_SHIFT = 64 - _BITS


def digest(name: bytes, content: bytes = b"") -> int:
    """A number of 64 bits for these bytes; where the one ends and the other begins makes a difference."""
    return int.from_bytes(blake2b(b"%d:%b%b" % (len(name), name, content), digest_size=8).digest(), "big")


class Digests:
    """A set of digests, 8 bytes each: sorted arrays, one for each beginning of the numbers."""

    __slots__ = ("_buckets", "_count")

    def __init__(self) -> None:
        self._buckets = [array("Q") for _ in range(1 << _BITS)]
        self._count = 0

    def add(self, number: int) -> bool:
        """Whether it is new."""
        bucket = self._buckets[number >> _SHIFT]
        at = bisect_left(bucket, number)
        if at < len(bucket) and bucket[at] == number:
            return False
        bucket.insert(at, number)
        self._count += 1
        return True

    def extend(self, numbers: Iterable[int]) -> None:
        """Adds many, which is quicker than one by one."""
        buckets = self._buckets
        for number in numbers:
            buckets[number >> _SHIFT].append(number)
        for at, bucket in enumerate(buckets):
            buckets[at] = array("Q", sorted(set(bucket)))
        self._count = sum(map(len, buckets))

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(self._buckets)

    def discard(self, number: int) -> None:
        """Takes it out if it is there."""
        bucket = self._buckets[number >> _SHIFT]
        at = bisect_left(bucket, number)
        if at < len(bucket) and bucket[at] == number:
            bucket.pop(at)
            self._count -= 1

    def __contains__(self, number: int) -> bool:
        bucket = self._buckets[number >> _SHIFT]
        at = bisect_left(bucket, number)
        return at < len(bucket) and bucket[at] == number

    def __len__(self) -> int:
        return self._count
