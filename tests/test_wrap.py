"""Wrapping of a text that arrives in pieces."""

import os
import random
import sys

import pytest

from togetherpy.cli._wrap import USUAL, Wrap, columns, text_width

PROSE = """You asked about “everything”, and https://example.com/a/very/long/address/that/goes/on/and/on/and/on is it.

- an item of a list that is longer than the line
  1. an item in it that is longer than the line, too

    indented text that is longer than the line it is on
```python
def code(): return "longer than the line, and left as it is, with its     blanks"
```
and prose again: 「急がば回れ」、長い文章がここに続きますから改行が必要です。
| a table | that is longer than the line | and left as it is |
"""


def wrap(text: str, width: int, seed: int | None = None) -> str:
    """The text as it is written, in pieces that `seed` decides."""
    one, written, chance = Wrap(lambda: width), "", random.Random(seed)
    while text:
        size = len(text) if seed is None else chance.randint(1, 6)
        written += one.feed(text[:size])
        text = text[size:]
    return written + one.rest()


def words(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("width", [4, 10, 40, 80, 1000])
def test_where_the_text_is_cut_makes_no_difference(width: int) -> None:
    whole = wrap(PROSE, width)
    assert {wrap(PROSE, width, seed) for seed in range(20)} == {whole}
    assert words(whole) == words(PROSE)


def test_words_are_kept_whole() -> None:
    assert wrap("one two three four", 9) == "one two\nthree\nfour"
    assert wrap("one two three", 7) == "one two\nthree"
    assert wrap("one two", 80) == "one two"


def test_a_line_is_filled_to_its_last_column() -> None:
    assert wrap("abc def", 7) == "abc def"
    assert wrap("abc def", 6) == "abc\ndef"


def test_a_word_is_held_until_its_end_is_known() -> None:
    one = Wrap(lambda: 10)
    assert [one.feed(piece) for piece in ("hel", "lo", " wor", "ld", "s\n")] == ["", "", "hello", "", "\nworlds\n"]
    assert one.feed("more") + one.rest() == "more"
    assert one.rest() == ""


def test_what_fits_on_no_line_is_shown_as_it_comes() -> None:
    one = Wrap(lambda: 10)
    assert one.feed("see ") == "see"
    assert one.feed("https://a.b/") == "\nhttps://a.b/"
    assert one.feed("c/d") == "c/d"
    assert (
        one.feed(" and so on ") == " and\nso on"
    )  # the terminal has broken it: five columns of the second line are used


def test_what_fits_on_no_line_takes_time_as_it_is_long() -> None:
    word = "щ" * 500_000  # minutes, were it copied for each of its characters
    assert wrap(word, 80) == word


def test_wide_characters_count_twice_and_lines_end_between_them() -> None:
    assert text_width("日本a") == 5
    assert wrap("日本語日本語", 5) == "日本\n語日\n本語"
    assert wrap("ab日本", 5) == "ab日\n本"


def test_punctuation_stays_with_its_text() -> None:
    assert wrap("日本語。", 6) == "日本\n語。"
    assert wrap("日本「語", 6) == "日本\n「語"


def test_marks_take_no_column_of_their_own() -> None:
    assert text_width("e\u0301") == 1
    assert text_width("👩‍👧") == 4  # not every terminal draws one sign: rather too many than too few
    assert wrap("e\u0301e\u0301 x", 4) == "e\u0301e\u0301 x"
    assert "\n\u200d" not in wrap("👩‍👩‍👧" * 10, 7)


def test_lists_go_on_below_their_text() -> None:
    assert wrap("- one two three\n12. four five", 9) == "- one two\n  three\n12. four\n    five"
    assert wrap("  * one two", 8) == "  * one\n    two"
    assert wrap("> one two", 6) == "> one\n  two"


def test_an_indentation_is_kept_unless_it_takes_half_of_the_line() -> None:
    assert wrap("   one two", 7) == "   one\n   two"
    assert wrap("     one two", 8) == "     one\ntwo"


def test_blanks_at_the_ends_of_lines_go_and_others_stay() -> None:
    assert wrap("a  b   \n\n  c", 80) == "a  b\n\n  c"
    assert wrap("a\tb", 80) == "a\tb"
    assert wrap("a\tb", 8) == "a\nb"


@pytest.mark.parametrize(
    ("fence", "end"), [("```", "```"), ("~~~~", "~~~~"), ("  ```python", "  ```"), ("``` python title", "````")]
)
def test_code_is_left_as_it_is(fence: str, end: str) -> None:
    text = f"{fence}\nx = 1  # one two three four\n{end}\n"
    assert wrap(text + "one two", 5) == text + "one\ntwo"


def test_code_ends_where_its_fence_does() -> None:
    text = "````\n```\nnot the end of it\n``` x\n````\none two"
    assert wrap(text, 5) == text.replace("one two", "one\ntwo")
    assert wrap("```code``` one two", 12) == "```code```\none two"


def test_tables_are_left_as_they_are() -> None:
    assert wrap("| a | b | c |\none two", 5) == "| a | b | c |\none\ntwo"


def test_a_window_may_change_its_size() -> None:
    width = 20
    one = Wrap(lambda: width)
    written = one.feed("one two three ")
    width = 10
    written += one.feed("four five ")
    width = 30
    assert written + one.feed("six seven eight nine ") == "one two three\nfour five six seven eight nine"


def test_the_width_of_what_is_no_terminal() -> None:
    reading, writing = os.pipe()
    try:
        assert columns(writing) == USUAL
    finally:
        os.close(reading)
        os.close(writing)
    assert columns(writing) == USUAL  # closed


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo terminals")
def test_the_width_of_a_terminal() -> None:
    import fcntl
    import struct
    import termios

    master, terminal = os.openpty()
    try:
        assert columns(terminal) == USUAL  # 0 columns: it does not say
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
        assert columns(terminal) == 40
    finally:
        os.close(master)
        os.close(terminal)
