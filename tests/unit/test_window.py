"""The provider's failure rate over the last different mails."""

from outbox.sending.window import FailureWindow


def test_it_says_nothing_before_enough_different_mails() -> None:
    window = FailureWindow(3)
    window.add("a", failed=True)
    window.add("a", failed=True)
    window.add("b", failed=True)
    assert (window.rate, window.half_fails) == (0.0, False)
    window.add("c", failed=False)
    assert (round(window.rate, 2), window.half_fails) == (0.67, True)


def test_a_mail_counts_once_with_its_last_outcome() -> None:
    window = FailureWindow(2)
    window.add("a", failed=True)
    window.add("b", failed=False)
    assert window.half_fails
    window.add("a", failed=False)
    assert window.rate == 0.0


def test_it_holds_the_last_24() -> None:
    window = FailureWindow(10)
    for number in range(24):
        window.add(f"bad {number}", failed=True)
    for number in range(13):
        window.add(f"good {number}", failed=False)
    assert not window.half_fails
    window.clear()
    assert window.rate == 0.0
