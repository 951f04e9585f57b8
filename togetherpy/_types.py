"""What users of the official packages write for "nothing was given".

In: nothing. Out: two sentinels. The rule: given as a value, wherever values are taken, they mean that none was; of the
packages that have such ones, each is known by its shape (`_core.absent`), and None means the same here.
"""

from __future__ import annotations

from typing import Literal

__all__ = ["NOT_GIVEN", "NotGiven", "Omit", "not_given", "omit"]


class NotGiven:
    """Not given: what would hold without it, holds."""

    __slots__ = ()

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "NOT_GIVEN"


class Omit:
    """Left out; as the value of a header field, also if there is a default for it."""

    __slots__ = ()

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "omit"


NOT_GIVEN: NotGiven = NotGiven()
not_given: NotGiven = NOT_GIVEN
omit: Omit = Omit()
