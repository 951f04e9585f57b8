"""What a person types in a conversation.

In: a terminal. Out: messages, of one line or of several.
The rule: with prompt_toolkit (the extra `chat`) where it is installed, else with readline, else as Python reads lines;
all three keep the same history and know the same ways of writing several lines.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncGenerator, Callable
from typing import Any

from togetherpy.cli._screen import tell
from togetherpy.cli.chat.history import History

Read = Callable[[str], str]
"""Shows a prompt and reads a line. Raises EOFError for Ctrl-D, KeyboardInterrupt for Ctrl-C."""

PROMPT, MORE = "> ", "... "
BLOCK = '"""'


def reader(history: History, words: list[str]) -> Read:
    """What reads lines here. `words`: what the tab key completes."""
    if os.environ.get("TERM") != "dumb":
        with contextlib.suppress(ImportError):
            return _by_prompt_toolkit(history, words)
    stdin: Any = sys.stdin
    if hasattr(stdin, "reconfigure"):  # so that what is typed in another encoding ends nothing: see `_by_python`
        stdin.reconfigure(errors="surrogateescape")
    with contextlib.suppress(ImportError):
        return _by_readline(history, words)
    return _by_python


def read_message(read: Read, history: History) -> str:
    """The next message.

    Raises:
        EOFError, KeyboardInterrupt: there is none.
    """
    text = read(PROMPT)
    if text.lstrip().startswith(BLOCK):
        text = _block(read, text.lstrip().removeprefix(BLOCK))
    else:
        while text.endswith("\\"):
            text = text[:-1] + "\n" + _next(read)
    history.add(text)
    return text


def _block(read: Read, text: str) -> str:
    while not text.rstrip().endswith(BLOCK):
        line = _next(read, end=BLOCK)
        text += "\n" + line
    return text.rstrip().removesuffix(BLOCK).strip("\n")


def _next(read: Read, end: str = "") -> str:
    """A line that goes on; Ctrl-D ends the message, not the program."""
    try:
        return read(MORE)
    except EOFError:
        return end


def _by_prompt_toolkit(history: History, words: list[str]) -> Read:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.history import History as Recalled
    from prompt_toolkit.key_binding import KeyBindings
    from prompt_toolkit.key_binding.key_processor import KeyPressEvent

    class Messages(Recalled):
        """What the arrow keys bring back: whole messages, as `read_message` keeps them, not their lines."""

        async def load(self) -> AsyncGenerator[str, None]:
            for text in reversed(history.texts):
                yield text

        def load_history_strings(self) -> list[str]:
            return history.texts[::-1]

        def append_string(self, string: str) -> None: ...

        def store_string(self, string: str) -> None: ...

    keys = KeyBindings()

    def new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    keys.add("escape", "enter")(new_line)  # Alt-Enter
    session: PromptSession[str] = PromptSession(
        history=Messages(),
        completer=WordCompleter(words, sentence=True),
        complete_while_typing=False,
        key_bindings=keys,
        enable_open_in_editor=True,
        prompt_continuation=MORE,
        reserve_space_for_menu=0,
    )
    return session.prompt


def _by_readline(history: History, words: list[str]) -> Read:
    import readline

    def complete(text: str, number: int) -> str | None:
        return next(iter([word for word in words if word.startswith(text)][number:]), None)

    readline.set_completer(complete)
    readline.set_completer_delims("\n")
    libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")
    readline.set_auto_history(False)  # it would keep each line of a message
    known = 0

    def read(prompt: str) -> str:
        nonlocal known
        for text in history.texts[known:]:
            with contextlib.suppress(ValueError):  # a zero byte, or what this terminal's encoding does not have
                readline.add_history(text)
        known = len(history.texts)
        return _by_python(prompt)

    return read


def _by_python(prompt: str) -> str:
    try:
        return input(prompt).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except (KeyboardInterrupt, EOFError):
        tell("")  # the line that was being typed stands there
        raise
