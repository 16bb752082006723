"""The model holds what is promised, and each way to break its design is caught."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from outbox.mail.states import ARROWS, State

from tests.model.arrows import explored
from tests.model.explore import explore
from tests.model.mail import Design, MailModel
from tests.model.pause import Design as PauseDesign
from tests.model.pause import PauseModel

# Each broken design: the policy under which it is wrong, and what the model says of it.
BROKEN = {
    "claims": (False, "is doubled in silence"),
    "claims_after_sending": (False, "is doubled in silence"),
    "leases": (False, "is doubled in silence"),
    "lease_ends": (False, "is stuck"),
    "keeps_record_on_error": (True, "is doubled in silence"),
    "settles_if_ours": (False, "is lost"),
    "redrive_asks_ledger": (False, "is doubled under hold"),
    "redrive_counts": (False, "is doubled under hold"),
    "acks_before_settling": (False, "is lost"),
    "acks_before_parking": (False, "is lost"),
    "unknown_is_unknown": (False, "is doubled in silence"),
    "remembers_maybe": (False, "is doubled in silence"),
    "marks_before_sending": (True, "is doubled in silence"),
    "holds_stale": (False, "is doubled under hold"),
}
BROKEN_PAUSE = {
    "reads_the_pause": "starts a batch in a pause",
    "stops_itself": "calls on after it was refused",
    "probes_before_resuming": "resumes while the account is refused",
    "probes_one_at_a_time": "two probes of one pause at once",
    "resumes_if_same": "an operator's pause is ended by a probe",
    "knows_old_answers": "an answer from before the resume pauses again",
    "check_switches_mapping": "is stuck",
}


@pytest.mark.parametrize("resend", [False, True], ids=["hold", "resend"])
def test_a_mail_is_never_lost_nor_doubled_in_silence(
    resend: bool,  # noqa: FBT001 - a parameter of the test
    record_property: Callable[[str, object], None],
) -> None:
    found, arrows = explored(resend=resend)
    policy = "resend" if resend else "hold"
    figures = {"states": len(found.states), "steps": found.steps, "arrows": len(arrows)}
    record_property("model", (f"one mail, {policy}", figures))
    assert found.wrongs == {}
    assert len(found.states) > 50_000


@pytest.mark.parametrize("flaw", BROKEN)
def test_a_broken_design_is_caught(flaw: str) -> None:
    resend, wrong = BROKEN[flaw]
    design = Design(resend=resend)
    broken = replace(design, **{flaw: not getattr(design, flaw)})
    found = explore(MailModel(broken), until=wrong)
    assert wrong in found.wrongs


def test_sending_pauses_and_resumes(record_property: Callable[[str, object], None]) -> None:
    found = explore(PauseModel(PauseDesign()))
    record_property("model", ("pause", {"states": len(found.states), "steps": found.steps}))
    assert found.wrongs == {}
    assert len(found.states) > 1000


@pytest.mark.parametrize("flaw", BROKEN_PAUSE)
def test_a_broken_pause_is_caught(flaw: str) -> None:
    design = PauseDesign()
    broken = replace(design, **{flaw: not getattr(design, flaw)})
    found = explore(PauseModel(broken), until=BROKEN_PAUSE[flaw])
    assert BROKEN_PAUSE[flaw] in found.wrongs


def test_the_arrows_of_the_code_are_those_of_the_model() -> None:
    arrows = explored(resend=False)[1] | explored(resend=True)[1]
    known = {(State(arrow.before), State(arrow.after)) for arrow in arrows if arrow.before}
    stated = {(before, after) for before, afters in ARROWS.items() for after in afters}
    # That a mail of a later time is due is no write of its own: it is claimed from where it is.
    assert stated - known <= {(State.SCHEDULED, State.QUEUED)}
    assert known <= stated
