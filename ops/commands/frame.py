"""The common part of every command: which stack, tables or JSON, and no traceback."""

import contextlib
import errno
import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from ops import stack as stacks
from ops.errors import OpsError, explain
from ops.interrupt import STOPPED
from ops.screen import Screen

_OPTIONS = (
    click.option("--stack", "name", default="taqnyat-mail", show_default=True, help="Its name."),
    click.option("--region", help="AWS region.  [default: the environment's]"),
    click.option("--profile", help="AWS profile.  [default: the environment's]"),
    click.option("--local", is_flag=True, help="The stack that `make run` started."),
    click.option(
        "--stack-json",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Another local stack's stack.json.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print JSON and no tables."),
)

as_option = click.option(
    "--as",
    "acting_as",
    metavar="NAME",
    help="Your name in the mails' history.  [default: AWS's]",
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def on_a_stack(function: Callable[..., Any]) -> Callable[..., None]:
    """Pass a command its stack and its screen as first arguments; its result is the exit code.

    None and False are 0, True is 1. An expected error, also one of AWS, becomes a sentence and exit
    code 1; Ctrl-C becomes 130.
    """

    @functools.wraps(function)
    def run(
        name: str,
        region: str | None,
        profile: str | None,
        stack_json: Path | None,
        *args: Any,  # noqa: ANN401  the command's own
        local: bool,
        as_json: bool,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        screen = Screen(as_json=as_json)
        try:
            if local or stack_json:
                stack = stacks.find_local(stack_json or stacks.LOCAL_STACK)
            else:
                stack = stacks.find(name, region, profile)
            code = int(function(stack, screen, *args, **kwargs) or 0)
            sys.stdout.flush()
        except OpsError as error:
            screen.failed(error)
            sys.exit(1)
        except (ClientError, BotoCoreError) as error:
            screen.failed(explain(error))
            sys.exit(1)
        except KeyboardInterrupt:
            screen.note("Stopped.")
            sys.exit(STOPPED)
        except click.Abort as error:
            # At a question: nothing of what it asks was done.
            is_stopped = isinstance(error.__context__, KeyboardInterrupt)
            screen.note("Stopped; nothing was done." if is_stopped else "Nothing was done.")
            sys.exit(STOPPED if is_stopped else 1)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # click ends quietly, as `head` expects
            _drop_output()
            screen.failed(_machine(error))
            sys.exit(1)
        sys.exit(code)

    command: Callable[..., None] = run
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _machine(error: OSError) -> OpsError:
    said = error.strerror or type(error).__name__
    return OpsError(
        f"this machine cannot go on: {said}",
        "look at its disk, and at where the output goes; what the command had done stays done",
    )


def _drop_output() -> None:
    """Let what could not be written go nowhere: at its end Python would try it again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
