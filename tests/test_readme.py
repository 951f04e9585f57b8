"""The README's programs are run as they stand, against a server on this machine; its commands and table are checked."""

import ast
import re
from pathlib import Path

import pytest
from support.processes import PYTHON, run

import togetherpy
from togetherpy._core import config
from togetherpy.testing import LocalServer
from togetherpy.types._timeout import Timeout

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LIKE_THE_OFFICIAL_PACKAGE = 5  # so many programs at the beginning use no name that `together` does not have
# What the programs print when the server answers as it does by itself.
EXPECTED = {
    "A plain answer": r"\S.{40,}\n",
    "A streamed answer": r"\S.{40,}\n",
    "JSON": r"\S+.* \['\S+.*\] [\d.]+\n",
    "Tools": r".*21 degrees and sunny in Kampala.*\n",
    "Several choices": r"0 \S.*\n1 \S.*\n2 \S.*\n",
    "A plain answer, asynchronously": r"\S.{40,}\n",
    "A streamed answer, asynchronously": r"\S.{40,}\n",
    "Into a Struct": r"\S+.* \['\S+.*\] [\d.]+ (fresh|salt)\n",
    "Into a pydantic model, streamed": r"\{\"name\":.*\}\n\S+ [\d.]+ \[.*\]\n",
    "Running tools": r"\['\{\"city\":.*\"sky\":\"sunny\"\}'\]\n\[\]\n.*sunny.*\n2 answers, 4 messages\n",
    "Stream helpers": r"\S.{40,}\n\d+ tokens, stop\nTrue\n",
    "Unread responses": r"200 http://127\.0\.0\.1:\d+/v1/chat/completions\n(data: .*\n\n)+data: \[DONE\]\n\n*",
    "Raw responses": (
        r"200 application/json; charset=utf-8 \S+\n1 attempt\(s\) in 0\.\d{3} s, \d+ bytes\n"
        r"100\.0 199\.0 2\.0 33333\.0\n\['choices', .*'usage'\]\n\S.{40,}\n"
    ),
    "Your own response type": r"\S.{40,}\n\['choices', .*'usage'\]\n",
    "Models": r"(\S+/\S+ \d+ [\d.]+\n){4}",
    "Files": r"lakes\.jsonl \d+ True\n\{.*\}\nTrue\n",
    "Hooks": r"(openai/gpt-oss-20b: 200 after \d\.\d{3} s, \('stop',\)\n){2}complete\n\d+ tokens\n",
    "Many at a time": r"(.*\S.{20,}\n)+",
    "From file to file": r"3 answered, 0 of them before, 0 failed\n3 answered, 3 of them before, 0 failed\n",
    "Errors and retries": r"refused: 404 model_not_available .*no-such/model.*\nfor the support: \S+\n",
    "Testing your own code": r"(?s).*\b2 passed.*",
}


def programs() -> dict[str, str]:
    """The README's Python programs by the heading that they stand under."""
    found: dict[str, str] = {}
    for section in re.split(r"^#+ ", README, flags=re.MULTILINE)[1:]:
        for language, code in CODE.findall(section):
            if language == "python":
                heading = section.partition("\n")[0]
                assert heading not in found, f"two programs under {heading!r}"
                found[heading] = code
    return found


PROGRAMS = programs()


@pytest.mark.parametrize("heading", PROGRAMS)
def test_program(heading: str, tmp_path: Path) -> None:
    program = tmp_path / "test_program.py"
    program.write_text(PROGRAMS[heading], encoding="utf-8")
    runner = ("-m", "pytest", "-p", "no:cacheprovider") if "def test_" in PROGRAMS[heading] else ()
    with LocalServer() as server:
        where = {"TOGETHER_API_KEY": "test", "TOGETHER_BASE_URL": server.base_url}
        result = run(*PYTHON, *runner, str(program), cwd=str(tmp_path), **where)
    assert (result.returncode, result.stderr) == (0, "")
    assert re.fullmatch(EXPECTED[heading], result.stdout), result.stdout


def test_the_testing_example_passes_by_a_proxy(tmp_path: Path) -> None:
    program = tmp_path / "test_program.py"
    program.write_text(PROGRAMS["Testing your own code"], encoding="utf-8")
    variables = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    result = run(*PYTHON, "-m", "pytest", "-p", "no:cacheprovider", str(program), **variables)
    assert (result.returncode, result.stderr) == (0, "")


def test_every_expectation_belongs_to_a_program() -> None:
    assert set(EXPECTED) == set(PROGRAMS)


def test_the_first_programs_differ_from_the_official_package_in_one_line() -> None:
    """They take one name from us, `Together`, which `together` has too; nothing else in them is ours."""
    for code in list(PROGRAMS.values())[:LIKE_THE_OFFICIAL_PACKAGE]:
        imports = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Import | ast.ImportFrom)]
        ours = [ast.unparse(node) for node in imports if "togetherpy" in ast.unparse(node)]
        assert ours == ["from togetherpy import Together"]
        assert code.count("togetherpy") == 1


def test_the_two_commands_begin_with_nothing() -> None:
    commands = [code for language, code in CODE.findall(README) if language == "sh"]
    assert len(commands) == 2
    for command in commands:
        assert command.count("\n") == 1
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -q ")
    assert commands[0].endswith(" && .venv/bin/togetherpy demo\n")
    assert commands[1].endswith(" && .venv/bin/python -m pytest\n")


def test_the_configuration_table_says_what_holds() -> None:
    section = README.partition("\n## Configuration\n")[2].partition("\n## ")[0]
    rows = [row.split("|") for row in re.findall(r"^\| `.*$", section, re.MULTILINE)]
    table = {row[1].strip(" `"): row[3] for row in rows}
    accepted = set(togetherpy.AsyncTogether.__init__.__kwdefaults__)
    assert set(table) == accepted - {"supplied_headers"}
    assert config.DEFAULT_BASE_URL in table["base_url"]
    assert str(config.DEFAULT_MAX_RETRIES) in table["max_retries"]
    assert str(config.DEFAULT_MAX_CONNECTIONS) in table["max_connections"]
    assert f"{config.DEFAULT_MAX_RESPONSE_BYTES >> 20} MiB" in table["max_response_bytes"]
    assert f"{Timeout().total:.0f}" in table["timeout"]
