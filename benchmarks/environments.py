"""A virtual environment for each contender, kept from run to run.

In: what a contender requires. Out: an `Environment`: its interpreter, the packages in it and their bytes.
Rule: an environment holds what pip installs for that requirement and nothing else, pip itself included; one that stands
is used again until the requirement, the interpreter or (for this checkout) the source has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ("pyproject.toml", "README.md", "LICENSE", "togetherpy")
INSTALL_SECONDS = 600


class InstallError(Exception):
    """pip said no; its last words are the message."""


@dataclass(frozen=True)
class Environment:
    python: str
    packages: dict[str, str]  # name -> version
    bytes: int  # of the files that the packages brought
    bytes_compiled: int  # and with the bytecode that pip makes of them


def default_directory() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "togetherpy-benchmarks"


def current() -> Environment:
    """The running interpreter as it is: for a quick run, which installs nothing."""
    return Environment(sys.executable, {d.name: d.version for d in metadata.distributions()}, 0, 0)


def make(requires: list[str], directory: Path) -> Environment:
    """Raises InstallError when pip does not install it."""
    key = _key(requires)
    home = directory / (_slug(requires) + "-" + key)
    stamp = home / "environment.json"
    if not stamp.exists():
        for old in directory.glob(_slug(requires) + "-" + "[0-9a-f]" * len(key)):
            shutil.rmtree(old)
        venv.create(home, symlinks=True)
        _install(requires, home)
        stamp.write_text(json.dumps(asdict(_survey(home))))
    return Environment(**json.loads(stamp.read_text()))


def _slug(requires: list[str]) -> str:
    names = [name.replace(".", "togetherpy", 1) if name.startswith(".") else name for name in requires]
    return re.sub(r"[^a-z0-9]+", "-", " ".join(names)).strip("-") or "nothing"


def _key(requires: list[str]) -> str:
    source = _source() if any(name.startswith(".") for name in requires) else ""
    return hashlib.sha256(f"{requires} {sys.version} {source}".encode()).hexdigest()[:12]


@lru_cache(maxsize=1)  # once a run, so that all its contenders are of one state of the source
def _source() -> str:
    digest = hashlib.sha256()
    for path in (ROOT / "pyproject.toml", *sorted(ROOT.joinpath("togetherpy").rglob("*.py"))):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def _install(requires: list[str], home: Path) -> None:
    if not requires:
        return
    with tempfile.TemporaryDirectory() as build:  # a copy: no build may leave anything in the source
        for name in PACKAGE if any(name.startswith(".") for name in requires) else ():
            source = ROOT / name
            ignored = shutil.ignore_patterns("__pycache__")
            (
                shutil.copytree(source, Path(build, name), ignore=ignored)
                if source.is_dir()
                else shutil.copy(source, build)
            )
        command = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install", "-q", *requires]
        try:
            done = subprocess.run(command, cwd=build, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        except subprocess.TimeoutExpired:
            raise InstallError(f"pip took more than {INSTALL_SECONDS} s") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise InstallError(lines[-1] if lines else "pip failed without a word")


def _survey(home: Path) -> Environment:
    site = next(home.glob("lib/python*/site-packages"))
    files = [path for path in site.rglob("*") if path.is_file()]
    compiled = sum(path.stat().st_size for path in files)
    source = sum(path.stat().st_size for path in files if path.suffix != ".pyc")
    packages = {d.name: d.version for d in metadata.distributions(path=[str(site)])}
    return Environment(str(home / "bin" / "python"), dict(sorted(packages.items())), source, compiled)
