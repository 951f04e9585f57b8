"""What is configured: by arguments, by the environment, by default.

In: a Patient. Out: a check of the versions, the key, base_url, the other settings, the proxy and the certificates.
The rule: nothing is connected to; each value says where it comes from; of a key only its length is shown.
"""

from __future__ import annotations

import os
import platform
import re

import msgspec

from togetherpy._version import __version__
from togetherpy.cli.doctor.patient import DEFAULT, KEY, Patient
from togetherpy.cli.doctor.report import Check, failed, ok
from togetherpy.error import AuthenticationError

_KEYS_PAGE = "https://api.together.ai/settings/api-keys"


def check_versions(_: Patient) -> Check:
    """What takes part."""
    from togetherpy._transport.probe import OPENSSL, URLLIB3

    found = {
        "togetherpy": __version__,
        "python": platform.python_version(),
        "urllib3": URLLIB3,
        "msgspec": msgspec.__version__,
        "openssl": OPENSSL.removeprefix("OpenSSL "),
        "platform": platform.platform(),
    }
    names = {"python": "Python", "openssl": "OpenSSL", "platform": "on"}
    return ok("versions", ", ".join(f"{names.get(name, name)} {value}" for name, value in found.items()), **found)


def check_api_key(patient: Patient) -> Check:
    """Whether there is a key that can be one."""
    try:
        patient.check_key()
    except AuthenticationError as error:
        return failed("api_key", str(error), *_key_hints(), source=KEY)
    size, whole = (len(text) for text in (os.environ[KEY].strip(), os.environ[KEY]))
    notes = ["Blanks or a line end stand around it; the client leaves them out."] if size != whole else []
    return ok("api_key", f"*** ({size} characters), from {KEY}", *notes, source=KEY, length=size)


def _key_hints() -> list[str]:
    if os.environ.get(KEY, "").strip():
        began = os.environ[KEY].strip(" \t\r\n\"'").lower().startswith("bearer")
        return [f"It comes from {KEY}." + (" Leave out the word Bearer: the client says it itself." if began else "")]
    meant = sorted(name for name in os.environ if re.search("TOGETHER.*KEY", name, re.IGNORECASE) and name != KEY)
    hints = [f"{name} is set, but {KEY} is what the client reads." for name in meant]
    if os.path.exists(".env"):
        hints.append("There is a file .env here, which the client does not read: set -a; . ./.env; set +a")
    return [*hints, f"Keys are made at {_KEYS_PAGE}. A server that checks no key takes any text."]


def check_base_url(patient: Patient) -> Check:
    """Whether there is a URL that can be one."""
    source = patient.url_source
    try:
        origin = patient.config.origin
    except (TypeError, ValueError) as error:
        return failed("base_url", str(error), f"It comes from {source}.", source=source)
    url = f"{origin.scheme}://{origin.authority}{origin.path}"
    notes = [text for text in patient.complaints if "base_url" in text]
    said = "the default" if source == DEFAULT else f"from {source}"
    return ok("base_url", f"{url}, {said}", *notes, value=url, source=source)


def check_settings(patient: Patient) -> Check:
    """What else a client has, and what of the environment it looks at."""
    config = patient.config
    limits = msgspec.structs.asdict(config.timeout)
    values = {
        **{f"timeout.{name}": value for name, value in limits.items()},
        **{name: getattr(config, name) for name in ("max_retries", "max_connections", "max_response_bytes")},
        "retry_quota": config.retry_quota,
        "trust_env": config.trust_env,
    }
    details = {name: {"value": value, "source": DEFAULT} for name, value in values.items()}
    shown = ", ".join(f"{name} {value:g} s" for name, value in limits.items() if value is not None)
    log = os.environ.get("TOGETHER_LOG")
    if log:
        details["log"] = {"value": log, "source": "TOGETHER_LOG"}
    return ok(
        "settings",
        f"timeout: {shown}; max_retries {config.max_retries}, max_connections {config.max_connections} (defaults)"
        + (f"; TOGETHER_LOG is {log!r}" if log else ""),
        *(text for text in patient.complaints if "base_url" not in text),
        **details,
    )


def check_proxy(patient: Patient) -> Check:
    """Which proxy, from where, and what NO_PROXY makes of the host."""
    from togetherpy._transport.proxies import choose
    from togetherpy._transport.route import SetupError

    config = patient.config
    choice = choose(config)
    excepted = choice.exceptions is not None and choice.excepted
    details = {"source": choice.source, "no_proxy": choice.exceptions, "excepted": excepted, "url": None}
    if choice.url is None:
        origin = msgspec.structs.replace(config.origin, scheme="http" if config.origin.scheme == "https" else "https")
        other = choose(msgspec.structs.replace(config, origin=origin)).source
        also = f" ({other} is set, which counts for {origin.scheme}:// only)" if other else ""
        return ok("proxy", f"none: no variable names one for {config.origin.scheme}://{also}", **details)
    if excepted:
        exceptions = os.environ[choice.exceptions or ""].strip()
        said = f"none: {choice.exceptions}={exceptions!r} excepts {config.origin.host} from {choice.source}"
        return ok("proxy", said, **details)
    try:
        proxy = patient.probe.proxy
    except SetupError as error:
        return failed("proxy", str(error), f"It comes from {choice.source}.", **details)
    assert proxy is not None  # there is a URL, and nothing excepts the server
    kept = f"; {choice.exceptions} does not name {config.origin.host}" if choice.exceptions else ""
    login = " with a login (not shown)" if proxy.login is not None else ""
    details |= {"url": proxy.url, "login": proxy.login is not None}
    return ok("proxy", f"{proxy.url}{login}, from {choice.source}{kept}", **details)


def check_certificates(patient: Patient) -> Check:
    """Whose signatures are trusted, and where that is said."""
    from togetherpy._transport.route import SetupError, authorities

    proxy = patient.probe.proxy
    if patient.config.origin.scheme == "http" and (proxy is None or proxy.scheme != "https"):
        return ok("certificates", "none are needed: nothing is under TLS", source=None, authorities=None)
    try:
        context, source = authorities(trust_env=patient.config.trust_env)
    except SetupError as error:
        return failed("certificates", str(error))
    count = context.cert_store_stats()["x509_ca"]
    if not source:
        return failed(
            "certificates",
            "The system has no certificate authorities, so no server can be trusted.",
            "Install the system's package ca-certificates, or certifi into this Python (on macOS the installer from "
            "python.org brings Install Certificates.command), or name a file in SSL_CERT_FILE.",
            source=None,
            authorities=0,
        )
    said = f", {count} in all" if count else ", looked up when they are needed"
    return ok("certificates", f"authorities from {source}{said}", source=source, authorities=count)
