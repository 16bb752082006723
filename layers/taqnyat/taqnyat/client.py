"""Taqnyat's mail API as one call: a letter goes in, a classified outcome comes out.

Wire facts: only a form-urlencoded POST with the token in the body and in the header is known to
deliver real mail. The token is never in a URL.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlencode

from taqnyat.classification import TOKEN_REFUSED, classify
from taqnyat.credentials import CredentialsError, SecretUnavailableError
from taqnyat.outcome import Outcome, Scope, Verdict

if TYPE_CHECKING:
    from taqnyat.account import AccountBalance
    from taqnyat.credentials import BearerToken
    from taqnyat.transport import Answer, Transport

ANSWER_OF_ANOTHER: Final = "answer_of_another_mail"
_MSG_IDS_KEPT: Final = 10_000
_MAX_RETRY_AFTER: Final = 900.0
_SERVICE: Final = re.compile(r"""["']?service["']?\s*:\s*["']([^"']*)["']""", re.IGNORECASE)


class Letter(NamedTuple):
    """What Taqnyat gets: bare addresses, and one message (HTML or text).

    `reference` is our own id, which is not sent; it distinguishes two letters with equal content.
    """

    sender: str
    recipients: tuple[str, ...]
    subject: str
    message: str
    campaign: str
    reference: str = ""


_TO_NOBODY: Final = Letter("", (), "", "", "")


class SystemStatus(NamedTuple):
    """`up` is False when a service is affected, or there is no readable answer.

    `seconds` is the answer's time.
    """

    up: bool
    seconds: float


class TaqnyatClient:
    """Sends letters. Safe to share between threads."""

    def __init__(self, transport: Transport, token: BearerToken, encoding: str = "form") -> None:
        """Choose how the five fields travel: `encoding` "form", the default, or "json"."""
        self._transport = transport
        self._token = token
        self._encoding = encoding
        self._msg_ids: dict[str, int] = {}

    def send(self, letter: Letter, deadline: float) -> Outcome:
        """Send one letter by `deadline` (epoch seconds). Never raises.

        If Taqnyat refuses the token, it is read again once, and the letter is sent again only if
        the token has changed.
        """
        try:
            token = self._token.get()
        except SecretUnavailableError as error:
            return Outcome(Verdict.RETRYABLE, Scope.PROVIDER, error.reason)
        except CredentialsError as error:
            return Outcome(Verdict.RETRYABLE, Scope.ACCOUNT, error.reason)
        started = time.time()
        outcome = self._post(letter, token, deadline)
        if outcome.reason != TOKEN_REFUSED:
            return outcome
        try:
            other = self._token.replacement(token, since=started)
        except CredentialsError:
            return outcome  # the refusal of the token says more, and pauses
        return self._post(letter, other, deadline) if other else outcome

    def ask_account(self, deadline: float) -> Outcome:
        """Ask whether Taqnyat accepts the token, read again, and this address: by an empty letter.

        It cannot be sent; codes 14 to 17 mean that Taqnyat accepted everything but the letter.
        """
        self._token.forget()
        return self.send(_TO_NOBODY, deadline)

    def system_status(self, deadline: float) -> SystemStatus:
        """Ask `/system/status`, which needs no token and so says nothing about the account."""
        answer = self._transport.request("GET", "/system/status", deadline)
        return SystemStatus(up=_operational(answer), seconds=answer.seconds)

    def account_balance(self, deadline: float) -> AccountBalance:
        """Ask `/account/balance`, with the token only in a header. Never raises."""
        from taqnyat import account  # noqa: PLC0415  the worker never asks

        try:
            token = self._token.get()
        except CredentialsError as error:
            return account.AccountBalance(trouble=error.reason)
        headers = {"Authorization": f"Bearer {token}"}
        answer = self._transport.request("GET", "/account/balance", deadline, headers=headers)
        balance = account.read_balance(answer)
        if balance.trouble == account.REFUSED:
            self._token.forget()  # it may have been rotated: the next call reads the secret
        return balance

    def _post(self, letter: Letter, token: str, deadline: float) -> Outcome:
        fields: dict[str, Any] = {
            "bearerTokens": token,
            "campaignName": letter.campaign,
            "subject": letter.subject,
            "from": letter.sender,
            "to": ",".join(letter.recipients),
            "msg": letter.message,
        }
        if self._encoding == "json":
            body = json.dumps({**fields, "to": letter.recipients}, ensure_ascii=False).encode()
            content_type = "application/json"
        else:
            body = urlencode(fields).encode("ascii")
            content_type = "application/x-www-form-urlencoded"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": content_type}
        answer = self._transport.request(
            "POST",
            "/mailSend.php",
            deadline,
            body,
            headers,
            # Close the connection after a refusal too: a late second answer to it would count as
            # the answer to the next letter.
            keep=lambda answer: self._judge(letter, answer).verdict is Verdict.SENT,
        )
        outcome = self._judge(letter, answer)
        if _repeats(outcome.msg_id or "", letter, token):
            outcome = outcome._replace(msg_id=None)  # an id is kept, and these must not be
        return outcome._replace(retry_after=answer.wait(_MAX_RETRY_AFTER))

    def _judge(self, letter: Letter, answer: Answer) -> Outcome:
        """Classify an answer; a msgId that another letter has had is not trusted."""
        outcome = classify(answer.status, answer.body, answer.fault)
        if outcome.msg_id is None:
            return outcome
        # Only hashes: a container must not keep letters.
        if self._msg_ids.setdefault(outcome.msg_id, hash(letter)) != hash(letter):
            return Outcome(
                Verdict.UNKNOWN, Scope.PROVIDER, ANSWER_OF_ANOTHER, status=outcome.status
            )
        if len(self._msg_ids) > _MSG_IDS_KEPT:
            self._msg_ids.pop(next(iter(self._msg_ids)), None)
        return outcome


def _repeats(msg_id: str, letter: Letter, token: str) -> bool:
    """Return whether an id has the token or an address, also as `name=example.com@bounces.sa`."""
    spelled = msg_id.lower().replace("=", "@")
    addresses = (letter.sender, *letter.recipients)
    return token in msg_id or any(each and each.lower() in spelled for each in addresses)


def _operational(answer: Answer) -> bool:
    if answer.status != 200 or answer.fault:  # noqa: PLR2004
        return False
    text = answer.body.decode("utf-8", errors="replace")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        # The guide's own sample has unquoted keys.
        services = _SERVICE.findall(text)
    else:
        services = _services(document)
    return bool(services) and all(service.strip().lower() == "none" for service in services)


def _services(document: object) -> list[str]:
    """Return the service names of one status object or of a list of them.

    An entry without a name counts as affected. Another shape gives an empty list.
    """
    if not isinstance(document, dict) or document.get("statusCode", 200) not in (200, "200"):
        return []
    status = document.get("status")
    names = [
        entry.get("service") if isinstance(entry, dict) else None
        for entry in (status if isinstance(status, list) else [status])
    ]
    return [name if isinstance(name, str) else "" for name in names]
