"""Where a webhook may go: the table of docs/webhooks.md, and the check at the connection."""

import re
import socket
import time
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from outbox.webhooks.targets import (
    RefusedTargetError,
    Resolver,
    is_public,
    read_url,
)

PUBLIC = "93.184.215.14"
USER = "has a user or a fragment"
HTTPS = "is not https"
PORT = "has a port of a machine's service"
HOST = "is no name with a domain"
NETWORK = "is an address of a private, local or reserved network"
LEADS = "leads to one"
TEXT = "is no plain URL"
ALLOWED = "is called"
# What a URL gets, and where its name leads; an address leads to itself.
TABLE: list[tuple[str, str, str]] = [
    ("https://app.acme.sa/hook", PUBLIC, ALLOWED),
    ("https://app.acme.sa:8443/hook?key=1", PUBLIC, ALLOWED),
    (f"https://{PUBLIC}/hook", PUBLIC, ALLOWED),
    ("https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/", "2606:2800:21f:cb07::1", ALLOWED),
    ("http://app.acme.sa/hook", PUBLIC, HTTPS),
    ("http://127.0.0.1:9001/2018-06-01/runtime/invocation/next", "127.0.0.1", HTTPS),
    ("ftp://app.acme.sa/hook", PUBLIC, HTTPS),
    ("https://127.0.0.1/", "127.0.0.1", NETWORK),
    ("https://localhost/", "127.0.0.1", HOST),
    ("https://localtest.me/", "127.0.0.1", LEADS),
    ("https://0.0.0.0/", "0.0.0.0", NETWORK),  # noqa: S104 - an address that is refused
    ("https://10.0.0.1/", "10.0.0.1", NETWORK),
    ("https://172.16.4.2:8443/", "172.16.4.2", NETWORK),
    ("https://192.168.1.1/", "192.168.1.1", NETWORK),
    ("https://100.64.0.1/", "100.64.0.1", NETWORK),
    ("https://169.254.169.254/latest/meta-data/", "169.254.169.254", NETWORK),
    ("https://169.254.170.2/v2/credentials", "169.254.170.2", NETWORK),
    ("https://metadata.google.internal/", "169.254.169.254", LEADS),
    ("https://[::1]/", "::1", NETWORK),
    ("https://[fd00:ec2::254]/latest/meta-data/", "fd00:ec2::254", NETWORK),
    ("https://[fe80::1]/", "fe80::1", NETWORK),
    ("https://[::ffff:169.254.169.254]/", "::ffff:169.254.169.254", NETWORK),
    ("https://[64:ff9b::a9fe:a9fe]/", "64:ff9b::a9fe:a9fe", NETWORK),
    ("https://[2002:a9fe:a9fe::1]/", "2002:a9fe:a9fe::1", NETWORK),
    ("https://2130706433/", "127.0.0.1", HOST),
    ("https://0x7f.1/", "127.0.0.1", HOST),
    ("https://0177.0.0.1/", "127.0.0.1", HOST),
    ("https://127.1/", "127.0.0.1", HOST),
    ("https://127.0.0.1.nip.io/", "127.0.0.1", LEADS),
    ("https://rebinding.acme.sa/", "10.0.0.1", LEADS),
    ("https://nat64.acme.sa/", "64:ff9b::a00:1", LEADS),
    ("https://app.acme.sa@127.0.0.1/", "127.0.0.1", USER),
    ("https://127.0.0.1#@app.acme.sa/", "127.0.0.1", USER),
    ("https://app.acme.sa\\@127.0.0.1/", "127.0.0.1", TEXT),
    ("https://app.acme.sa:22/", PUBLIC, PORT),
    ("https://app.acme.sa:80/", PUBLIC, PORT),
    ("https://①②⑦.⓪.⓪.①/", "127.0.0.1", TEXT),
    ("https://app.acme.sa/ HTTP/1.1", PUBLIC, TEXT),
    ("https:///hook", "127.0.0.1", HOST),
    ("https://intranet/", "10.0.0.1", HOST),
]
SAID = {
    USER: "no user, password or fragment",
    HTTPS: "must begin with https://",
    PORT: "must use port",
    HOST: "must name a host",
    NETWORK: "must not be an address",
    TEXT: "visible ASCII characters",
}


def leading_to(*addresses: str) -> Any:  # noqa: ANN401 - in the place of getaddrinfo
    """Return a look-up that finds these addresses."""

    def look(_: str, port: int, **__: object) -> list[Any]:
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port, 0, 0) if ":" in address else (address, port),
            )
            for address in addresses
        ]

    return look


def outcome(url: str, address: str) -> str:
    """Return what a URL gets: the sentence that it is refused with, or what its name leads to."""
    try:
        target = read_url(url, loopback=False)
    except ValueError as error:
        (found,) = [key for key, text in SAID.items() if text in str(error)]
        return found
    resolver = Resolver(lookup=leading_to(address))
    try:
        resolver(target.host, target.port, 5.0)
    except RefusedTargetError:
        assert resolver.refused
        return LEADS
    return ALLOWED


@pytest.mark.parametrize(("url", "address", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_what_a_url_gets(url: str, address: str, expected: str) -> None:
    assert outcome(url, address) == expected


@pytest.mark.parametrize("address", sorted({row[1] for row in TABLE} - {PUBLIC}))
def test_a_name_that_leads_there_is_refused_at_the_connection_too(address: str) -> None:
    """Whatever passed at first: the look-up of each connection is checked again."""
    if is_public(ip_address(address)):
        return
    with pytest.raises(RefusedTargetError):
        Resolver(lookup=leading_to(address))("app.acme.sa", 443, 5.0)


def test_one_address_that_is_not_public_spoils_the_name() -> None:
    with pytest.raises(RefusedTargetError):
        Resolver(lookup=leading_to(PUBLIC, "10.0.0.1"))("app.acme.sa", 443, 5.0)


def test_the_addresses_that_were_checked_are_those_that_are_returned() -> None:
    answers = [PUBLIC, "10.0.0.1"]

    def rebinding(host: str, port: int, **_: object) -> Any:  # noqa: ANN401 - as getaddrinfo
        return leading_to(answers.pop(0))(host, port)

    found = Resolver(lookup=rebinding)("app.acme.sa", 443, 5.0)

    assert [entry[4][0] for entry in found] == [PUBLIC]
    assert answers == ["10.0.0.1"]  # nobody asked a second time


@pytest.mark.parametrize(
    ("url", "leads", "allowed"),
    [
        ("http://127.0.0.1:8080/hook", "127.0.0.1", True),
        ("http://localhost:8080/", "127.0.0.1", True),
        ("http://[::1]:8080/", "::1", True),
        ("http://localhost:8080/", "10.0.0.1", False),
    ],
)
def test_the_local_stack_may_call_this_machine_by_http(
    url: str, leads: str, *, allowed: bool
) -> None:
    target = read_url(url, loopback=True)
    resolver = Resolver(loopback=target.loopback, lookup=leading_to(leads))

    assert target.loopback
    if allowed:
        assert resolver(target.host, target.port, 5.0)
    else:
        with pytest.raises(RefusedTargetError):
            resolver(target.host, target.port, 5.0)


@pytest.mark.parametrize("url", ["http://app.acme.sa/", "http://10.0.0.1/", "http://127.0.0.2/"])
def test_it_may_call_no_other_by_http(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        read_url(url, loopback=True)


def test_a_look_up_that_takes_too_long_is_given_up() -> None:
    def slow(*_: object, **__: object) -> Any:  # noqa: ANN401 - as getaddrinfo
        time.sleep(1)

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        Resolver(lookup=slow)("app.acme.sa", 443, 0.05)
    assert time.monotonic() - began < 0.9


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "2606:4700:4700::1111",
        "2a00:1450:4001:81b::200e",
    ],
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "203.0.113.9"),
        *("192.88.99.1", "::", "ff02::1", "2001::1", "2001:db8::1", "3fff::1", "fec0::1"),
        *("100::1", "64:ff9b:1::a00:1", "::127.0.0.1", "5f00::1", "2001:0:a00:1::1"),
    ],
)
def test_reserved_addresses_are_not(address: str) -> None:
    assert not is_public(ip_address(address))


def test_the_table_of_the_documentation_is_this_one() -> None:
    text = (Path(__file__).parents[3] / "docs/webhooks.md").read_text("utf-8")
    rows = re.findall(r"^\| `(.+)` \| (\S+) \| (.+) \|$", text, re.MULTILINE)

    assert rows == TABLE
