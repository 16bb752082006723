"""Asks a real account by the gateway's own client, and counts each call that could send.

No call is ever made twice. Every call with a recipient is counted before it is made, so an answer
that says nothing, or that never comes, counts as a mail.
"""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from taqnyat import (
    BearerToken,
    Fault,
    Letter,
    Outcome,
    Scope,
    TaqnyatClient,
    Transport,
    Verdict,
    classify,
)
from taqnyat.client import ANSWER_OF_ANOTHER
from taqnyat.envelope import read
from taqnyat.transport import Answer

from ops.verification import calls
from ops.verification.mailbox import Person, letter, letter_to_nobody
from ops.verification.seen import INTERRUPTED, Seen, kept_code
from ops.verification.shape import shape, words_of

_CONNECT_SECONDS: Final = 5.0
_FOREVER: Final = float("inf")


class Allowance:
    """How many calls that could send may be made yet."""

    def __init__(self, allowed: int) -> None:
        self.allowed = allowed
        self.made = 0

    @property
    def left(self) -> int:
        """How many are left."""
        return self.allowed - self.made

    def take(self) -> None:
        """Count one, before it is made.

        Raises:
            AssertionError: there is none left; nothing is sent then.

        """
        if self.left <= 0:
            raise AssertionError
        self.made += 1


class _Held:
    """A token that is held in memory: read again it is the same, so nothing is sent again."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: ARG002, N803  Secrets Manager's shape
        return {"SecretString": self._token}


class _Listening(Transport):
    """The gateway's transport, which remembers the last answer."""

    answer: Answer | None = None

    def request(
        self,
        method: str,
        path: str,
        deadline: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        keep: Callable[[Answer], bool] | None = None,
        resolve: Callable[[str, int, float], Sequence[Any]] | None = None,
    ) -> Answer:
        """Make one exchange, and remember what came back."""
        self.answer = None
        self.answer = super().request(method, path, deadline, body, headers, keep, resolve)
        return self.answer


class Asker:
    """Makes the calls one by one; `seen` has all that were made, also one that was interrupted."""

    def __init__(
        self, url: str, token: str, person: Person, allowance: Allowance, seconds: float
    ) -> None:
        """`seconds` is the time for one call."""
        self.seen: list[Seen] = []
        self.allowance = allowance
        self._person = person
        self._token = token
        self._seconds = seconds
        self._transport = _Listening(url, min(_CONNECT_SECONDS, seconds))
        self._private = words_of(token, person.sender, person.first, person.second)
        self._msg_ids: set[str] = set()

    def ask(self, name: str) -> Seen:
        """Make one call. Raises nothing for what the network does.

        Raises:
            KeyboardInterrupt: it was stopped during the call, which is in `seen`, as maybe sent.

        """
        could_send = any(call.name == name for call in calls.MAILS)
        try:
            one = self._mail(name) if could_send else self._harmless(name)
        except KeyboardInterrupt:
            self.seen.append(
                Seen(
                    call=name,
                    could_send=could_send,
                    reason=INTERRUPTED,
                    verdict=Verdict.UNKNOWN,
                    scope=Scope.PROVIDER,
                    fault=INTERRUPTED,
                )
            )
            raise
        self.seen.append(one)
        return one

    def _mail(self, name: str) -> Seen:
        """Make a call that could send, as far as earlier answers say that it is understood."""
        asked = self._found(calls.NO_RECIPIENT)
        json_ = name == calls.TEXT_JSON and asked == self._found(calls.NO_RECIPIENT_JSON)
        named = name == calls.HTML_TWO_RECIPIENTS and asked == self._found(calls.NO_RECIPIENT_NAMED)
        mail = letter(name, self._person, named=named)
        return self._post(name, mail, "json" if json_ else "form", named=named)

    def _harmless(self, name: str) -> Seen:
        deadline = time.time() + self._seconds
        client = self._client(self._token, "form")
        if name == calls.STATUS:
            up = client.system_status(deadline).up
            return self._plain(name, calls.OPERATIONAL if up else calls.AFFECTED)
        if name == calls.BALANCE:
            trouble = client.account_balance(deadline).trouble
            return self._plain(name, trouble or calls.BALANCE_READ)
        if name == calls.WRONG_METHOD:
            answer = self._transport.request("POST", "/system/status", deadline, b"")
            return self._of(name, classify(answer.status, answer.body, answer.fault))
        sender = self._person.sender
        if name == calls.WRONG_TOKEN:
            made_up = secrets.token_hex(16)
            return self._post(name, letter_to_nobody(sender), "form", token=made_up)
        named = name == calls.NO_RECIPIENT_NAMED
        mail = letter_to_nobody(self._person.named if named else sender)
        encoding = "json" if name == calls.NO_RECIPIENT_JSON else "form"
        return self._post(name, mail, encoding, named=named)

    def _post(
        self, name: str, mail: Letter, encoding: str, *, named: bool = False, token: str = ""
    ) -> Seen:
        if mail.recipients:
            self.allowance.take()
        client = self._client(token or self._token, encoding)
        outcome = client.send(mail, time.time() + self._seconds)
        if outcome.msg_id in self._msg_ids:
            outcome = Outcome(Verdict.UNKNOWN, Scope.PROVIDER, ANSWER_OF_ANOTHER, outcome.status)
        elif outcome.msg_id is not None:
            self._msg_ids.add(outcome.msg_id)
        return self._of(name, outcome, encoding=encoding, named=named)

    def _client(self, token: str, encoding: str) -> TaqnyatClient:
        return TaqnyatClient(self._transport, BearerToken(_Held(token), "", _FOREVER), encoding)

    def _plain(self, name: str, reason: str) -> Seen:
        answer = self._transport.answer
        reason = str(answer.fault) if answer and answer.fault else reason
        return self._of(name, Outcome(Verdict.TERMINAL, Scope.MAIL, reason), is_mail=False)

    def _of(
        self,
        name: str,
        outcome: Outcome,
        *,
        encoding: str = "form",
        named: bool = False,
        is_mail: bool = True,
    ) -> Seen:
        """Note an answer, by allow-list."""
        answer = self._transport.answer
        body = answer.body if answer else b""
        said = read(body)
        return Seen(
            call=name,
            could_send=name in {call.name for call in calls.MAILS},
            reason=outcome.reason,
            verdict=outcome.verdict if is_mail else "",
            scope=outcome.scope if is_mail else "",
            status=answer.status if answer else None,
            fault=answer.fault if answer else Fault.UNREACHABLE,
            code=kept_code(said.code),
            result=said.result,
            encoding=encoding,
            named=named,
            shape=shape(body, self._private),
            milliseconds=round((answer.seconds if answer else 0) * 1000),
        )

    def _found(self, name: str) -> tuple[str, int | None] | None:
        """Return how a call was answered, as far as two are compared."""
        return next(((one.reason, one.code) for one in self.seen if one.call == name), None)


def trouble(seen: Sequence[Seen]) -> str | None:
    """Return the reason why asking further is of no use; None if it is of use.

    After the first answer: nothing is there. Later: the account, or Taqnyat, takes no mails now.
    """
    last = seen[-1]
    if last.fault == Fault.UNREACHABLE:
        return last.reason
    telling = last.call == calls.NO_RECIPIENT or (last.could_send and last.scope != Scope.EITHER)
    return last.reason if telling and last.verdict == Verdict.RETRYABLE else None
