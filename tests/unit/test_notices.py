"""What the operators are told of pauses: each with its cause, and repeated ones folded."""

import pytest
from mail_status import notices
from outbox.sending.control import PauseState, Refusal, Suspicion

NOW = 1_800_000_000.0
REFUSAL = Refusal("id-1", "a@acme.sa", "balance_too_low", 3, 400)
OTHER = Refusal("id-2", "a@acme.sa", "wrong_endpoint", None, 404)
PAUSED = PauseState(
    paused=True, reason="balance_too_low", by="system", since=int(NOW), announced=False
)


def test_a_pause_names_the_mails_and_the_answers_that_paused() -> None:
    notice = notices.of_pause(PAUSED._replace(blamed=(REFUSAL, OTHER)), NOW, 60)
    assert notice is not None
    assert (
        "The answers that paused: mail id-1: balance_too_low, code 3, HTTP 400; "
        "mail id-2: wrong_endpoint, HTTP 404.\n"
    ) in notice.message
    assert "acme" not in notice.message


@pytest.mark.parametrize(("repeats", "times"), [(1, "second"), (2, "third"), (3, "4th")])
def test_repeated_pauses_are_folded(repeats: int, times: str) -> None:
    again = PAUSED._replace(repeats=repeats, series_since=int(NOW) - 1200, told_at=int(NOW) - 899)
    assert notices.of_pause(again, NOW, 60) is None
    notice = notices.of_pause(again, NOW + 1, 60)
    assert notice is not None
    assert f"Sending paused for the {times} time in 20 minutes: " in notice.message


@pytest.mark.parametrize(("age", "sent", "told"), [(299, -1, 0), (300, -1, 1), (300, 0, 0)])
def test_a_suspicion_is_told_after_five_minutes_without_a_mail(
    age: int, sent: int, told: int
) -> None:
    suspicion = Suspicion(REFUSAL, int(NOW))
    notice = notices.of_suspicion(suspicion, NOW + sent, NOW + age)
    assert (notice is not None) is bool(told)
    assert notices.of_suspicion(suspicion._replace(told=True), NOW - 1, NOW + 900) is None
