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


def test_a_notice_says_what_happened_and_how_often_to_people_and_to_the_log() -> None:
    again = PAUSED._replace(
        repeats=1, series_since=int(NOW) - 3000, told_at=0, detail="10.0.0.1", blamed=(REFUSAL,)
    )
    last = 'Run: ./taqnyat-mail doctor\nSee docs/operations.md, "Sending is paused".'
    fields = {"reason": "balance_too_low", "detail": "10.0.0.1", "repeats": 1}
    assert notices.of_pause(again, NOW, 60) == (
        "Taqnyat mail gateway: sending paused",
        (
            "Sending paused for the second time in 50 minutes: balance_too_low (refused address: "
            "10.0.0.1). Nothing is lost.\nThe answers that paused: mail id-1: balance_too_low, "
            f"code 3, HTTP 400.\n{last}"
        ),
        "sending paused",
        fields,
    )
    resumed = again._replace(paused=False, resumed_at=int(NOW))
    assert notices.of_pause(resumed, NOW + 120, 60) == (
        "Taqnyat mail gateway: sending resumed",
        f"Sending resumed after: balance_too_low (paused 2 times). Nothing is lost. {last}",
        "sending resumed",
        fields,
    )


def test_a_first_pause_is_told_at_once_in_plain_words() -> None:
    notice = notices.of_pause(PAUSED._replace(told_at=int(NOW)), NOW, 60)
    assert notice is not None
    assert notice.message.startswith("Sending paused: balance_too_low. Nothing is lost.\nRun: ")
    resumed = notices.of_pause(PAUSED._replace(paused=False), NOW, 60)
    assert resumed is not None
    assert resumed.message.startswith("Sending resumed after: balance_too_low. Nothing is lost. ")


@pytest.mark.parametrize("repeats", [1, 2])
def test_repeats_within_a_minute_are_counted_as_one_minute(repeats: int) -> None:
    again = PAUSED._replace(repeats=repeats, series_since=int(NOW) - 20)
    notice = notices.of_pause(again, NOW, 60)
    assert notice is not None
    assert " time in 1 minutes: " in notice.message


@pytest.mark.parametrize(
    ("by", "first_probe", "held"),
    [("system", 60, 120), ("system", 300, 120), ("system", 15, 30), ("operator", 60, 0)],
)
def test_a_resume_is_told_when_it_has_lasted(by: str, first_probe: int, held: int) -> None:
    resumed = PAUSED._replace(paused=False, by=by, resumed_at=int(NOW))
    assert notices.of_pause(resumed, NOW + held, first_probe) is not None
    assert not held or notices.of_pause(resumed, NOW + held - 1, first_probe) is None


def test_a_suspicion_is_told_with_its_answer() -> None:
    notice = notices.of_suspicion(Suspicion(REFUSAL, int(NOW)), 0, NOW + 300)
    assert notice is not None
    assert notice.subject == "Taqnyat mail gateway: a refusal stands"
    assert notice.message.splitlines()[0] == (
        "Taqnyat refused a mail, and nothing was sent since: "
        "mail id-1: balance_too_low, code 3, HTTP 400."
    )
    assert notice.event == "refusal stands"
    assert notice.fields == {"reason": "balance_too_low", "code": 3, "correlation_id": "id-1"}
