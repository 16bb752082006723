"""What the simulator says: each answer of the script, and the account's own.

The answers, by their names in a script:

    success          accepted, as the guide shows it; success_json: the same in valid JSON
    code:<n>         a failure with this ErrorCode under HTTP 400
    guide:<sample>   a sample of the guide, byte for byte, such as guide:error_3
    status:<n>       this HTTP status; redirect:<url>: a 302 (or `status`) to that address
    empty            a 2xx without body; unreadable: a page of HTML under 2xx
    deep_json, bad_utf8, gzip   a 2xx that is hard to read
    affected, affected_list, operational_list   for /system/status: the shapes of its answer
"""

import gzip
from collections.abc import Callable
from dataclasses import dataclass, replace

from local.simulator import guide
from local.simulator.rules import Rule

_DEPTH = 30_000
_JSON = "application/json; charset=utf-8"
_PAGE = "<!DOCTYPE html><html><body><h1>It works!</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer before it is put on the wire."""

    status: int
    body: bytes
    content_type: str = _JSON
    headers: tuple[tuple[str, str], ...] = ()


# Of the rule, the answer without the rule, and the caller's address.
Content = Callable[[Rule, Reply, str], Reply]


def json_reply(status: int, body: str) -> Reply:
    """Return an answer with a JSON text."""
    return Reply(status, body.encode())


def message(status: int, text: str) -> Reply:
    """Return the other envelope that Taqnyat's channels use."""
    return json_reply(status, guide.message_json(status, text))


def failure(code: int, client_ip: str, *, valid_json: bool = False) -> Reply:
    """Return the failure with this ErrorCode, as the guide shows it or in valid JSON."""
    make = guide.failure_json if valid_json else guide.failure
    return json_reply(400, make(code, client_ip))


def success(msg_id: int, price: str, *, valid_json: bool = False) -> Reply:
    """Return the success, as the guide shows it or in valid JSON."""
    make = guide.success_json if valid_json else guide.success
    return json_reply(201, make(msg_id, price))


def sample(name: str) -> Reply:
    """Return a sample of the guide."""
    return json_reply(guide.SAMPLES[name].http_status, guide.SAMPLES[name].body)


def _code(rule: Rule, _: Reply, client_ip: str) -> Reply:
    return failure(int(rule.argument), client_ip, valid_json=rule.valid_json)


def _status(rule: Rule, _: Reply, __: str) -> Reply:
    status = int(rule.argument)
    if status == 405:  # noqa: PLR2004
        return sample("method_not_allowed")
    return message(status, "scripted")


def _redirect(rule: Rule, _: Reply, __: str) -> Reply:
    return Reply(302, b"", "text/html", (("Location", rule.argument),))


def _bad_utf8(_: Rule, normal: Reply, __: str) -> Reply:
    return replace(normal, body=normal.body.replace(b"sent", b"\xff\xc3\x28 sent"))


def _gzip(_: Rule, normal: Reply, __: str) -> Reply:
    return replace(normal, body=gzip.compress(normal.body), headers=(("Content-Encoding", "gzip"),))


def _service(service: str, description: str, *, many: bool) -> Content:
    return lambda *_: json_reply(200, guide.status_json(service, description, many=many))


CONTENT: dict[str, Content] = {
    "success": lambda _, normal, __: normal,
    "code": _code,
    "guide": lambda rule, *_: sample(rule.argument),
    "status": _status,
    "redirect": _redirect,
    "empty": lambda _, normal, __: replace(normal, body=b""),
    "unreadable": lambda _, normal, __: Reply(normal.status, _PAGE.encode(), "text/html"),
    "deep_json": lambda *_: json_reply(201, "[" * _DEPTH + "]" * _DEPTH),
    "bad_utf8": _bad_utf8,
    "gzip": _gzip,
    "affected": _service("mail", "Mail is delayed", many=False),
    "affected_list": _service("mail", "Mail is delayed", many=True),
    "operational_list": _service("none", "All Services are Operational", many=True),
}


def reply(rule: Rule, normal: Reply, client_ip: str) -> Reply:
    """Return what the rule says, with the parts that it replaces."""
    said = CONTENT[rule.answer](rule, normal, client_ip) if rule.answer in CONTENT else normal
    headers = said.headers
    if rule.retry_after is not None:
        headers += (("Retry-After", rule.retry_after),)
    return Reply(
        said.status if rule.status is None else rule.status,
        said.body if rule.body is None else rule.body.encode("utf-8", "surrogatepass"),
        rule.content_type or said.content_type,
        headers,
    )
