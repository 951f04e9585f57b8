"""A conversation: what was said, by whom, to which model.

In: questions and answers. Out: the messages to send; a file of them.
The rule: no terminal and no network here. The messages are valid at every moment: a question that gets no answer is
taken back, and a file that cannot be read or written changes nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from togetherpy.cli._output import store

Message = dict[str, Any]


class FileError(ValueError):
    """A conversation that cannot be saved or loaded; says why."""


class Conversation:
    """One conversation."""

    def __init__(self, model: str, system: str | None = None, images: list[Message] | None = None) -> None:
        self.model: str = model
        self.system: str | None = system
        self.messages: list[Message] = []
        """All that was said, without the system prompt."""
        self.images: list[Message] = images or []
        """Parts for the next message."""
        self.retaken: Message | None = None
        """The question that was taken back last."""
        self.file: Path | None = None
        """Where it was saved, or loaded from."""

    @property
    def whole(self) -> list[Message]:
        """The messages as they are sent."""
        first = [] if self.system is None else [{"role": "system", "content": self.system}]
        return [*first, *self.messages]

    def ask(self, text: str) -> list[Message]:
        """Adds a question with the images that wait for one; returns the messages to send."""
        content: Any = [*([{"type": "text", "text": text}] if text else []), *self.images] if self.images else text
        self.images = []
        return self.ask_again({"role": "user", "content": content})

    def ask_again(self, question: Message) -> list[Message]:
        """The same with a question that was taken back."""
        self.messages.append(question)
        self.retaken = None
        return self.whole

    def answered(self, messages: list[Message]) -> None:
        """Adds what came of the question: the answer, and the tools' calls and results before it."""
        self.messages += messages

    def take_back(self) -> Message | None:
        """Takes the last question back, and all that came after it; None when there is none."""
        for place in reversed(range(len(self.messages))):
            if self.messages[place].get("role") == "user":
                self.retaken = self.messages[place]
                del self.messages[place:]
                return self.retaken
        return None

    def settle(self) -> None:
        """Takes back a last question that has no answer."""
        if self.messages and self.messages[-1].get("role") == "user":
            self.take_back()

    def reset(self) -> None:
        """Forgets what was said, but not the model and the system prompt."""
        self.messages, self.images, self.retaken = [], [], None

    def save(self, path: Path) -> None:
        """Writes it as the JSON of a request.

        Raises:
            FileError: it cannot be written; what was there is as it was.
        """
        try:
            text = json.dumps({"model": self.model, "messages": self.whole}, indent=2, ensure_ascii=False)
            store(path, f"{text}\n".encode(), mode=0o600)
        except (OSError, ValueError) as error:
            raise FileError(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}") from None
        self.file = path

    def load(self, path: Path) -> None:
        """Goes on with what a file holds: a request's JSON, or a list of messages. A last question without an answer
        is taken back.

        Raises:
            FileError: it holds no conversation; this one is as it was.
        """
        model, messages = _read(path)
        self.reset()
        self.model, self.file, self.system = model or self.model, path, None
        if messages and messages[0]["role"] == "system" and isinstance(messages[0].get("content"), str):
            self.system = messages.pop(0)["content"]
        self.messages = messages
        self.settle()


def _read(path: Path) -> tuple[str | None, list[Message]]:
    """The model, if one is named, and the messages."""
    try:
        data: Any = json.loads(path.read_bytes())
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is one
        raise FileError(f"{path} is not JSON: {error}") from None
    model: Any = None
    if isinstance(data, dict):
        request = cast("dict[str, Any]", data)
        model, data = request.get("model"), request.get("messages")
    if not isinstance(data, list):
        raise FileError(f"{path} holds no conversation: there is no list of messages in it")
    messages: list[Any] = cast(Any, data)
    for place, message in enumerate(messages):
        wrong = _wrong(message)
        if wrong:
            raise FileError(f"{path} holds no conversation: messages[{place}] {wrong}")
    return model if isinstance(model, str) else None, messages


def _wrong(message: Any) -> str | None:
    """What keeps a value from being a message."""
    if not isinstance(message, dict):
        return "is no object"
    fields = cast("dict[str, Any]", message)
    if not isinstance(fields.get("role"), str):
        return "has no role"
    content = fields.get("content")
    parts: list[Any] = cast(Any, content) if isinstance(content, list) else []
    if not all(isinstance(part, dict) for part in parts):
        return "has a part that is no object"
    if isinstance(content, (str, list)) or (content is None and fields.get("tool_calls")):
        return None
    return "has no content"
