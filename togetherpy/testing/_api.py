"""The API's front door: a `Request` goes in, an `Answer` comes out, as the service would give it.

The rule: what the service refuses is refused here with the same status and the same error body, in the same order:
the path, the key, the body's form, the model, the parameters.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from ._answer import JSON_TYPE, SSE_TYPE, Answer, Framing, build
from ._batches import BatchRules
from ._chat import Answers, complete
from ._check import RequestError, check_chat
from ._completions import check_completion, complete_prompt
from ._embeddings import check_embeddings, embed
from ._http import Request, parse_head
from ._images import PLACE, check_images, draw, png
from ._json import as_dict, to_json
from ._kept import Kept
from ._limits import Limits
from ._made import Made
from ._rates import Leave, Rates
from ._rerank import check_rerank, rerank
from ._told import Way

MODELS = (
    "meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "deepseek-ai/DeepSeek-R1",
    "openai/gpt-oss-20b",
    "Qwen/Qwen3-235B-A22B-Instruct-2507-tput",
)
_MAKERS: dict[str, tuple[Callable[[dict[str, Any], Callable[[str], bool]], None], Callable[..., Made]]] = {
    "/v1/chat/completions": (check_chat, complete),
    "/v1/completions": (check_completion, complete_prompt),
    "/v1/embeddings": (check_embeddings, embed),
    "/v1/images/generations": (check_images, draw),
    "/v1/rerank": (check_rerank, rerank),
}
"""What is asked of a model: what refuses wrong parameters, and what makes the answer."""
_ALLOWED = {**dict.fromkeys(_MAKERS, "POST"), "/v1/models": "GET"}
_ONE_MODEL = "/v1/models/"
_NO_KEY = (
    "Invalid API key provided. You can find your API key at https://api.together.ai/settings/api-keys.",
    "invalid_api_key",
)


class Api:
    """Answers requests. `models`: the accepted names, or None for all but the made-up unknown ones (`LocalServer`);
    `rates`: who is served now; `answers`: what is said, None what comes of itself; `rules`: of batches."""

    def __init__(
        self,
        models: tuple[str, ...] | None,
        rates: Rates,
        *,
        pace: float = 0.0,
        answers: Answers | None = None,
        rules: BatchRules | None = None,
    ) -> None:
        self._models = models
        self._answers = answers
        self._rates = rates
        self._pace = pace
        self._served = 0
        self._kept = Kept(self._ask_of_batch, rules or BatchRules())
        self._free: Api | None = None

    def answer(self, request: Request) -> Answer:
        """The answer to a request; an error too is an answer."""
        self._served += 1
        ray = f"{(self._served * 0x9E37_79B9_7F4A_7C15) % 2**64:016x}"  # looks like chance, never comes twice
        try:
            return self._respond(request, ray)
        except RequestError as error:
            return self._refusal(error, request, ray)
        except Exception as error:  # a fault in here must not leave a client waiting for ever
            fault = RequestError(500, f"{type(error).__name__}: {error}", kind="server_error")
            return self._refusal(fault, request, ray)

    def _respond(self, request: Request, ray: str) -> Answer:
        path = request.head.target.partition("?")[0]
        kept = None if path in _ALLOWED else self._kept.find(path)
        if kept is not None:
            return self._keep(kept, request, ray)
        if path.startswith(PLACE) and request.head.method == "GET":  # as the service's, open to all
            return build(200, {"content-type": "image/png", **_headers(ray)}, [png(path.removeprefix(PLACE))])
        allowed = _allowed(path)
        if allowed is None:
            raise RequestError(404, f"Unknown path {path}.")
        if request.head.method != allowed:
            raise RequestError(405, f"{path} takes {allowed}, not {request.head.method}.")
        key = _check_key(request)
        if path == "/v1/models":
            return self._success(to_json(self._model_list()), ray, self._rates.free)
        if path.startswith(_ONE_MODEL):
            name = unquote(path.removeprefix(_ONE_MODEL))
            return self._success(to_json(self._one_model(name)), ray, self._rates.free)
        return self._ask(path, request, key, ray)

    def _keep(self, ways: Mapping[str, Way], request: Request, ray: str) -> Answer:
        """The answer about something that the server keeps."""
        way = ways.get(request.head.method)
        if way is None:
            raise RequestError(
                405, f"{request.head.target} takes {', '.join(ways)}.", headers={"allow": ", ".join(ways)}
            )
        if way.keyed:
            _check_key(request)
        told = way.tell(request, *way.parts)
        return build(told.status, {"content-type": told.content_type, **_headers(ray), **told.headers}, [told.body])

    def _ask_of_batch(self, path: str, params: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The status and the body of the answer to a request of a batch, which no rate holds back."""
        head = parse_head(f"POST {path} HTTP/1.1\r\nhost: batch\r\nauthorization: Bearer batch".encode())
        self._free = self._free or Api(self._models, Rates(Limits()), answers=self._answers)
        answer = self._free.answer(Request(head, to_json({**params, "stream": False})))
        found, _, body = b"".join(answer.pieces).partition(b"\r\n\r\n")
        return int(found[9:12]), json.loads(body)

    def _ask(self, path: str, request: Request, key: str, ray: str) -> Answer:
        params, (check, make) = _parse(request.body), _MAKERS[path]
        check(params, self._knows)
        leave = self._rates.enter(key, params["model"])
        try:
            own: dict[str, Any] = {"host": request.head.headers.get("host", "")} if make is draw else {}
            if make in (complete, complete_prompt) and self._answers is not None:
                own["answers"] = self._answers
            made = make(params, identity=f"o{ray[-6:]}-2kFHot-{ray}", created=int(time.time()), **own)
            leave.spend(made.usage["total_tokens"])
            if params.get("stream") and (events := made.events()):
                return self._stream(events, request, ray, leave)
            return self._success(to_json(made.response()), ray, leave)
        except Exception:
            if leave.done is not None:
                leave.done()
            raise

    def _stream(self, events: list[bytes], request: Request, ray: str, leave: Leave) -> Answer:
        headers = {"content-type": SSE_TYPE, "cache-control": "no-cache, no-transform", **_headers(ray), **leave.told()}
        framing: Framing = "close" if request.head.http10 else "chunked"
        return build(200, headers, events, framing=framing, pace=self._pace, delay=leave.delay, done=leave.done)

    def _success(self, body: bytes, ray: str, leave: Leave) -> Answer:
        headers = {"content-type": JSON_TYPE, **_headers(ray), **leave.told()}
        return build(200, headers, [body], delay=leave.delay, done=leave.done)

    def _refusal(self, error: RequestError, request: Request, ray: str) -> Answer:
        headers = {**_headers(ray), **error.headers}
        if error.status == 405 and "allow" not in headers:
            headers["allow"] = _allowed(request.head.target.partition("?")[0]) or ""
        answer = error_answer(error.status, error.message, error.code, kind=error.kind, headers=headers, ray=ray)
        if request.head.method != "HEAD":
            return answer
        head, _, _ = answer.pieces[0].partition(b"\r\n\r\n")
        return Answer((head + b"\r\n\r\n",), end=answer.end)

    def _knows(self, model: str) -> bool:
        if self._models is not None:
            return model in self._models
        return "unknown" not in model and not model.startswith("no-such")

    def _model_list(self) -> list[dict[str, Any]]:
        return [_described(name) for name in (MODELS if self._models is None else self._models)]

    def _one_model(self, name: str) -> dict[str, Any]:
        if not self._knows(name):
            raise RequestError(404, f"Unable to find model {name}.", "model_not_found")
        return _described(name)


def _allowed(path: str) -> str | None:
    """The method that a path takes; None for one that there is not."""
    return "GET" if path.startswith(_ONE_MODEL) else _ALLOWED.get(path)


def _described(name: str) -> dict[str, Any]:
    owner, _, short = name.rpartition("/")
    return {
        "id": name,
        "object": "model",
        "created": 1735689600,
        "type": "chat",
        "display_name": short,
        "organization": owner or None,
        "link": f"https://huggingface.co/{name}",
        "license": "apache-2.0",
        "context_length": 131072,
        "config": {"chat_template": None, "stop": [], "bos_token": None, "eos_token": None},
        "pricing": {"hourly": 0, "input": 0.88, "output": 0.88, "base": 0, "finetune": 0},
    }


def error_answer(
    status: int,
    message: str,
    code: str | None = None,
    *,
    kind: str = "invalid_request_error",
    headers: Mapping[str, str] | None = None,
    ray: str = "9ed4000000000000",
) -> Answer:
    """The API's error envelope; without `headers`, for a request that could not be read: it closes the connection."""
    error = {"message": message, "type": kind, "param": None, "code": code}
    body = to_json({"id": f"o{ray[-6:]}-2kFHot-{ray}", "error": error}, indent=2)
    fields = {"content-type": JSON_TYPE, **(headers or {"server": "cloudflare"})}
    return build(status, fields, [body], keep_alive=headers is not None)


def _headers(ray: str) -> dict[str, str]:
    return {"server": "cloudflare", "cf-ray": f"{ray}-LOC", "cf-cache-status": "DYNAMIC", "vary": "Accept-Encoding"}


def _check_key(request: Request) -> str:
    scheme, _, key = request.head.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        message, code = _NO_KEY
        raise RequestError(401, message, code)
    return key


def _parse(body: bytes) -> dict[str, Any]:
    try:
        params = as_dict(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise RequestError(400, f"The body is not valid JSON: {error}") from None
    if params is None:
        raise RequestError(400, "The body is not a JSON object.")
    return params
