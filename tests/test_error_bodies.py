"""What a server says when it refuses, in every shape that servers have been seen to use."""

import json
from typing import Any

import pytest

from togetherpy import error as errors
from togetherpy._core.config import Secret
from togetherpy._core.errors import MAX_KEPT, fault_error, named_error, status_error, unusable
from togetherpy._core.named import MAX_SHOWN, read_named
from togetherpy._core.wire import Fault, FaultKind, Headers, Phase, Reply

KEY = "sk-Z9/y8X7+w6"
SECRETS = (Secret(KEY),)


def reply(body: Any, status: int = 400, **fields: str) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body, indent=2).encode()
    return Reply(status, Headers({name.replace("_", "-"): value for name, value in fields.items()}), raw)


HTML = b"""<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title><style>body { color: red }</style></head>
<body><script>alert("x")</script><h1>Bad&nbsp;gateway</h1>\n\n<p>The web server   is down.</p></body></html>"""

# body -> message, type, code, param
SHAPES: dict[str, tuple[Any, tuple[str, str | None, str | None, str | None]]] = {
    "Together": (
        {
            "id": "oabc-2kFHot-9ed4",
            "error": {
                "message": "Invalid API key provided.",
                "type": "invalid_request_error",
                "param": None,
                "code": "invalid_api_key",
            },
        },
        ("Invalid API key provided.", "invalid_request_error", "invalid_api_key", None),
    ),
    "Together, a parameter": (
        {"error": {"message": "Invalid request", "type": "invalid_request_error", "param": "model", "code": None}},
        ("Invalid request", "invalid_request_error", None, "model"),
    ),
    "Together, message as an object": (
        {
            "id": "x",
            "error": {
                "message": {
                    "message": "m is not a multimodal model None",
                    "type": "BadRequestError",
                    "param": None,
                    "code": 400,
                },
                "type": "invalid_request_error",
                "param": None,
                "code": None,
            },
        },
        ("m is not a multimodal model None", "invalid_request_error", None, None),
    ),
    "message as an object in an object": (
        {"error": {"message": {"message": {"detail": "deep"}}}},
        ("deep", None, None, None),
    ),
    "message as an object without a message": (
        {"error": {"message": {"reason": "none"}}},
        ("none", None, None, None),
    ),
    "message as a list": ({"error": {"message": [{"loc": ["body"]}]}}, ('[{"loc": ["body"]}]', None, None, None)),
    "message as a number": ({"error": {"message": 7}}, ("7", None, None, None)),
    "no message": ({"error": {"type": "t"}}, ('{"type": "t"}', "t", None, None)),
    "error as text": ({"error": "the text"}, ("the text", None, None, None)),
    "error as text, with a type": (
        {"error": "Input validation error", "error_type": "validation", "type": "t"},
        ("Input validation error", "t", None, None),
    ),
    "error as text, with a code (x.ai)": (
        {"code": "Client specified an invalid argument", "error": "no such model"},
        ("no such model", None, "Client specified an invalid argument", None),
    ),
    "flat (cerebras)": (
        {"message": "Wrong key", "type": "t", "param": "p", "code": "wrong_api_key"},
        ("Wrong key", "t", "wrong_api_key", "p"),
    ),
    "flat (mistral)": (
        {"object": "error", "message": "Too many", "type": "rate_limited", "param": None, "code": "1300"},
        ("Too many", "rate_limited", "1300", None),
    ),
    "detail as text": ({"detail": "Not Found"}, ("Not Found", None, None, None)),
    "detail as a list": (
        {"detail": [{"type": "missing", "loc": ["body", "model"]}]},
        ('[{"type": "missing", "loc": ["body", "model"]}]', "missing", None, None),
    ),
    "code as a number": ({"error": {"message": "m", "code": 429}}, ("m", None, "429", None)),
    "code empty": ({"error": {"message": "m", "code": "", "type": ""}}, ("m", None, None, None)),
    "code as an object": ({"error": {"message": "m", "code": {"a": 1}}}, ("m", None, '{"a": 1}', None)),
    "text in JSON": ("just text", ("just text", None, None, None)),
    "FastAPI": (
        {
            "detail": [
                {"type": "missing", "loc": ["body", "model"], "msg": "Field required", "input": {}},
                {"type": "int_type", "loc": ["body", "messages", 0, "n"], "msg": "Input should be an integer"},
            ]
        },
        (
            "model: Field required; messages.0.n: Input should be an integer",
            "missing",
            None,
            "model",
        ),
    ),
    "detail in a message (mistral 422)": (
        {"object": "error", "message": {"detail": [{"loc": ["body", "n"], "msg": "no", "type": "t"}]}, "code": "1"},
        ("n: no", None, "1", None),
    ),
    "a list (Google)": (
        [{"error": {"code": 400, "message": "API key not valid", "status": "INVALID_ARGUMENT", "details": [{"a": 1}]}}],
        ("API key not valid", None, "400", None),
    ),
    "a list of errors": ([{"code": "a", "message": "one"}, {"message": "two"}], ("one; two", None, "a", None)),
    "errors (Cloudflare)": (
        {"success": False, "errors": [{"code": 7003, "message": "no route"}], "messages": [], "result": None},
        ("no route", None, "7003", None),
    ),
    "complaints of fields": (
        {"errors": {"model": ["is unknown"], "n": ["is too big", "is odd"]}},
        ("model: is unknown; n: is too big; is odd", None, None, None),
    ),
    "complaints of fields, and words": (
        {"title": "Validation failed.", "status": 422, "errors": {"Model": ["is missing"]}},
        ("Validation failed: Model: is missing", None, None, None),
    ),
    "errors by field": ({"errors": {"message": "m", "code": 3}}, ("m", None, "3", None)),
    "msg": ({"code": 1001, "msg": "no such model", "success": False}, ("no such model", None, "1001", None)),
    "error_msg": ({"error_code": 336003, "error_msg": "no messages"}, ("no messages", None, "336003", None)),
    "errorMessage": ({"errorCode": "E1", "errorMessage": "camel"}, ("camel", None, "E1", None)),
    "base_resp (MiniMax)": (
        {"choices": None, "base_resp": {"status_code": 1004, "status_msg": "login fail"}},
        ("login fail", None, "1004", None),
    ),
    "DashScope": (
        {"code": "InvalidApiKey", "message": "Invalid API-key.", "request_id": "r"},
        ("Invalid API-key.", None, "InvalidApiKey", None),
    ),
    "TGI": (
        {"error": "Model is overloaded", "error_type": "overloaded"},
        ("Model is overloaded", "overloaded", None, None),
    ),
    "problem+json": (
        {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "no function"},
        ("no function", "about:blank", None, None),
    ),
    "a title and a reason": (
        {"statusCode": 400, "error": "Bad Request", "message": "why"},
        ("Bad Request: why", None, "400", None),
    ),
    "Anthropic": (
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        ("Overloaded", "overloaded_error", None, None),
    ),
    "status as an object": ({"status": {"code": 5, "description": "d"}}, ("d", None, "5", None)),
    "status as words": ({"status": "model is loading"}, ("model is loading", None, None, None)),
    "metadata (OpenRouter)": (
        {"error": {"code": 502, "message": "Provider returned error", "metadata": {"raw": "out of memory"}}},
        ("Provider returned error: out of memory", None, "502", None),
    ),
    "fault": ({"fault": {"faultstring": "spike", "detail": {"errorcode": "p.S"}}}, ("spike", None, "p.S", None)),
    "code alone": ({"error": {"code": "E7"}}, ('{"code": "E7"}', None, "E7", None)),
    "full stop": ({"error": "Ends so. "}, ("Ends so.", None, None, None)),
    "list": (["a", 1], ('["a", 1]', None, None, None)),
    "null": (None, ("null", None, None, None)),
    "number": (42, ("42", None, None, None)),
    "empty object": ({}, ("{}", None, None, None)),
    "error null": ({"error": None}, ('{"error": null}', None, None, None)),
    "error empty": ({"error": ""}, ('{"error": ""}', None, None, None)),
    "error as a list": ({"error": ["a", "b"]}, ("a; b", None, None, None)),
    "not ASCII": ({"error": {"message": "\u6a21\u578b"}}, ("\u6a21\u578b", None, None, None)),
    "not ASCII in a list": ({"detail": ["\u6a21\u578b"]}, ("\u6a21\u578b", None, None, None)),
    "lone surrogate": (b'{"error": {"message": "half \\ud83d"}}', ("half \ufffd", None, None, None)),
    "several lines": ({"error": {"message": "a\n\n  b\tc "}}, ("a b c", None, None, None)),
    "BOM": (b'\xef\xbb\xbf{"error": "bom"}', ("bom", None, None, None)),
    "text/plain": (b"error code: 521", ("error code: 521", None, None, None)),
    "HTML": (HTML, ("502 Bad Gateway Bad&nbsp;gateway The web server is down.", None, None, None)),
    "HTML in upper case": (b"<HTML><BODY>Down", ("Down", None, None, None)),
    "XML": (b"<?xml version='1.0'?><Error>Denied</Error>", ("Denied", None, None, None)),
    "not UTF-8": (b"caf\xe9", ("caf\ufffd", None, None, None)),
    "damaged JSON": (b'{"error": {"mess', ('{"error": {"mess', None, None, None)),
    "empty": (b"", ("the server gave no reason", None, None, None)),
    "blanks": (b" \r\n ", ("the server gave no reason", None, None, None)),
}


@pytest.mark.fault("C9", "C15")
@pytest.mark.parametrize(("body", "expected"), SHAPES.values(), ids=SHAPES)
def test_every_shape_gives_a_readable_message(body: Any, expected: tuple[str, Any, Any, Any]) -> None:
    error = status_error(reply(body), ())
    assert type(error) is errors.BadRequestError
    assert (error.type, error.code, error.param) == expected[1:]
    assert str(error) == f"Error code: 400 - {expected[0]}".removesuffix(".") + "."
    assert (error.status_code, error.http_status) == (400, 400)
    assert "\n" not in str(error)
    str(error).encode()  # can be printed


def test_the_body_is_kept() -> None:
    body = {"error": {"message": "m", "extra": [1, None]}, "id": "x"}
    assert status_error(reply(body), ()).body == body
    assert status_error(reply(b"plain text"), ()).body == "plain text"
    assert status_error(reply(b""), ()).body == ""


@pytest.mark.fault("B17")
@pytest.mark.parametrize("body", [b"x" * 1_000_000, {"error": {"message": "x" * 1_000_000}}, [["x" * 1000] * 1000]])
def test_long_texts_are_cut(body: Any) -> None:
    error = status_error(reply(body), ())
    assert len(str(error)) <= MAX_SHOWN + len("Error code: 400 - ")
    assert str(error).endswith("...")


@pytest.mark.parametrize(
    "opening", [b"[", b'{"message":', b'{"error":{"message":', b'{"error":{"code":', b'{"detail":[']
)
@pytest.mark.parametrize("depth", [100, 300, 450, 480, 490, 500, 700, 900, 950, 970, 980, 990, 1000, 100_000])
def test_deep_nesting_is_no_trouble(opening: bytes, depth: int) -> None:
    closing = opening.translate(bytes.maketrans(b"[{", b"]}"), b'":acdegilmorst')[::-1]
    error = status_error(reply(opening * depth + b"1" + closing * depth), ())
    assert type(error) is errors.BadRequestError
    assert 0 < len(str(error)) <= MAX_SHOWN + 30


def test_a_value_too_deep_to_be_shown() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    named = read_named({"error": {"message": deep}})
    assert named is not None
    assert named.message == "an error in a form that is nested too deeply to show"


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "Check api_key or TOGETHER_API_KEY."),
        (402, "needs credit"),
        (404, "Check base_url."),
        (413, "too large"),
        (429, "Send fewer requests"),
    ],
)
def test_the_message_says_what_to_do(status: int, hint: str) -> None:
    error = status_error(reply({"error": "no"}, status), ())
    assert str(error).startswith(f"Error code: {status} - no. ")
    assert hint in str(error)


# Redirects


@pytest.mark.fault("C14")
@pytest.mark.parametrize(
    ("location", "origin"),
    [
        ("https://other.example/v1/chat?token=s3cret#s3cret", "https://other.example"),
        ("http://other.example:8080/s3cret", "http://other.example:8080"),
        ("https://user:s3cret@other.example/", "https://other.example"),
        ("https://user:s3@s3cret@other.example/", "https://other.example"),
        ("https://other.example?s3cret", "https://other.example"),
        ("ftp://u:s3cret@other.example/s3cret", "ftp://other.example"),
        ("//other.example/s3cret", "//other.example"),
        ("/s3cret", "another place on the same server"),
        ("s3cret", "another place on the same server"),
        ("", "another place on the same server"),
        (None, "another place on the same server"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_names_only_the_origin(status: int, location: str | None, origin: str) -> None:
    fields = {} if location is None else {"location": location}
    error = status_error(reply(b"<html>moved to s3cret", status, **fields), ())
    assert type(error) is errors.APIStatusError
    assert str(error) == (
        f"Error code: {status} - a redirect to {origin}, not followed; set base_url to the server itself."
    )


# Request ids


@pytest.mark.parametrize(
    ("fields", "body", "expected"),
    [
        ({"x_request_id": "x", "cf_ray": "ray"}, {"id": "b"}, "x"),
        ({"cf_ray": "ray"}, {"id": "b"}, "b"),
        ({"cf_ray": "ray"}, {"id": 7}, "ray"),
        ({"cf_ray": "ray"}, ["id"], "ray"),
        ({"cf_ray": "ray", "x_request_id": ""}, {}, "ray"),
        ({}, {}, None),
    ],
)
def test_request_id(fields: dict[str, str], body: Any, expected: str | None) -> None:
    assert status_error(reply(body, **fields), ()).request_id == expected


# The key


ESCAPED = [
    KEY,
    KEY.replace("/", "\\/"),
    "".join(f"\\u{ord(character):04x}" for character in KEY),
    f"{KEY[:5]}\\u{ord(KEY[5]):04X}{KEY[6:]}",
]


@pytest.mark.fault("G7")
@pytest.mark.parametrize("written", ESCAPED)
@pytest.mark.parametrize("form", ['{"error": {"message": "bad key %s", "code": "%s"}}', '{"%s": ["%s"]}', '"%s%s"'])
def test_an_echoed_key_is_masked(form: str, written: str) -> None:
    body = (form % (written, written)).encode()
    for error in (
        status_error(reply(body, 401, x_echo=f"key {KEY}", x_request_id=KEY, location=f"https://{KEY}/"), SECRETS),
        status_error(reply(body, 307, location=f"https://{KEY.replace('/', '')}.{KEY}/"), SECRETS),
        named_error(body, 200, Headers({"x-echo": KEY}), SECRETS),
    ):
        text = f"{error!s} {error.body!r} {dict(error.headers)!r} {error.code} {error.request_id} {vars(error)!r}"
        assert KEY not in text
        assert KEY not in json.dumps(error.body)
        assert "***" in text


@pytest.mark.fault("G7")
def test_an_echoed_key_is_masked_in_text_and_in_unusable_bodies() -> None:
    assert status_error(reply(f"no {KEY}".encode(), 401), SECRETS).body == "no ***"
    body = b"<html>" + KEY.encode() + json.dumps(KEY).encode()
    error = unusable(reply(body, 200, content_type=f"text/html; {KEY}", x_echo=KEY), f"it says {KEY}", SECRETS)
    assert KEY not in f"{error!s}{error.body!r}{dict(error.headers)}"
    assert error.body == b'<html>***"***"'


@pytest.mark.fault("G7")
def test_the_key_is_not_cut_in_two_before_it_is_masked() -> None:
    for start in range(MAX_KEPT - len(KEY), MAX_KEPT + 1):
        error = unusable(reply(b"x" * start + KEY.encode() * 3, 200), "no", SECRETS)
        assert len(error.body) <= MAX_KEPT
        assert error.body.strip(b"x").strip(b"*") == b""
    for start in range(MAX_SHOWN - len(KEY) - 3, MAX_SHOWN):
        assert "sk-" not in str(status_error(reply(b"x" * start + KEY.encode()), SECRETS))


# Unusable answers


@pytest.mark.fault("B14", "B15", "B17", "B18")
def test_an_unusable_answer_keeps_its_body() -> None:
    error = unusable(reply(HTML, 200, content_type="text/html", cf_ray="ray"), "it is no JSON", ())
    assert type(error) is errors.APIResponseError
    assert error.body == HTML
    assert (error.http_status, error.request_id, error.headers["Content-Type"]) == (200, "ray", "text/html")
    assert str(error) == (
        f"The server answered 200 with text/html, {len(HTML)} bytes, but it is no JSON: "
        "'502 Bad Gateway Bad&nbsp;gateway The web server is down.'"
    )
    empty = unusable(reply(b"", 204), "its body is empty", ())
    assert str(empty) == "The server answered 204 with no content-type, 0 bytes, but its body is empty."


@pytest.mark.fault("B17", "B18")
def test_what_is_kept_and_shown_of_an_unusable_answer_is_bounded() -> None:
    error = unusable(reply(b"x" * 1_000_000, 200), "no", ())
    assert len(error.body) == MAX_KEPT
    assert len(str(error)) < 300


# Errors named inside a 2xx


@pytest.mark.fault("B16", "D9")
@pytest.mark.parametrize(
    ("error", "cls", "status"),
    [
        ({"message": "m", "code": 429}, errors.RateLimitError, 429),
        ({"message": "m", "code": "503"}, errors.ServiceUnavailableError, 503),
        ({"message": "m", "code": 400}, errors.BadRequestError, 400),
        ({"message": "m", "code": 200}, errors.APIStatusError, 200),
        ({"message": "m", "code": "1300"}, errors.APIStatusError, 200),
        ({"message": "m", "type": "invalid_request_error"}, errors.BadRequestError, 400),
        ({"message": "m", "type": "Rate_Limit"}, errors.RateLimitError, 429),
        ({"message": "m", "type": "model_rate_limit"}, errors.RateLimitError, 429),
        ({"message": "m", "type": "credit_limit"}, errors.PaymentRequiredError, 402),
        ({"message": "m", "type": "server_error"}, errors.InternalServerError, 500),
        ({"message": "m", "type": "service_unavailable"}, errors.ServiceUnavailableError, 503),
        ({"message": "m", "type": "brand_new"}, errors.APIStatusError, 200),
        ({"message": "m", "code": "overloaded_error"}, errors.ServiceUnavailableError, 503),
        ({"message": "m"}, errors.APIStatusError, 200),
        ("m", errors.APIStatusError, 200),
        ({"message": "m", "status": 429}, errors.RateLimitError, 429),
        ({"message": "m", "status_code": "503"}, errors.ServiceUnavailableError, 503),
        ({"message": "m", "http_status_code": 401}, errors.AuthenticationError, 401),
        ({"message": "m", "code": "x", "status": "429 Too Many Requests"}, errors.RateLimitError, 429),
        ({"message": "m", "code": 8, "status": "RESOURCE_EXHAUSTED"}, errors.RateLimitError, 429),
        ({"message": "m", "code": "rate_limit_exceeded"}, errors.RateLimitError, 429),
        ({"message": "m", "type": "BadRequestError"}, errors.BadRequestError, 400),
        ({"message": "m", "code": 1302}, errors.APIStatusError, 200),
        ({"message": "m", "code": True, "status": 4290}, errors.APIStatusError, 200),
    ],
)
def test_an_error_inside_a_200(error: Any, cls: type, status: int) -> None:
    made = named_error(json.dumps({"error": error}).encode(), 200, Headers({"cf-ray": "r"}), ())
    assert type(made) is cls
    assert (made.status_code, made.http_status) == (status, status)
    assert str(made) == "The server answered 200 and then named an error: m."
    assert made.request_id == "r"
    assert made.body == {"error": error}


@pytest.mark.fault("D9")
@pytest.mark.fault("B16")
@pytest.mark.parametrize("name", ["status", "status_code", "http_status_code", "statusCode", "code"])
def test_the_status_beside_an_error(name: str) -> None:
    made = named_error(json.dumps({"error": {"message": "m", "code": "x"}, name: 429}).encode(), 200, Headers({}), ())
    assert (type(made), made.code) == (errors.RateLimitError, "x")
    made = named_error(json.dumps({"error": {"message": "m", "status": 400}, name: 429}).encode(), 200, Headers({}), ())
    assert type(made) is errors.BadRequestError


def test_an_error_event_that_is_no_json() -> None:
    made = named_error(b"upstream is gone", 200, Headers({}), ())
    assert str(made) == "The server answered 200 and then named an error: upstream is gone."
    assert named_error(b"[1]", 200, Headers({}), ()).message.endswith("named an error: [1].")


# Network faults


@pytest.mark.parametrize(
    ("kind", "phase", "cls"),
    [
        ("refused", "connecting", errors.APIConnectionError),
        ("dns", "connecting", errors.APIConnectionError),
        ("tls", "connecting", errors.APIConnectionError),
        ("proxy", "connecting", errors.APIConnectionError),
        ("timeout", "connecting", errors.APITimeoutError),
        ("timeout", "sent", errors.APITimeoutError),
        ("reset", "committed", errors.APIConnectionError),
        ("protocol", "sent", errors.APIConnectionError),
        ("closed", "sent", errors.APIConnectionError),
        ("encoding", "committed", errors.APIResponseError),
        ("too_large", "committed", errors.APIResponseError),
    ],
)
def test_faults(kind: FaultKind, phase: Phase, cls: type) -> None:
    made = fault_error(Fault(kind, phase, f"what happened to {KEY}"), SECRETS)
    assert type(made) is cls
    assert str(made) == "what happened to ***"
    if isinstance(made, errors.APIConnectionError):
        assert made.phase == phase
    assert KEY not in repr(Fault(kind, phase, f"what happened to {KEY}"))
