"""OpenTelemetry: a client span and metrics for each call, by the semantic conventions for generative AI.

In: events. Out: spans and histograms, through opentelemetry-api (pip install 'togetherpy[otel]').
The rule: one span for a call, from its first attempt to the end of its answer or stream; prompts and completions only
with `content=True`.

    from togetherpy import Together
    from togetherpy.contrib.otel import OpenTelemetryHooks

    client = Together(hooks=OpenTelemetryHooks())

The conventions are those of open-telemetry/semantic-conventions-genai as of 2026, which builds on semantic conventions
1.42. Their status is "Development": names may change, and this follows. They list no name for Together, so
`gen_ai.provider.name` is the custom value "together_ai", also where base_url is another server's. Of the metrics there
are `gen_ai.client.operation.duration` and `gen_ai.client.token.usage`, of the events none. A retry is a span event of
our own, "togetherpy.retry". Calls for which the conventions have no operation are named by their endpoint, such as
"models.list".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from togetherpy._version import __version__
from togetherpy.hooks import (
    ErrorEvent,
    Event,
    Hooks,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    StreamEndEvent,
)

try:
    from opentelemetry import metrics, trace
except ModuleNotFoundError as _missing:
    if not (_missing.name or "").startswith("opentelemetry"):
        raise
    raise ImportError("togetherpy.contrib.otel needs the extra: pip install 'togetherpy[otel]'") from None

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

PROVIDER = "together_ai"

_SCHEMA = "https://opentelemetry.io/schemas/1.42.0"
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
_SETTINGS = {
    "max_tokens": ("max_tokens", int),
    "max_completion_tokens": ("max_tokens", int),
    "seed": ("seed", int),
    "temperature": ("temperature", float),
    "top_p": ("top_p", float),
    "top_k": ("top_k", float),
    "frequency_penalty": ("frequency_penalty", float),
    "presence_penalty": ("presence_penalty", float),
}
_MAX_INT = 2**63 - 1  # what an attribute of type int can hold; seeds may be larger


class OpenTelemetryHooks(Hooks):
    """Makes spans and metrics of calls. Safe to share between clients and threads."""

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        content: bool = False,
    ) -> None:
        """Without providers, the global ones. `content`: spans hold the messages and the answers, too."""
        self.content = content
        self._given = {"tracer_provider": tracer_provider, "meter_provider": meter_provider, "content": content}
        self._tracer = trace.get_tracer("togetherpy", __version__, tracer_provider, schema_url=_SCHEMA)
        meter = metrics.get_meter("togetherpy", __version__, meter_provider, schema_url=_SCHEMA)
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self._spans: dict[str, Span] = {}
        """Of the calls under way. Each call has an end, so none stays."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Tracers and meters do not pickle; a client that does makes them anew, from its own global providers.
        return _rebuild, (self._given,)

    def on_request(self, event: RequestEvent) -> None:
        """The span begins."""
        attributes = _common(event)
        for name, (attribute, kind) in _SETTINGS.items():
            value = event.settings.get(name)
            if value is not None and abs(value) <= _MAX_INT:
                attributes[f"gen_ai.request.{attribute}"] = kind(value)
        if event.settings.get("n", 1) != 1:
            attributes["gen_ai.request.choice.count"] = int(event.settings["n"])
        if event.stream:
            attributes["gen_ai.request.stream"] = True
        if event.messages is not None:
            attributes["gen_ai.input.messages"] = _input_messages(event.messages)
        name = " ".join(part for part in (event.operation or event.endpoint, event.model) if part)
        self._spans[event.call] = self._tracer.start_span(name, kind=trace.SpanKind.CLIENT, attributes=attributes)

    def on_retry(self, event: RetryEvent) -> None:
        """An event of the span."""
        span = self._spans.get(event.call)
        if span is not None:
            span.add_event(
                "togetherpy.retry",
                {
                    "togetherpy.retry.attempt": event.attempt,
                    "togetherpy.retry.reason": event.reason,
                    "togetherpy.retry.wait": event.wait,
                },
            )

    def on_response(self, event: ResponseEvent) -> None:
        """The span ends."""
        self._end(event, _answered(event), None)

    def on_stream_end(self, event: StreamEndEvent) -> None:
        """The span ends."""
        attributes = _answered(event)
        if event.first_data is not None:
            attributes["gen_ai.response.time_to_first_chunk"] = event.first_data - event.started
        self._end(event, attributes, event.error)

    def on_error(self, event: ErrorEvent) -> None:
        """The span ends, as an error."""
        self._end(event, {}, event.error)

    def _end(self, event: Event, attributes: dict[str, Any], error: BaseException | None) -> None:
        span = self._spans.pop(event.call, None)
        shared = _common(event)
        if "gen_ai.response.model" in attributes:
            shared["gen_ai.response.model"] = attributes["gen_ai.response.model"]
        for kind in ("input", "output"):
            count = attributes.get(f"gen_ai.usage.{kind}_tokens")
            if count is not None:
                self._tokens.record(count, {**shared, "gen_ai.token.type": kind})
        if error is not None:
            shared["error.type"] = attributes["error.type"] = _error_type(error)
        self._duration.record(event.elapsed, shared)
        if span is None:
            return
        span.set_attributes(attributes)
        if error is not None:
            # What the server says may quote the prompt, so the message is content.
            span.set_status(trace.StatusCode.ERROR, str(error) if self.content else None)
        span.end()


def _rebuild(given: dict[str, Any]) -> OpenTelemetryHooks:
    return OpenTelemetryHooks(**given)


def _common(event: Event) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": event.operation or event.endpoint,
        "gen_ai.provider.name": PROVIDER,
        "server.address": event.server_address,
        "server.port": event.server_port,
    }
    if event.model:
        attributes["gen_ai.request.model"] = event.model
    return attributes


def _answered(event: ResponseEvent) -> dict[str, Any]:
    """What an answer says, without what it leaves out."""
    usage = event.usage
    found: dict[str, Any] = {
        "gen_ai.response.id": event.response_id,
        "gen_ai.response.model": event.response_model,
        "gen_ai.response.finish_reasons": event.finish_reasons or None,
        "gen_ai.output.messages": _output_messages(event.messages) if event.messages else None,
    }
    if usage is not None:
        found["gen_ai.usage.input_tokens"] = usage.prompt_tokens
        found["gen_ai.usage.output_tokens"] = usage.completion_tokens
        found["gen_ai.usage.cache_read.input_tokens"] = usage.cached_tokens
        found["gen_ai.usage.reasoning.output_tokens"] = usage.reasoning_tokens
    return {name: value for name, value in found.items() if value is not None}


def _error_type(error: BaseException) -> str:
    """The HTTP status if there is one, else the name of the class."""
    status = getattr(error, "status_code", None)
    return str(status) if status else type(error).__qualname__


def _input_messages(messages: list[Any]) -> str:
    return _json([_message(msgspec.to_builtins(message, enc_hook=str)) for message in messages])


def _output_messages(messages: list[Any]) -> str:
    return _json([{**_message(one), "finish_reason": one.get("finish_reason")} for one in messages])


def _message(message: dict[str, Any]) -> dict[str, Any]:
    """A message of the API in the form of the conventions: its text, reasoning and tool calls as parts."""
    content = message.get("content")
    parts: list[dict[str, Any]] = []
    if message.get("reasoning"):
        parts.append({"type": "reasoning", "content": message["reasoning"]})
    if message.get("role") == "tool":
        parts.append({"type": "tool_call_response", "id": message.get("tool_call_id"), "response": content})
    elif isinstance(content, str):
        parts.append({"type": "text", "content": content})
    else:
        parts += [_part(cast("dict[str, Any]", part)) for part in content or () if isinstance(part, dict)]
    for call in message.get("tool_calls") or ():
        function: dict[str, Any] = call.get("function") or {}
        parts.append(
            {
                "type": "tool_call",
                "id": call.get("id"),
                "name": function.get("name"),
                "arguments": function.get("arguments"),
            }
        )
    return {"role": message.get("role"), "parts": parts}


def _part(part: dict[str, Any]) -> dict[str, Any]:
    """Text as text; of images and sounds the kind only, for they may be large."""
    return {"type": "text", "content": part.get("text")} if part.get("type") == "text" else {"type": part.get("type")}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
