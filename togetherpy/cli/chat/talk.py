"""A conversation on a terminal.

In: what is typed. Out: answers, one after the other; exit status 0 when the person ends it.
The rule: nothing but Ctrl-D and /exit (or exit, alone) ends it. A question that got no answer is taken back, and /retry
asks it; an answer that was stopped, or broke off, is kept as far as it came.
"""

from __future__ import annotations

import contextlib

from togetherpy._version import __version__
from togetherpy.cli._screen import OutputError, complain, safe, tell
from togetherpy.cli._wrap import columns, wrapped
from togetherpy.cli.chat.ask import Asker
from togetherpy.cli.chat.commands import COMMANDS, CommandError, carry_out
from togetherpy.cli.chat.conversation import Conversation, Message
from togetherpy.cli.chat.history import History, history_path
from togetherpy.cli.chat.lines import Read, read_message, reader

_WORDS = ("exit", "quit", "help")
"""What people type who do not know the commands, and who mean no question to a model."""


def talk(conversation: Conversation, asker: Asker) -> int:
    """Talks until the person has enough."""
    history = History(history_path())
    read = reader(history, [f"/{name}" for name in COMMANDS])
    _say(f"togetherpy {__version__}, {conversation.model}. /help lists the commands, Ctrl-D ends.")
    if conversation.images:
        _say(carry_out("/image", conversation).said)
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            conversation.settle()  # Ctrl-C may have come before the question was on its way
            if not _turn(conversation, asker, read, history):
                return 0


def _turn(conversation: Conversation, asker: Asker, read: Read, history: History) -> bool:
    """One message, or one command; False when there will be no other."""
    try:
        text = read_message(read, history).strip()
    except EOFError:
        return False
    if not text:
        return True
    if text in _WORDS:
        text = f"/{text}"
    if text.startswith("/") and not text.startswith("//"):
        return _command(conversation, asker, text)
    _answer(conversation, asker, conversation.ask(text[1:] if text.startswith("//") else text))
    return True


def _command(conversation: Conversation, asker: Asker, line: str) -> bool:
    try:
        done = carry_out(line, conversation)
    except CommandError as error:
        complain(str(error))
        return True
    if done.said:
        _say(done.said)
    if done.again and conversation.retaken is not None:
        _answer(conversation, asker, conversation.ask_again(conversation.retaken))
    return not done.over


def _answer(conversation: Conversation, asker: Asker, messages: list[Message]) -> None:
    try:
        conversation.answered(asker.ask(conversation.model, messages))
        _say("")
        return
    except KeyboardInterrupt:
        why = "stopped"
    except OutputError:
        raise
    except Exception as error:
        why = f"error: {error}".rstrip(".")
    if asker.partial:
        conversation.answered(asker.partial)
        complain(f"{why}; what has come is kept: /undo takes it back, /retry asks again")
    else:
        conversation.settle()
        complain(f"{why}; /retry asks again")
    _say("")


def _say(text: str) -> None:
    """On standard error, on as many lines as it has."""
    tell(wrapped(safe(text), columns(2)))
