"""Every Python that the tests are to run on, besides the one that runs this: a path a line, each version once.

In: PATH and what pyenv installed. Out: paths on standard output. The rule: a Python counts if it starts.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

NAMES = [f"python3.{minor}" for minor in range(11, 15)]
ASK = "import json, sys; print(json.dumps([sys.version, sys.base_prefix]))"

folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
folders += sorted((pyenv / "versions").glob("3.*/bin"))

seen = {(sys.version, str(Path(sys.base_prefix).resolve()))}
for python in (folder / name for name in NAMES for folder in folders):
    if not python.is_file():
        continue
    try:
        done = subprocess.run([python, "-I", "-c", ASK], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        continue  # pyenv has a stand-in for each version that is not switched on
    version, prefix = json.loads(done.stdout)
    if (known := (version, str(Path(prefix).resolve()))) not in seen:
        seen.add(known)
        print(python)
