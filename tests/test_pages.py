"""Every program of every page is run as it stands, against a server on this machine; every link leads somewhere."""

import itertools
import re
import shlex
from collections import Counter
from pathlib import Path

import pytest
from support.pages import PAGES, ROOT, Program, anchors, blocks, commands, links, programs, read, slug
from support.processes import COMMAND, PYTHON, run

from togetherpy.cli import whole_parser
from togetherpy.testing import LocalServer

PROGRAMS = {program.name: program for program in programs()}
# Run by test_engines, where the engine is installed.
ENGINES = {f"togetherpy/batch/README.md: {engine}" for engine in ("Ray Data", "Spark", "Daft", "Dask", "Polars")}
# Run by test_serverless, in the surroundings that they are for.
FUNCTIONS = {f"togetherpy/README.md: {recipe}" for recipe in ("AWS Lambda", "AWS Lambda, streamed", "An ASGI app")}
# What the programs print when the server answers as it does by itself.
EXPECTED = {
    "README.md: Chat": r"\S.{40,}\n",
    "README.md: Stream": r"\S.{40,}\n",
    "README.md: Structured answers": r"\S+.* \['\S+.*\] [\d.]+\n",
    "README.md: Tools": r".*21 degrees and sunny in Kampala.*\n",
    "README.md: Many requests": r"1000 answered, 0 of them in earlier runs, 0 failed\n",
    "README.md: When something goes wrong": r"NotFoundError .*404 .*no-such/model.*\n",
    "togetherpy/README.md: A plain answer, asynchronously": r"\S.{40,}\n",
    "togetherpy/README.md: A streamed answer, asynchronously": r"\S.{40,}\n",
    "togetherpy/README.md: Many at a time": r"(How deep is Lake [A-Z]\w+\? \S.{20,}\n){8}",
    "togetherpy/README.md: From file to file": (
        r"3 answered, 0 of them before, 0 failed\n3 answered, 3 of them before, 0 failed\n"
    ),
    "togetherpy/README.md: Into a Struct": r"\S+.* \['\S+.*\] [\d.]+ (fresh|salt)\n",
    "togetherpy/README.md: Into a pydantic model, streamed": r"\{\"name\":.*\}\n\S+ [\d.]+ \[.*\]\n",
    "togetherpy/README.md: Running tools": (
        r"\['\{\"city\":.*\"sky\":\"sunny\"\}'\]\n\[\]\n.*sunny.*\n2 answers, 4 messages\n"
    ),
    "togetherpy/README.md: Stream helpers": r"\S.{40,}\n\d+ tokens\nTrue\n",
    "togetherpy/README.md: A text that may be missing": r"0 (\S.{40,}\n)1 \S.{40,}\n\1",
    "togetherpy/README.md: A conversation": r"4 messages\n",
    "togetherpy/README.md: Raw responses": (
        r"200 application/json; charset=utf-8 \S+\n1 attempt\(s\) in 0\.\d{3} s, \d+ bytes\n"
        r"100\.0 199\.0 2\.0 33333\.0\n\['choices', .*'usage'\]\n\S.{40,}\n"
    ),
    "togetherpy/README.md: Unread responses": (
        r"200 http://127\.0\.0\.1:\d+/v1/chat/completions\n(data: .*\n\n)+data: \[DONE\]\n\n*"
    ),
    "togetherpy/README.md: Requests without a method": r"(\S+/\S+\n){4}",
    "togetherpy/README.md: Your own response type": r"\S.{40,}\n\['choices', .*'usage'\]\n",
    "togetherpy/README.md: Models": r"(\S+/\S+ \d+ [\d.]+\n){4}",
    "togetherpy/README.md: Embeddings": r"0 \d+ numbers\n1 \d+ numbers\n",
    "togetherpy/README.md: Files": r"lakes\.jsonl \d+\n\{.*\}\nTrue\n",
    "togetherpy/README.md: Hooks": (
        r"(openai/gpt-oss-20b: 200 after \d\.\d{3} s, \('stop',\)\n){2}complete\n\d+ tokens\n"
    ),
    "togetherpy/README.md: Errors and retries": (
        r"refused: 404 model_not_available .*no-such/model.*\nfor the support: \S+\n"
    ),
    "togetherpy/README.md: A FastAPI server": r"",
    "togetherpy/batch/README.md: In memory": r"(\d What is \d squared\? \S.* 1\n){6}",
    "togetherpy/batch/README.md: As jobs of the service": r"6 answered, 0 failed\n6 answered, 6 of them before\n",
    "togetherpy/MIGRATING.md: Plain": r"\S.{40,}\n",
    "togetherpy/MIGRATING.md: Streamed": r"\S.{40,}\n",
    "togetherpy/MIGRATING.md: JSON": r"\S+.* \['\S+.*\] [\d.]+\n",
    "togetherpy/MIGRATING.md: Tools": r".*21 degrees and sunny in Kampala.*\n",
    "togetherpy/MIGRATING.md: Several choices": r"0 \S.*\n1 \S.*\n2 \S.*\n",
    "togetherpy/cli/README.md: A tool": r"",
    "togetherpy/testing/README.md: A first test": r"(?s).*\b2 passed.*",
    "togetherpy/testing/README.md: Looking at requests": (
        r"POST /v1/chat/completions lakes How deep is Lake Kivu\?\n"
        r"POST /v1/chat/completions lakes And Lake Malawi\?\n1 connection\n"
    ),
    "togetherpy/testing/README.md: Streams that break": r"(?s).*\b1 passed.*",
    "togetherpy/testing/README.md: Rate limits and latency": (r"20 answered\nfaster than the server allows: False\n"),
}
# Packages that the test extra does not bring: a program is run where its package is installed.
NEEDS = {"togetherpy/README.md: A FastAPI server": "fastapi"}


def test_a_heading_has_one_program_at_most() -> None:
    repeated = [name for name, times in Counter(program.name for program in programs()).items() if times > 1]
    assert repeated == []


def test_every_program_is_expected_to_print_something() -> None:
    assert set(EXPECTED) | ENGINES | FUNCTIONS == set(PROGRAMS)


def test_what_the_pages_write_has_a_name_of_its_own() -> None:
    """Who tries one page after another in one folder meets no output of other rows."""
    named = Counter(name for program in programs() for name in set(re.findall(r'(?<!/ )"(\w+\.jsonl)"', program.code)))
    assert {"squares.jsonl", "depths.jsonl", "cubes.jsonl"} <= set(named)
    typed = {name for page in PAGES for command in commands(page) for name in re.findall(r"-o (\w+\.jsonl)", command)}
    assert "answers.jsonl" in typed
    assert [name for name, times in named.items() if times > 1 or name in typed] == []


def run_program(program: Program, folder: Path, **variables: str) -> str:
    """What it prints; nothing may go wrong, and nothing may be said beside it."""
    file = folder / "test_program.py"
    file.write_text(program.code, encoding="utf-8")
    runner = ("-m", "pytest", "-p", "no:cacheprovider") if "def test_" in program.code else ()
    result = run(*PYTHON, *runner, str(file), cwd=str(folder), **variables)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    return result.stdout


@pytest.mark.parametrize("name", EXPECTED)
def test_program(name: str, tmp_path: Path) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    with LocalServer() as server:
        where = {"TOGETHER_API_KEY": "test", "TOGETHER_BASE_URL": server.base_url}
        printed = run_program(PROGRAMS[name], tmp_path, **where)
    assert re.fullmatch(EXPECTED[name], printed), printed


def test_the_testing_example_passes_by_a_proxy(tmp_path: Path) -> None:
    proxy = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    run_program(PROGRAMS["togetherpy/testing/README.md: A first test"], tmp_path, **proxy)


RUN_WHOLE = Path("togetherpy/cli/README.md")  # by test_cli_page and test_cli_doctor
COMMANDS = [(page, command) for page in PAGES if page != RUN_WHOLE for command in commands(page)]


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=lambda value: str(value))
def test_commands_are_understood(page: Path, command: str) -> None:
    words = list(itertools.takewhile(lambda word: word not in ("<", ">", "|"), shlex.split(command)))
    if words[0] == "togetherpy":
        assert whole_parser().parse_args(words[1:]).run
    else:
        assert words[0] in ("head", "python"), "what is this?"


def test_the_batch_of_the_readme(tmp_path: Path) -> None:
    """The rows that the README shows, and the command below them, as they stand."""
    block = next(block for block in blocks(read(Path("README.md")), "console") if "batch run" in block)
    rows = [line for line in block.splitlines() if line.startswith("{")]
    (tmp_path / "questions.jsonl").write_text("\n".join(rows), encoding="utf-8")
    command = next(shlex.split(line)[2:] for line in block.splitlines() if line.startswith("$ togetherpy"))
    with LocalServer() as server:
        where = {"TOGETHER_API_KEY": "test", "TOGETHER_BASE_URL": server.base_url}
        result = run(*COMMAND, *command, cwd=str(tmp_path), **where)
    assert result.returncode == 0, result.stderr
    assert len((tmp_path / "answers.jsonl").read_text("utf-8").splitlines()) == len(rows) == 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page}: {link}"
        if anchor:
            assert anchor in anchors(target.resolve().relative_to(ROOT)), f"{page}: {link}"


def test_a_link_that_leads_nowhere_would_be_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One `x`, two!\n\n```sh\n# none\n[no](no.md)\n```\n\n[a](#b) ![c](d.svg) `[e](f)`\n\n# One x, two\n"
    )
    assert links(page) == ["#b", "d.svg"]
    assert anchors(page) == {"one-x-two", "one-x-two-1"}


@pytest.mark.parametrize("page", [page for page in PAGES if page.name in ("README.md", "MIGRATING.md")], ids=str)
def test_a_table_of_contents_has_every_chapter(page: Path) -> None:
    top, *chapters = re.split(r"^## ", read(page), flags=re.MULTILINE)
    if page.parts[0] == "benchmarks":
        return  # mostly generated
    linked = set(re.findall(r"\]\(#([\w-]+)\)", top))
    assert len(chapters) > 1
    assert [title for chapter in chapters if slug(title := chapter.partition("\n")[0]) not in linked] == []
