"""Calls that leave the house. An address is checked at the moment it is used, and the checked address is the one that is connected to.

Rules: https on port 443 or 8443, a name that resolves to public addresses only, no log-in in the address, redirects are never
followed. ``OUTBOUND_ALLOW=host:port,...`` lifts these rules for exactly those targets (local gateways, tests). It is meant for addresses that the
platform's own people name: a call to any other brings its own ``allow``.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.errors import BusinessError

ALLOWED_PORTS = (443, 8443)
DEFAULT_PORTS = {"https": 443, "http": 80}
CONNECT_SECONDS = 3.0
MOST_ANSWER_BYTES = 4 * 1024 * 1024

# Addresses that are "global" to Python and yet stand for a private one: NAT64 and 6to4 carry an IPv4 address inside.
_CARRIERS = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"), ipaddress.ip_network("2002::/16"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefused(BusinessError):
    """An outbound address breaks a rule. Nothing was sent."""

    code = "address_refused"


class NotReached(Exception):
    """No connection was made: the other side has certainly not seen the call."""


class NoAnswer(Exception):
    """The call was sent, wholly or in part, and no whole answer came: the other side may have acted on it."""


@dataclass(frozen=True)
class Target:
    """A checked address: where to connect, and by which name."""

    scheme: str
    host: str
    port: int
    path: str
    address: str


@dataclass(frozen=True)
class Answer:
    """A whole HTTP answer. Names of ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def check_form(url: str, allow: Collection[str] | None = None) -> SplitResult:
    """The parts of ``url`` if it obeys every rule that needs no look-up: for forms and imported files.

    ``allow``: the targets for which the rules are lifted, ``OUTBOUND_ALLOW`` when it is left out. Raises ``AddressRefused`` with a sentence that
    says which rule is broken.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused(_("This is not a web address.")) from None
    if any(ord(sign) <= 0x20 or ord(sign) == 0x7F for sign in url) or not parts.hostname or not url.isascii() or parts.scheme not in DEFAULT_PORTS:
        raise AddressRefused(_("This is not a web address. It starts with https:// and a host name."))
    if parts.username is not None or parts.password is not None:
        raise AddressRefused(_("An address must not hold a log-in name or password."))
    if _is_allowed(parts.hostname, port or DEFAULT_PORTS[parts.scheme], allow):
        return parts
    if parts.scheme != "https":
        raise AddressRefused(_("The address must begin with https://."))
    if (port or 443) not in ALLOWED_PORTS:
        raise AddressRefused(_("The address must use port 443 or 8443."))
    if _literal(parts.hostname) is not None or parts.hostname.replace(".", "").isdigit() or parts.hostname.lower().startswith("0x"):
        raise AddressRefused(_("The address must use a host name, not a number."))
    return parts


def resolve(url: str, timeout: float = CONNECT_SECONDS, allow: Collection[str] | None = None) -> Target:
    """Check ``url`` by every rule and choose the address to connect to, within ``timeout`` seconds.

    Raises ``AddressRefused``; ``NotReached`` when the name cannot be looked up, or not in time.
    """
    parts = check_form(url, allow)
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    addresses = _look_up(host, port, timeout)
    if not _is_allowed(host, port, allow) and not all(is_public(address) for address in addresses):
        raise AddressRefused(_("The host name leads to an address that is not public."))
    return Target(parts.scheme, host, port, path, addresses[0])


def post(url: str, *, body: bytes, headers: Mapping[str, str], timeout: float, allow: Collection[str] | None = None) -> Answer:
    """POST ``body`` and return the whole answer, within ``timeout`` seconds in all, however slowly the other side drips.

    Raises ``AddressRefused`` and ``NotReached`` (certainly not delivered), ``NoAnswer`` (perhaps delivered). A redirect is
    an answer like any other: it is returned, not followed.
    """
    started = time.monotonic()
    target = resolve(url, timeout, allow)
    remaining = timeout - (time.monotonic() - started)
    if remaining <= 0:
        raise NotReached(f"the name {target.host} was not looked up within {timeout:g} s")
    dialled: list[socket.socket] = []
    late = threading.Event()
    connection = _connection(target, remaining, dialled)
    watchdog = threading.Timer(remaining, _cut, (dialled, late))
    watchdog.daemon = True
    watchdog.start()
    try:
        try:
            connection.connect()
        except (OSError, http.client.HTTPException) as error:
            raise NotReached(_words(error)) from error
        if late.is_set():
            raise NotReached(f"not connected within {timeout:g} s")
        connection.request("POST", target.path, body, {**headers, "Connection": "close"})
        answer = connection.getresponse()
        content = answer.read(MOST_ANSWER_BYTES + 1)
        expected = answer.length or 0  # what the length header promised and the other side did not send
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NoAnswer(f"no answer within {timeout:g} s" if late.is_set() or isinstance(error, TimeoutError) else _words(error)) from error
    finally:
        watchdog.cancel()
        connection.close()
        for opened in dialled:
            opened.close()
    if late.is_set() or expected:
        raise NoAnswer(f"no whole answer within {timeout:g} s" if late.is_set() else "the answer broke off")
    if len(content) > MOST_ANSWER_BYTES:
        raise NoAnswer("the answer is too long")
    return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, and no other address in disguise."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address) and (parsed.ipv4_mapped is not None or any(parsed in network for network in _CARRIERS)):
        return False
    return parsed.is_global and not parsed.is_multicast


def _look_up(host: str, port: int, seconds: float) -> list[str]:
    """The addresses behind a name. In a thread of its own: the system's look-up knows no time limit."""
    found: list[str] = []
    failed: list[Exception] = []

    def look_up() -> None:
        try:
            found.extend(str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failed.append(error)

    looking = threading.Thread(target=look_up, name="look-up", daemon=True)
    looking.start()
    looking.join(seconds)
    if looking.is_alive():
        raise NotReached(f"the name {host} was not looked up within {seconds:g} s")
    if failed or not found:
        raise NotReached(f"the name {host} could not be looked up") from (failed[0] if failed else None)
    return found


def _is_allowed(host: str, port: int, allow: Collection[str] | None) -> bool:
    name = f"[{host}]" if ":" in host else host
    return f"{name}:{port}".lower() in {entry.lower() for entry in (settings.OUTBOUND_ALLOW if allow is None else allow)}


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _connection(target: Target, timeout: float, dialled: list[socket.socket]) -> http.client.HTTPConnection:
    """A connection that dials the checked address but speaks, and checks the certificate, by the name."""
    connection: http.client.HTTPConnection
    if target.scheme == "https":
        connection = http.client.HTTPSConnection(target.host, target.port, timeout=timeout, context=ssl.create_default_context())
    else:
        connection = http.client.HTTPConnection(target.host, target.port, timeout=timeout)

    def dial(_name: object, _timeout: object = None, _source: object = None) -> socket.socket:
        opened = socket.create_connection((target.address, target.port), min(CONNECT_SECONDS, timeout))
        opened.settimeout(timeout)
        dialled.append(opened.dup())
        return opened

    connection._create_connection = dial  # type: ignore[attr-defined]
    return connection


def _cut(dialled: list[socket.socket], late: threading.Event) -> None:
    """End a call whose time is over: a socket's own time-out starts anew with every byte."""
    late.set()
    for opened in dialled:
        try:
            opened.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue  # the other side closed it a moment ago


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:200]
