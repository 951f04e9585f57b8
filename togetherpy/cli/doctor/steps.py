"""The checks in their order, and what each needs.

In: a Patient. Out: Checks, as they are made.
The rule: a check whose ground has failed is not made, and says so; every other one is. Only that of the proxy's answer
is left out where there is no proxy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from togetherpy.cli.doctor import answer, network, settings
from togetherpy.cli.doctor.patient import Patient
from togetherpy.cli.doctor.report import Check, skipped

__all__ = ["Patient", "examine"]

STEPS: dict[str, tuple[Callable[[Patient], Check], tuple[str, ...]]] = {
    "versions": (settings.check_versions, ()),
    "api_key": (settings.check_api_key, ()),
    "base_url": (settings.check_base_url, ()),
    "settings": (settings.check_settings, ("base_url",)),
    "proxy": (settings.check_proxy, ("base_url",)),
    "certificates": (settings.check_certificates, ("base_url", "proxy")),
    "dns": (network.check_dns, ("base_url", "proxy")),
    "tcp": (network.check_tcp, ("dns",)),
    "tunnel": (network.check_tunnel, ("tcp", "certificates")),
    "tls": (network.check_tls, ("tcp", "certificates", "tunnel")),
    "answer": (answer.check_answer, ("api_key", "tls")),
}
"""Each check, and the names of those that it needs."""


def examine(patient: Patient) -> Iterator[Check]:
    """Makes the checks."""
    causes: dict[str, str] = {}
    for name, (check, needs) in STEPS.items():
        if name == "tunnel" and not patient.proxied:
            continue
        cause = next((causes[need] for need in needs if need in causes), None)
        made = check(patient) if cause is None else skipped(name, cause)
        if made.state in ("failed", "skipped"):
            causes[name] = cause or name
        yield made
