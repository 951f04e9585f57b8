"""What a program has in its function on an engine that brings no way of its own: openai's client, over a list of texts.

In: texts. Out: the answers' texts. The rule: as programs have it that ask much: the asynchronous client, a semaphore, a
gather; as many connections as requests in flight.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from benchmarks.engines import MODEL


def ask_all(url: str, texts: Iterable[str], in_flight: int) -> list[str]:
    return asyncio.run(_ask_all(url, texts, in_flight))


async def _ask_all(url: str, texts: Iterable[str], in_flight: int) -> list[str]:
    from benchmarks.contenders.openai import aclose, aconnect

    client, gate = await aconnect(url.removesuffix("/v1"), in_flight), asyncio.Semaphore(in_flight)

    async def one(text: str) -> str:
        async with gate:
            answer = await client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": text}], max_tokens=64
            )
        return answer.choices[0].message.content

    answers = await asyncio.gather(*(one(text) for text in texts))
    await aclose(client)
    return answers
