"""What `mail show` tells of a row: all but what is nobody's business."""

from outbox.mail.states import State
from outbox.storage.row import Row

from ops.commands.mail import summary


def test_a_summary_hides_the_claim_s_token_and_the_fingerprints() -> None:
    row = Row(
        id="m", state=State.SENDING, claim_token="secret", fingerprint="secret", request="secret"
    )

    shown = summary(row)

    assert (shown["id"], shown["state"]) == ("m", "sending")
    assert "secret" not in shown.values()
