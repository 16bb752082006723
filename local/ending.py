"""How a program with a local stack ends: by a signal, by an error that is told, or by itself."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from local.errors import LocalStackError
from local.stack import LocalStack

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asked the process to end; no `except Exception` may catch it."""


@contextmanager
def stopping(stack: LocalStack) -> Iterator[None]:
    """Stop the stack at the end, and let nothing disturb that.

    Raises:
        SystemExit: with 1 after a LocalStackError, which was printed.

    """
    for number in _ENDS:
        signal.signal(number, _stop)
    try:
        yield
    except Stopped:
        print("\nStopping.")
    except LocalStackError as error:
        print(f"\nError: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    finally:
        for number in _ENDS:
            signal.signal(number, signal.SIG_IGN)
        stack.stop()


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped
