"""The screen: tables, facts, notes and questions as they are printed, and Ctrl-C in good order."""

import io
import json
import signal
import threading
import time
from typing import Any, Self

import pytest
from rich.console import Console
from rich.text import Text

from ops.errors import OpsError
from ops.interrupt import Stop, stoppable
from ops.screen import Screen, ago, clean, clock, facts, progress, table
from ops.side_by_side import aside, side_by_side


class Thing:
    """Something that has a summary, and something that has none."""

    def summary(self) -> dict[str, int]:
        """Return it for programs."""
        return {"a": 1}


def test_tables_are_aligned_to_the_letter(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("x", None), (Text("y"), ""), (3, 0)]

    Screen(as_json=False).show(None, table(("one", "two"), rows, title="many"), "end")
    Screen(as_json=False).show(None, facts({"a": 1, "long": None}), facts({}))

    found = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert found[:6] == ["many", "one  two", "x    -", "y    -", "3    0", "end"]
    assert found[6:8] == ["a     1", "long  -"]


def test_a_narrow_table_folds_what_is_long() -> None:
    """An id that is cut cannot be copied."""
    shown = Console(file=io.StringIO(), width=8)
    shown.print(table(("id",), [("0123456789",)]))

    assert isinstance(shown.file, io.StringIO)
    assert shown.file.getvalue().split() == ["id", "01234567", "89"]


def test_a_table_is_not_cut_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(as_json=False).show(None, table(("one",), [("x" * 190,)]))
    Screen(as_json=False).note("y" * 190)

    shown = capsys.readouterr()
    assert "x" * 190 in shown.out
    assert "y" * 190 in shown.err


def test_programs_get_summaries_and_texts(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(as_json=True).show({"x": [Thing()], "y": 1 + 2j, "z": "\u0633"})

    assert capsys.readouterr().out == '{"x": [{"a": 1}], "y": "(1+2j)", "z": "\u0633"}\n'


@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_important_is_told_to_programs_too(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    screen = Screen(as_json=as_json)
    screen.note("a note")
    screen.warn("a warning")
    screen.failed(OpsError("bad"))

    out, err = capsys.readouterr()
    assert out == ""
    if as_json:
        assert [json.loads(line) for line in err.splitlines()] == [
            {"warning": "a warning"},
            {"error": "bad", "remedy": ""},
        ]
    else:
        assert err.splitlines() == ["a note", "a warning", "Error: bad"]


@pytest.mark.parametrize(
    ("char", "steers"),
    [
        *((char, True) for char in "\x00\x08\x0b\r\x1f\x7f\x9f\u2028\u202e\u2066\u2069\ufff9"),
        *((char, True) for char in "\ufffb\ud800\udfff\U000e0000\U000e007f"),
        *((char, False) for char in "\t\n ~\xa0\u2027\u202f\u2065\u206a\u0633\u200f\ufffc"),
    ],
)
def test_what_steers_a_terminal_is_replaced(char: str, *, steers: bool) -> None:
    assert clean(f"a{char}b") == ("a\ufffdb" if steers else f"a{char}b")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (-60, "-1 min"),
        (3599, "60 min"),
        (3600, "1 h"),
        (86399, "24 h"),
        (86400, "1 d"),
        (-200_000, "-2 d"),
    ],
)
def test_a_length_of_time_is_told_in_its_largest_unit(seconds: float, text: str) -> None:
    assert ago(seconds) == text


def test_a_moment_is_told_in_utc() -> None:
    assert clock(1_795_000_000.0) == "2026-11-18 11:06:40Z"


def test_a_question_is_asked_on_standard_error_and_no_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("ops.screen.sys.stdin", type("T", (), {"isatty": lambda _: True})())
    monkeypatch.setattr("ops.screen.click.confirm", lambda *a, **k: asked.append((a, k)))

    Screen(as_json=False).confirm("Send\x1b?", yes=False)

    assert asked == [(("Send\ufffd?",), {"abort": True, "err": True})]
    with pytest.raises(OpsError, match=r"^not done without an answer to: Send\?"):
        Screen(as_json=True).confirm("Send?", yes=False)


def test_progress_is_shown_on_standard_error_to_people_alone() -> None:
    people, programs = Screen(as_json=False), Screen(as_json=True)
    bar = progress(people, "a", "b")

    assert (bar.disable, progress(programs).disable) == (False, True)
    assert bar.console is people.notes
    kinds = [type(column).__name__ for column in bar.columns]
    assert kinds == [
        *("TextColumn", "BarColumn", "TaskProgressColumn", "MofNCompleteColumn"),
        *("TextColumn", "TextColumn", "TimeElapsedColumn", "TextColumn", "TimeRemainingColumn"),
    ]
    texts = [getattr(column, "text_format", "") for column in bar.columns]
    assert texts[0] == "{task.description}"
    assert (texts[4:6], texts[7]) == (["a", "b"], "left")


def test_a_long_read_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(as_json=False)
    told: list[Any] = []

    class Status:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            told.append("over")

        def update(self, text: Any) -> None:
            told.append(str(text))

    def status(text: Any) -> Status:
        told.append(str(text))
        return Status()

    monkeypatch.setattr(screen.notes, "status", status)
    with screen.busy("reading") as progressed:
        progressed(1200, 30_000)

    assert told == ["reading", "reading: 1,200 of about 30,000", "over"]


def test_one_ctrl_c_asks_and_a_second_interrupts() -> None:
    stop = Stop()
    assert (stop.asked, stop.wait(0)) == (False, False)

    stop.ask()

    assert (stop.asked, stop.wait(60)) == (True, True)
    with pytest.raises(KeyboardInterrupt):
        stop.ask()


def test_while_a_person_thinks_ctrl_c_ends_it_at_once() -> None:
    stop = Stop()

    with stop.thinking(), pytest.raises(KeyboardInterrupt):
        stop.ask()
    assert not stop.asked
    with pytest.raises(RuntimeError), stop.thinking():
        raise RuntimeError
    stop.ask()
    assert stop.asked


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_ask_to_stop_and_are_given_back(number: int) -> None:
    before = signal.getsignal(number)

    with stoppable() as stop:
        signal.raise_signal(number)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)

    assert signal.getsignal(number) is before


def test_outside_of_the_main_thread_signals_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[bool] = []

    def work() -> None:
        with stoppable() as stop:
            seen.append(stop.asked)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [False]
    assert signal.getsignal(signal.SIGINT) is before


def test_work_side_by_side_is_all_done_once() -> None:
    found = dict(side_by_side(range(50), lambda n: n * 2, Stop(), 4))

    assert found == {n: n * 2 for n in range(50)}


def test_the_first_error_side_by_side_is_raised() -> None:
    def fail(number: int) -> int:
        if number == 3:
            raise OpsError("three")
        return number

    with pytest.raises(OpsError, match="three"):
        list(side_by_side(range(9), fail, Stop(), 1))


def test_after_a_stop_nothing_more_is_begun() -> None:
    stop, begun = Stop(), []

    def work(number: int) -> int:
        begun.append(number)
        stop.ask()
        return number

    assert [found for found, _ in side_by_side(range(9), work, stop, 1)] == [0]
    assert begun == [0]
    assert list(side_by_side(range(9), work, stop, 2)) == []


def test_what_hangs_is_left_behind_after_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.interrupt._SECONDS", 0.0)
    stop, hang = Stop(), threading.Event()
    threads: list[threading.Thread] = []

    def work(number: int) -> int:
        threads.append(threading.current_thread())
        stop.ask()
        hang.wait(60)
        return number

    assert list(side_by_side(range(9), work, stop, 1)) == []
    assert all(thread.daemon for thread in threads)
    hang.set()


def test_what_takes_too_long_is_left_behind_too() -> None:
    hang = threading.Event()

    def work(number: int) -> int:
        hang.wait(60)
        return number

    assert list(side_by_side(range(9), work, Stop(), 1, until=time.monotonic())) == []
    hang.set()


def test_one_call_aside_is_waited_for_unless_a_stop_was_asked() -> None:
    stop = Stop()
    assert aside(lambda: 7, stop) == 7
    stop.ask()

    with pytest.raises(KeyboardInterrupt):
        aside(lambda: 7, stop)


def test_a_stop_may_take_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10.0]
    monkeypatch.setattr("ops.interrupt.time.monotonic", lambda: now[0])
    stop = Stop()
    assert stop.seconds_left == 0.0

    stop.ask()
    seconds = [stop.seconds_left]
    for passed in (0.2, 2.0):
        now[0] = 10.0 + passed
        seconds.append(stop.seconds_left)

    assert seconds == pytest.approx([0.5, 0.3, 0.0])
