"""An answer's Markdown, laid out by rich while it arrives. Importing this needs the extra `chat`.

In: pieces of Markdown. Out: its blocks on the terminal, each for good once it is whole; until then it is shown as far
as it has come, its last lines where the window is not high enough.
The rule: code is written without a frame and unbroken, so that it can be copied; no link hides where it leads.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.markdown import Heading, Markdown
from rich.segment import Segment
from rich.syntax import Syntax
from rich.text import Text

from togetherpy.cli.chat.show import Safe

_FENCE = re.compile(r"(`{3,}|~{3,})([^`\n]*)$")


class Blocks:
    """A text in pieces -> its blocks: paragraphs, lists with all that belongs to them, code in its fence."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._part: list[str] = []
        """Pieces of the last line."""
        self._fence = ""
        self._blank = False
        """The last line is blank: the next one may begin another block."""

    def feed(self, piece: str) -> list[str]:
        """The blocks that are whole now."""
        first, *more = piece.split("\n")
        self._part.append(first)
        if not more:
            return []
        lines = ["".join(self._part), *more[:-1]]
        self._part = more[-1:]
        return [block for line in lines for block in self._take(line)]

    @property
    def open(self) -> str:
        """What has come of the block that is not whole."""
        return "\n".join([*self._lines, "".join(self._part)])

    @property
    def begun(self) -> bool:
        """Whether some of a block has come that is not whole."""
        return bool(self._lines) or any(piece.strip() for piece in self._part)

    def rest(self) -> list[str]:
        """The last block, at the end."""
        block, self._lines, self._part, self._fence = self.open, [], [], ""
        return [block] if block.strip() else []

    def _take(self, line: str) -> list[str]:
        if self._fence:
            self._lines.append(line)
            bare = line.strip()
            if bare.startswith(self._fence) and not bare.strip(self._fence[0]):
                self._fence = ""
                return [] if self._lines[0][:1].isspace() or not _FENCE.match(self._lines[0]) else self._finish()
            return []
        if not line.strip():
            if self._lines:
                self._blank = True
                self._lines.append("")
            return []
        fence = _FENCE.match(line.strip())
        at_left = not line[0].isspace()
        done = self._finish() if at_left and (self._blank or fence) else []
        self._blank = False
        self._lines.append(line)
        self._fence = fence[1] if fence else ""
        return done

    def _finish(self) -> list[str]:
        block, self._lines, self._blank = "\n".join(self._lines).strip("\n"), [], False
        return [block] if block.strip() else []


class Rendered:
    """One text on its way to the terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._blocks = Blocks()
        self._safe = Safe()
        self._live: Live | None = None
        self._begun = False

    def text(self, piece: str) -> None:
        """Shows a piece of it."""
        for block in self._blocks.feed(self._safe.feed(piece)):
            self._print(block)
        if self._live is None and self._blocks.begun:
            self._live = Live(
                console=self._console,
                transient=True,
                refresh_per_second=12,
                redirect_stdout=False,
                redirect_stderr=False,
                get_renderable=self._unfinished,
            )
            self._live.start()

    def part(self) -> None:
        """Nothing: a block that is not whole is shown again below."""

    def end(self) -> None:
        """Shows the last block for good."""
        for block in self._blocks.rest():
            self._print(block)
        self._stop()

    def _stop(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def _print(self, block: str) -> None:
        self._stop()
        if self._begun:
            self._console.print()
        self._begun = True
        code = _code(block)
        if code is None:
            self._console.print(_Lines(_Markdown(block)), end="")
        else:
            self._console.print(code, soft_wrap=True)

    def _unfinished(self) -> RenderableType:
        block = self._recent(self._blocks.open)
        code = _code(block)
        return _Tail(_Markdown(block) if code is None else code, apart=self._begun)

    def _recent(self, block: str) -> str:
        """So much of a long block as can be seen: laying all of it out again and again would take longer and longer."""
        lines, room = block.split("\n"), 2 * self._console.size.height
        return block if len(lines) <= room else "\n".join([*lines[: bool(_FENCE.match(block))], *lines[-room:]])


class _Lines:
    """Something without empty lines around it and blanks at the ends of its lines: nobody wants to copy them."""

    def __init__(self, whole: RenderableType) -> None:
        self._whole = whole

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.lines(console, options):
            yield from line
            yield Segment.line()

    def lines(self, console: Console, options: ConsoleOptions) -> list[list[Segment]]:
        """Its lines."""
        lines = [_stripped(line) for line in console.render_lines(self._whole, options, pad=False)]
        full = [place for place, line in enumerate(lines) if line]
        return lines[full[0] : full[-1] + 1] if full else []


class _Tail(_Lines):
    """The last lines of something, as many as there is room for."""

    def __init__(self, whole: RenderableType, *, apart: bool) -> None:
        """`apart`: an empty line stands before it."""
        super().__init__(whole)
        self._apart = apart

    def lines(self, console: Console, options: ConsoleOptions) -> list[list[Segment]]:
        """Its last lines."""
        lines = [*([[]] if self._apart else []), *super().lines(console, options)]
        return lines[-max(options.size.height - 2, 1) :]


def _stripped(line: list[Segment]) -> list[Segment]:
    while line:
        text, style, control = line[-1]
        bare = text if control or (style is not None and style.bgcolor is not None) else text.rstrip(" ")
        if bare == text:
            return line
        line = [*line[:-1], *([Segment(bare, style)] if bare else [])]
    return line


class _Heading(Heading):
    """At the left and without a frame."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        self.text.stylize("bold")
        yield self.text


class _Markdown(Markdown):
    elements: ClassVar[dict[str, Any]] = {**Markdown.elements, "heading_open": _Heading}

    def __init__(self, text: str) -> None:
        super().__init__(text, code_theme="ansi_dark", hyperlinks=False)


def _code(block: str) -> Text | None:
    """A block of code with the colours of its language; None for any other block."""
    first, _, rest = block.partition("\n")
    fence = _FENCE.match(first)
    if fence is None:
        return None
    lines = rest.split("\n")
    if lines and lines[-1].strip().startswith(fence[1]):
        lines.pop()
    language = (fence[2].split() or ["text"])[0]
    text = Syntax("", language, theme="ansi_dark", background_color="default").highlight("\n".join(lines))
    text.rstrip()
    return text
