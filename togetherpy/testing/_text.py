"""Made-up prose: the messages and a seed go in; a short answer, the same every time, comes out, and its tokens.

The rule: no clock and no chance. The same input gives the same text in every process and on every machine.
"""

import hashlib
import json
import random
import re
from typing import Any

from ._json import as_dict, as_list

_TOKEN = re.compile(r"\s?\w{1,8}|\s?[^\w\s]|\s")  # every character belongs to one match: joined, they are the text
_WORD = re.compile(r"\w+(?:['-]\w+)*")

_OPENINGS = (
    "You asked about “{topic}”, and that is a good thing to ask.",
    "Happy to help with “{topic}”! 😊",
    "A short answer on “{topic}”: start small, look closely and keep notes.",
    "Let us take “{topic}” step by step.",
    "“{topic}”: voilà, here is what matters most.",
)
_MIDDLES = (
    "First say plainly what you want; then check what you got.",
    "It works a little like a café in São Paulo: you order, you wait, you enjoy ☕.",
    "Most of it comes down to three things: time, patience and a good map 🗺️.",
    "Nobody gets it right at once, and that is fine.",
    "The small details decide, so measure before you change anything.",
    "In Japanese one would say 「急がば回れ」: the longer way is often the quicker one.",
    "Two examples are worth more than ten rules.",
    "If something looks odd, write it down and look again tomorrow.",
)
_CLOSINGS = (
    "Tell me more, and I can go into detail.",
    "That is the gist of it. Good luck! 🚀",
    "Is there a part of it you would like to see more closely?",
    "And that is all there is to it: 以上です。",
)


def chance(messages: list[Any], seed: int | None, index: int = 0) -> random.Random:
    """A generator that depends on nothing but the messages, the seed and the number of the choice."""
    key = json.dumps([messages, seed, index], sort_keys=True)
    return random.Random(hashlib.sha256(key.encode()).digest())


def tokens(text: str) -> list[str]:
    """The text in pieces of at most nine characters; joined they are the text again."""
    return _TOKEN.findall(text)


def content_text(content: Any) -> str:
    """The text of a message's content: the string itself, or the text parts of a list, else ""."""
    if isinstance(content, str):
        return content
    parts = [as_dict(part) or {} for part in as_list(content) or []]
    return " ".join(part["text"] for part in parts if isinstance(part.get("text"), str))


def last_user_text(messages: list[Any]) -> str:
    """The text of the last message from the user; "" when there is none."""
    return next((content_text(m.get("content")) for m in reversed(messages) if m["role"] == "user"), "")


def prompt_text(messages: list[Any]) -> str:
    """All messages as one text, as `echo` gives it back."""
    return "\n".join(content_text(m.get("content")) for m in messages)


def words(text: str) -> list[str]:
    """The words of a text, without punctuation."""
    return _WORD.findall(text)


def answer(messages: list[Any], rng: random.Random) -> str:
    """A few sentences about what was said last: the user's words, or the result of a tool."""
    opening = rng.choice(_OPENINGS).format(topic=" ".join(words(last_user_text(messages))[:8]) or "everything")
    if messages[-1]["role"] == "tool":
        opening = f"The tool says: {content_text(messages[-1].get('content'))[:200].strip()}."
    middles = rng.sample(_MIDDLES, rng.choice((2, 3)))
    return " ".join([opening, *middles, rng.choice(_CLOSINGS)])
