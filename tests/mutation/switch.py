"""Which mutant runs: mutmut's decorator, without a look at the environment at each call.

Mutants of properties and of decorated functions are switched too, which mutmut leaves out.
"""

from collections.abc import Callable
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any

Function = Callable[..., Any]
MutantDict = dict[str, Function]  # what the mutated modules import by this name

_ORIGINAL = "_mutmut_orig"


class Switch:
    """The mutant that is on, by module and name; `touched` gathers what functions are called."""

    def __init__(self) -> None:
        self.module = ""
        self.mutant = ""
        self.touched: set[str] | None = None


SWITCH = Switch()


def wrap_in_trampoline(
    mutants: MutantDict,
    is_classmethod: bool = False,  # noqa: FBT001, FBT002  as the generated code calls it
) -> Callable[[Function], Function]:
    """Make a function that calls its original, or its mutant when that is on."""

    def decorate(function: Function) -> Function:
        module, name = function.__module__, key_of(function.__qualname__)
        touched = f"{module}.{name}"

        def chosen() -> Function:
            if SWITCH.touched is not None:
                SWITCH.touched.add(touched)
            mutant = mutants.get(SWITCH.mutant) if module == SWITCH.module else None
            return mutant or mutants[_ORIGINAL]

        if is_classmethod:

            @wraps(function)
            def of_a_class(cls: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
                return getattr(cls, chosen().__name__)(*args, **kwargs)

            return of_a_class

        if isgeneratorfunction(function):

            @wraps(function)
            def generator(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
                return (yield from chosen()(*args, **kwargs))

            return generator

        @wraps(function)
        def plain(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            return chosen()(*args, **kwargs)

        return plain

    return decorate


def key_of(qualname: str) -> str:
    """Return what mutmut calls a function, without the number of a mutant."""
    owner, _, name = qualname.rpartition(".")
    return f"xǁ{owner}ǁ{name}" if owner else f"x_{name}"
