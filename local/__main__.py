"""`python -m local`: start the local stack, send a first mail, stay up until Ctrl-C."""

import argparse
import os
import re
import signal
import sys
import time
from collections.abc import Sequence

from local.ending import stopping
from local.journey import first_mail, travel
from local.simulator import profile
from local.stack import LocalStack, Options

PORT = 9025
_MOST_PORT = 65_532
_URL = re.compile(r"https://[^\s/?#@]+(/[^\s?#]*[^\s?#/])?|http://(127\.0\.0\.1|localhost)(:\d+)?")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; return the exit code: 0 if the first mail was sent, 1 if not."""
    given = _parse(arguments)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    stack = LocalStack(_options(given), _tell)
    code = 130  # the exit code after Ctrl-C, if it ends before the stack was up
    with stopping(stack):
        print("Starting the local stack.")
        stack.start()
        if given.for_tests:
            stack.publish()
            print(f"stack.json: {stack.folder.stack_json.resolve()}")
            sys.stdin.read()
            return 0
        code = _first_mail(stack, given)
        stack.publish()  # when stack.json exists, the first mail has been processed
        if not given.once:
            _show(stack)
            while True:
                signal.pause()
    return code


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument(
        "--port",
        type=int,
        metavar="N",
        help=f"the API's; console, AWS and simulator have the next three ({PORT}; 0: any)",
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep mails and ledger for the next start"
    )
    parser.add_argument(
        "--for-tests",
        action="store_true",
        help="send no first mail, take any ports, and end when standard input is closed",
    )
    parser.add_argument("--once", action="store_true", help="end after the first mail")
    parser.add_argument(
        "--taqnyat-url",
        metavar="URL",
        help="use this provider instead of the simulator; TAQNYAT_TOKEN has its token",
    )
    parser.add_argument(
        "--profile",
        type=profile.argument,
        metavar="FILE",
        help="have the simulator answer as a real account did: a report of `taqnyat-mail verify`",
    )
    parser.add_argument("--from", dest="sender", metavar="ADDRESS", help="sender of the first mail")
    parser.add_argument("--to", metavar="ADDRESS", help="recipient of the first mail")
    given = parser.parse_args(arguments)
    if given.port is None:
        given.port = 0 if given.for_tests else PORT
    if not 0 <= given.port <= _MOST_PORT:
        parser.error(f"--port must be from 0 to {_MOST_PORT}")
    if given.keep and given.taqnyat_url is not None:
        parser.error("--keep would write the account's token to the disk: not with --taqnyat-url")
    if given.keep and not given.port:
        parser.error("--keep needs the same ports each time: not with --port 0")
    if given.profile and given.taqnyat_url is not None:
        parser.error("--profile is the simulator's: not with --taqnyat-url")
    if given.taqnyat_url is not None:
        given.taqnyat_url = given.taqnyat_url.rstrip("/")
        if not _URL.fullmatch(given.taqnyat_url):
            parser.error("--taqnyat-url must be an https URL, or http on 127.0.0.1 or localhost")
        if not os.environ.get("TAQNYAT_TOKEN"):
            parser.error("--taqnyat-url needs the token of that account in TAQNYAT_TOKEN")
    return given


def _options(given: argparse.Namespace) -> Options:
    return Options(
        taqnyat_url=given.taqnyat_url,
        taqnyat_token=os.environ.get("TAQNYAT_TOKEN") or None,
        publish=False,
        port=given.port,
        keep=given.keep,
        webhooks=not given.once,
        profile=given.profile,
    )


def _first_mail(stack: LocalStack, given: argparse.Namespace) -> int:
    print("The first mail, through POST /emails:")
    row = travel(stack, first_mail(to=given.to, **{"from": given.sender}), _tell)
    good = row["state"] == "sent" and _was_received_once(stack, row["msg_id"])
    print("Done." if good else "The first mail was not sent.")
    return 0 if good else 1


def _was_received_once(stack: LocalStack, msg_id: str) -> bool:
    """Check the simulator's inbox; with another provider only the row is checked."""
    if stack.simulator is None:
        return True
    mails = stack.simulator.inbox()
    _tell("inbox", f"{len(mails)} mail(s) at Taqnyat's simulator")
    return [str(mail["msg_id"]) for mail in mails].count(msg_id) == 1


def _show(stack: LocalStack) -> None:
    details = stack.details()
    print("\nUp. Ctrl-C ends it.")
    _tell("API", stack.api_url)
    _tell("console", f"{details['inbox_url']}  (open it in a browser; a script gets JSON)")
    _tell("AWS", f"{details['aws_endpoint_url']} (key {details['access_key_id']})")
    _tell("details", str(stack.folder.stack_json))
    if not stack.folder.is_first:
        _tell("", "another stack of this checkout is up and has .local/stack.json")
    print(f"""
Send the next mail:

  curl {stack.api_url}/emails \\
    -H 'Authorization: Bearer {stack.api_key}' -H 'Content-Type: application/json' \\
    -d '{{"from": "shop@acme.sa", "to": "you@example.com", "subject": "Hello", "text": "Hello"}}'
""")


def _tell(step: str, detail: str) -> None:
    print(f"  {time.monotonic() - _BEGIN:5.1f} s  {step:<10} {detail}")


_BEGIN = time.monotonic()

if __name__ == "__main__":
    sys.exit(main())
