"""The page for those who come from another client: its programs differ in one line, its names exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.official_names import V1, V3
from support.pages import programs, read

import togetherpy
from togetherpy.types.chat_params import ChatCompletionParams

PAGE = Path("togetherpy/MIGRATING.md")
EITHER = 5  # so many programs use no name that `together` does not have
PARAMETERS = {*ChatCompletionParams.__annotations__, "stream"}
ARGUMENTS = set(togetherpy.AsyncTogether.__init__.__kwdefaults__)


class Row(NamedTuple):
    section: str
    theirs: list[str]
    ours: str


def rows() -> Iterator[Row]:
    """The rows of the tables of names; not those of the programs that were tried."""
    for section in re.split(r"^#+ ", read(PAGE), flags=re.MULTILINE):
        heading = section.partition("\n")[0]
        if heading == "Programs that were tried":
            continue
        for line in re.findall(r"^\| (.*) \|$", section, re.MULTILINE):
            cells = line.split(" | ")
            if cells[-1] != "togetherpy" and not cells[-1].startswith("--"):
                yield Row(heading, _named(cells[0]), cells[-1])


def _named(cell: str) -> list[str]:
    return re.findall(r"`([^`]*)`", cell)


ROWS = list(rows())
SAME = [(row.section, name) for row in ROWS if row.ours.startswith("the same") for name in row.theirs]
OURS = [(row.section, name) for row in ROWS for name in _named(row.ours)]
OBJECTS: dict[str, Any] = {
    "client": togetherpy.Together(api_key="test"),
    "togetherpy": togetherpy,
    "stream": togetherpy.Stream,
    "response": togetherpy.types.ChatCompletionResponse,
    "raw": togetherpy.APIResponse,
}


def exists(name: str) -> bool:
    """Whether it is one of our names, an argument of a client, or a parameter of a chat."""
    path = re.match(r"[\w.]*", name)
    first, *rest = (path[0] if path else "").strip(".").split(".")
    if not rest and first in PARAMETERS | ARGUMENTS | {"create"}:
        return True
    value = OBJECTS.get(first, togetherpy)
    for part in rest if first in OBJECTS else (first, *rest):
        try:
            value = getattr(value, part)
        except AttributeError:
            # A field of an object that the class does not have before there is one.
            return part in getattr(value, "__annotations__", ()) or part in ("parsed", "elapsed")
    return True


def test_the_reader_of_tables_sees_names_that_are_not_there() -> None:
    assert exists("client.chat.completions.create(functions=...)")
    assert not exists("client.chat.completions.invent")
    assert not exists("togetherpy.Invented")
    assert not exists("Invented")
    assert len(SAME) > 150
    assert len(OURS) > 40


@pytest.mark.parametrize(("section", "name"), SAME)
def test_what_is_called_the_same_is(section: str, name: str) -> None:
    assert exists(name), f"{section}: {name}"


@pytest.mark.parametrize(("section", "name"), OURS)
def test_our_names_exist(section: str, name: str) -> None:
    if name in ("TOGETHER_API_KEY", "TOGETHER_BASE_URL", "openai", "together"):
        return  # variables of the environment, and packages
    assert exists(name), f"{section}: {name}"


@pytest.mark.parametrize(("version", "names"), [("1", V1["together"]), ("3", V3["together"])])
def test_every_name_of_together_is_on_the_page(version: str, names: dict[str, str]) -> None:
    listed = {name for row in ROWS for name in row.theirs}
    assert {name for name in names if not name.startswith("__")} - listed == set()


def test_the_first_programs_differ_from_the_official_package_in_one_line() -> None:
    """They take one name from us, `Together`, which `together` has too; nothing else in them is ours."""
    codes = [program.code for program in programs() if program.page == PAGE]
    assert len(codes) >= EITHER
    for code in codes[:EITHER]:
        imports = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Import | ast.ImportFrom)]
        ours = [ast.unparse(node) for node in imports if "togetherpy" in ast.unparse(node)]
        assert ours == ["from togetherpy import Together"]
        assert code.count("togetherpy") == 1
        assert ".text" not in code
        assert ".parsed" not in code
