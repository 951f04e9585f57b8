"""The server's files: uploads by two steps or one, downloads of all or a part.

In: requests. Out: answers.
The rule: as the service has it: whoever describes a file is sent to a signed place, which takes the bytes from anybody
without a key and from nobody with one.
"""

import hashlib
import re
import time
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from ._check import RequestError
from ._http import Request
from ._told import Field, Told, form_of, tell

PURPOSES = ("fine-tune", "batch-api", "eval", "eval-output", "calibration")
TYPES = ("jsonl", "parquet", "csv")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(slots=True)
class File:
    """One file; `content` is None before the bytes have come."""

    id: str
    name: str
    purpose: str
    type: str
    created_at: int
    content: bytes | None = None
    ready: bool = False

    def shown(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "id": self.id,
            "object": "file",
            "created_at": self.created_at,
            "filename": self.name,
            "bytes": len(self.content or b""),
            "purpose": self.purpose,
            "FileType": self.type,
            "LineCount": len((self.content or b"").splitlines()),
            "Processed": self.ready,
            "processing_status": "COMPLETED" if self.ready else "PENDING",
        }


class Files:
    """All files."""

    def __init__(self) -> None:
        self._files: dict[str, File] = {}
        self._made = 0

    def add(self, name: str, purpose: str, kind: str, content: bytes | None) -> File:
        """A new file."""
        self._made += 1
        identity = f"file-{uuid.uuid5(uuid.NAMESPACE_URL, f'file/{self._made}')}"
        file = File(identity, name, purpose, kind, int(time.time()), content, ready=content is not None)
        self._files[identity] = file
        return file

    def find(self, identity: str) -> File | None:
        """The file of an id."""
        return self._files.get(identity)

    def get(self, identity: str) -> File:
        """The same. Raises RequestError."""
        file = self.find(identity)
        if file is None:
            raise RequestError(404, f"File {identity} not found.", "file_not_found")
        return file

    def describe(self, request: Request) -> Told:
        """The first of two steps: 302 with the place for the bytes, or 409 when they are there already."""
        form = form_of(request)
        if "file" in form:
            return self.take(request)
        name, purpose, kind = _described(form)
        checksum = form["checksum"].text if "checksum" in form else None
        for file in self._files.values():
            same = file.content is not None and hashlib.sha256(file.content).hexdigest() == checksum
            if same and (file.name, file.purpose) == (name, purpose):
                return tell({"file_id": file.id, "error": {"message": "This file exists already."}}, 409)
        file = self.add(name, purpose, kind, None)
        place = f"http://{request.head.headers.get('host', 'localhost')}/signed/{file.id}?signature={_sign(file)}"
        return Told(302, b"", {"location": place, "x-together-file-id": file.id})

    def take(self, request: Request) -> Told:
        """An upload by one step."""
        form = form_of(request)
        if "file" not in form:
            raise RequestError(400, "Input validation error: `file` is missing.")
        given = form["file"].file or "file.jsonl"
        name, purpose, kind = _described({"file_name": Field(given.encode()), **form})
        return tell(self.add(name, purpose, kind, form["file"].value).shown())

    def put(self, request: Request, identity: str) -> Told:
        """The bytes of a file that was described."""
        file, query = self._files.get(identity), parse_qs(request.head.target.partition("?")[2])
        if "authorization" in request.head.headers:
            raise RequestError(400, "Only one way to be let in is allowed: the signature or a key.")
        if file is None or query.get("signature") != [_sign(file)]:
            raise RequestError(403, "Request has expired.", "AccessDenied")
        file.content = request.body
        return Told(200, b"")

    def preprocess(self, request: Request, identity: str) -> Told:
        """The second step: the file is complete."""
        file = self.get(identity)
        if file.content is None:
            raise RequestError(400, f"File {identity} has not been uploaded.")
        file.ready = True
        return tell(file.shown())

    def list(self, request: Request) -> Told:
        return tell({"object": "list", "data": [file.shown() for file in self._files.values()]})

    def retrieve(self, request: Request, identity: str) -> Told:
        return tell(self.get(identity).shown())

    def delete(self, request: Request, identity: str) -> Told:
        del self._files[self.get(identity).id]
        return tell({"id": identity, "object": "file", "deleted": True})

    def content(self, request: Request, identity: str) -> Told:
        """The bytes, or those that `range` asks for."""
        body = self.get(identity).content
        if body is None:
            raise RequestError(404, f"File {identity} has not been uploaded.", "file_not_found")
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        headers = {"etag": tag, "accept-ranges": "bytes"}
        asked = _RANGE.fullmatch(request.head.headers.get("range", ""))
        if asked is None or request.head.headers.get("if-range", tag) != tag:
            return Told(200, body, headers, "application/octet-stream")
        start, end = int(asked[1]), min(int(asked[2] or len(body)), len(body) - 1)
        if start >= len(body):
            raise RequestError(416, "There is no such part.", headers={"content-range": f"bytes */{len(body)}"})
        headers["content-range"] = f"bytes {start}-{end}/{len(body)}"
        return Told(206, body[start : end + 1], headers, "application/octet-stream")


def _described(form: dict[str, Field]) -> tuple[str, str, str]:
    """Name, purpose and type. Raises RequestError."""
    for name in ("purpose", "file_name"):
        if name not in form or not form[name].value:
            raise RequestError(400, f"Input validation error: `{name}` is missing.")
    name, purpose = form["file_name"].text, form["purpose"].text
    kind = form["file_type"].text if "file_type" in form else name.rpartition(".")[2]
    for said, value, allowed in (("purpose", purpose, PURPOSES), ("file_type", kind, TYPES)):
        if value not in allowed:
            raise RequestError(400, f"Input validation error: `{said}` must be one of {', '.join(allowed)}.")
    return name, purpose, kind


def _sign(file: File) -> str:
    return hashlib.sha256(f"signed/{file.id}".encode()).hexdigest()
