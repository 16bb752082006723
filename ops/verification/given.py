"""What `verify` is given: the token, never as an argument; the URL; the addresses."""

import os
import re
import sys
from pathlib import Path
from typing import Final

import click
from outbox.mail.addresses import AddressError, bare
from taqnyat.credentials import CredentialsError, token_in

from ops.errors import OpsError
from ops.secret import Secret
from ops.stack import Stack
from ops.verification.mailbox import Person, second_address

VARIABLE: Final = "TAQNYAT_TOKEN"
DEFAULT_URL: Final = "https://api.taqnyat.sa"
_URL: Final = re.compile(
    r"https://[^\s/?#@]+(/[^\s?#@]*)?|http://(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?/?"
)
_MOST_ADDRESSES: Final = 2
_MOST_TOKEN: Final = 64 * 1024


def url_of(given: str | None, stack: Stack | None) -> str:
    """Return the base URL: as given, else the stack's, else Taqnyat's.

    Raises:
        OpsError: it is none that a token may be sent to.

    """
    url = given or (stack.settings.taqnyat_url if stack else DEFAULT_URL)
    if not _URL.fullmatch(url):
        raise OpsError(
            "--url is no https URL without name, password and query",
            "http is for a simulator on 127.0.0.1 or localhost alone",
        )
    return url.rstrip("/")


def token_of(file: str | None, stack: Stack | None) -> str:
    """Return the token: from a file (`-`: standard input), the stack, the environment, or a prompt.

    Raises:
        OpsError: there is none, or what was found is no token.

    """
    text, where = _text_of(file, stack)
    try:
        return token_in(text)
    except CredentialsError:
        raise OpsError(
            f"{where} holds no token", "copy it again from Taqnyat's account, alone in one line"
        ) from None


def _text_of(file: str | None, stack: Stack | None) -> tuple[str, str]:
    if file is not None:
        return _from_file(file), "the file of --token-file"
    if stack is not None:
        secret = Secret(stack.client("secretsmanager"), stack.output("TokenSecretArn"))
        return secret.read()[0], "the stack's token secret"
    if text := os.environ.get(VARIABLE, ""):
        return text, VARIABLE
    if sys.stdin.isatty():
        return str(click.prompt("Taqnyat's bearer token", hide_input=True, err=True)), "the prompt"
    raise OpsError(
        "there is no token",
        f"set {VARIABLE}, give --token-file, or --stack for a deployed stack's own",
    )


def _from_file(file: str) -> str:
    try:
        if file == "-":
            return sys.stdin.read(_MOST_TOKEN)
        with Path(file).open(encoding="utf-8-sig") as opened:
            return opened.read(_MOST_TOKEN)
    except UnicodeDecodeError:
        raise OpsError("the file of --token-file is not text in UTF-8") from None
    except OSError as error:
        raise OpsError(f"the file of --token-file cannot be read: {error.strerror}") from None


def person_of(sender: str, recipients: tuple[str, ...]) -> Person:
    """Return who asks; with one address the second one is made of it.

    Raises:
        OpsError: an address is none, or there are too many.

    """
    if len(recipients) > _MOST_ADDRESSES:
        raise OpsError("--to is given more than twice", "give one or two addresses of your own")
    to = [_bare("--to", text) for text in recipients]
    first, second = (to * 2)[:2] if len(to) > 1 else (to[0], second_address(to[0]))
    if first.lower() == second.lower():
        raise OpsError("--to has the same address twice", "give it once, or another one of yours")
    return Person(_bare("--from", sender), first, second)


def _bare(name: str, text: str) -> str:
    try:
        return bare(text)
    except AddressError as error:
        raise OpsError(f"{name} {error}") from None
