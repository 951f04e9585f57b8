"""Text for a regular expression: a pattern goes in, a text that it matches comes out.

The rule: characters, classes, groups, alternatives and repetitions are made. A pattern with anything else (references
to groups, what is looked at ahead or behind), and one that Python cannot read, give plain text.
"""

import functools
import random
import re
from collections.abc import Callable

Make = Callable[[random.Random], str]

_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(?:\d+,?\d*|,\d+)\}[?+]?|[*+?][?+]?|\((?:\?:|\?P<\w+>)?|.", re.DOTALL
)
_REPEAT = re.compile(r"\{(\d*)(,?)(\d*)\}[?+]?|[*+?][?+]?")
_ANCHORS = ("^", "$", r"\A", r"\Z", r"\b", r"\B")
_MORE = 3  # how much more often than it must a repeated part is repeated at most
_MOST = 1000  # repetitions at most; who demands more gets a text that does not match


def text_for_pattern(pattern: str, rng: random.Random) -> str:
    """A text in which `pattern` is found."""
    try:
        re.compile(pattern)
        return _Pattern(pattern).alternatives()(rng)
    except (re.error, OverflowError, ValueError):
        return "text"


class _Pattern:
    """A pattern while it is read, from its first token to its last."""

    def __init__(self, pattern: str) -> None:
        self._rest = _TOKEN.findall(pattern)[::-1]

    def _next(self) -> str:
        return self._rest[-1] if self._rest else ""

    def alternatives(self) -> Make:
        branches = [self._sequence()]
        while self._next() == "|":
            self._rest.pop()
            branches.append(self._sequence())
        return lambda rng: rng.choice(branches)(rng)

    def _sequence(self) -> Make:
        parts: list[Make] = []
        while self._next() not in ("", "|", ")"):
            parts.append(self._repeated(self._part(self._rest.pop())))
        return lambda rng: "".join(part(rng) for part in parts)

    def _part(self, token: str) -> Make:
        if token.startswith("("):
            inside = self.alternatives()
            self._rest.pop()
            return inside
        if token.startswith("?"):
            raise ValueError("an extension that is not made")
        if token in _ANCHORS:
            return lambda _: ""
        if len(token) == 1 and token != ".":
            return lambda _: token
        return lambda rng: rng.choice(_members(token))

    def _repeated(self, part: Make) -> Make:
        found = _REPEAT.fullmatch(self._next())
        if found is None:
            return part
        token = self._rest.pop()
        low = int(found[1] or 0) if token[0] == "{" else int(token[0] == "+")
        high = low + _MORE if token[0] in "*+" else 1 if token[0] == "?" else int(found[3] or low)
        if found[2] and not found[3]:
            high = low + _MORE
        return lambda rng: "".join(part(rng) for _ in range(min(_MOST, rng.randint(low, min(high, low + _MORE)))))


@functools.lru_cache(maxsize=64)
def _members(one: str) -> str:
    """The characters that a class such as [a-z0-9_] or an escape such as \\d stands for; of ASCII, if there are some.

    Raises:
        re.error: it stands for something else.
    """
    found = re.compile(one)
    for signs in (range(32, 127), range(9, 0x3000)):
        members = "".join(filter(found.fullmatch, map(chr, signs)))
        if members:
            return members
    return "a"
