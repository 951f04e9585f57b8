"""`python -m togetherpy`: the same as the `togetherpy` command.

In: command-line arguments. Out: an exit status. The rule: nothing of its own.
"""

import sys

from togetherpy.cli import main

if __name__ == "__main__":
    sys.exit(main())
