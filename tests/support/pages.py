"""The pages that people read, as the tests want them: their programs, links and headings.

In: the Markdown files of the repository. Out: values.
The rule: a page is any Markdown file in a folder that people read; a program is any block marked as Python in one.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted(
    page.relative_to(ROOT)
    for where in (
        ROOT.glob("*.md"),
        *((ROOT / folder).rglob("*.md") for folder in ("togetherpy", "tests", "benchmarks")),
    )
    for page in where
)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)


class Program(NamedTuple):
    """A block of Python: where it stands, and its text."""

    page: Path
    heading: str
    code: str

    @property
    def name(self) -> str:
        """`togetherpy/README.md: Hooks`; unique, for there is at most one program below a heading."""
        return f"{self.page.as_posix()}: {self.heading}"


def read(page: Path) -> str:
    """The text of a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The blocks of a language, in their order."""
    return [code for marked, code in _BLOCK.findall(text) if marked == language]


def commands(page: Path) -> Iterator[str]:
    """What a reader is told to type into a shell: lines of a console that begin with `$`, and lines of shell.

    Those that describe a command, with brackets around what may be left out, are none.
    """
    for language in ("console", "sh"):
        for block in blocks(read(page), language):
            lines = [line for line in block.splitlines() if line.startswith(("$ ", "togetherpy "))]
            yield from (line.removeprefix("$ ") for line in lines if "[" not in line)


def programs() -> Iterator[Program]:
    """Every program of every page."""
    for page in PAGES:
        for section in re.split(r"^#+ ", _without_other_blocks(read(page)), flags=re.MULTILINE)[1:]:
            for code in blocks(section, "python"):
                yield Program(page, section.partition("\n")[0], code)


def _without_other_blocks(text: str) -> str:
    """Shell and diagrams have lines that begin like headings."""
    return _BLOCK.sub(lambda block: block[0] if block[1] == "python" else "", text)


def links(page: Path) -> list[str]:
    """The targets of a page's links and images; what stands in code is none."""
    return _LINK.findall(re.sub(r"`[^`\n]*`", "", _BLOCK.sub("", read(page))))


def anchors(page: Path) -> set[str]:
    """What a link can name behind `#`, made from the headings as GitHub makes it."""
    seen: Counter[str] = Counter()
    found: set[str] = set()
    for heading in _HEADING.findall(_BLOCK.sub("", read(page))):
        name = slug(heading)
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


def slug(heading: str) -> str:
    """A heading as a link names it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
