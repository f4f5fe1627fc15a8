"""What an outbound call refuses, and how it tells "certainly not delivered" from "perhaps delivered"."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from pytest_django import Settings

from backoffice.kernel import outbound
from backoffice.kernel.outbound import AddressRefused, NoAnswer, NotReached, check_form, is_public, post, resolve

HEADERS = {"Content-Type": "application/json"}


@contextmanager
def one_answer(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that takes one call and answers as told; gives its host:port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        accepted, _ = listening.accept()
        with accepted:
            accepted.recv(65536)
            answer(accepted)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        thread.join(5)
        listening.close()


def answers(raw: bytes) -> Callable[[socket.socket], None]:
    return lambda accepted: accepted.sendall(raw)


@pytest.mark.parametrize(
    "url",
    [
        "http://gateway.example/messages",
        "https://gateway.example:8080/",
        "https://user:secret@gateway.example/",
        "https://user@gateway.example/",
        "gopher://gateway.example/",
        "ftp://gateway.example/",
        "//gateway.example/",
        "https://",
        "https://169.254.169.254/latest",
        "https://100.100.100.200/",
        "https://[::1]/",
        "https://0/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://gateway.example/\r\nX-Evil: 1",
        "https://gateway.example:99999/",
        "https://gateway。example/",
    ],
)
def test_a_form_of_address_that_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused) as refusal:
        check_form(url)
    assert str(refusal.value)


@pytest.mark.parametrize("url", ["https://gateway.example/messages", "https://gateway.example:8443/a?b=c", "https://GATEWAY.example"])
def test_a_form_of_address_that_is_accepted(url: str) -> None:
    assert check_form(url).hostname == "gateway.example"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.100.100.200",
        "0.0.0.0",  # noqa: S104
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "ff02::1",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "114.114.114.114", "2606:4700:4700::1111"])
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


def _looked_up(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(outbound.socket, "getaddrinfo", lambda *_, **__: found)


def test_every_address_behind_a_name_must_be_public(monkeypatch: pytest.MonkeyPatch) -> None:
    _looked_up(monkeypatch, "8.8.8.8", "10.0.0.1")
    with pytest.raises(AddressRefused):
        resolve("https://gateway.example/")


def test_the_checked_address_is_the_one_that_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that answers differently the second time gains nothing: there is no second look-up."""
    _looked_up(monkeypatch, "8.8.8.8")
    dialled = []

    def refuse(address: tuple[str, int], _timeout: float) -> socket.socket:
        dialled.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(outbound.socket, "create_connection", refuse)
    with pytest.raises(NotReached):
        post("https://gateway.example/", body=b"{}", headers=HEADERS, timeout=1)
    assert dialled == [("8.8.8.8", 443)]


def test_a_name_that_cannot_be_looked_up_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror("no such name")

    monkeypatch.setattr(outbound.socket, "getaddrinfo", fail)
    with pytest.raises(NotReached):
        post("https://gateway.example/", body=b"{}", headers=HEADERS, timeout=1)


def test_a_look_up_that_hangs_ends_with_the_time_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        hanging.wait(20)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443))]

    def dial(*_: object) -> socket.socket:
        raise AssertionError("connected after the time was over")

    monkeypatch.setattr(outbound.socket, "getaddrinfo", hang)
    monkeypatch.setattr(outbound.socket, "create_connection", dial)
    try:
        with pytest.raises(NotReached, match="looked up within"):
            post("https://gateway.example/", body=b"{}", headers=HEADERS, timeout=0.2)
    finally:
        hanging.set()


def test_loopback_is_refused_unless_exactly_that_target_is_allowed(settings: Settings) -> None:
    with one_answer(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) as place:
        settings.OUTBOUND_ALLOW = ["127.0.0.1:1"]
        with pytest.raises(AddressRefused):
            post(f"http://{place}/x", body=b"{}", headers=HEADERS, timeout=2)
        settings.OUTBOUND_ALLOW = [place]
        answer = post(f"http://{place}/x", body=b"{}", headers=HEADERS, timeout=2)
    assert (answer.status, answer.body) == (200, b"ok")


def test_a_redirect_is_an_answer_and_not_followed(settings: Settings) -> None:
    with one_answer(answers(b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")) as place:
        settings.OUTBOUND_ALLOW = [place]
        assert post(f"http://{place}/", body=b"{}", headers=HEADERS, timeout=2).status == 302


def test_nobody_listens_is_not_reached(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
    settings.OUTBOUND_ALLOW = [place]
    with pytest.raises(NotReached):
        post(f"http://{place}/", body=b"{}", headers=HEADERS, timeout=2)


@pytest.mark.parametrize(
    "raw",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"],
    ids=["closed without an answer", "cut in the body", "cut in the status line", "cut in a chunk"],
)
def test_an_answer_that_breaks_off_leaves_doubt(settings: Settings, raw: bytes) -> None:
    with one_answer(answers(raw)) as place:
        settings.OUTBOUND_ALLOW = [place]
        with pytest.raises(NoAnswer):
            post(f"http://{place}/", body=b"{}", headers=HEADERS, timeout=2)


def test_a_dripping_answer_ends_at_the_time_limit_in_all(settings: Settings) -> None:
    def drip(accepted: socket.socket) -> None:
        try:
            for sign in b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000:
                accepted.sendall(bytes([sign]))
                time.sleep(0.05)
        except OSError:
            return

    with one_answer(drip) as place:
        settings.OUTBOUND_ALLOW = [place]
        with pytest.raises(NoAnswer, match="within"):
            post(f"http://{place}/", body=b"{}", headers=HEADERS, timeout=0.3)
