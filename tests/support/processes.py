"""Programs run in processes of their own, as a user runs them.

In: arguments and environment variables. Out: exit status and output.
The rule: neither key, base URL nor proxy of the machine that runs the tests gets in, and every warning is an error.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LIMIT = 60.0
"""Seconds after which a hanging program is given up."""
_OURS = ("TOGETHER_", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "REQUEST_METHOD")
_PYTHONS = ("PYTHONIOENCODING", "PYTHONUTF8", "PYTHONUNBUFFERED", "LC_", "LANG")
PYTHON = (sys.executable, "-W", "error")
COMMAND = (*PYTHON, "-m", "togetherpy")


def decides(name: str) -> bool:
    """Whether a client asks the environment for this variable."""
    return name.startswith(_OURS) or name.lower().endswith("_proxy")


def environment(**variables: str) -> dict[str, str]:
    """The variables of this process without those that would decide the outcome, and `variables`."""
    inherited = {
        name: value for name, value in os.environ.items() if not decides(name) and not name.startswith(_PYTHONS)
    }
    return {**inherited, "PYTHONUTF8": "1", **variables}


def run(
    *command: str, cwd: str | None = None, seconds: float = LIMIT, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end, for at most so many seconds."""
    return subprocess.run(
        command,
        env=environment(**variables),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=seconds,
        check=False,
    )


@contextmanager
def started(*command: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that is running, its output unbuffered on our side; killed at the end if it has not ended."""
    with subprocess.Popen(
        command,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
