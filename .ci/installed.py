"""Checks the environment it runs in: what `pip install togetherpy` brought.

In: nothing. Out: exit status 0, or 1 and the reason. The rule: three packages and nothing besides.
"""

import sys
from importlib.metadata import distributions, files

TOOLS = {"pip", "setuptools", "wheel"}  # what a virtual environment begins with

packages = {distribution.name for distribution in distributions()} - TOOLS
if packages != {"togetherpy", "urllib3", "msgspec"}:
    sys.exit(f"installed are {sorted(packages)}")

names = {str(path) for path in files("togetherpy") or ()}
if "togetherpy/py.typed" not in names:
    sys.exit("togetherpy/py.typed is missing")
pages = sorted(name for name in names if name.endswith(".md"))
if pages:
    sys.exit(f"the wheel brings pages of the handbook: {pages}")
foreign = {name.split("/")[0] for name in names if not name.startswith(("togetherpy/", "togetherpy-", ".."))}
if foreign:
    sys.exit(f"the wheel brings {sorted(foreign)} too")
print(f"{len(names)} files, {len(packages)} packages")
