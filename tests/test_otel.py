"""Spans and metrics by the GenAI semantic conventions, through the SDK's in-memory exporters."""

import asyncio
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from support.answers import (
    COMPLETION,
    DONE,
    OK,
    PROMPT,
    SSE,
    STREAM_OK,
    answer,
    chunk,
    chunked,
    completion,
    error_body,
    event,
)
from support.clients import ASYNC_KINDS, CALL, KEY, failure, make_raw
from support.scripted import ScriptedServer, repeat, request, reset, send, until_gone

import togetherpy
from togetherpy.contrib.otel import OpenTelemetryHooks
from togetherpy.testing import LocalServer

Maker = Callable[..., Any]
ROOT = Path(togetherpy.__file__).parent.parent
USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 20,
    "total_tokens": 30,
    "cached_tokens": 4,
    "reasoning_tokens": 5,
}
OPEN = [request, send(SSE + chunked(event(chunk("Hello")), end=False)), until_gone]


class Telemetry:
    """Providers that keep what they are given."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._reader = InMemoryMetricReader()
        self.meters = MeterProvider([self._reader], shutdown_on_exit=False)

    def hooks(self, **options: Any) -> OpenTelemetryHooks:
        return OpenTelemetryHooks(tracer_provider=self.tracers, meter_provider=self.meters, **options)

    @property
    def spans(self) -> Any:
        return self._exporter.get_finished_spans()

    @property
    def span(self) -> Any:
        (only,) = self.spans
        return only

    def metrics(self) -> dict[str, Any]:
        data = self._reader.get_metrics_data()
        if data is None:
            return {}
        (resource,) = data.resource_metrics
        (scope,) = resource.scope_metrics
        return {metric.name: metric for metric in scope.metrics}

    def points(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        return [(dict(point.attributes), point) for point in self.metrics()[name].data.data_points]


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


def common(server: ScriptedServer) -> dict[str, Any]:
    host, _, port = server.base_url.removeprefix("http://").removesuffix("/v1").partition(":")
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "together_ai",
        "gen_ai.request.model": "m",
        "server.address": host,
        "server.port": int(port),
    }


ANSWERED = {
    "gen_ai.response.model": "m",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 20,
    "gen_ai.usage.cache_read.input_tokens": 4,
    "gen_ai.usage.reasoning.output_tokens": 5,
}


def test_the_span_of_a_plain_call(client: Maker, telemetry: Telemetry) -> None:
    with ScriptedServer([request, send(answer(completion(usage=USAGE)))]) as server:
        client(server, hooks=telemetry.hooks()).create(
            temperature=1, max_tokens=9, top_p=0.5, top_k=3, seed=7, n=2, frequency_penalty=0, presence_penalty=1
        )
    span = telemetry.span
    assert (span.name, span.kind, span.status.status_code) == ("chat m", trace.SpanKind.CLIENT, trace.StatusCode.UNSET)
    assert dict(span.attributes) == {
        **common(server),
        **ANSWERED,
        "gen_ai.response.id": "r-1",
        "gen_ai.request.temperature": 1.0,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.top_p": 0.5,
        "gen_ai.request.top_k": 3.0,
        "gen_ai.request.seed": 7,
        "gen_ai.request.choice.count": 2,
        "gen_ai.request.frequency_penalty": 0.0,
        "gen_ai.request.presence_penalty": 1.0,
    }
    assert span.instrumentation_scope.name == "togetherpy"
    assert span.instrumentation_scope.version == togetherpy.__version__


def test_the_metrics_of_a_plain_call(client: Maker, telemetry: Telemetry) -> None:
    with ScriptedServer([request, send(answer(completion(usage=USAGE)))]) as server:
        client(server, hooks=telemetry.hooks()).create()
    shared = {**common(server), "gen_ai.response.model": "m"}
    ((attributes, duration),) = telemetry.points("gen_ai.client.operation.duration")
    assert attributes == shared
    assert duration.count == 1
    assert duration.sum > 0
    assert duration.explicit_bounds[0] == 0.01
    assert duration.explicit_bounds[-1] == 81.92
    tokens = {attributes.pop("gen_ai.token.type"): (attributes, point) for attributes, point in _tokens(telemetry)}
    assert {kind: point.sum for kind, (_, point) in tokens.items()} == {"input": 10, "output": 20}
    assert all(attributes == shared for attributes, _ in tokens.values())
    assert tokens["input"][1].explicit_bounds == (1, *(4**i for i in range(1, 14)))
    found = telemetry.metrics()
    assert [found[name].unit for name in sorted(found)] == ["s", "{token}"]


def _tokens(telemetry: Telemetry) -> list[tuple[dict[str, Any], Any]]:
    return telemetry.points("gen_ai.client.token.usage")


def test_one_span_for_a_call_and_all_its_retries(client: Maker, telemetry: Telemetry) -> None:
    busy = answer(error_body(), 429, retry_after_ms=30)
    with ScriptedServer([request, send(busy), request, send(OK)]) as server:
        client(server, hooks=telemetry.hooks(), max_retries=1).create()
    span = telemetry.span
    (retry,) = span.events
    assert retry.name == "togetherpy.retry"
    assert dict(retry.attributes) == {
        "togetherpy.retry.attempt": 1,
        "togetherpy.retry.reason": "429",
        "togetherpy.retry.wait": retry.attributes["togetherpy.retry.wait"],
    }
    assert span.end_time - span.start_time >= 30e6
    assert span.status.status_code is trace.StatusCode.UNSET
    ((_, duration),) = telemetry.points("gen_ai.client.operation.duration")
    assert duration.count == 1
    assert duration.sum >= 0.03


def test_one_span_for_a_whole_stream(client: Maker, telemetry: Telemetry) -> None:
    usage = event({"id": "s-1", "choices": [], "usage": USAGE})
    body = event(chunk("Hello")) + event(chunk("", "stop")) + usage + DONE
    with ScriptedServer([request, send(SSE + chunked(body))]) as server:
        stream = client(server, hooks=telemetry.hooks()).stream()
        assert telemetry.spans == ()
        stream.read()
    found = dict(telemetry.span.attributes)
    assert found.pop("gen_ai.response.time_to_first_chunk") > 0
    assert found == {**common(server), **ANSWERED, "gen_ai.response.id": "s-1", "gen_ai.request.stream": True}
    assert {attributes["gen_ai.token.type"]: point.sum for attributes, point in _tokens(telemetry)} == {
        "input": 10,
        "output": 20,
    }


def test_a_stream_left_early_is_no_error(client: Maker, telemetry: Telemetry) -> None:
    with ScriptedServer(OPEN) as server:
        client(server, hooks=telemetry.hooks()).stream().each(lambda one: True)
    assert telemetry.span.status.status_code is trace.StatusCode.UNSET
    assert "error.type" not in telemetry.span.attributes
    assert "gen_ai.client.token.usage" not in telemetry.metrics()


@pytest.mark.parametrize(
    ("script", "stream", "expected", "named"),
    [
        ([request, send(answer(error_body(), 429))], False, togetherpy.RateLimitError, "429"),
        ([request, reset], False, togetherpy.APIConnectionError, "APIConnectionError"),
        ([request, send(answer(b"{"))], False, togetherpy.APIResponseError, "APIResponseError"),
        (
            [request, send(SSE + chunked(event(chunk("a")), end=False))],
            True,
            togetherpy.StreamInterruptedError,
            "StreamInterruptedError",
        ),
        (
            [request, send(SSE + chunked(event({"error": {"message": PROMPT, "code": 503}})))],
            True,
            togetherpy.ServiceUnavailableError,
            "503",
        ),
    ],
)
def test_failures(client: Maker, telemetry: Telemetry, script: Any, stream: bool, expected: Any, named: str) -> None:
    with ScriptedServer(script) as server:
        caller = client(server, hooks=telemetry.hooks())
        failure(expected, caller.chunks if stream else caller.create)
    span = telemetry.span
    assert span.attributes["error.type"] == named
    assert span.status.status_code is trace.StatusCode.ERROR
    assert PROMPT not in span.to_json()
    ((attributes, duration),) = telemetry.points("gen_ai.client.operation.duration")
    assert (attributes["error.type"], duration.count) == (named, 1)


@pytest.mark.parametrize("kind", ASYNC_KINDS)
def test_a_cancelled_call_ends_its_span(kind: str, telemetry: Telemetry) -> None:
    async def main() -> None:
        async with make_raw(kind, api_key="k", base_url=server.base_url, hooks=telemetry.hooks()) as client:
            task = asyncio.ensure_future(client.chat.completions.create(**CALL))
            async with asyncio.timeout(30):
                while not server.requests:
                    await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with ScriptedServer([request, until_gone]) as server:
        asyncio.run(main())
    assert telemetry.span.attributes["error.type"] == "CancelledError"


def test_the_span_is_a_child_of_the_callers(client: Maker, telemetry: Telemetry) -> None:
    tracer = telemetry.tracers.get_tracer("test")
    with ScriptedServer([request, send(OK)]) as server:
        caller = client(server, hooks=telemetry.hooks())
        if caller.kind == "sync":
            with tracer.start_as_current_span("outer"):
                caller.create()
        else:

            async def work() -> None:
                with tracer.start_as_current_span("outer"):
                    await caller.raw.chat.completions.create(**CALL)

            caller.loop.run(work())
    inner, outer = telemetry.spans
    assert (inner.name, outer.name) == ("chat m", "outer")
    assert inner.parent.span_id == outer.context.span_id


def test_no_content_unless_opted_in(client: Maker, telemetry: Telemetry) -> None:
    with ScriptedServer([repeat(request, send(OK), request, send(STREAM_OK))]) as server:
        caller = client(server, hooks=telemetry.hooks())
        caller.create()
        caller.chunks()
    for span in telemetry.spans:
        for secret in (PROMPT, COMPLETION, "Hello", KEY):
            assert secret not in span.to_json()


TALK: list[Any] = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "data:"}}]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "42"},
]


@pytest.mark.parametrize("stream", [False, True])
def test_content_by_opt_in(client: Maker, telemetry: Telemetry, stream: bool) -> None:
    plain = completion()
    plain["choices"][0]["message"]["reasoning"] = "hm"
    with ScriptedServer([request, send(STREAM_OK if stream else answer(plain))]) as server:
        caller = client(server, hooks=telemetry.hooks(content=True))
        (caller.chunks if stream else caller.create)(messages=TALK)
    found = telemetry.span.attributes
    assert json.loads(found["gen_ai.input.messages"]) == [
        {"role": "system", "parts": [{"type": "text", "content": "Be short."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Hi"}, {"type": "image_url"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": "{}"}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "42"}]},
    ]
    said: list[Any] = [{"type": "text", "content": "Hello world" if stream else COMPLETION}]
    if not stream:
        said.insert(0, {"type": "reasoning", "content": "hm"})
    assert json.loads(found["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": said, "finish_reason": "stop"}
    ]


def test_a_seed_that_no_attribute_can_hold(client: Maker, telemetry: Telemetry) -> None:
    with ScriptedServer([request, send(OK)]) as server:
        client(server, hooks=telemetry.hooks()).create(seed=2**64 - 1)
    assert "gen_ai.request.seed" not in telemetry.span.attributes


def test_nothing_is_kept_of_calls_that_are_over(client: Maker, telemetry: Telemetry) -> None:
    hooks = telemetry.hooks()
    with ScriptedServer([request, send(OK), request, send(STREAM_OK), request, send(answer(b"", 400))]) as server:
        caller = client(server, hooks=hooks)
        caller.create()
        caller.chunks()
        caller.fails(togetherpy.BadRequestError)
    assert hooks._spans == {}
    assert len(telemetry.spans) == 3


def test_a_client_with_the_global_providers_pickles() -> None:
    made = pickle.loads(pickle.dumps(OpenTelemetryHooks(content=True)))
    assert type(made) is OpenTelemetryHooks
    assert made.content


def test_without_opentelemetry_it_says_what_to_install() -> None:
    code = """
import sys
sys.modules["opentelemetry"] = None
try:
    import togetherpy.contrib.otel
except ImportError as error:
    assert "pip install 'togetherpy[otel]'" in str(error), error
else:
    raise AssertionError
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_call_that_is_no_conversation(client: Maker, telemetry: Telemetry) -> None:
    with LocalServer() as server:
        client(server, hooks=telemetry.hooks(content=True)).area("models").list()
    assert telemetry.span.name == "models.list"
    found = dict(telemetry.span.attributes or {})
    assert found["gen_ai.operation.name"] == "models.list"
    assert not [name for name in found if "messages" in name or "model" in name.removeprefix("gen_ai.operation")]
