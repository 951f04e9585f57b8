"""What can be done in a conversation: lines that begin with "/".

In: a line, and the conversation. Out: what was done, in words.
The rule: a command that cannot be carried out changes nothing, and says why.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

from togetherpy.cli.chat.conversation import Conversation, FileError, Message
from togetherpy.cli.chat.image import image_part


class CommandError(ValueError):
    """A command that cannot be carried out; says why."""


class Done(NamedTuple):
    """What a command has done."""

    said: str = ""
    again: bool = False
    """The question that was taken back is to be asked again."""
    over: bool = False
    """The conversation is."""


def carry_out(line: str, conversation: Conversation) -> Done:
    """Carries out a line that begins with "/".

    Raises:
        CommandError: it cannot be; nothing has changed.
    """
    name, argument = (*line[1:].split(None, 1), "", "")[:2]
    found = COMMANDS.get(_ALIASES.get(name, name))
    if found is None:
        near = difflib.get_close_matches(name, [*COMMANDS, *_ALIASES], 1)
        hint = f"did you mean /{near[0]}?" if near else "/help lists them."
        raise CommandError(f"there is no command /{name}; {hint} A message that begins with / is written with //.")
    try:
        return found.run(conversation, argument.rstrip())
    except FileError as error:
        raise CommandError(str(error)) from None


def _model(conversation: Conversation, name: str) -> Done:
    conversation.model = name or conversation.model
    return Done(f"the model is {conversation.model}")


def _system(conversation: Conversation, text: str) -> Done:
    if text:
        conversation.system = None if text == "-" else text
    said = conversation.system
    return Done("there is no system prompt" if said is None else f"the system prompt is: {said}")


def _image(conversation: Conversation, where: str) -> Done:
    if where:
        try:
            conversation.images.append(image_part(where.strip("'\"")))
        except ValueError as error:
            raise CommandError(str(error)) from None
    count = len(conversation.images)
    return Done(f"{count or 'no'} image{'s' * (count != 1)} will go with the next message")


def _reset(conversation: Conversation, _: str) -> Done:
    conversation.reset()
    return Done("all is forgotten but the model and the system prompt")


def _undo(conversation: Conversation, _: str) -> Done:
    taken = conversation.take_back()
    if taken is None:
        raise CommandError("there is nothing to take back")
    return Done(f"taken back: {_brief(taken)}")


def _retry(conversation: Conversation, _: str) -> Done:
    question = conversation.retaken or conversation.take_back()
    if question is None:
        raise CommandError("there is nothing to ask again")
    return Done(f"asked again: {_brief(question)}", again=True)


def _save(conversation: Conversation, argument: str) -> Done:
    over = argument.split(" ")[0] == "-f"
    where = argument[2:].strip() if over else argument
    path = _path(where) if where else conversation.file
    if path is None:
        raise CommandError("where to? /save FILE")
    if os.path.exists(path) and not over and path != conversation.file:
        raise CommandError(f"{path} is there already; /save -f {path} writes over it")
    conversation.save(path)
    return Done(f"{_count(conversation)} saved in {path}")


def _load(conversation: Conversation, where: str) -> Done:
    if not where:
        raise CommandError("where from? /load FILE")
    conversation.load(_path(where))
    said = f"{_count(conversation)} loaded; the model is {conversation.model}"
    if conversation.retaken is not None:
        said += f"\n/retry asks what has no answer yet: {_brief(conversation.retaken)}"
    return Done(said)


def _help(_: Conversation, __: str) -> Done:
    lines = [f"  {f'/{name} {one.argument}':<19} {one.said}" for name, one in COMMANDS.items()]
    return Done("\n".join([*lines, *_MORE]))


def _exit(_: Conversation, __: str) -> Done:
    return Done(over=True)


class Command(NamedTuple):
    """One of the commands."""

    run: Callable[[Conversation, str], Done]
    argument: str
    said: str


COMMANDS = {
    "model": Command(_model, "[NAME]", "ask this model; without NAME: say which it is"),
    "system": Command(_system, "[TEXT]", "set the system prompt; - for none"),
    "image": Command(_image, "[FILE|URL]", "send an image with the next message"),
    "undo": Command(_undo, "", "take back the last question and its answer"),
    "retry": Command(_retry, "", "ask the last question again"),
    "reset": Command(_reset, "", "begin anew"),
    "save": Command(_save, "[-f] FILE", "save all of it; -f: over a file that is there"),
    "load": Command(_load, "FILE", "go on with what was saved"),
    "help": Command(_help, "", "this"),
    "exit": Command(_exit, "", "end; so does Ctrl-D"),
}
_ALIASES = {"quit": "exit", "bye": "exit", "q": "exit", "?": "help", "clear": "reset", "new": "reset"}
_MORE = (
    'Several lines: begin and end with """, or end a line with \\ to go on.',
    "Ctrl-C stops an answer; what has come of it is kept.",
)


def _path(text: str) -> Path:
    try:
        return Path(text.strip("'\"")).expanduser()
    except RuntimeError as error:  # ~nobody
        raise CommandError(f"{text}: {error}") from None


def _count(conversation: Conversation) -> str:
    count = len(conversation.messages)
    return f"{count} message{'s' * (count != 1)}"


def _brief(message: Message) -> str:
    content: Any = message.get("content")
    if isinstance(content, list):
        parts: list[dict[str, Any]] = cast(Any, content)
        content = " ".join(str(part["text"]) if "text" in part else "(image)" for part in parts)
    text = " ".join(str(content).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
