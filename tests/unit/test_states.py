"""The state machine of the design, arrow by arrow."""

from outbox.mail.states import ARROWS, State

# As drawn in the design, plus the way back that a re-drive takes, a claim taken over from a worker
# that died, and an operator's word that an unknown mail was sent, or is given up.
DRAWN = {
    ("scheduled", "queued"),
    ("scheduled", "sending"),
    ("scheduled", "canceled"),
    ("queued", "sending"),
    ("queued", "canceled"),
    ("sending", "sent"),
    ("sending", "failed"),
    ("sending", "unknown"),
    ("sending", "queued"),
    ("sending", "sending"),
    ("failed", "sending"),
    ("failed", "canceled"),
    ("unknown", "sending"),
    ("unknown", "sent"),
    ("unknown", "canceled"),
}


def test_every_arrow_is_drawn() -> None:
    assert {(str(start), str(end)) for start, ends in ARROWS.items() for end in ends} == DRAWN


def test_every_state_has_its_place() -> None:
    assert set(ARROWS) == set(State)
    assert [state for state in State if not ARROWS[state]] == [State.SENT, State.CANCELED]
