"""The server's sockets: connections go in, the bytes of answers come out; `LocalServer` is the handle to it all.

The rule: one event loop in one thread owns every socket. Other threads only leave values for it (scripts, the wish to
stop) and read what it leaves for them (requests, counters).
"""

import asyncio
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ._answer import Answer, Framing
from ._api import Api
from ._batches import BatchRules
from ._connection import Connection
from ._http import Request
from ._limits import Limits
from ._rates import Rates
from ._record import RecordedRequest
from ._script import Body, Cut, Event, Script, make_script

if TYPE_CHECKING:
    from togetherpy.client import AsyncTogether, Together

THREAD_NAME = "togetherpy-local-server"
BACKLOG = 4096


class LocalServer:
    """A server on this machine that speaks the Together API's chat protocol, for tests and demonstrations offline.

    Use it as a context manager, or call `start` and `close`. It answers by itself until `reply` says otherwise.

    Args:
        port: the TCP port; 0 takes a free one.
        models: the model names it accepts. None accepts every name but those that contain "unknown" or start with
            "no-such", so that the answer to an unknown model can be seen too.
        pace: seconds between the chunks of a stream. Scripted answers have their own.
        delay: seconds before an answer begins. Scripted answers have their own.
        latency: seconds on top of `delay` before the answer to a chat begins: one number, or (median, 95th percentile)
            of a log-normal distribution, whose tail is long.
        seed: of the latencies: the same seed gives the same ones, in the order in which requests come.
        rpm: requests a minute that each key may make to each model, measured per second: 600 are ten at once and then
            ten a second. Above it the answer is a 429 in the service's words, with `retry-after` and x-ratelimit-*.
        tpm: tokens a minute, prompts and answers, likewise. An answer's tokens count when they are known.
        concurrency: requests that each key may have in flight to each model; above it, a 429.
        dynamic: `rpm` and `tpm` (600 requests where neither is given) are the least that is allowed: the limits grow by
            2 % each second in which half of them is used and nothing is refused, up to twenty times, and shrink by 5 %
            each second with a refusal. A 429 is then "dynamic_request_limited" or "dynamic_token_limited".
        capacity: requests in flight of all keys and models together; above it, a 503.
        host: the address to listen on; "0.0.0.0" and "::" are all of this machine, for clients on other ones.
        answers: what to say: a function of the messages (of a prompt: one from the user), which returns the text of
            the answer, or None to leave it to the server. Such an answer calls no tool.
        record: whether to keep the requests in `requests`. They are kept until the list is cleared.

    Raises:
        TypeError, ValueError: an argument that cannot be meant, or is out of range; it is named.

    Attributes:
        host: the address it listens on.
        requests: the requests received so far, in order of arrival; clear it whenever you like.
        batch_rules: what happens to batches: how they end, how many rows are answered, how much may be enqueued.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        models: Iterable[str] | None = None,
        pace: float = 0.0,
        delay: float = 0.0,
        record: bool = True,
        latency: float | tuple[float, float] | None = None,
        seed: int = 0,
        rpm: float | None = None,
        tpm: float | None = None,
        concurrency: int | None = None,
        dynamic: bool = False,
        capacity: int | None = None,
        host: str = "127.0.0.1",
        answers: Callable[[list[dict[str, Any]]], str | None] | None = None,
    ) -> None:
        if not 0 <= port <= 65535:
            raise ValueError("a port is a number from 0 to 65535")
        if answers is not None and not callable(answers):
            raise TypeError("answers must be a function of the messages, such as lambda messages: 'It is so.'")
        self.host = host
        self.requests: list[RecordedRequest] = []
        self._wanted_port = port
        self._record = record
        limits = Limits(rpm, tpm, concurrency, dynamic, capacity)
        rates = Rates(limits, latency, seed, delay)
        self.batch_rules: BatchRules = BatchRules()
        names = None if models is None else tuple(models)
        self._api = Api(names, rates, pace=pace, answers=answers, rules=self.batch_rules)
        self._lock = threading.Lock()
        self._scripts: deque[tuple[Script, int | None]] = deque()
        self._accepted = 0
        self._open: set[Connection] = set()
        self._port: int | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Open the port and begin to serve. Raises OSError when the port is taken, RuntimeError on a second start."""
        if self._thread is not None:
            raise RuntimeError("this server has been started already")
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.create_server((self.host, self._wanted_port), family=family, backlog=BACKLOG)
        self._port = listener.getsockname()[1]
        self._loop, self._stop = asyncio.new_event_loop(), asyncio.Event()
        run = partial(self._run, self._loop, self._stop, listener)
        self._thread = threading.Thread(target=run, name=THREAD_NAME, daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Close the port and every connection at once, and end the thread. A closed server can be started again."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The TCP port it listens on, or listened on last. Raises RuntimeError before the first start."""
        if self._port is None:
            raise RuntimeError("the server has not been started")
        return self._port

    @property
    def reached_at(self) -> str:
        """The address by which this machine reaches it: `host`, or the loopback address where that is all of them."""
        return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(self.host, self.host)

    @property
    def base_url(self) -> str:
        """What to give to a client as base_url: "http://127.0.0.1:PORT/v1"."""
        host = f"[{self.reached_at}]" if ":" in self.reached_at else self.reached_at
        return f"http://{host}:{self.port}/v1"

    def client(self, **options: Any) -> "Together":
        """A `Together` that talks to this server, whichever proxies the environment names.

        `options`: the arguments of `Together`, beside or instead of base_url, api_key ("test") and trust_env (False).
        """
        from togetherpy.client import Together

        return Together(**self._client_options(options))

    def async_client(self, **options: Any) -> "AsyncTogether":
        """The same as an `AsyncTogether`."""
        from togetherpy.client import AsyncTogether

        return AsyncTogether(**self._client_options(options))

    def _client_options(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"base_url": self.base_url, "api_key": "test", "trust_env": False, **given}

    @property
    def connections(self) -> int:
        """How many connections have been accepted so far."""
        return self._accepted

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        return len(self._open)

    def reply(
        self,
        *,
        status: int = 200,
        headers: Mapping[str, str | None] | None = None,
        body: Body | None = None,
        events: Iterable[Event] | None = None,
        done: bool = True,
        raw: bytes | Sequence[bytes] | None = None,
        delay: float = 0.0,
        pace: float = 0.0,
        cut: Cut = False,
        framing: Framing | None = None,
        keep_alive: bool = True,
        gzip: bool = False,
        times: int | None = 1,
    ) -> None:
        """Queue one answer for the next request not yet spoken for, whatever it asks and whether or not it is sound.

        All bytes are made here: without `pace` the answer is one write, and repeating it costs no encoding.

        Args:
            status: HTTP status, 200..999.
            headers: added to content-type, server and cf-ray, or replacing them; None as a value leaves one out.
            body: bytes and str as they are, anything else as JSON. The content-type is JSON unless `headers` says
                otherwise. A list of bytes is a body in pieces.
            events: a stream of server-sent events, each a mapping (sent as JSON), str or bytes, after "data: ".
            done: whether "data: [DONE]" follows the events; it never does when the stream is `cut`.
            raw: bytes, or a list of pieces, written instead of any HTTP answer.
            delay: seconds before the first byte.
            pace: seconds between the writes of events or pieces. The head goes with the first of them, the body's end
                with the last; a body in one piece is written in 8 parts.
            cut: True closes the connection after the last write, "reset" resets it (what a slow client has not read by
                then may be lost). The body lacks its end: the last chunk, or the last 8 bytes of its Content-Length.
            framing: how the body's end is told: "chunked" (default for events), "length" (default otherwise), "close".
            keep_alive: False closes the connection after the answer and says so.
            gzip: compress the body, whatever the request accepts.
            times: how many requests get this answer, 1 or more; None: every one from now on, until `reset`.

        Raises:
            TypeError, ValueError: the arguments contradict each other or are out of range.
        """
        if times is not None and times < 1:
            raise ValueError("times must be 1 or more, or None")
        script = make_script(
            status=status,
            headers=headers,
            body=body,
            events=events,
            done=done,
            raw=raw,
            delay=delay,
            pace=pace,
            cut=cut,
            framing=framing,
            keep_alive=keep_alive,
            gzip=gzip,
        )
        _ = script.answer  # built now, not at the time of a request
        with self._lock:
            self._scripts.append((script, times))

    def reset(self) -> None:
        """Forget the queued replies: the server answers by itself again. Connections and `requests` stay."""
        with self._lock:
            self._scripts.clear()

    def _run(self, loop: asyncio.AbstractEventLoop, stop: asyncio.Event, listener: socket.socket) -> None:
        try:
            loop.run_until_complete(self._serve(loop, stop, listener))
        finally:
            loop.close()

    async def _serve(self, loop: asyncio.AbstractEventLoop, stop: asyncio.Event, listener: socket.socket) -> None:
        server = await loop.create_server(self._accept, sock=listener, backlog=BACKLOG)
        await stop.wait()
        # Connections accepted but not yet made known come first: asyncio forgets those of a server that is closed.
        while begun := asyncio.all_tasks(loop) - {asyncio.current_task()}:
            await asyncio.gather(*begun, return_exceptions=True)
        server.close()
        while self._open:
            for connection in tuple(self._open):
                connection.abort()
            await asyncio.sleep(0)

    def _accept(self) -> Connection:
        self._accepted += 1
        return Connection(self._accepted, self._answer, self._open)

    def _answer(self, request: Request, connection: int) -> Answer:
        head = request.head
        if self._record:
            path, _, query = head.target.partition("?")
            now = time.monotonic()
            self.requests.append(RecordedRequest(head.method, path, query, head.headers, request.body, connection, now))
        script = self._next_script()
        if script is not None:
            return script.answer_http10 if head.http10 else script.answer
        return self._api.answer(request)

    def _next_script(self) -> Script | None:
        with self._lock:
            if not self._scripts:
                return None
            script, times = self._scripts[0]
            if times == 1:
                self._scripts.popleft()
            elif times is not None:
                self._scripts[0] = script, times - 1
            return script
