"""The command line's page: what it shows in a console is what comes of it."""

import re
import sys
from pathlib import Path

import pytest
from support.command import KEY
from support.pages import blocks, read
from support.processes import COMMAND, run

from togetherpy.cli import COMMANDS
from togetherpy.testing import LocalServer

PAGE = read(Path("togetherpy/cli/README.md"))


def steps() -> list[tuple[str, str]]:
    """Each command of the page's consoles, and what is shown below it; "..." stands for anything. The doctor's is
    test_cli_doctor's, for what it shows is of another machine."""
    consoles = [block for block in blocks(PAGE, "console") if not block.startswith("$ togetherpy doctor")]
    found = [re.split(r"^\$ ", block, flags=re.MULTILINE)[1:] for block in consoles]
    return [(command, shown) for block in found for command, _, shown in (step.partition("\n") for step in block)]


@pytest.mark.skipif(sys.platform == "win32", reason="the page's commands are a POSIX shell's")
def test_the_consoles_show_what_comes(tmp_path: Path) -> None:
    python = f'python() {{ "{sys.executable}" "$@"; }}'
    lines = ["exec 2>&1", f'togetherpy() {{ {" ".join(COMMAND)} "$@"; }}', python]
    lines += [f'{command}\necho "{"-" * 9}"' for command, _ in steps()]
    with LocalServer() as server:
        variables = {"TOGETHER_API_KEY": KEY, "TOGETHER_BASE_URL": server.base_url}
        result = run("/bin/sh", "-c", "\n".join(lines), cwd=str(tmp_path), **variables)
    came = result.stdout.split("-" * 9 + "\n")[:-1]
    assert len(came) == len(steps()) > 15
    for (command, shown), out in zip(steps(), came, strict=True):
        # What has no line end is followed by the next line.
        expected = ".*?".join(map(re.escape, shown.replace("...\n", "...").split("...")))
        assert re.fullmatch(expected, out, re.DOTALL), f"{command}\n{out}"


def test_every_command_has_its_place_on_the_page() -> None:
    table = PAGE.partition("\n\n* ")[0]
    named = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (.*?) \|", table, re.MULTILINE))))
    assert named == set(COMMANDS)
