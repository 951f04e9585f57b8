"""Where lines stand in files, by numbers of 64 bits: some 20 bytes each.

In: numbers, and a place for each. Out: the places.
The rule: sorted arrays, one for each beginning of the numbers. When they get long they are halved, so that putting one
in moves few others, however many there are.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator

_EACH = 1024
"""Places in a bucket, on average at most."""


class LineIndex:
    """A number may have several. What a place means is its user's affair."""

    def __init__(self) -> None:
        self._count = self._bits = 0
        self._buckets = [(array("Q"), array("Q"))]

    def add(self, number: int, place: int) -> None:
        """Puts a place beside those that the number has."""
        if self._count >= _EACH << self._bits:
            self._halve()
        numbers, places, at = self._look(number)
        numbers.insert(at, number)
        places.insert(at, place)
        self._count += 1

    def add_best(self, number: int, place: int) -> bool:
        """Keeps one place of a number, the greatest. Whether the number is new."""
        numbers, places, at = self._look(number)
        if at == len(numbers) or numbers[at] != number:
            self.add(number, place)
            return True
        places[at] = max(places[at], place)
        return False

    def get(self, number: int) -> list[int]:
        """All places of a number."""
        numbers, places, at = self._look(number)
        found = list[int]()
        while at < len(numbers) and numbers[at] == number:
            found.append(places[at])
            at += 1
        return found

    def pop(self, number: int) -> int | None:
        """Takes a place of the number out; None when it has none."""
        numbers, places, at = self._look(number)
        if at == len(numbers) or numbers[at] != number:
            return None
        self._count -= 1
        numbers.pop(at)
        return places.pop(at)

    def __iter__(self) -> Iterator[int]:
        for _, places in self._buckets:
            yield from places

    def __len__(self) -> int:
        return self._count

    def _look(self, number: int) -> tuple[array[int], array[int], int]:
        """A number's bucket, and where in it the number is or would be."""
        numbers, places = self._buckets[number >> (64 - self._bits)]
        return numbers, places, bisect_left(numbers, number)

    def _halve(self) -> None:
        """Twice as many buckets, one more bit of a number says which."""
        before, self._buckets = self._buckets[::-1], []
        self._bits += 1
        for index in range(len(before)):
            numbers, places = before.pop()  # so that there are never two of all
            at = bisect_left(numbers, (2 * index + 1) << (64 - self._bits))
            self._buckets += (numbers[:at], places[:at]), (numbers[at:], places[at:])
