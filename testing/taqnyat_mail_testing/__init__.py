"""The local stack of the Taqnyat mail gateway, for an application's tests.

With pytest the fixture `taqnyat_gateway` gives a `Gateway`. Without it, `Gateway.attach()` finds
one that runs, and `start()` starts one. Needs nothing but the standard library.
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

__all__ = ["Gateway", "Inbox", "Mail", "NoMailError"]

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is on this machine


class NoMailError(AssertionError):
    """The mail that was waited for did not come; the message lists the mails that came instead."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as Taqnyat got it. `body` is HTML or text; `links` are those of its HTML."""

    number: int
    sender: str
    to: tuple[str, ...]
    subject: str
    body: str = field(repr=False)
    campaign: str
    links: tuple[str, ...]

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Self:
        """Return a mail of the console's answer."""
        return cls(
            number=said["n"],
            sender=said["from"],
            to=tuple(said["to"]),
            subject=said["subject"],
            body=said["fields"]["msg"],
            campaign=said["campaign"],
            links=tuple(link["href"] for link in said["links"]),
        )


class Inbox:
    """What Taqnyat took."""

    def __init__(self, url: str) -> None:
        """`url` is the console's."""
        self._url = url

    def wait_for(self, *, timeout: float = 30.0, after: int = 0, **wanted: str) -> Mail:
        """Wait for a mail, and return the first that fits and has a higher number than `after`.

        What may be wanted: `to` (one whole address), `subject`, `sender`, `campaign` (parts).

        Raises:
            NoMailError: none came within `timeout` seconds (at most 60).

        """
        if "sender" in wanted:
            wanted["from"] = wanted.pop("sender")
        ask = urllib.parse.urlencode({**wanted, "after": after, "timeout": timeout})
        try:
            return Mail.read(_call(f"{self._url}/api/inbox/wait?{ask}", timeout=timeout + 30))
        except urllib.error.HTTPError as error:
            if error.code != 404:  # noqa: PLR2004
                raise
        there = [f"to {', '.join(mail.to)}: {mail.subject}" for mail in self.mails()[:10]]
        listed = "\n  ".join(there) or "the inbox is empty"
        raise NoMailError(f"no mail with {wanted} came within {timeout} s; there is\n  {listed}")

    def mails(self, search: str = "") -> list[Mail]:
        """Return the newest mails, up to 100, that the console's search finds."""
        ask = urllib.parse.urlencode({"q": search})
        found = _call(f"{self._url}/api/inbox?{ask}")["mails"]
        return [Mail.read(_call(f"{self._url}/api/inbox/{mail['n']}")) for mail in found]


class Gateway:
    """A running local stack: `url` and `key` of its API, its `inbox`, and Taqnyat's behaviour."""

    def __init__(self, details: Mapping[str, Any]) -> None:
        """`details` are those of stack.json."""
        self.details = details
        self.url: str = details["api_url"]
        self.key: str = details["api_key"]
        self.inbox = Inbox(details["inbox_url"])

    @classmethod
    def attach(cls, stack_json: str | Path) -> Self:
        """Return the stack that the file describes."""
        return cls(json.loads(Path(stack_json).read_text("utf-8")))

    def behave(self, mode: str) -> None:
        """Let Taqnyat behave in a way from now on, such as `balance_empty`; see `modes`."""
        _call(f"{self.details['inbox_url']}/api/taqnyat", {"mode": mode})

    @property
    def modes(self) -> list[str]:
        """The ways in which Taqnyat can behave."""
        state = _call(f"{self.details['inbox_url']}/api/state")
        return [mode["name"] for mode in state["taqnyat"]["modes"]]

    def mail(self, mail_id: str) -> dict[str, Any]:
        """Return the answer of `GET /emails/{id}`."""
        answer: dict[str, Any] = _call(f"{self.url}/emails/{mail_id}", key=self.key)
        return answer

    def reset(self) -> None:
        """Reset: Taqnyat accepts every mail, and no earlier mail is left."""
        _call(f"{self.details['inbox_url']}/api/reset", {})


def _call(url: str, body: object = None, *, key: str = "", timeout: float = 60.0) -> Any:  # noqa: ANN401 - JSON
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers)  # noqa: S310 - our own address
    with _OPENER.open(request, timeout=timeout) as answer:
        return json.load(answer)
