"""What to do about what was found.

In: a Patient, and the facts of a check that failed or deserves a look. Out: sentences.
The rule: they add to what the client's exception says, and name the variable or option that is to be changed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from togetherpy._core.wire import Fault
from togetherpy.cli.doctor.patient import DEFAULT, Patient
from togetherpy.cli.doctor.report import milliseconds
from togetherpy.error import APIResponseError, APIStatusError

if TYPE_CHECKING:
    from togetherpy._transport.certificates import Certificate
    from togetherpy._transport.probe import Address, Way

NOT_YET_VALID, EXPIRED, SELF_SIGNED, SELF_SIGNED_IN_CHAIN, NO_ISSUER, UNVERIFIED_LEAF = 9, 10, 18, 19, 20, 21
OTHER_HOST, OTHER_ADDRESS, FIRST_STRICT = 62, 64, 79
"""OpenSSL's numbers for why a certificate is not accepted (X509_V_ERR_...); from FIRST_STRICT on they are those of
VERIFY_X509_STRICT."""

PORTAL = (
    "Something on the way answers in the server's place: a captive portal (open any page in a browser and sign in), a "
    "firewall, or a proxy that HTTPS_PROXY should name."
)
LOGIN = (
    "Put the login into the proxy's URL: http://name:password@host:port, with %40 for @ and the like. Of the ways to "
    "log in only Basic is known here; for NTLM or Kerberos run a proxy such as px or cntlm on this machine."
)

_BY_STATUS = {
    401: "{server} does not know the key in TOGETHER_API_KEY: is it whole, and one for this server?",
    402: "Key and connection are good; the account needs credit: https://api.together.ai/settings/billing",
    403: "The key may not do this, or something before {server} forbids it: a firewall, or rules about countries.",
    407: LOGIN,
    429: "Key and connection are good; too much is being asked for with this key at the moment.",
    500: "{server} is in trouble, and this machine is not: try again later.",
}


def whence(patient: Patient) -> list[str]:
    """Where the name that is connected to comes from."""
    if patient.probe.proxy is not None:
        return [_proxy_source(patient)]
    return [] if patient.url_source == DEFAULT else [f"base_url comes from {patient.url_source}."]


def _proxy_source(patient: Patient) -> str:
    from togetherpy._transport.proxies import choose

    source = choose(patient.config).source
    return f"The proxy comes from {source}; NO_PROXY={patient.config.origin.host} would do without it."


def of_name(patient: Patient) -> list[str]:
    """The name does not resolve."""
    online = "If other names do not resolve either, this machine has no network or no name server (VPN, container)."
    return [*whence(patient), online]


def of_connecting(patient: Patient, addresses: Sequence[Address], fault: Fault) -> list[str]:
    """No address answers."""
    hints = whence(patient)
    if {one.family for one in addresses} == {"IPv6"}:
        hints.append(
            "The name has IPv6 addresses only, and this machine may have no way into IPv6: ask for an IPv4 address of "
            "the server, or go by way of a proxy."
        )
    if fault.kind == "timeout" and patient.probe.proxy is None:
        hints.append(
            "Nothing comes back at all, so a firewall probably drops what is sent. If the way out is a proxy, name it "
            f"in {patient.config.origin.scheme.upper()}_PROXY."
        )
    return hints


def of_some(addresses: Sequence[Address]) -> list[str]:
    """Some addresses do not answer."""
    dead = [one for one in addresses if one.fault is not None]
    hint = f"{len(dead)} of {len(addresses)} addresses do not answer. Calls try them in turn until one does"
    if addresses[0].fault is None:
        return [f"{hint}; the first one does."]
    lost = sum(one.seconds for one in addresses[: [one.fault is None for one in addresses].index(True)])
    families = {one.family for one in dead}
    cure = " IPv6 does not work here: switch it off, or have it mended." if families == {"IPv6"} else ""
    return [f"{hint}, so each new connection takes up to {milliseconds(lost)} longer.{cure}"]


def of_proxy(patient: Patient, way: Way) -> list[str]:
    """The proxy does not let the client through."""
    hints, status = [_proxy_source(patient)], way.proxy_status
    if status == 407:
        hints.append(LOGIN)
    elif status == 403:
        hints.append(f"The proxy's rules forbid {patient.server}: whoever runs it must allow that host.")
    elif status in (400, 404, 405, 501):
        hints.append("It answers like a web server, so it is probably no proxy: check host and port.")
    elif status is not None and status >= 500:
        hints.append(f"The proxy itself cannot reach {patient.server}: ask whoever runs it.")
    elif way.verify_code is not None:
        hints.append("The proxy's own certificate must be signed by an authority in SSL_CERT_FILE.")
    elif way.stage == "proxy CONNECT":
        hints.append("Something else than a proxy may listen there: check host and port.")
    return hints


def of_certificate(patient: Patient, code: int | None, seen: Certificate | None) -> list[str]:
    """The TLS handshake failed. `code`: why the certificate was not accepted, if it was that."""
    if code is None:
        return whence(patient)
    hints = [] if seen is None else [_description(seen)]
    clock = f"This machine's clock says {day(time.time(), exact=True)} UTC"
    if code == NOT_YET_VALID:
        return [*hints, f"{clock}. If that is wrong, set it; else whoever runs {patient.server} must wait or renew."]
    if code == EXPIRED:
        return [*hints, f"{clock}. If that is wrong, set it; else whoever runs {patient.server} must renew it."]
    if code in (OTHER_HOST, OTHER_ADDRESS):
        return [*hints, f"It is not for {patient.config.origin.host}: base_url names another server, or: {PORTAL}"]
    if code in (SELF_SIGNED, SELF_SIGNED_IN_CHAIN, NO_ISSUER, UNVERIFIED_LEAF):
        hints.append(
            "If you know who signed it (your company's firewall that opens TLS, a server of your own), ask for the "
            "authority's certificate and name its file: export SSL_CERT_FILE=/path/to/it.pem"
        )
        return [*hints, f"If not: {PORTAL}"]
    if code >= FIRST_STRICT:
        hints.append(
            "Python from 3.13 on checks certificates by the letter of RFC 5280. Whoever made this one (a firewall that "
            "opens TLS?) should mend it; until then: an ssl_context without VERIFY_X509_STRICT, or Python 3.12."
        )
    return hints


def of_status(patient: Patient, error: APIStatusError) -> list[str]:
    """An answer with an error status."""
    status, proxy = error.status_code, patient.probe.proxy
    if 300 <= status < 400 and _leads_home(patient, error.headers.get("location", "")):
        return [f"It is the server itself that wants another URL; {patient.url_source} has {_url(patient)}"]
    if 300 <= status < 400 or status == 511:
        return [PORTAL]
    said = _BY_STATUS.get(min(status, 500))
    hints = [] if said is None else [said.format(server=patient.server)]
    if error.retry_after:
        hints.append(f"It asks to wait {error.retry_after:g} s.")
    if proxy is not None and (status in (403, 407) or status >= 500):
        hints.append(f"It may be the proxy {proxy.authority} that says so. {_proxy_source(patient)}")
    return hints


def _leads_home(patient: Patient, location: str) -> bool:
    from urllib.parse import urlsplit

    try:
        return (urlsplit(location).hostname or patient.config.origin.host) == patient.config.origin.host
    except ValueError:
        return False


def _url(patient: Patient) -> str:
    origin = patient.config.origin
    return f"{origin.scheme}://{origin.authority}{origin.path}"


def of_no_json(patient: Patient, error: APIResponseError) -> list[str]:
    """An answer that is a success, and not the API's."""
    html = "html" in error.headers.get("content-type", "").lower() or b"<html" in error.body[:1000].lower()
    return [*([PORTAL] if html else []), *whence(patient)]


def _description(seen: Certificate) -> str:
    dates = f"valid from {day(seen.not_before)} until {day(seen.not_after)}"
    issuer = seen.issuer or "nobody named"
    return f"The certificate is for {listed(seen.names) or seen.subject or 'no name'}, by {issuer}, {dates}."


def listed(names: Sequence[str]) -> str:
    """The first of the names, and how many more there are."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def day(seconds: float, *, exact: bool = False) -> str:
    """A time, since 1970, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M" if exact else "%Y-%m-%d", time.gmtime(seconds))
