"""The names of a call's arguments: misspelt ones, and those that belong elsewhere.

In: the keyword arguments of a call, and the names that it takes. Out: a TypeError or a warning that names the argument.
The rule: the API grows, so a name that is not known is sent; a key never is. Only names are looked at, never values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from togetherpy._core.absent import drop_absent
from togetherpy._core.caller import warn_caller
from togetherpy._core.config import check_mapping


class Names:
    """The names that a method takes."""

    def __init__(
        self,
        known: Iterable[str],
        *,
        goes_to: str = "body",
        of_others: Iterable[str] = (),
        elsewhere: Mapping[str, str] | None = None,
    ) -> None:
        """goes_to: the part of the request for names that are not known, "body" or "query".
        of_others: names that are meant, although they look like misspelt ones. elsewhere: where others belong.
        """
        self._part = goes_to
        self._known = frozenset(known)
        self._of_others = frozenset(of_others)
        self._elsewhere = elsewhere or {}
        self._verdicts: dict[str, tuple[str, str | None]] = {}

    def check(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """`params`; a name that is warned of moves to `extra_body` or `extra_query`, where nobody looks again.

        Raises:
            TypeError: a name belongs elsewhere; says where.
        """
        drop_absent(params)
        for name in params.keys() - self._known:
            if params[name] is not None:
                self._judge(method, name, params)
        return params

    def _judge(self, method: str, name: str, params: dict[str, Any]) -> None:
        if name not in self._verdicts:
            if len(self._verdicts) > 1_000:  # somebody makes names up
                self._verdicts.clear()
            self._verdicts[name] = self._find(name)
        where, meant = self._verdicts[name]
        if where:
            params.clear()  # a traceback with local variables must not show a key
            raise TypeError(f"{method}() takes no {name}=...: {where}")
        if meant:
            warn_caller(f"{method}() sends {name}=... in the request's {self._part} as it is; did you mean {meant}?")
            extra = f"extra_{self._part}"
            check_mapping(params.get(extra), extra)
            params[extra] = {name: params.pop(name), **(params.get(extra) or {})}

    def _find(self, name: str) -> tuple[str, str | None]:
        """Where a name that is not known belongs, "" for the request; and what may have been meant."""
        from togetherpy._core.misplaced import near_miss, near_miss_of_elsewhere, where_it_belongs

        where = where_it_belongs(name) or self._elsewhere.get(name, "")
        if where or name in self._of_others:
            return where, None
        return "", near_miss(name, self._known) or near_miss_of_elsewhere(name)


def require(method: str, params: Mapping[str, Any], *names: str) -> None:
    """Raises TypeError for the first of these arguments that is absent, and for a model that is no name."""
    for name in names:
        if name not in params or params[name] is None:
            raise TypeError(f"{method}() needs {name}=...")
    model = params.get("model")
    if model is not None and not isinstance(model, str):
        raise TypeError(f"model must be a str, not {type(model).__name__}")


OPTIONS = Names(("timeout", "max_retries", "extra_headers", "extra_query", "extra_body"), goes_to="query")
"""Of a method that takes nothing else by `**options`, and sends no body."""
