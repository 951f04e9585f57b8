"""`togetherpy completion`, in the shells themselves."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import Command
from support.processes import LIMIT, environment

from togetherpy.cli import COMMANDS

# What is typed, and some of what it can become.
TYPED = [
    ("togetherpy ", {"models", "files", "completion"}),
    ("togetherpy mod", {"models"}),
    ("togetherpy embed --di", {"--dimensions"}),
    ("togetherpy files up", {"upload"}),
    ("togetherpy files upload --purpose ba", {"batch-api"}),
    ("togetherpy batch r", {"run"}),
    ("togetherpy completion ", {"bash", "zsh", "fish"}),
    ("togetherpy transcribe ./recor", {"./recording.wav"}),
    ("togetherpy chat --image ./recor", {"./recording.wav"}),
]
ASK_BASH = """
source ./script
complete=$(complete -p togetherpy | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
COMP_WORDS=($1); [[ $1 == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$1 COMP_POINT=${#1}
$complete togetherpy "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def run(shell: str, program: str, *words: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"there is no {shell}")
    done = subprocess.run(
        [
            found,
            *({"bash": ["--norc", "--noprofile"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]),
            "-c",
            program,
            *words,
        ],
        env=environment(HOME=".", TERM="dumb"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


def script(command: Command, shell: str, path: str = "script") -> None:
    found = command("completion", shell)
    assert (found.status, found.err) == (0, "")
    Path(path).write_text(found.out, encoding="utf-8")
    Path("recording.wav").touch()


@pytest.mark.parametrize(("typed", "expected"), TYPED)
def test_bash(command: Command, typed: str, expected: set[str]) -> None:
    script(command, "bash")
    assert expected <= set(run("bash", ASK_BASH, "bash", typed).split("\n"))


@pytest.mark.parametrize(("typed", "expected"), TYPED)
def test_fish(command: Command, typed: str, expected: set[str]) -> None:
    script(command, "fish")
    found = run("fish", "source ./script; complete -C $argv[1]", typed)
    assert expected <= {line.partition("\t")[0] for line in found.splitlines()}


def test_fish_says_what_each_is(command: Command) -> None:
    script(command, "fish")
    found = run("fish", "source ./script; complete -C 'togetherpy '")
    assert {tuple(line.split("\t")) for line in found.splitlines()} == {
        (name, said) for name, (_, said) in COMMANDS.items()
    }


def test_a_friendly_word_where_shtab_is_not_installed(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    command("completion", "bash").failed("pip install shtab")


def test_shells_that_it_does_not_know(command: Command) -> None:
    found = command("completion", "tcsh")
    assert (found.status, found.out) == (2, "")
    assert "invalid choice: 'tcsh'" in found.err
