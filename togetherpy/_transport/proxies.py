"""The proxy on the way to a server: the caller's, or the environment's.

In: a Config and the environment. Out: a Proxy, or None.
The rule: what stands before the last @ of a proxy's URL may be a password, whatever characters it holds; it leaves its
Secret only as the proxy's login, and no message quotes a URL that could not be understood.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from togetherpy._core.config import Config, Origin, Secret
from togetherpy._transport.route import SetupError

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}
# Not compiled here: most processes have no proxy.
_PARTS = r"(?s)\A(?:([A-Za-z][A-Za-z0-9+.-]*)://)?(?:(.*)@)?([^@]*)\Z"
"""Scheme, login, and what begins with the host."""
_PLACE = r"(?:\[([0-9A-Fa-f:.]+(?:%[0-9A-Za-z._~-]+)?)\]|([^\s:@\[\]%\\]+))(?::([0-9]{1,5}))?"
"""host, host:port, [IPv6] or [IPv6]:port."""


class ProxySetupError(SetupError):
    """A proxy that cannot be used as it is configured."""

    kind = "proxy"


class Proxy(msgspec.Struct, frozen=True):
    """Where a proxy is, and who we are to it."""

    scheme: str
    host: str
    """Without brackets."""
    port: int
    login: Secret | None
    """name:password, percent-decoded."""

    @property
    def authority(self) -> str:
        """host:port, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Without the login."""
        return f"{self.scheme}://{self.authority}"

    def name_and_password(self) -> tuple[str | None, str | None]:
        """What a SOCKS proxy wants."""
        return (None, None) if self.login is None else self.login.reveal().partition(":")[::2]

    def headers(self) -> dict[str, str] | None:
        """The fields that an HTTP proxy wants (RFC 7617)."""
        # Not urllib3's make_headers, whose name in lower case some proxies do not know.
        if self.login is None:
            return None
        return {"Proxy-Authorization": "Basic " + b64encode(self.login.reveal().encode()).decode()}


class Choice(msgspec.Struct, frozen=True):
    """How it was decided whether there is a proxy."""

    url: Secret | None
    """The proxy's; None where none is named."""
    source: str | None
    """What names it: "proxy", the argument, or a variable of the environment."""
    exceptions: str | None
    """The variable whose exceptions were looked at, in the spelling that counts; None where there are none."""
    excepted: bool
    """They name the server."""


def find_proxy(config: Config) -> Proxy | None:
    """The proxy for the server of `config`: the argument, else the environment's (fault A8).

    Raises:
        ProxySetupError: its URL cannot be understood.
    """
    choice = choose(config)
    return None if choice.url is None or choice.excepted else parse_proxy(choice.url)


def choose(config: Config) -> Choice:
    """What decides about the proxy of `config`."""
    if config.proxy is not None:
        return Choice(config.proxy, "proxy", None, False)
    if not config.trust_env:
        return Choice(None, None, None, False)
    source, url = _variable(f"{config.origin.scheme}_proxy")
    if url is None:
        source, url = _variable("all_proxy")
    variable, exceptions = _variable("no_proxy")
    excepted = exceptions is not None and is_excepted(config.origin, exceptions.reveal())
    return Choice(url, source, variable, excepted)


def _variable(name: str) -> tuple[str, Secret] | tuple[None, None]:
    """What the environment says, without blanks around it, and where; the spelling in small letters counts, even if
    empty."""
    spellings = [name, name.upper()]
    if name == "http_proxy" and "REQUEST_METHOD" in os.environ:
        del spellings[1]  # CGI: this one is a header field that somebody sent
    for spelling in spellings:
        if spelling in os.environ:
            return (spelling, Secret(os.environ[spelling].strip())) if os.environ[spelling].strip() else (None, None)
    return None, None


def parse_proxy(url: Secret) -> Proxy:
    """What a proxy's URL says; it is `http://` where it names no scheme.

    Raises:
        ProxySetupError: it cannot be understood.
    """
    # No variable holds the whole: a traceback may print local variables.
    scheme = re.sub(_PARTS, r"\1", url.reveal().strip()).lower() or "http"
    login = Secret(unquote(re.sub(_PARTS, r"\2", url.reveal().strip())))
    match = re.fullmatch(_PLACE, re.split(r"[/?#]", re.sub(_PARTS, r"\3", url.reveal().strip()))[0])
    if scheme not in _PORTS or match is None or int(match[3] or 0) > 65535:
        raise ProxySetupError("the proxy's URL must be http://, https:// or socks5:// with a host and perhaps a port")
    try:
        host = match[1] or (match[2] if match[2].isascii() else match[2].encode("idna").decode())
    except UnicodeError:
        raise ProxySetupError("the host in the proxy's URL is no possible name") from None
    return Proxy(scheme, host, int(match[3] or _PORTS[scheme]), login if login.reveal() else None)


def is_excepted(origin: Origin, exceptions: str) -> bool:
    """Whether NO_PROXY, whose value is `exceptions`, names the server.

    Its entries stand between commas, semicolons, blanks or line ends: a host or a part of its end (example.com,
    .example.com), with * for anything (*.example.com), an address or a network (10.0.0.0/8, fd00::/8); all but a
    network perhaps with a port.
    """
    from ipaddress import ip_address

    host = origin.host.rstrip(".").lower()
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    entries = re.split(r"[\s,;]+", exceptions.lower())
    return any(_covers(entry.rpartition("://")[2].rstrip("/."), host, address, origin.port) for entry in entries)


def _covers(entry: str, host: str, address: IPv4Address | IPv6Address | None, port: int) -> bool:
    network = _network(entry)
    if network is None and (match := re.fullmatch(r"(.*):([0-9]+)", entry)):
        if int(match[2]) != port:
            return False
        entry = match[1].rstrip(".")
        network = _network(entry)
    if network is not None:
        return address is not None and address in network
    if "*" in entry:
        return fnmatchcase(host, entry)
    name = entry.lstrip(".")
    return name != "" and f".{host}".endswith(f".{name}")


def _network(entry: str) -> IPv4Network | IPv6Network | None:
    """An address is a network of one."""
    from ipaddress import ip_network

    try:
        return ip_network(re.sub(r"^\[([^\]]*)\](?=/|$)", r"\1", entry), strict=False)
    except ValueError:
        return None
