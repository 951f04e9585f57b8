"""The lowest run-time dependencies that pyproject.toml allows: a requirement for pip a line."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
for requirement in project["dependencies"]:
    name, version = re.fullmatch(r"([a-z0-9-]+)>=([0-9.]+)(?:,<.*)?", requirement).groups()
    print(f"{name}=={version}")
