"""The way to the server: name, addresses, proxy, TLS.

In: a Patient, whose probe takes each step. Out: a check of each.
The rule: what went wrong is said in the words of the client's own exception; below it stands what else may be done.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from togetherpy._core.wire import Fault
from togetherpy.cli.doctor import advice
from togetherpy.cli.doctor.patient import Patient
from togetherpy.cli.doctor.report import Check, failed, milliseconds, ok, sentences

if TYPE_CHECKING:
    from togetherpy._transport.probe import Address

_SOON = 14 * 86400
"""Seconds before its end from which on a certificate is looked at."""


def check_dns(patient: Patient) -> Check:
    """The addresses of the server, or of its proxy."""
    probe, begun = patient.probe, time.monotonic()
    found = probe.look_up()
    seconds = time.monotonic() - begun
    if isinstance(found, Fault):
        return failed("dns", found.message, *advice.of_name(patient), seconds=seconds)
    families = sorted({"IPv6" if ":" in one else "IPv4" for one in found})
    only = " (IPv6 only)" if families == ["IPv6"] else ""
    said = f"{probe.hop} is at {', '.join(found)}{only}, {milliseconds(seconds)}"
    return ok("dns", said, host=probe.hop, addresses=found, families=families, seconds=seconds)


def check_tcp(patient: Patient) -> Check:
    """Whether each of the addresses lets itself be connected to."""
    found = patient.probe.connect()
    details: dict[str, Any] = {"addresses": [_address(one) for one in found]}
    said = ", ".join(f"{one.text} {one.error or milliseconds(one.seconds)}" for one in found)
    faults = [one.fault for one in found if one.fault is not None]
    if len(faults) == len(found):
        message = faults[0].message
        if len(found) > 1:
            message = f"None of the addresses of {patient.probe.hop} can be connected to: {said}."
        return failed("tcp", message, *advice.of_connecting(patient, found, faults[0]), **details)
    if faults:
        return ok("tcp", said, *advice.of_some(found), **details)
    return ok("tcp", said, **details)


def _address(one: Address) -> dict[str, Any]:
    return {"address": one.text, "family": one.family, "seconds": one.seconds, "error": one.error}


def check_tunnel(patient: Patient) -> Check:
    """Whether the proxy lets the client through."""
    proxy, way = patient.probe.proxy, patient.way
    assert proxy is not None  # else this check is not made
    if way.fault is not None and way.stage != "TLS handshake":
        return failed("tunnel", way.fault.message, *advice.of_proxy(patient, way), stage=way.stage)
    if patient.config.origin.scheme == "http" and proxy.scheme.startswith("http"):
        return ok("tunnel", f"{proxy.authority} forwards http:// without being asked first")
    seconds = sum(way.parts.get(part, 0.0) for part in ("proxy", *(["tcp"] * proxy.scheme.startswith("socks"))))
    said = f"{proxy.authority} passes on to {patient.server}, {milliseconds(seconds)}"
    return ok("tunnel", said, seconds=seconds)


def check_tls(patient: Patient) -> Check:
    """What TLS is agreed on, and whose certificate the server has."""
    if patient.config.origin.scheme == "http":
        return ok("tls", "none: base_url begins with http://")
    way = patient.way
    if way.fault is not None:
        seen = patient.probe.refused_certificate() if way.verify_code is not None else None
        details: dict[str, Any] = {"verify_code": way.verify_code, "now": time.time()}
        details["certificate"] = None if seen is None else msgspec.to_builtins(seen)
        # Of a certificate there is more to say here than what the client advises without having looked at it.
        message = way.fault.message if way.verify_code is None else sentences(way.fault.message)[0]
        return failed("tls", message, *advice.of_certificate(patient, way.verify_code, seen), **details)
    secured = way.secured
    assert secured is not None  # there is no fault, and the scheme is https
    shown, notes = f"{secured.version}, {secured.cipher}", list[str]()
    certificate = secured.certificate
    if certificate is not None:
        left = certificate.not_after - time.time()
        shown += (
            f"; certificate for {advice.listed(certificate.names)} by {certificate.issuer or 'nobody named'}, "
            f"until {advice.day(certificate.not_after)}"
        )
        if left < _SOON:
            notes.append(
                f"The certificate ends in {left / 86400:.0f} days; whoever runs {patient.server} must renew it."
            )
    seconds = way.parts.get("tls", 0.0)
    return ok("tls", f"{shown}, {milliseconds(seconds)}", *notes, seconds=seconds, **msgspec.to_builtins(secured))
