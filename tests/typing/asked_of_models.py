"""What type checkers make of embeddings, completions, reranking and images: one row, one type.

In: clients. Out: nothing. The rule: mypy and pyright read every row, and tests/test_typing.py runs it.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import assert_type

import togetherpy
from togetherpy import APIResponse, APIStreamResponse, AsyncStream, AsyncTogether, Stream, Together
from togetherpy.resources.completions import AsyncCompletions, Completions
from togetherpy.resources.embeddings import AsyncEmbeddings, Embeddings
from togetherpy.resources.images import AsyncImages, Images
from togetherpy.resources.rerank import AsyncRerank, Rerank
from togetherpy.types.completions import CompletionChoicesData, CompletionChunk, CompletionResponse, CompletionToken
from togetherpy.types.embeddings import EmbeddingChoicesData, EmbeddingResponse, Vector
from togetherpy.types.images import AsyncImageChoicesData, AsyncImageResponse, ImageChoicesData, ImageResponse
from togetherpy.types.rerank import RerankChoicesData, RerankDocument, RerankResponse


def embeddings(client: Together) -> None:
    assert_type(client.embeddings, Embeddings)
    create = client.embeddings.create
    found = create(model="m", input="text")
    assert_type(found, EmbeddingResponse)
    assert_type(found.data, list[EmbeddingChoicesData] | None)
    for one in found.data or ():
        assert_type(one.embedding, Vector | None)
        assert_type(one.index, int | None)
    create(model="m", input=["a", "b"], encoding_format="base64", dimensions=3, timeout=5)
    create(model="m", input=(text for text in ("a", "b", "c")), batch_size=1, batch_tokens=9, concurrency=2)
    create(model="m", input=[[1, 2], [3]])
    assert_type(client.embeddings.with_raw_response.create(model="m", input="a"), APIResponse[EmbeddingResponse])


def completions(client: Together, flag: bool) -> None:
    assert_type(client.completions, Completions)
    create = client.completions.create
    found = create(model="m", prompt="p", max_tokens=3, stop="x", n=2, echo=True, logprobs=1)
    assert_type(found, CompletionResponse)
    assert_type(found.choices, list[CompletionChoicesData] | None)
    for one in found.choices or ():
        assert_type(one.text, str | None)
    assert_type(create(model="m", prompt="p", stream=False), CompletionResponse)
    with create(model="m", prompt="p", stream=True) as stream:
        assert_type(stream, Stream[CompletionChunk])
        assert_type(next(stream).token, CompletionToken | None)
        assert_type(stream.text_deltas(), Iterator[str])
        assert_type(stream.get_final_response(), CompletionResponse)
    either = create(model="m", prompt="p", stream=flag)
    assert_type(either, CompletionResponse | Stream[CompletionChunk])
    if isinstance(either, Stream):
        assert_type(togetherpy.accumulate(either), CompletionResponse)
    raw = client.completions.with_raw_response
    assert_type(raw.create(model="m", prompt="p"), APIResponse[CompletionResponse])
    opened = raw.create(model="m", prompt="p", stream=True)
    assert_type(opened, APIStreamResponse[Stream[CompletionChunk]])
    opened.parse().close()


def reranking(client: Together) -> None:
    assert_type(client.rerank, Rerank)
    create = client.rerank.create
    found = create(model="m", query="q", documents=["a", "b"], top_n=1, return_documents=True)
    assert_type(found, RerankResponse)
    assert_type(found.results, list[RerankChoicesData] | None)
    for one in found.results or ():
        assert_type(one.document, RerankDocument | None)
        assert_type(one.relevance_score, float | None)
    create(model="m", query="q", documents=[{"title": "a"}, {"title": "b"}], rank_fields=["title"])
    raw = client.rerank.with_raw_response.create(model="m", query="q", documents=("a",))
    assert_type(raw, APIResponse[RerankResponse])


def images(client: Together) -> None:
    assert_type(client.images, Images)
    found = client.images.generate(model="m", prompt="p", width=2, height=2, n=1, seed=1, response_format="base64")
    assert_type(found, ImageResponse)
    assert_type(found.data, list[ImageChoicesData] | None)
    for one in found.data or ():
        assert_type(one.bytes(), bytes)
        assert_type(one.url, str | None)
        with TemporaryDirectory() as folder:
            assert_type(one.save(Path(folder) / "a.png"), Path)
    client.images.generate(model="m", prompt="p", image_loras=[{"path": "https://example.com", "scale": 1}])
    raw = client.images.with_raw_response.generate(model="m", prompt="p")
    assert_type(raw, APIResponse[ImageResponse])


async def asynchronous(client: AsyncTogether, flag: bool) -> None:
    assert_type(client.embeddings, AsyncEmbeddings)
    assert_type(await client.embeddings.create(model="m", input="a"), EmbeddingResponse)
    raw_embeddings = await client.embeddings.with_raw_response.create(model="m", input="a")
    assert_type(raw_embeddings, APIResponse[EmbeddingResponse])
    assert_type(client.completions, AsyncCompletions)
    assert_type(await client.completions.create(model="m", prompt="p"), CompletionResponse)
    async with await client.completions.create(model="m", prompt="p", stream=True) as stream:
        assert_type(stream, AsyncStream[CompletionChunk])
        assert_type(stream.text_deltas(), AsyncIterator[str])
        assert_type(await stream.get_final_response(), CompletionResponse)
    either = await client.completions.create(model="m", prompt="p", stream=flag)
    assert_type(either, CompletionResponse | AsyncStream[CompletionChunk])
    if isinstance(either, AsyncStream):
        await either.close()
    raw_completion = await client.completions.with_raw_response.create(model="m", prompt="p")
    assert_type(raw_completion, APIResponse[CompletionResponse])
    assert_type(client.rerank, AsyncRerank)
    assert_type(await client.rerank.create(model="m", query="q", documents=["a"]), RerankResponse)
    assert_type(client.images, AsyncImages)
    found = await client.images.generate(model="m", prompt="p", width=2, height=2)
    assert_type(found, AsyncImageResponse)
    assert_type(found.data, list[AsyncImageChoicesData] | None)
    for one in found.data or ():
        assert_type(await one.bytes(), bytes)
