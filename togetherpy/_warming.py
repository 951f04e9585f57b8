"""What the first call of a process would have to load, loaded before.

In: nothing. Out: the modules of a chat call, plain and streamed, and what they load in turn when they are used.
The rule: a call after it loads nothing; tests/test_warming.py asserts that of `sys.modules`.
"""

from __future__ import annotations

from importlib import import_module

_ROOMS = (
    "_chat.stream",
    "resources.chat.completions",
)


def load() -> None:
    """Loads them; those that are loaded already cost a look."""
    for name in _ROOMS:
        import_module(f"togetherpy.{name}")
    import_module("togetherpy.resources.chat.completions").streamed()
