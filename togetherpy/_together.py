"""togetherpy in the place of the official package.

In: the import of `together`, or of a module of it. Out: togetherpy's module of that name, itself.
The rule: nothing is changed but who answers to the name, and only in this process.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_OWN = "togetherpy"
_NAME = "together"


def install_as_together() -> None:
    """From now on `import together`, and whatever is imported from below it, gives togetherpy.

    The modules and classes are togetherpy's own, its `__version__` too; what `importlib.metadata` says of the package
    `together` stays as it is. Call it before anything imports that. A second call does nothing.

    Raises:
        RuntimeError: the official package has been imported in this process.
    """
    present = sys.modules.get(_NAME)
    if present is not None and present is not sys.modules[_OWN]:
        raise RuntimeError(
            "The package together is imported already, so togetherpy cannot take its place: "
            "call togetherpy.install_as_together() before anything imports it"
        )
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds togetherpy's modules under the official package's name."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Of a module that togetherpy has."""
        top, _, rest = fullname.partition(".")
        if top != _NAME:
            return None
        own = f"{_OWN}.{rest}" if rest else _OWN
        if own not in sys.modules and importlib.util.find_spec(own) is None:
            return None
        return ModuleSpec(fullname, _Alias(own), is_package=True)


class _Alias(Loader):
    """Puts a module that there is in the place of the new one."""

    def __init__(self, own: str) -> None:
        self._own = own

    def exec_module(self, module: ModuleType) -> None:
        """Whoever imports looks into `sys.modules` again after this."""
        assert module.__spec__ is not None
        sys.modules[module.__spec__.name] = importlib.import_module(self._own)
