"""The clock of the local stack."""

from local.ticker import Ticker


def test_one_that_a_signal_kept_from_beginning_can_be_ended() -> None:
    ticker = Ticker(lambda: None, lambda: 1.0, lambda _: None)

    ticker.stop()
    ticker.join()
