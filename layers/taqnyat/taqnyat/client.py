"""Taqnyat's mail API as one call: a letter goes in, a classified outcome comes out.

Wire facts (provider notes): POST form-urlencoded with the token in the body and in the header is
the one shape seen to deliver real mail. The token is never in a URL.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from taqnyat.classification import TOKEN_REFUSED, Outcome, Scope, Verdict, classify
from taqnyat.credentials import CredentialsError, SecretUnavailableError

if TYPE_CHECKING:
    from taqnyat.account import AccountBalance
    from taqnyat.credentials import BearerToken
    from taqnyat.transport import Answer, Transport

ANSWER_OF_ANOTHER: Final = "answer_of_another_mail"
_MSG_IDS_KEPT: Final = 10_000
_MAX_RETRY_AFTER: Final = 900.0
_SERVICE: Final = re.compile(r"""["']?service["']?\s*:\s*["']([^"']*)["']""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Letter:
    """What Taqnyat is asked to send: bare addresses, and one message (HTML or text) as it is.

    `reference` is our own id of it, which is not sent: it tells apart two that say the same.
    """

    sender: str
    recipients: tuple[str, ...]
    subject: str
    message: str
    campaign: str
    reference: str = ""


_TO_NOBODY: Final = Letter("", (), "", "", "")


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """`up` is False when a service is affected, or the answer cannot be had or read.

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
        """Send one letter by `deadline` (epoch seconds). Raises nothing, whatever is answered.

        A refused token is read again once, and the letter sent again only if it has changed.
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
            return outcome  # that the token was refused says more, and pauses
        return self._post(letter, other, deadline) if other else outcome

    def ask_account(self, deadline: float) -> Outcome:
        """Ask whether the token, read again, and this address are accepted: by a letter to nobody.

        It cannot be sent; codes 14 to 17 tell that Taqnyat took everything but the letter.
        """
        self._token.forget()
        return self.send(_TO_NOBODY, deadline)

    def system_status(self, deadline: float) -> SystemStatus:
        """Ask `/system/status`, which needs no token and so cannot tell of the account."""
        answer = self._transport.request("GET", "/system/status", deadline)
        return SystemStatus(up=_operational(answer), seconds=answer.seconds)

    def account_balance(self, deadline: float) -> AccountBalance:
        """Ask `/account/balance`, with the token in a header alone. Raises nothing."""
        from taqnyat import account  # noqa: PLC0415  the worker, which never asks, starts without

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
            # After a refusal too the connection goes: a second answer to it, however late, would
            # say of the next letter that it was refused.
            keep=lambda answer: self._judge(letter, answer).verdict is Verdict.SENT,
        )
        outcome = self._judge(letter, answer)
        return replace(outcome, retry_after=answer.wait(_MAX_RETRY_AFTER))

    def _judge(self, letter: Letter, answer: Answer) -> Outcome:
        """Classify an answer; one that another letter has had before is not believed."""
        outcome = classify(answer.status, answer.body, answer.fault)
        if outcome.msg_id is None:
            return outcome
        # Hashes: this must hold no letter for as long as a container lives.
        if self._msg_ids.setdefault(outcome.msg_id, hash(letter)) != hash(letter):
            return Outcome(
                Verdict.UNKNOWN, Scope.PROVIDER, ANSWER_OF_ANOTHER, status=outcome.status
            )
        if len(self._msg_ids) > _MSG_IDS_KEPT:
            self._msg_ids.pop(next(iter(self._msg_ids)), None)
        return outcome


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
    """Collect the service names of one status object or of a list of them.

    What has no name counts as affected; without entries, or in another shape, nothing is collected.
    """
    if not isinstance(document, dict) or document.get("statusCode", 200) not in (200, "200"):
        return []
    status = document.get("status")
    names = [
        entry.get("service") if isinstance(entry, dict) else None
        for entry in (status if isinstance(status, list) else [status])
    ]
    return [name if isinstance(name, str) else "" for name in names]
