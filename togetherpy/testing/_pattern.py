"""Text for a regular expression: a pattern goes in, a text that it matches comes out, as well as can be.

The rule: look-around and anchors in the middle are passed over; a pattern that Python cannot read gives plain text.
"""

import importlib
import random
import re
from collections.abc import Callable
from typing import Any

# The standard library's own parser of patterns. It is private, so it is loaded by name and only when it is needed.
_PARSER = "re._parser"
_MORE = 3  # how much more often than it must a repeated part is repeated at most
_MOST = 1000  # repetitions at most; who demands more gets a text that does not match
_SIGNS = "".join(map(chr, range(32, 127)))
_CATEGORIES: dict[str, Callable[[str], bool]] = {
    "DIGIT": str.isdigit,
    "SPACE": str.isspace,
    "WORD": lambda sign: sign.isalnum() or sign == "_",
}


def text_for_pattern(pattern: str, rng: random.Random) -> str:
    """A text in which `pattern` is found."""
    try:
        parsed = importlib.import_module(_PARSER).parse(pattern)
    except (re.error, OverflowError):
        return "text"
    return _sequence(parsed, rng, {})


def _sequence(items: Any, rng: random.Random, groups: dict[int, str]) -> str:
    return "".join(_item(str(kind), value, rng, groups) for kind, value in items)


def _item(kind: str, value: Any, rng: random.Random, groups: dict[int, str]) -> str:
    match kind:
        case "LITERAL":
            return chr(value)
        case "ANY" | "NOT_LITERAL":
            return "a" if value != ord("a") else "b"
        case "IN":
            return rng.choice(_members(value))
        case "BRANCH":
            return _sequence(rng.choice(value[1]), rng, groups)
        case "SUBPATTERN":
            groups[value[0]] = _sequence(value[3], rng, groups)
            return groups[value[0]]
        case "ATOMIC_GROUP":
            return _sequence(value, rng, groups)
        case "GROUPREF":
            return groups.get(value, "")
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            low, high, part = value
            times = min(_MOST, rng.randint(low, min(high, low + _MORE)))
            return "".join(_sequence(part, rng, groups) for _ in range(times))
        case _:
            return ""


def _members(items: Any) -> list[str]:
    """The characters of a class such as [a-z0-9_] or [^,]."""
    negated, members = False, set[str]()
    for kind, value in items:
        match str(kind):
            case "NEGATE":
                negated = True
            case "LITERAL":
                members.add(chr(value))
            case "RANGE":
                members.update(map(chr, range(value[0], min(value[1], value[0] + 127) + 1)))
            case _:
                members.update(_category(str(value)))
    return sorted(set(_SIGNS) - members if negated else members) or ["a"]


def _category(name: str) -> set[str]:
    """The characters of a category such as CATEGORY_DIGIT or CATEGORY_NOT_SPACE."""
    is_member = _CATEGORIES[name.rsplit("_", 1)[-1]]
    return {sign for sign in _SIGNS if is_member(sign) != ("_NOT_" in name)}
