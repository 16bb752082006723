"""Six payloads that each client sends, and what is noted of the clients for the printed matrix."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from tests.e2e.world import World

# As callers write them; what must arrive is subject, and html or else text, byte for byte.
PAYLOADS: Final[tuple[dict[str, Any], ...]] = (
    {"subject": "تم استلام طلبك رقم 1042 🌙", "html": '<p dir="rtl">شكراً لك &amp; أهلاً</p>'},
    {"subject": "Plain", "html": None, "text": "Line one\nLine two\ttabbed\n\n\N{BULLET} é ü ß 😀"},
    {"subject": "100% & <b> + = ; ' \"", "html": "<p>a=b&c=d;100%25+\\\\\"'</p>"},
    {"subject": "\u200fعنوان \u2067mixed\u2069 text", "html": "<p>\u200f\u202bx\u202c \u00a0</p>"},
    {"subject": "Both", "html": "<h1>HTML goes</h1>", "text": "The text stays behind."},
    {"subject": "Long " + "ش" * 60, "html": "<p>" + "قصيدة طويلة جداً. " * 2_000 + "</p>"},
)


class Matrix:
    """What was held of each client."""

    def __init__(self) -> None:
        self.held: dict[str, list[str]] = defaultdict(list)

    def note(self, client: str, *held: str) -> None:
        """Note what a test has held."""
        self.held[client] += held

    def lines(self) -> list[str]:
        """Return a line a client."""
        width = max(map(len, self.held), default=0)
        return [f"{client:<{width}}  {', '.join(held)}" for client, held in self.held.items()]


def expected(payload: dict[str, Any]) -> tuple[str, str]:
    """Return the subject and the body that Taqnyat must get."""
    return payload["subject"], payload.get("html") or payload["text"]


def check_payloads(
    world: World, ids: Sequence[str], payloads: Sequence[dict[str, Any]] = PAYLOADS
) -> None:
    """Hold what Taqnyat got for the mails of `ids` to the payloads, in order."""
    assert len(ids) == len(payloads)
    got = {}
    for mail_id in ids:
        row = world.until_state(mail_id, "sent")
        got[row["msg_id"]] = mail_id
    received = {
        got[str(mail["msg_id"])]: (mail["fields"]["subject"], mail["fields"]["msg"])
        for mail in world.received()
        if str(mail["msg_id"]) in got
    }
    assert [received[mail_id] for mail_id in ids] == [expected(one) for one in payloads]
