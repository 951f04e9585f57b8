"""Public names that are loaded when they are first used.

In: a package, a name, and a table of where its names are. Out: what the name stands for.
The rule: a name that is not in the table may be a module of the package; else there is none.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any


def public_name(package: str, name: str, home: Mapping[str, str], base: str | None = None) -> Any:
    """`home`: the module of each name, below `base` (else the package); after a colon the name that it has there.

    Raises:
        AttributeError: there is none.
    """
    if name in home:
        module, _, attribute = home[name].partition(":")
        return getattr(importlib.import_module(f"{base or package}.{module}"), attribute or name)
    if not name.startswith("_"):  # every import asks for __path__
        try:
            return importlib.import_module(f"{package}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{package}.{name}":
                raise
    raise AttributeError(f"module {package!r} has no attribute {name!r}")
