"""A text that arrives in pieces -> the same, broken at the ends of words.

In: pieces of text, cut anywhere, and how wide the terminal is. Out: what to write now, and at the end the rest.
The rule: nothing is added but line ends and indentation, nothing is taken away but blanks at line ends. A word is held
until its end is known or no line could hold it. What is laid out already is left alone: code blocks and tables.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable

USUAL = 80
"""Columns of a terminal that does not say how wide it is."""
_TAB = 8
_PIECES = re.compile(r"\n|[ \t]+|[^ \t\n]+")
_FENCE = re.compile(r"(`{3,})[^`]*|(~{3,}).*")
_MARKER = re.compile(r"[-*+•>]|\(?\w{1,3}[.)]")
"""What begins an item of a list, or a quotation: the lines that follow begin below its text."""
_NOT_FIRST = ("Pe", "Pf", "Po", "Lm")
_NOT_LAST = ("Ps", "Pi")
"""Kinds of characters that no line begins or ends with: what closes or opens, marks of a lengthened sound."""


def columns(descriptor: int) -> int:
    """How wide the terminal behind a descriptor is now."""
    try:
        return os.get_terminal_size(descriptor).columns or USUAL
    except OSError:
        return USUAL


def text_width(text: str) -> int:
    """How many columns a text takes; rather one too many than one too few."""
    return len(text) if text.isascii() else sum(map(_char_width, text))


def _char_width(char: str) -> int:
    if char == "\ufe0f":  # it makes the symbol before it an emoji, which is wide
        return 1
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if _is_wide(char) else 1


def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF"


def wrapped(text: str, width: int) -> str:
    """A whole text."""
    one = Wrap(lambda: width)
    return one.feed(text) + one.rest()


class Wrap:
    """Of one text."""

    def __init__(self, width: Callable[[], int]) -> None:
        """`width`: columns of the terminal, asked for whenever it matters: a window may change."""
        self._width = width
        self._fence: str = ""
        """What begins the code block that we are in."""
        self._word: str = ""
        self._blanks: str = ""
        """What is held, and the blanks before it."""
        self._last: str = ""
        self._column: int = 0
        self._indent: int = 0
        self._first: bool = True
        self._laid_out: bool = False
        """The line is left as it is."""
        self._too_long: bool = False
        """The word that is being written fits on no line: it goes on as it comes."""

    def _begin_line(self) -> None:
        self._column = self._indent = 0
        self._first, self._laid_out, self._too_long = True, False, False

    def feed(self, text: str) -> str:
        """What to write, now that `text` has come."""
        out: list[str] = []
        for piece in _PIECES.findall(text):
            if piece == "\n":
                out.append(self._place())
                out.append("\n")
                self._blanks = ""
                self._begin_line()
            elif piece[0] in " \t":
                out.append(self._place())
                self._blanks += piece
            else:
                self._take(piece, out)
        return "".join(out)

    def rest(self) -> str:
        """What is left to write at the end."""
        return self._place()

    def _take(self, piece: str, out: list[str]) -> None:
        """Takes a word, or a part of one. Between wide characters, which have no blanks, every place is an end."""
        if piece.isascii():
            self._word += piece
        else:
            begin = 0  # of what is not in the word yet: adding each by itself would copy the word each time
            for place, char in enumerate(piece):
                if self._may_end_before(char, inside=place > begin):
                    self._word += piece[begin:place]
                    out.append(self._place())
                    begin = place
                self._last = char
            self._word += piece[begin:]
        self._last = piece[-1]
        if self._too_long or text_width(self._word) > self._width() - self._indent:
            out.append(self._place(whole=False))

    def _may_end_before(self, char: str, *, inside: bool) -> bool:
        """`inside`: a character stands before it that is not in the held word yet."""
        last = self._last if inside or self._word or self._too_long else ""
        if not last or not _char_width(char) or not _char_width(last):
            return False
        if unicodedata.category(last) in _NOT_LAST or unicodedata.category(char) in _NOT_FIRST:
            return False
        return _is_wide(last) or _is_wide(char)

    def _place(self, *, whole: bool = True) -> str:
        """The held word, where it belongs. `whole`: it is all of it."""
        word, self._word = self._word, ""
        goes_on, self._too_long = self._too_long, not whole
        if not word:
            return ""
        blanks, self._blanks = self._blanks, ""
        limit, width = self._width(), text_width(word)
        if self._first:
            self._look_at_first(word)
        begin = self._column + self._blank_width(blanks)
        if self._first:
            self._indent = self._hanging(begin, word, limit)
        elif not (self._laid_out or goes_on) and begin + width > limit and self._column > self._indent:
            blanks, begin = "\n" + " " * self._indent, self._indent
        self._first = False
        self._column = begin + width
        if self._column > limit and not self._laid_out:  # the terminal itself breaks it
            self._column = (self._column - 1) % limit + 1
        return blanks + word

    def _blank_width(self, blanks: str) -> int:
        column = self._column
        for blank in blanks:
            column += _TAB - column % _TAB if blank == "\t" else 1
        return column - self._column

    def _look_at_first(self, word: str) -> None:
        """Whether the line that begins with it is laid out already."""
        found = _FENCE.fullmatch(word)
        if self._fence:
            self._laid_out = True
            if found is not None and word == word[0] * len(word) and word.startswith(self._fence):
                self._fence = ""
        elif found is not None:
            self._laid_out = True
            self._fence = found[1] or found[2]
        else:
            self._laid_out = word.startswith("|")

    def _hanging(self, begin: int, word: str, limit: int) -> int:
        """Where the lines begin that a line goes on in."""
        indent = begin + text_width(word) + 1 if _MARKER.fullmatch(word) else begin
        return indent if indent <= limit // 2 else 0
