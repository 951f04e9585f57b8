"""Threads for what an event loop cannot wait for: name look-ups, connecting, TLS handshakes, large sends.

In: jobs. Out: threads that run them, made when there is more to do than there are idle threads.
The rule: nothing here outlives its use: idle threads end by themselves, and the interpreter never waits for one.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

IDLE_SECONDS = 5.0
"""How long a thread without work stays."""


class Workers:
    """At most `most` threads at a time.

    Not `asyncio.to_thread`: that runs six at a time on two cores, and keeps the interpreter from ending while one of
    its threads is blocked.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._jobs: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._idle = 0
        self.threads = 0
        """Threads alive."""

    def submit(self, job: Callable[[], None]) -> None:
        """Runs `job`, which must not raise, on a thread; it waits its turn when all are busy."""
        with self._changed:
            self._jobs.append(job)
            if len(self._jobs) <= self._idle or self.threads >= self._most:
                self._changed.notify()
                return
            self.threads += 1
        try:
            threading.Thread(target=self._work, name="togetherpy-worker", daemon=True).start()
        except RuntimeError:
            # The system has no more threads to give: the others will do it, unless there are none.
            with self._changed:
                self.threads -= 1
                if not self.threads:
                    self._jobs.remove(job)
                    raise

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._jobs and not self._wait():
                    self.threads -= 1
                    return
                job = self._jobs.popleft()
            job()
            del job  # or its outcome would live until the next job comes

    def _wait(self) -> bool:
        """Whether a job came before the thread had been idle for too long."""
        self._idle += 1
        try:
            return self._changed.wait_for(lambda: bool(self._jobs), IDLE_SECONDS)
        finally:
            self._idle -= 1
