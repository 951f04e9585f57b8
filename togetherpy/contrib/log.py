"""Log lines about calls, by the standard library's logger "togetherpy".

In: events. Out: a line for each call that ends, for each retry, and at DEBUG for each that begins.
The rule: metadata only. No line holds a prompt, a completion, a header, the key, or what a server says in words.
"""

from __future__ import annotations

import logging
import threading
import warnings

from togetherpy.hooks import (
    ErrorEvent,
    Event,
    Hooks,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    StreamEndEvent,
    StreamStartEvent,
)

_logger = logging.getLogger("togetherpy")
_lock = threading.Lock()
_handler: logging.Handler | None = None
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO}


class LoggingHooks(Hooks):
    """Writes to the logger "togetherpy": INFO for what ended well, WARNING for retries and failures, DEBUG for starts.

    `Together(hooks=LoggingHooks())` is for a program that sets up logging itself; TOGETHER_LOG does without.
    """

    def on_request(self, event: RequestEvent) -> None:
        """DEBUG: a call begins."""
        _logger.debug("%s begins, to %s:%d", _name(event), event.server_address, event.server_port)

    def on_retry(self, event: RetryEvent) -> None:
        """WARNING: an attempt failed."""
        _logger.warning(
            "%s: attempt %d failed (%s), request %s; the next in %.3f s",
            _name(event),
            event.attempt,
            event.reason,
            event.request_id,
            event.wait,
        )

    def on_response(self, event: ResponseEvent) -> None:
        """INFO: an answer came."""
        _logger.info("%s: %d after %.3f s, %s", _name(event), event.status_code, event.elapsed, _outcome(event))

    def on_stream_start(self, event: StreamStartEvent) -> None:
        """DEBUG: a stream was accepted."""
        _logger.debug(
            "%s: stream opened, %d after %.3f s, request %s",
            _name(event),
            event.status_code,
            event.elapsed,
            event.request_id,
        )

    def on_stream_end(self, event: StreamEndEvent) -> None:
        """INFO, or WARNING when it broke off: a stream is over."""
        if event.error is not None:
            failure = f"broke off with {type(event.error).__name__}"
            _logger.warning("%s: stream %s after %.3f s, %s", _name(event), failure, event.elapsed, _outcome(event))
            return
        state = "read to its end" if event.complete else "left early"
        _logger.info("%s: stream %s after %.3f s, %s", _name(event), state, event.elapsed, _outcome(event))

    def on_error(self, event: ErrorEvent) -> None:
        """WARNING: a call failed."""
        _logger.warning(
            "%s: %s after %.3f s, status %s, attempt %d, request %s",
            _name(event),
            type(event.error).__name__,
            event.elapsed,
            event.status_code,
            event.attempt,
            event.request_id,
        )


def turned_on(word: str) -> LoggingHooks | None:
    """The hooks that TOGETHER_LOG asks for: "debug" or "info", in any case; nothing else is known.

    The first time, the logger gets this level and, in a program that has not set up logging, a handler on stderr.
    """
    if not word:
        return None
    level = _LEVELS.get(word.strip().lower())
    if level is None:
        warnings.warn(f"TOGETHER_LOG takes debug or info, not {word!r}", UserWarning, stacklevel=5)
        return None
    global _handler
    with _lock:
        if _handler is None:
            _handler = logging.StreamHandler()
            _handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
            _logger.setLevel(level)
            if not _logger.hasHandlers():
                _logger.addHandler(_handler)
    return LoggingHooks()


def _name(event: Event) -> str:
    return f"{event.endpoint} {event.model} [{event.call[:8]}]"


def _outcome(event: ResponseEvent) -> str:
    usage = event.usage
    tokens = f"{usage.prompt_tokens}+{usage.completion_tokens}" if usage is not None else "unknown"
    reasons = ",".join(event.finish_reasons) or "none"
    return f"attempt {event.attempt}, finish {reasons}, tokens {tokens}, request {event.request_id}"
