"""What connects togetherpy to other libraries. Each module is loaded by those who ask for it, and by nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from togetherpy.contrib import log as log
    from togetherpy.contrib import otel as otel

_MODULES = ("log", "otel")

if not TYPE_CHECKING:  # a type checker that saw it would believe in any name

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module 'togetherpy.contrib' has no attribute {name!r}")
        import importlib

        return importlib.import_module(f"togetherpy.contrib.{name}")


def __dir__() -> list[str]:
    return sorted(_MODULES)
