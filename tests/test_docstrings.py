"""Every public name says what it is: modules, classes, methods, properties, fields and parameters."""

import ast
import functools
import importlib
import inspect
import pkgutil
import pydoc
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import togetherpy
from togetherpy.types._parameters import MEANING
from togetherpy.types.chat_params import ChatCompletionParams, CommonParams, ParseParams, RunToolsParams

ROOT = Path(togetherpy.__file__).parent
NOT_HERE = {"togetherpy.__main__", "togetherpy.testing.__main__", "togetherpy.cli", "togetherpy.contrib.otel"}
# Names of the official packages and of Python that stand for nothing of ours.
FOREIGN = {"NoneType", "version", "__version__", "__title__"}


def modules() -> Iterator[ModuleType]:
    """Those whose names are public, and that a program may import from."""
    yield togetherpy
    for found in pkgutil.walk_packages(togetherpy.__path__, "togetherpy."):
        parts = found.name.split(".")[1:]
        public = not any(part.startswith("_") for part in parts)
        if (
            public and found.name not in NOT_HERE and parts[0] not in ("batch", "cli")
        ) or found.name == "togetherpy.batch":
            yield importlib.import_module(found.name)


MODULES = list(modules())


def names_of(module: ModuleType) -> list[str]:
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
    return [name for name in getattr(module, "__all__", own) if not name.startswith("_") and name not in FOREIGN]


def classes() -> dict[str, type]:
    """Every public class, and what it is made of, once."""
    found: dict[str, type] = {}
    for module in MODULES:
        for name in names_of(module):
            value = getattr(module, name)
            for cls in inspect.getmro(value) if inspect.isclass(value) else ():
                if cls.__module__.startswith("togetherpy"):
                    found[f"{cls.__module__}.{cls.__qualname__}"] = cls
    return found


CLASSES = classes()


@functools.cache
def tree(module: str) -> ast.Module:
    file = sys.modules[module].__file__
    assert file is not None
    return ast.parse(Path(file).read_text(encoding="utf-8"))


def body_of(cls: type) -> list[ast.stmt]:
    for node in ast.walk(tree(cls.__module__)):
        if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
            return node.body
    return []


def fields(cls: type) -> Iterator[tuple[str, str | None]]:
    """Each field that the class itself declares, and the text that stands below it."""
    body = body_of(cls)
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            said = following.value if isinstance(following, ast.Expr) else None
            text = said.value if isinstance(said, ast.Constant) and isinstance(said.value, str) else None
            yield statement.target.id, text


def undocumented(cls: type) -> Iterator[str]:
    if not cls.__doc__:
        yield cls.__name__
    yield from (name for name, text in fields(cls) if text is None and not name.startswith("_"))
    for name, value in vars(cls).items():
        if name.startswith("_") or (
            not isinstance(value, (property, staticmethod, classmethod)) and not inspect.isfunction(value)
        ):
            continue
        if not inspect.getdoc(getattr(cls, name)):
            yield f"{name}()"


def test_the_reader_sees_what_is_missing() -> None:
    class Bare:
        field: int
        told: int
        """With a text."""

        def method(self) -> None: ...

    assert list(undocumented(Bare)) == ["Bare", "field", "method()"]
    assert len(MODULES) > 30
    assert len(CLASSES) > 150


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_modules_and_functions(module: ModuleType) -> None:
    assert module.__doc__
    for name in names_of(module):
        value = getattr(module, name)
        if callable(value):
            assert inspect.getdoc(value), f"{module.__name__}.{name}"


@pytest.mark.parametrize("name", CLASSES)
def test_classes(name: str) -> None:
    assert list(undocumented(CLASSES[name])) == [], name


@pytest.mark.parametrize("params", [CommonParams, ChatCompletionParams, ParseParams, RunToolsParams])
def test_help_and_editors_say_the_same_of_a_parameter(params: Any) -> None:
    meaning = " ".join(MEANING[params.__name__].split()).casefold()
    for name, text in fields(params):
        if name != "max_completion_tokens":  # help() says it beside max_tokens
            said = " ".join((text or "").split()).rstrip(".").casefold()
            assert said
            assert said in meaning, name


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_help_of_a_module(module: ModuleType) -> None:
    text = pydoc.plain(pydoc.render_doc(module))
    assert all(name in text for name in names_of(module) if inspect.isclass(getattr(module, name)))


def test_help_can_be_read_on_a_screen() -> None:
    for name, cls in CLASSES.items():
        for member in (cls, *vars(cls).values()):
            text = inspect.getdoc(member) if inspect.isfunction(member) or inspect.isclass(member) else ""
            assert max(map(len, (text or "").split("\n"))) <= 120, name
