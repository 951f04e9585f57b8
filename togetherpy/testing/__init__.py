"""A real HTTP server on the loopback address that speaks the API's protocol, for tests and demonstrations offline.

    from togetherpy.testing import LocalServer

    with LocalServer() as server, server.client() as client:
        client.chat.completions.create(...)

It needs the standard library only, and nothing of it is loaded unless this module is imported. From a shell:
`python -m togetherpy.testing`.
"""

from ._batches import BatchRules
from ._http import Headers
from ._record import RecordedRequest
from ._server import LocalServer

__all__ = ["BatchRules", "Headers", "LocalServer", "RecordedRequest"]
