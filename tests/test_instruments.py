"""Programs that watch calls by putting something in the place of `create`: theirs is seen by every client.

As `slow`, with togetherpy in the place of together, OpenLLMetry 0.62.4, OpenInference 0.1.13, Opik 2.2.122, Maxim
3.14.20 and an op of Weave 0.54.0 (which has no part of its own for together) were run: they see the calls. OpenLIT
1.45.0 does not start where there is no distribution named together, whose version it asks importlib.metadata for, nor
without `resources.images`, which comes with images.
"""

import importlib.util
from typing import Any

import pytest
from support.processes import PYTHON, run

CHAT = "together.resources.chat.completions"
HOOKS = [
    ("OpenLLMetry", "together", "resources.chat.completions.ChatCompletions"),
    ("OpenInference", CHAT, "CompletionsResource"),
    ("OpenInference", CHAT, "AsyncCompletionsResource"),
    ("OpenLIT", CHAT, "ChatCompletions"),
    ("OpenLIT", CHAT, "AsyncChatCompletions"),
    ("Maxim", "together.resources.chat", "ChatCompletions"),
    ("Maxim", "together.resources.chat", "AsyncChatCompletions"),
    ("Weave and others", CHAT, "Completions"),
    ("Weave and others", CHAT, "AsyncCompletions"),
]
"""Of chat: who, and the class whose `create` is replaced."""
OTHERS = [
    ("OpenLLMetry", "together", "resources.completions.Completions", "create"),
    ("OpenLIT", "together.resources.images", "Images", "generate"),
    ("OpenLIT", "together.resources.images", "AsyncImages", "generate"),
]
"""Of parts of the API that have classes of their own: who makes such a part looks here."""

CALLS = """
import asyncio, functools, importlib, inspect, operator, sys
import togetherpy
togetherpy.install_as_together()
from togetherpy.testing import LocalServer
import together

call = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}

def call_all(server, sync=True, asynchronous=True):
    with together.Together(api_key="k", base_url=server.base_url) as client:
        if sync:
            assert client.chat.completions.create(**call).choices[0].message.content
            assert list(client.chat.completions.create(**call, stream=True))

    async def later():
        async with together.AsyncTogether(api_key="k", base_url=server.base_url) as client:
            assert (await client.chat.completions.create(**call)).choices
            assert [chunk async for chunk in await client.chat.completions.create(**call, stream=True)]

    if asynchronous:
        asyncio.run(later())
"""

PATCHED = (
    CALLS
    + """
home, _, name = sys.argv[2].rpartition(".")
cls = operator.attrgetter(sys.argv[2])(importlib.import_module(sys.argv[1]))
original, seen = cls.create, []

@functools.wraps(original)
def create(self, *args, **kwargs):
    seen.append((type(self), kwargs["model"]))
    assert self._client.base_url.host == "127.0.0.1"
    return original(self, *args, **kwargs)

with LocalServer() as server:
    client = together.Together(api_key="k", base_url=server.base_url)
    made_before = client.chat.completions
    cls.create = create
    call_all(server)
    assert len(seen) == 2 and {kind for kind, _ in seen} == {cls}, seen
    if not name.startswith("Async"):
        made_before.create(**call)
        assert len(seen) == 3
    cls.create = original
    call_all(server)
    assert len(seen) < 4
    client.close()
"""
)


def passes(code: str, *arguments: str) -> None:
    done = run(*PYTHON, "-c", code, *arguments)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("who", "module", "cls"), HOOKS)
def test_what_instruments_replace(who: str, module: str, cls: str) -> None:
    passes(PATCHED, module, cls)


@pytest.mark.parametrize(("who", "module", "cls", "method"), OTHERS)
def test_what_they_replace_of_other_parts(who: str, module: str, cls: str, method: str) -> None:
    code = (
        f"import operator\n{CALLS}\nassert operator.attrgetter('{cls}.{method}')(importlib.import_module('{module}'))"
    )
    passes(code)


ASKED = {
    "completions": ({"prompt": "x"}, "create", ["Completions", "CompletionsResource"]),
    "embeddings": ({"input": "x"}, "create", ["Embeddings", "EmbeddingsResource"]),
    "images": ({"prompt": "x"}, "generate", ["Images", "ImagesResource"]),
    "rerank": ({"query": "x", "documents": ["y"]}, "create", ["Rerank", "RerankResource"]),
}
"""Parts of the API: what a call of theirs takes, and their classes under the names of both versions."""

REPLACED = """
area, method, name, params = sys.argv[1], sys.argv[2], sys.argv[3], eval(sys.argv[4])
cls = getattr(importlib.import_module(f"together.resources.{area}"), name)
assert getattr(together.resources, name) is cls
seen, original = [], getattr(cls, method)

@functools.wraps(original)
def replaced(self, *args, **kwargs):
    seen.append(kwargs["model"])
    return original(self, *args, **kwargs)

setattr(cls, method, replaced)
with LocalServer() as server:
    if name.startswith("Async"):
        async def ask():
            async with together.AsyncTogether(api_key="k", base_url=server.base_url) as client:
                await getattr(getattr(client, area), method)(model="m", **params)

        asyncio.run(ask())
    else:
        with together.Together(api_key="k", base_url=server.base_url) as client:
            getattr(getattr(client, area), method)(model="m", **params)
assert seen == ["m"]
"""


@pytest.mark.parametrize("kind", ["", "Async"])
@pytest.mark.parametrize(("area", "name"), [(area, name) for area, (_, _, names) in ASKED.items() for name in names])
def test_what_is_put_in_the_place_of_other_methods_is_called(area: str, name: str, kind: str) -> None:
    params, method, _ = ASKED[area]
    passes(CALLS + REPLACED, area, method, kind + name, repr(params))


OPENLLMETRY = """
from opentelemetry.instrumentation.together import TogetherAiInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
TogetherAiInstrumentor()._instrument(tracer_provider=provider)
with LocalServer() as server:
    call_all(server, asynchronous=False)
spans = exporter.get_finished_spans()
assert [span.name for span in spans] == ["together.chat"] * 2, spans
assert spans[0].attributes["gen_ai.request.model"] == "m", spans[0].attributes
"""

OPENINFERENCE = """
from openinference.instrumentation.together import TogetherInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
TogetherInstrumentor()._instrument(tracer_provider=provider)
with LocalServer() as server:
    call_all(server)
assert len(exporter.get_finished_spans()) == 4
"""

OPIK = """
import os
os.environ["OPIK_TRACK_DISABLE"] = "true"
from opik.integrations.together import track_together
with LocalServer() as server:
    client = track_together(together.Together(api_key="k", base_url=server.base_url))
    assert client.opik_tracked
    assert client.chat.completions.create(**call).choices
    assert list(client.chat.completions.create(**call, stream=True))
"""

MAXIM = """
from unittest import mock
from maxim.logger.together.client import instrument_together
logger = mock.MagicMock()
instrument_together(logger)
with LocalServer() as server:
    call_all(server)
assert logger.trace.call_count == 4, logger.mock_calls
generation = logger.trace.return_value.generation.return_value
assert generation.result.called and not generation.error.called, generation.mock_calls
"""

WEAVE = """
import weave
with LocalServer() as server:
    client = together.Together(api_key="k", base_url=server.base_url)
    client.chat.completions.create = weave.op(client.chat.completions.create)
    assert client.chat.completions.create(**call).choices
"""

REAL = [
    ("opentelemetry.instrumentation.together", OPENLLMETRY),
    ("openinference.instrumentation.together", OPENINFERENCE),
    ("opik.integrations.together", OPIK),
    ("maxim.logger.together", MAXIM),
    ("weave", WEAVE),
]


@pytest.mark.slow
@pytest.mark.parametrize(("package", "code"), REAL, ids=lambda value: value.partition(".")[0][:20])
def test_the_real_ones(package: str, code: str) -> None:
    _skip_without(package)
    done = run(*[part for part in PYTHON if part not in ("-W", "error")], "-c", CALLS + code)
    assert done.returncode == 0, done.stderr


def _skip_without(package: str) -> None:
    at: Any = ""
    for part in package.split("."):
        at = f"{at}.{part}".lstrip(".")
        if importlib.util.find_spec(at) is None:
            pytest.skip(f"{package} is not installed")
        if at in ("maxim", "opik"):
            return
