"""What the tests of jobs share: both ways to call, answers that are lost, and what a server made."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from togetherpy import Together, batch
from togetherpy.testing import LocalServer
from togetherpy.testing._answer import Answer, build

KEY = "sk-" + "J0bs77" * 5


class Jobs:
    """`togetherpy.batch`'s functions of jobs, by blocking calls or on a loop."""

    def __init__(self, kind: str, server: LocalServer) -> None:
        self.kind, self.server = kind, server

    def _call(self, sync: Callable[..., Any], asynchronous: Callable[..., Any], *given: Any, **options: Any) -> Any:
        with Together(api_key=KEY, base_url=self.server.base_url, max_retries=0) as client:
            if self.kind == "sync":
                return sync(*given, client=client, **options)
            return asyncio.run(asynchronous(*given, client=client, **options))

    def submit(self, given: Any, directory: Any = None, *, model: str | None = "m", **options: Any) -> batch.Jobs:
        return self._call(batch.submit, batch.asubmit, given, directory, model=model, **options)

    def status(self, directory: Any) -> batch.Jobs:
        return self._call(batch.status, batch.astatus, directory)

    def wait(self, directory: Any, **options: Any) -> batch.Jobs:
        return self._call(batch.wait, batch.await_jobs, directory, **{"interval": 0.001, **options})

    def download(self, directory: Any, output: Any = None, **options: Any) -> Any:
        return self._call(batch.download, batch.adownload, directory, output, **options)

    def cancel(self, directory: Any) -> batch.Jobs:
        return self._call(batch.cancel, batch.acancel, directory)


def created(server: LocalServer) -> Counter[str]:
    """How many batches the server has of each file."""
    with server.client() as client:
        return Counter(str(job.input_file_id) for job in client.batches.list())


def uploaded(server: LocalServer) -> Counter[str]:
    """How many files of requests the server has under each name."""
    with server.client() as client:
        files = [file for file in client.files.list() if file.bytes and "-output" not in str(file.filename)]
        return Counter(str(file.filename) for file in files if "-error" not in str(file.filename))


@contextlib.contextmanager
def replying(
    server: LocalServer, method: str, path: str, answers: Sequence[Any], *, undone: bool = False
) -> Iterator[list[str]]:
    """Requests for this path (below it, where it ends with a slash) have these answers, in turn: (status, body), an
    Answer, or None for the server's own. `undone`: what was asked is not done."""
    api: Any = server._api
    answer, replied = api.answer, list[str]()

    def reply(request: Any) -> Answer:
        head = request.head
        is_asked = head.target.startswith(path) if path.endswith("/") else head.target == path
        if head.method != method or not is_asked or len(replied) >= len(answers):
            return answer(request)  # type: ignore[no-any-return]
        wanted = answers[len(replied)]
        replied.append(head.target)
        own = None if undone and wanted is not None else answer(request)
        if wanted is None:
            return own
        if isinstance(wanted, Answer):
            return wanted
        return build(wanted[0], {"content-type": "application/json"}, [json.dumps(wanted[1]).encode()])

    api.answer = reply
    try:
        yield replied
    finally:
        api.answer = answer


def losing(
    server: LocalServer,
    method: str,
    path: str,
    times: int = 1,
    *,
    after: int = 0,
    undone: bool = False,
    begun: bool = False,
) -> contextlib.AbstractContextManager[list[str]]:
    """Answers to such requests are lost, `times` of them, `after` so many. `undone`: so are the requests; `begun`: the
    answers have begun, so that no connection can be thought to have been idle for too long."""
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"
    lost = Answer((head,), end="close") if begun else Answer((b"",), end="reset")
    return replying(server, method, path, [*[None] * after, *[lost] * times], undone=undone)
