"""Pieces of another size, and lines."""

import re
from itertools import combinations

import pytest

from togetherpy._core.pieces import Lines, Sized


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_pieces_of_one_size(size: int) -> None:
    data, sized = bytes(range(23)), Sized(size)
    pieces = [piece for part in (data[:5], b"", data[5:6], data[6:]) for piece in sized.feed(part)]
    pieces += sized.rest()
    assert b"".join(pieces) == data
    assert {len(piece) for piece in pieces[:-1]} <= {size}


def test_no_size() -> None:
    with pytest.raises(ValueError, match="chunk_size must be at least 1, not 0"):
        Sized(0)


@pytest.mark.parametrize("text", ["a\r\nb\rc\nd", "\r\r\n\n", "a\r", "\r\n", "ab", ""])
def test_lines_however_the_text_is_cut(text: str) -> None:
    whole = re.split("\r\n|\r|\n", text)
    expected = whole if whole[-1] else whole[:-1]
    for first, second in combinations(range(len(text) + 1), 2):
        lines = Lines()
        found = [line for part in (text[:first], text[first:second], text[second:]) for line in lines.feed(part)]
        assert [*found, *lines.rest()][: len(expected)] == expected
