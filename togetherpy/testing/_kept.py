"""What the server keeps between requests, by path: files, batches, jobs of fine-tuning; and files of audio, which it
makes and reads without keeping them.

In: a path. Out: what answers each method there.
The rule: ids and states follow from the order of requests alone, so that a program sees the same at every run.
"""

import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote

from ._audio import speak, transcribe, translate
from ._batches import Ask, Batches, BatchRules
from ._files import Files
from ._finetune import FineTuning
from ._told import Told, Way

_ID = "([^/]+)"


class Kept:
    """All that is kept."""

    def __init__(self, ask: Ask, rules: BatchRules) -> None:
        """`ask`: what the server's own models answer to a path and parameters: status and body. `rules`: of batches."""
        files = Files()
        batches = Batches(files, ask, rules)
        jobs = FineTuning(files)
        self._ways: dict[re.Pattern[str], dict[str, Callable[..., Told]]] = {
            re.compile("/v1/files"): {"GET": files.list, "POST": files.describe},
            re.compile("/v1/files/upload"): {"POST": files.take},
            re.compile(f"/v1/files/{_ID}/content"): {"GET": files.content},
            re.compile(f"/v1/files/{_ID}/preprocess"): {"POST": files.preprocess},
            re.compile(f"/v1/files/{_ID}"): {"GET": files.retrieve, "DELETE": files.delete},
            re.compile(f"/signed/{_ID}"): {"PUT": files.put},
            re.compile("/v1/batches"): {"GET": batches.list, "POST": batches.create},
            re.compile(f"/v1/batches/{_ID}"): {"GET": batches.retrieve},
            re.compile(f"/v1/batches/{_ID}/cancel"): {"POST": batches.cancel},
            re.compile("/v1/audio/speech"): {"POST": speak},
            re.compile("/v1/audio/transcriptions"): {"POST": transcribe},
            re.compile("/v1/audio/translations"): {"POST": translate},
            re.compile("/v1/fine-tunes"): {"GET": jobs.list, "POST": jobs.create},
            re.compile("/v1/fine-tunes/estimate-price"): {"POST": jobs.estimate},
            re.compile(f"/v1/fine-tunes/{_ID}"): {"GET": jobs.retrieve, "DELETE": jobs.delete},
            re.compile(f"/v1/fine-tunes/{_ID}/cancel"): {"POST": jobs.cancel},
            re.compile(f"/v1/fine-tunes/{_ID}/events"): {"GET": jobs.events},
            re.compile(f"/v1/fine-tunes/{_ID}/checkpoints"): {"GET": jobs.checkpoints},
            re.compile("/v1/finetune/download"): {"GET": jobs.download},
        }

    def find(self, path: str) -> Mapping[str, Way] | None:
        """The methods of a path; None for one that is not of what is kept."""
        for pattern, ways in self._ways.items():
            match = pattern.fullmatch(path)
            if match is not None:
                parts = tuple(map(unquote, match.groups()))
                keyed = not path.startswith("/signed/")
                return {method: Way(told, parts, keyed) for method, told in ways.items()}
        return None
