"""A simulator of Taqnyat's mail API over HTTP, with a script that makes it fail.

Taqnyat offers no sandbox. This answers as its guide shows, malformed bodies included, and
remembers what it accepted. Pages: `/inbox`, `/calls`, `/script`, `/account` (see `control`).
"""

from typing import Any

from local.simulator.account import Account
from local.simulator.books import Observer
from local.simulator.fields import FieldError
from local.simulator.profile import Profile
from local.simulator.provider import Provider
from local.simulator.server import Server

__all__ = ["FieldError", "Simulator"]


class Simulator(Server):
    """A running simulator.

    Its methods do in the process what the pages do over HTTP, and raise FieldError where
    the pages answer 400.
    """

    def __init__(
        self,
        *,
        token: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        profile: Profile | None = None,
    ) -> None:
        """Bind a port (0: any free one); without a token one is made up.

        With a `profile` (see there) it answers as a real account did.
        """
        account = Account() if token is None else Account(token=token)
        super().__init__((host, port), Provider(account, profile=profile))

    @property
    def token(self) -> str:
        """The bearer token that the account accepts now."""
        return self.provider.account.token

    def script(self, *rules: dict[str, Any] | str) -> None:
        """Put rules before the ones in force; a bare string is an answer for every mail."""
        given = [{"answer": rule} if isinstance(rule, str) else rule for rule in rules]
        self.provider.change_script({"rules": given}, replace=False)

    def clear_script(self) -> None:
        """Take all rules away."""
        self.provider.change_script({"rules": []}, replace=True)

    def account(self, **change: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Change fields of the account (balance, price, token, enabled, ip_allowed, senders)."""
        return self.provider.change_account(change)

    def inbox(self, to: str | None = None) -> list[dict[str, Any]]:
        """Return the accepted mails in order, all or those to one address."""
        mails: list[dict[str, Any]] = self.provider.books.inbox(to=to)["mails"]
        return mails

    def calls(self) -> dict[str, Any]:
        """Return counts and the last calls of mailSend.php."""
        return self.provider.books.calls()

    def clear(self) -> None:
        """Empty the inbox and the calls."""
        self.provider.books.clear()

    def reset(self) -> None:
        """Reset all but the token: no rules, a fresh account, empty books."""
        self.clear_script()
        self.provider.change_account({}, renew=True)
        self.clear()

    def observe(self, observer: Observer) -> None:
        """Call an observer with every mail, call, and change of script and account."""
        self.provider.books.observe(observer)
