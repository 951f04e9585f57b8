"""The parts of `togetherpy chat` that need no server."""

import io
import json
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from togetherpy.cli._screen import Screen
from togetherpy.cli.chat.commands import COMMANDS, CommandError, carry_out
from togetherpy.cli.chat.conversation import Conversation
from togetherpy.cli.chat.history import KEPT, History, history_path
from togetherpy.cli.chat.image import image_part
from togetherpy.cli.chat.lines import read_message, reader
from togetherpy.cli.chat.markdown import Blocks, Rendered
from togetherpy.cli.chat.show import Beside, Plain, Safe, Wrapped, shown, undisturbed

PNG = b"\x89PNG\r\n\x1a\n"
ANSWER = {"role": "assistant", "content": "Paris"}
posix = pytest.mark.skipif(sys.platform == "win32", reason="files have no modes there")


@pytest.fixture
def talk() -> Conversation:
    """A conversation of one question and its answer."""
    talk = Conversation("some/model", "Be brief.")
    talk.ask("What is the capital of France?")
    talk.answered([ANSWER])
    return talk


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# Conversations


def test_a_conversation_sends_all_that_was_said(talk: Conversation) -> None:
    assert talk.ask("And of Italy?") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is the capital of France?"},
        ANSWER,
        {"role": "user", "content": "And of Italy?"},
    ]
    assert Conversation("m").ask("x") == [{"role": "user", "content": "x"}]


def test_a_question_is_taken_back_with_all_that_came_of_it(talk: Conversation) -> None:
    talk.ask("What is the weather?")
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    talk.answered([call, {"role": "tool", "content": "sunny"}, {"role": "assistant", "content": "It is sunny."}])
    assert talk.take_back() == {"role": "user", "content": "What is the weather?"}
    assert talk.messages[-1] == ANSWER
    assert talk.take_back() is not None
    assert talk.take_back() is None
    assert talk.whole == [{"role": "system", "content": "Be brief."}]


# Commands


def test_model(talk: Conversation) -> None:
    assert carry_out("/model", talk).said == "the model is some/model"
    assert carry_out("/model other/model", talk).said == "the model is other/model"
    assert talk.model == "other/model"
    assert len(talk.messages) == 2


def test_any_blank_ends_the_name_of_a_command(talk: Conversation) -> None:
    assert carry_out("/model\tother/model", talk).said == "the model is other/model"
    carry_out("/system\nOne line.\nAnother one.", talk)
    assert talk.system == "One line.\nAnother one."


def test_system(talk: Conversation) -> None:
    assert carry_out("/system", talk).said == "the system prompt is: Be brief."
    carry_out("/system  Be kind. ", talk)
    assert talk.system == "Be kind."
    assert carry_out("/system -", talk).said == "there is no system prompt"
    assert talk.whole == talk.messages


def test_image(talk: Conversation, tmp_path: Path) -> None:
    (tmp_path / "a picture.png").write_bytes(PNG)
    assert carry_out("/image", talk).said == "no images will go with the next message"
    assert carry_out(f"/image '{tmp_path}/a picture.png'", talk).said == "1 image will go with the next message"
    assert carry_out("/image https://example.com/x.jpg", talk).said == "2 images will go with the next message"
    content: Any = talk.ask("What is it?")[-1]["content"]
    assert [part["type"] for part in content] == ["text", "image_url", "image_url"]
    assert content[1]["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
    assert content[2]["image_url"]["url"] == "https://example.com/x.jpg"
    assert talk.ask("And now?")[-1]["content"] == "And now?"


@pytest.mark.parametrize("where", ["nowhere.png", ".", "text.txt", "\0", "~nobody-of-this-name/x"])
def test_what_is_no_image_is_refused(
    where: str, talk: Conversation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("no image")
    with pytest.raises(CommandError, match="image"):
        carry_out(f"/image {where}", talk)
    assert talk.images == []


@pytest.mark.parametrize(
    ("start", "kind"),
    [(PNG, "png"), (b"\xff\xd8\xff\xe0", "jpeg"), (b"GIF89a", "gif"), (b"RIFF\0\0\0\0WEBP", "webp")],
)
def test_images_are_known_by_how_they_begin(start: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(start)
    assert image_part(str(tmp_path / "x"))["image_url"]["url"].startswith(f"data:image/{kind};base64,")


def test_undo(talk: Conversation) -> None:
    assert carry_out("/undo", talk).said == "taken back: What is the capital of France?"
    assert talk.messages == []
    with pytest.raises(CommandError, match="nothing to take back"):
        carry_out("/undo", talk)


def test_retry(talk: Conversation) -> None:
    done = carry_out("/retry", talk)
    assert (done.said, done.again) == ("asked again: What is the capital of France?", True)
    assert talk.retaken is not None
    assert talk.ask_again(talk.retaken)[-1] == {"role": "user", "content": "What is the capital of France?"}
    carry_out("/undo", talk)
    assert carry_out("/retry", talk).again  # what was taken back before
    with pytest.raises(CommandError, match="nothing to ask again"):
        carry_out("/retry", Conversation("m"))


def test_a_long_question_with_an_image_is_told_in_short(talk: Conversation) -> None:
    talk.images = [image_part("https://example.com/x.png")]
    talk.ask("word\n" * 30)
    said = carry_out("/undo", talk).said
    assert said.startswith("taken back: word word")
    assert said.endswith("...")
    assert len(said) < 80
    talk.images = [image_part("https://example.com/x.png")]
    talk.ask("")
    assert carry_out("/undo", talk).said == "taken back: (image)"


def test_reset(talk: Conversation) -> None:
    carry_out("/image https://example.com/x.png", talk)
    carry_out("/reset", talk)
    assert (talk.messages, talk.images, talk.model, talk.system) == ([], [], "some/model", "Be brief.")
    with pytest.raises(CommandError):
        carry_out("/retry", talk)


def test_help_and_exit(talk: Conversation) -> None:
    said = carry_out("/help", talk).said
    assert all(f"/{name}" in said for name in COMMANDS)
    assert max(map(len, said.splitlines())) < 80
    assert carry_out("/?", talk).said == said
    assert carry_out("/exit", talk).over
    assert carry_out("/quit", talk).over
    assert not carry_out("/help", talk).over


@pytest.mark.parametrize(
    ("line", "said"), [("/mdoel x", "did you mean /model"), ("/xyzzy", "/help lists them"), ("/", "/help lists them")]
)
def test_an_unknown_command(line: str, said: str, talk: Conversation) -> None:
    with pytest.raises(CommandError, match=said):
        carry_out(line, talk)


def test_save_and_load(talk: Conversation, tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    talk.images = [image_part("https://example.com/x.png")]
    talk.ask("Où est Zoé ? 😊")
    talk.answered([{"role": "assistant", "content": "Là."}])
    assert carry_out(f"/save {path}", talk).said == f"4 messages saved in {path}"
    other = Conversation("else")
    assert carry_out(f"/load {path}", other).said == "4 messages loaded; the model is some/model"
    assert (other.messages, other.system, other.model) == (talk.messages, talk.system, talk.model)
    assert json.loads(path.read_bytes()) == {"model": "some/model", "messages": talk.whole}
    assert list(tmp_path.iterdir()) == [path]
    other.ask("more")
    other.answered([ANSWER])
    assert carry_out("/save", other).said == f"6 messages saved in {path}"  # its own file


@posix
def test_what_is_saved_is_the_owners_alone(talk: Conversation, tmp_path: Path) -> None:
    carry_out(f"/save {tmp_path}/talk.json", talk)
    assert mode(tmp_path / "talk.json") == 0o600


def test_a_file_of_something_else_is_not_written_over(talk: Conversation, tmp_path: Path) -> None:
    path = tmp_path / "precious.txt"
    path.write_text("precious")
    with pytest.raises(CommandError, match="is there already; /save -f"):
        carry_out(f"/save {path}", talk)
    assert path.read_text() == "precious"
    carry_out(f"/save -f {path}", talk)
    assert len(json.loads(path.read_text())["messages"]) == 3


def test_a_place_that_cannot_be_written(talk: Conversation, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        carry_out(f"/save {tmp_path}/nowhere/talk.json", talk)
    with pytest.raises(CommandError, match="cannot be written"):
        carry_out(f"/save -f {tmp_path}", talk)
    if os.name == "posix":
        with pytest.raises(CommandError, match="/dev/null cannot be written"):  # it would become a file
            carry_out("/save -f /dev/null", talk)
    assert list(tmp_path.iterdir()) == []
    for line in ("/save", "/load", "/save ~nobody-of-this-name/x", f"/save {'x' * 5000}", f"/load {'x' * 5000}"):
        with pytest.raises(CommandError):
            carry_out(line, talk)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"model": "m", "mess', "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"", "not JSON"),
        (b"3", "no list of messages"),
        (b'{"model": "m"}', "no list of messages"),
        (b'[{"role": "user", "content": "x"}, 3]', r"messages\[1\] is no object"),
        (b'{"messages": [{"content": "x"}]}', r"messages\[0\] has no role"),
        (b'{"messages": [{"role": "user"}]}', r"messages\[0\] has no content"),
        (b'[{"role": "user", "content": [3]}]', r"messages\[0\] has a part that is no object"),
        (b'[{"role": "user", "content": ["text"]}]', r"messages\[0\] has a part that is no object"),
        (None, "cannot be read"),
    ],
)
def test_a_damaged_file_changes_nothing(content: bytes | None, said: str, talk: Conversation, tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    if content is not None:
        path.write_bytes(content)
    before = (talk.model, talk.whole, talk.file)
    with pytest.raises(CommandError, match=said):
        carry_out(f"/load {path}", talk)
    assert (talk.model, talk.whole, talk.file) == before


def test_a_list_of_messages_is_loaded_and_an_unanswered_question_waits(talk: Conversation, tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_text(json.dumps([{"role": "user", "content": "a"}, ANSWER, {"role": "user", "content": "b"}]))
    said = carry_out(f"/load {path}", talk).said
    assert said == "2 messages loaded; the model is some/model\n/retry asks what has no answer yet: b"
    assert talk.system is None
    assert carry_out("/retry", talk).said == "asked again: b"


# History


def test_history_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "history"
    one = History(path)
    for text in ("first", "second\nline", "second\nline", " not kept", "", "Zoé \ud800"):
        one.add(text)
    assert one.texts == ["first", "second\nline", "Zoé \ud800"]
    assert History(path).texts == one.texts


@posix
def test_history_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "history"
    before = os.umask(0)
    try:
        History(path).add("x")
    finally:
        os.umask(before)
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    path.chmod(0o644)
    History(path)
    assert mode(path) == 0o600


def test_history_is_cut_down(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text("".join(f'"{number}"\n' for number in range(2 * KEPT)))
    assert History(path).texts == [str(number) for number in range(KEPT, 2 * KEPT)]
    assert len(path.read_text().splitlines()) == KEPT


def test_a_damaged_history_loses_only_what_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_bytes(b'"first"\n{"half\n3\n\xff\n"last"\n')
    assert History(path).texts == ["first", "last"]


def test_a_history_that_cannot_be_kept_is_done_without(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    one = History(tmp_path / "file" / "history")
    one.add("x")
    one.add("y")
    assert one.texts == ["x", "y"]
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("togetherpy: the history is not kept: ")


def test_without_a_home_there_is_no_history(capfd: pytest.CaptureFixture[str]) -> None:
    History(Path("~nobody-of-this-name/history")).add("x")
    assert "the history is not kept: ~nobody-of-this-name" in capfd.readouterr().err


def test_where_the_history_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert history_path() == tmp_path / "state" / "togetherpy" / "chat_history"
    for none in ("", "relative"):  # which the specification has ignored
        monkeypatch.setenv("XDG_STATE_HOME", none)
        assert history_path() == Path("~/.local/state/togetherpy/chat_history")


# Lines


def typed(*lines: str | BaseException) -> Callable[[str], str]:
    """Reads these lines, and then the end."""
    given: Iterator[str | BaseException] = iter(lines)

    def read(prompt: str) -> str:
        line = next(given, EOFError())
        if isinstance(line, BaseException):
            raise line
        return line

    return read


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["one line"], "one line"),
        (["one\\", "two\\", "three"], "one\ntwo\nthree"),
        (['"""one', "", '  two"""'], "one\n\n  two"),
        (['"""', "one", "two", '"""'], "one\ntwo"),
        (['"""one"""'], "one"),
        (['"""one', "two"], "one\ntwo"),  # Ctrl-D
        (["one\\"], "one\n"),
    ],
)
def test_messages_of_several_lines(lines: list[str], text: str, tmp_path: Path) -> None:
    history = History(tmp_path / "history")
    assert read_message(typed(*lines), history) == text
    assert history.texts == [text]


@pytest.mark.parametrize("end", [EOFError, KeyboardInterrupt])
def test_no_message(end: type[BaseException], tmp_path: Path) -> None:
    history = History(tmp_path / "history")
    with pytest.raises(end):
        read_message(typed(end()), history)
    with pytest.raises(KeyboardInterrupt):
        read_message(typed('"""half', KeyboardInterrupt()), history)
    assert history.texts == []


def test_a_reader_there_always_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(tmp_path / "history")
    for blocked in ("prompt_toolkit", "readline"):
        monkeypatch.setitem(sys.modules, blocked, None)
    monkeypatch.setattr(sys, "stdin", io.StringIO("typed\n"))
    read = reader(history, ["/help"])
    assert read("> ") == "typed"
    with pytest.raises(EOFError):
        read("> ")


# What is shown


def test_what_is_no_terminal_gets_the_text_as_it_came(capsys: pytest.CaptureFixture[str]) -> None:
    for pieces in (["a\x1b[31m b  ", "\r\n", "| c |"], ["with its end\n"], [""], []):
        one = shown(Screen(), plain=False)
        assert isinstance(one, Plain)
        for piece in pieces:
            one.text(piece)
        one.end()
        one.end()
        text = "".join(pieces)
        assert capsys.readouterr().out == text + ("\n" if text and not text.endswith("\n") else "")


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen()
    monkeypatch.setattr(screen, "terminal", True)
    return screen


def test_a_terminal_gets_it_wrapped_and_harmless(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("togetherpy.cli.chat.show.columns", lambda descriptor: 20)
    one = shown(on_terminal(monkeypatch), plain=True)
    assert isinstance(one, Wrapped)
    for piece in ("\n", "\r\n", "one two three\x1b]0;title\x07 four", " five\r", "\nsix\r", "seven"):
        one.text(piece)
    one.end()
    assert capsys.readouterr().out == "one two\nthree?]0;title? four\nfive\nsix?seven\n"


def test_what_comes_between_has_lines_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("togetherpy.cli.chat.show.columns", lambda descriptor: 20)
    one = shown(on_terminal(monkeypatch), plain=True)
    for piece in ("", "one two", "", " three four five", "\n", ""):
        one.text(piece) if piece else one.part()
    one.end()
    assert capsys.readouterr().out == "one two\nthree four five\n"


@pytest.mark.parametrize("why", ["no rich", "dumb", "no columns"])
def test_without_rich_it_is_plain(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if why == "no rich":
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setitem(sys.modules, "rich.live", None)
        monkeypatch.delitem(sys.modules, "togetherpy.cli.chat.markdown")
    else:
        monkeypatch.setenv("TERM", "dumb" if why == "dumb" else "xterm")
        monkeypatch.setenv("COLUMNS", "0" if why == "no columns" else "80")
    assert isinstance(shown(on_terminal(monkeypatch), plain=False), Wrapped)


def test_with_rich_it_is_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(shown(on_terminal(monkeypatch), plain=False), Rendered)


def test_a_carriage_return_is_looked_at_with_what_follows() -> None:
    one = Safe()
    assert [one.feed(piece) for piece in ("a\r", "\nb", "\r", "c", "\r")] == ["a", "\nb", "", "?c", ""]


@posix
def test_a_terminal_is_undisturbed_for_a_while() -> None:
    import termios

    master, slave = os.openpty()
    try:
        before = termios.tcgetattr(slave)
        assert before[3] & termios.ECHO
        with undisturbed(slave):
            during = termios.tcgetattr(slave)
        assert not during[3] & termios.ECHO
        assert during[3] & termios.NOFLSH  # else Ctrl-C takes what is on its way to the screen
        assert during[3] & termios.ISIG
        assert termios.tcgetattr(slave) == before
    finally:
        os.close(master)
        os.close(slave)
    with undisturbed(slave):  # it is none
        pass


def test_reasoning_stands_beside(capsys: pytest.CaptureFixture[str]) -> None:
    one = Beside()
    for piece in ("Let me ", "think", " about it."):
        one.text(piece)
    one.end()
    one.end()
    one.text("More\n")
    one.end()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "Let me think about it.\nMore\n")


MARKDOWN = """\
# A heading

A paragraph
of two lines.

1. one

   still one
2. two
   ```
   code in it

   ```

```python
x = 1

y = 2
```
and more right after it
~~~
other ``` code
~~~


The end"""


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_blocks_of_markdown(size: int) -> None:
    blocks = Blocks()
    found = [block for start in range(0, len(MARKDOWN), size) for block in blocks.feed(MARKDOWN[start : start + size])]
    assert blocks.open == "The end"
    assert found + blocks.rest() == [
        "# A heading",
        "A paragraph\nof two lines.",
        "1. one\n\n   still one\n2. two\n   ```\n   code in it\n\n   ```",
        "```python\nx = 1\n\ny = 2\n```",
        "and more right after it",
        "~~~\nother ``` code\n~~~",
        "The end",
    ]
    assert blocks.rest() == []


@pytest.mark.parametrize("form", ["```python\n{}", "{}"])
def test_the_end_of_a_block_that_is_higher_than_the_window_is_shown_and_at_last_all_of_it(form: str) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system=None, width=40, height=10)
    one = Rendered(console)
    rows = [f"- x{number} = {number}  # and so on" for number in range(100)]
    one.text(form.format("\n".join(rows)))
    lines = console.render_lines(one._unfinished(), pad=False)
    shown = ["".join(segment.text for segment in line) for line in lines]
    assert len(shown) <= 8
    assert "x99 = 99" in shown[-1]
    assert not any("```" in line for line in shown)
    out.truncate(0)
    one.end()
    end = out.getvalue()
    assert [f"x{number} =" in end for number in range(100)] == [True] * 100


def test_code_is_not_broken_and_links_say_where_they_lead() -> None:
    out = io.StringIO()
    one = Rendered(Console(file=out, force_terminal=True, width=40, height=10))
    long = "x = 'a line of code that is longer than the window'"
    one.text(f"```python\n{long}\n```\n\n[here](https://example.com/)\n")
    one.end()
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out.getvalue())
    assert shown.startswith(f"{long}\n")
    assert "https://example.com/" in shown
    assert "\x1b]8" not in out.getvalue()
