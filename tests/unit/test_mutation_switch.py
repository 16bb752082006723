"""The switch of mutation testing: one mutant at a time, and what was called is noted."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.mutation.switch import SWITCH, MutantDict, wrap_in_trampoline

_double: MutantDict = {}
_count: MutantDict = {}
_of: MutantDict = {}


@wrap_in_trampoline(_double)
def double(number: int) -> int:
    """Stand for its original."""
    return number


_double.update(
    _mutmut_orig=lambda number: 2 * number,
    x_double__mutmut_1=lambda number: 3 * number,
)


class Counter:
    """With a generator and a class method."""

    @wrap_in_trampoline(_count)
    def count(self) -> Iterator[int]:
        """Stand for its original."""
        yield 0

    def original(self) -> Iterator[int]:
        yield from (1, 2)

    def mutant(self) -> Iterator[int]:
        yield 9

    @classmethod
    @wrap_in_trampoline(_of, is_classmethod=True)
    def of(cls, number: int) -> Any:  # noqa: ANN401 - stands for its original
        """Stand for its original."""
        return number

    @classmethod
    def of_original(cls, number: int) -> tuple[type, int]:
        return cls, number

    @classmethod
    def of_mutant(cls, number: int) -> tuple[type, int]:
        return cls, -number


_count.update(_mutmut_orig=Counter.original, xǁCounterǁcount__mutmut_1=Counter.mutant)
_of.update(_mutmut_orig=Counter.of_original, xǁCounterǁof__mutmut_4=Counter.of_mutant)


@pytest.fixture(autouse=True)
def _off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SWITCH, "module", "")
    monkeypatch.setattr(SWITCH, "mutant", "")
    monkeypatch.setattr(SWITCH, "touched", None)


def turn_on(mutant: str, module: str = __name__) -> None:
    """Turn a mutant on."""
    SWITCH.module, SWITCH.mutant = module, mutant


def test_without_a_mutant_the_original_is_called() -> None:
    assert double(2) == 4
    assert list(Counter().count()) == [1, 2]
    assert Counter.of(3) == (Counter, 3)


def test_the_mutant_that_is_on_is_called_and_no_other() -> None:
    turn_on("x_double__mutmut_1")
    assert double(2) == 6
    assert list(Counter().count()) == [1, 2]
    turn_on("xǁCounterǁcount__mutmut_1")
    assert double(2) == 4
    assert list(Counter().count()) == [9]
    turn_on("xǁCounterǁof__mutmut_4")
    assert Counter.of(3) == (Counter, -3)


def test_a_mutant_of_another_module_changes_nothing() -> None:
    turn_on("x_double__mutmut_1", "another")
    assert double(2) == 4


def test_what_is_called_is_noted() -> None:
    SWITCH.touched = set()
    double(1)
    Counter.of(1)
    assert SWITCH.touched == {f"{__name__}.x_double", f"{__name__}.xǁCounterǁof"}
