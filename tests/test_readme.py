"""The README's two commands, and the configuration table of the client's page; programs and links: test_pages."""

import re
import tomllib
from pathlib import Path

from support.pages import PAGES, ROOT, blocks, programs, read

import togetherpy
from togetherpy._core import config
from togetherpy.types._timeout import Timeout

README = Path("README.md")


def test_the_two_commands_begin_with_nothing() -> None:
    commands = blocks(read(README), "sh")
    assert len(commands) == 2
    for command in commands:
        assert command.count("\n") == 1
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -q ")
    assert commands[0].endswith(" && .venv/bin/togetherpy demo\n")
    assert commands[1].endswith(" && .venv/bin/python -m pytest\n")


def test_the_extras_are_those_that_there_are() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        there = set(tomllib.load(file)["project"]["optional-dependencies"])
    for page in PAGES:
        for brackets in re.findall(r"(?:togetherpy|'\.)\[([a-z,-]+)\]", read(page)):
            assert set(brackets.split(",")) <= there, f"{page}: {brackets}"
    described = set(re.findall(r"^\| `([a-z-]+)` \|", read(README).partition("| Extra |")[2], re.MULTILINE))
    assert described == {extra for extra in there if "test" not in extra} - {"lint", "release"}


def test_each_of_the_five_things_takes_fifteen_lines() -> None:
    five = [program.code for program in programs() if program.page == README][:5]
    assert [len([line for line in code.splitlines() if line]) <= 15 for code in five] == [True] * 5


def test_the_readme_is_short() -> None:
    assert read(README).count("\n") <= 350


def test_the_configuration_table_says_what_holds() -> None:
    section = read(Path("togetherpy/README.md")).partition("\n## Configuration\n")[2].partition("\n## ")[0]
    rows = [row.split("|") for row in re.findall(r"^\| `.*$", section, re.MULTILINE)]
    table = {row[1].strip(" `"): row[3] for row in rows}
    accepted = set(togetherpy.AsyncTogether.__init__.__kwdefaults__)
    assert set(table) == accepted - {"supplied_headers"}
    assert config.DEFAULT_BASE_URL in table["base_url"]
    assert str(config.DEFAULT_MAX_RETRIES) in table["max_retries"]
    assert str(config.DEFAULT_MAX_CONNECTIONS) in table["max_connections"]
    assert f"{config.DEFAULT_MAX_RESPONSE_BYTES >> 20} MiB" in table["max_response_bytes"]
    assert f"{Timeout().total:.0f}" in table["timeout"]
