"""Forked children, whatever the parent's other threads did at that moment; and the end of the interpreter: E8, E18."""

import os
import sys
from pathlib import Path

import pytest
from support.answers import OK
from support.clients import KEY
from support.processes import PYTHON, run
from support.scripted import ScriptedServer, repeat, request, send

BEGIN = f"""
import asyncio, os, signal, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads: what is tested is that it works
from togetherpy import AsyncTogether, Timeout, Together
from togetherpy._core import fork
CALL = dict(model="m", messages=[dict(role="user", content="x")])
def make(kind, base_url, **options):
    return (Together if kind == "sync" else AsyncTogether)(api_key={KEY!r}, base_url=base_url, **options)
def call(client):
    answer = client.chat.completions.create(**CALL)
    if isinstance(client, Together):
        return answer.id
    async def main():
        return (await answer).id
    return asyncio.run(main())
def child(work):
    pid = os.fork()
    if pid == 0:
        signal.alarm(30)  # a child that hangs
        try:
            os._exit(work())
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")


def output(program: str, *arguments: str, **variables: str) -> str:
    done = run(*PYTHON, "-c", BEGIN + program, *arguments, **variables)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.strip()


@forks
@pytest.mark.fault("E8")
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_lock_that_another_thread_holds_is_free_in_the_child(kind: str) -> None:
    program = """
kind, url = sys.argv[1:]
client = make(kind, url, max_retries=0)
call(client)
locks = [one for one in fork._all if isinstance(one, fork.Lock)]
from togetherpy._transport import route
assert len(locks) >= 4, locks  # the quota's, the client's, the transport's, the certificates'
def hold():
    for lock in locks:
        lock.__enter__()
    held.set()
    time.sleep(60)
held = threading.Event()
threading.Thread(target=hold, daemon=True).start()
held.wait()
def work():
    route.default_ssl_context(trust_env=True)
    assert client._shared.quota.take(1)
    client._shared.quota.give_back(1)
    make(kind, "https://127.0.0.1:9/v1", timeout=1, max_retries=0)._shared.transport().prepare()
    return 0 if call(client) == "r-1" and client._shared.close() else 1
print(child(work))
"""
    with ScriptedServer([repeat(request, send(OK))]) as server:
        assert output(program, kind, server.base_url) == "0"


@forks
@pytest.mark.fault("E8")
def test_what_another_thread_is_loading_is_loaded_before_the_fork() -> None:
    """A module's lock would be held for ever in the child, by a thread that it does not have."""
    program = """
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "togetherpy.resources.chat.completions":
            looking.set()
            forking.wait()
looking, forking = threading.Event(), threading.Event()
sys.meta_path.insert(0, Slow())
os.register_at_fork(before=forking.set)
client = make("sync", sys.argv[1], max_retries=0)
threading.Thread(target=lambda: client.chat.completions, daemon=True).start()
looking.wait()
print(child(lambda: 0 if call(client) == "r-1" else 1))
"""
    with ScriptedServer([repeat(request, send(OK))]) as server:
        assert output(program, server.base_url) == "0"


@forks
@pytest.mark.fault("E8", "E13")
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_threads_of_a_child_that_call_at_once(kind: str) -> None:
    program = """
kind, url = sys.argv[1:]
sys.setswitchinterval(1e-6)
client = make(kind, url, max_connections=4, max_retries=0)
call(client)
def work():
    barrier = threading.Barrier(8)
    def one():
        barrier.wait()
        call(client)
    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return client._shared.transport().slots.free
print({child(work) for _ in range(15)})
"""
    with ScriptedServer([repeat(request, send(OK))]) as server:
        assert output(program, kind, server.base_url) == "{4}"


@pytest.mark.fault("E18")
@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("used", [False, True])
def test_a_call_at_the_end_of_the_interpreter(kind: str, used: bool) -> None:
    """From Python 3.12 on no thread can be started there, and a host name is looked up in a thread."""
    program = """
import atexit
kind, url, used = sys.argv[1:]
client = make(kind, url, max_retries=0)
if used == "True":
    call(client)
atexit.register(lambda: print(call(client)))
if sys.version_info < (3, 12):
    def refuse(thread):
        raise RuntimeError("can't start new thread")
    atexit.register(lambda: setattr(threading.Thread, "start", refuse))
"""
    with ScriptedServer([repeat(request, send(OK))]) as server:
        url = server.base_url.replace("127.0.0.1", "localhost")
        assert output(program, kind, url, str(used)) == "r-1"


@pytest.mark.parametrize("way", ["call", "async with"])
def test_the_first_asynchronous_call_loads_what_it_needs_beside_the_loop(way: str) -> None:
    program = """
url, way = sys.argv[1:]
import importlib.abc
loaded = {}
class Spy(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        loaded[name] = threading.current_thread() is threading.main_thread()
sys.meta_path.insert(0, Spy())
async def main():
    client = make("async", url)
    assert "urllib3" not in loaded
    if way == "call":
        many = [client.chat.completions.create(**CALL) for _ in range(50)]
        assert {answer.id for answer in await asyncio.gather(*many)} == {"r-1"}
        await client.close()
    else:
        async with client:
            assert "urllib3" in loaded
            assert "togetherpy._transport.event_loop" in loaded
asyncio.run(main())
print({loaded[name] for name in loaded if name.split(".")[0] == "urllib3"})
"""
    with ScriptedServer([repeat(request, send(OK))]) as server:
        assert output(program, server.base_url, way) == "{False}"


def test_loading_is_shared_and_ends_with_its_loop() -> None:
    program = """
from togetherpy._core import loading
begun = []
async def main():
    go = threading.Event()
    def work():
        begun.append(1)
        go.wait(20)
        raise OSError  # for whoever does it again
    tasks = [asyncio.ensure_future(loading.in_thread(work)) for _ in range(5)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.sleep(0)
    go.set()
    return [type(one).__name__ for one in await asyncio.gather(*tasks, return_exceptions=True)]
print(asyncio.run(main()), begun, loading._running)
"""
    names = "['CancelledError', 'NoneType', 'NoneType', 'NoneType', 'NoneType']"
    assert output(program) == names + " [1] {}"


def test_where_a_lock_may_be_held_over_a_fork() -> None:
    """Locks that outlive a call are made by `fork`; the others belong to one call, or to a module that begins anew."""
    plain = {"contrib/log.py", "_chat/stream.py", "_transport/blocking.py", "_transport/connecting.py"}
    plain.add("resources/_rows.py")
    root = Path(sys.modules["togetherpy"].__file__ or "").parent
    for path in root.rglob("*.py"):
        name = path.relative_to(root).as_posix()
        if not name.startswith(("testing/", "batch/", "cli/")) and name not in plain:
            text = path.read_text("utf-8")
            assert "threading.Lock()" not in text, name
            assert "threading.Condition()" not in text, name
