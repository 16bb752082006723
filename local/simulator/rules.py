"""The script: which answer the next calls get. Rules are tried in order; the first that fits acts.

A rule in JSON: `{"answer": "code:2", "to": "*@acme.sa", "times": 3, ...}`; only `answer` is
required. `to`, `from`, `subject`, `word` and `more_than` tell which mails it is for (`content`);
`every` lets it act at each k-th of those only; `times` is how often the rule acts before it is
gone (null: until it is taken away). The answers are listed in `answers` (what is said) and
`faults` (how the line is misused); options for any:

    accept       whether the mail is taken into the inbox; by default if the answer is a 2xx
    delay        seconds before the answer, after the mail was taken
    interval     seconds between the bytes of a drip
    status, body, content_type, retry_after   replace these parts of the answer
    valid_json   answer in valid JSON where the guide's shape is not
    size         bytes of the bodies `huge` and `gzip_bomb`, 1 GiB by default
    target       "status", "balance": the rule is for /system/status, for /account/balance

`slow:<seconds>` is success with a delay; `accept_then_<answer>` is that answer with accept true,
so `accept_then_hang`, `accept_then_cut`, `accept_then_500`.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from local.simulator import content, fields
from local.simulator.content import ANY_MAIL, Content
from local.simulator.fields import FieldError
from local.simulator.guide import SAMPLES

Target = Literal["mail", "status", "balance"]
MAX_RULES = 200
_GIB = 1 << 30
_NO_FIELDS: Final[Mapping[str, Any]] = {}
_ACCEPT_THEN = "accept_then_"
_ALIASES = {
    "drip_body": "drip",
    "cut_before": "cut",
    "invalid_json_success": "success",
    "operational": "guide:status_operational",
    "method_not_allowed": "guide:method_not_allowed",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `answer` and `argument` are the parts before and after the colon.

    `seen` counts the calls that it was for, so that it acts at every k-th.
    """

    answer: str
    argument: str = ""
    target: Target = "mail"
    content: Content = ANY_MAIL
    times: int | None = None
    every: int = 1
    accept: bool | None = None
    delay: float = 0.0
    interval: float = 1.0
    status: int | None = None
    body: str | None = None
    content_type: str | None = None
    retry_after: str | None = None
    valid_json: bool = False
    size: int = _GIB
    seen: int = 0

    @property
    def name(self) -> str:
        """The answer as it would be written in a script."""
        return f"{self.answer}:{self.argument}" if self.argument else self.answer

    def fits(
        self, target: Target, recipients: Sequence[str], given: Mapping[str, Any] = _NO_FIELDS
    ) -> bool:
        """Tell whether the rule is for this call."""
        return self.target == target and self.content.fits(recipients, given)

    def show(self) -> dict[str, Any]:
        """Return the rule as JSON, without what stands at its default."""
        shown: dict[str, Any] = {"answer": self.name, **self.content.show(), "times": self.times}
        for key in ("target", *_OPTIONS):
            value = getattr(self, key)
            if key not in shown and value != getattr(_DEFAULT, key):
                shown[key] = value
        return shown


_DEFAULT = Rule("success")


class Script:
    """The rules in force; safe to use from many threads."""

    def __init__(self) -> None:
        """Begin with no rules: every mail is answered as the account has it."""
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def add(self, rules: Sequence[Rule]) -> None:
        """Put rules before the ones in force, so that the newest word counts.

        Raises:
            FieldError: there would be too many.

        """
        with self._lock:
            self._set([*rules, *self._rules])

    def replace(self, rules: Sequence[Rule]) -> None:
        """Put rules in the place of all others."""
        with self._lock:
            self._set(list(rules))

    def clear(self) -> None:
        """Take all rules away."""
        self.replace([])

    def show(self) -> list[dict[str, Any]]:
        """Return the rules as JSON; `times` is what is left."""
        with self._lock:
            return [rule.show() for rule in self._rules]

    def take(
        self,
        target: Target,
        recipients: Sequence[str],
        given: Mapping[str, Any] = _NO_FIELDS,
        *,
        unread: bool = False,
    ) -> Rule | None:
        """Return the rule for this call, and count it as used; None if none fits.

        With `unread` the mail was not read yet; only a rule that needs no reading is taken.
        """
        with self._lock:
            for at, rule in enumerate(self._rules):
                if unread and rule.target == target and rule.answer != "cut_request":
                    return None
                if rule.fits(target, recipients, given) and self._acts(at):
                    return rule
            return None

    def _acts(self, at: int) -> bool:
        """Count a call that the rule is for; tell whether it acts."""
        rule = self._rules[at]
        seen = rule.seen + 1
        acts = seen % rule.every == 0
        times = rule.times if rule.times is None or not acts else rule.times - 1
        if times == 0:
            del self._rules[at]
        elif times != rule.times or rule.every > 1:
            self._rules[at] = replace(rule, seen=seen, times=times)
        return acts

    def _set(self, rules: list[Rule]) -> None:
        if len(rules) > MAX_RULES:
            raise FieldError("rules", f"would be more than {MAX_RULES}")
        self._rules = rules


def parse(value: object, known: dict[Target, frozenset[str]]) -> list[Rule]:
    """Read `{"rules": [...]}`; `known` has the names of the answers for each target.

    Raises:
        FieldError: names the field that is wrong.

    """
    rules = fields.obj(value, "body", ("rules",)).get("rules", fields.MISSING)
    if not isinstance(rules, list):
        raise FieldError("rules", "must be a list")
    return [_rule(item, f"rules[{at}]", known) for at, item in enumerate(rules)]


def _rule(value: object, field: str, known: dict[Target, frozenset[str]]) -> Rule:
    given = fields.obj(value, field, ("answer", "target", *content.READERS, *_OPTIONS))
    target: Target = "mail"
    if (wanted := given.get("target", "mail")) not in known:
        raise FieldError(f"{field}.target", f"must be one of {', '.join(known)}")
    target = wanted
    options = {
        name: reader(given[name], f"{field}.{name}")
        for name, reader in _OPTIONS.items()
        if given.get(name) is not None
    }
    answer = fields.text(given.get("answer"), f"{field}.answer")
    like = content.read(given, field)
    return _with_answer(
        Rule("", target=target, content=like, **options), answer, f"{field}.answer", known
    )


def _with_answer(rule: Rule, answer: str, field: str, known: dict[Target, frozenset[str]]) -> Rule:
    if answer.startswith(_ACCEPT_THEN):
        rule = replace(rule, accept=True)
        answer = answer.removeprefix(_ACCEPT_THEN)
        if answer.isdecimal():
            answer = f"status:{answer}"
    name, _, argument = _ALIASES.get(answer, answer).partition(":")
    if name == "slow":
        delay = fields.seconds(_number(argument), field)
        return replace(rule, answer="success", delay=delay)
    if name == "success_json":
        return replace(rule, answer="success", valid_json=True)
    if name not in known[rule.target]:
        raise FieldError(field, f"is unknown; known are {', '.join(sorted(known[rule.target]))}")
    if name == "cut_request":
        _must_not_read(rule, field.removesuffix("answer"))
    return replace(rule, answer=name, argument=_argument(name, argument, field))


def _must_not_read(rule: Rule, prefix: str) -> None:
    conditions = {**rule.content.show(), "every": rule.every if rule.every > 1 else None}
    for name, value in conditions.items():
        if value is not None:
            raise FieldError(prefix + name, "must be null: the mail is not read")


def _argument(name: str, argument: str, field: str) -> str:
    if name == "guide" and argument not in SAMPLES:
        raise FieldError(field, f"must be guide:<one of {', '.join(SAMPLES)}>")
    if name == "code":
        fields.integer(_number(argument), field, 0, 10**6)
    elif name == "status":
        fields.integer(_number(argument), field, 200, 599)
    elif name == "redirect" and not argument.startswith(("http://", "https://")):
        raise FieldError(field, "must be redirect:<URL>")
    return argument


def _number(text: str) -> int | float | None:
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return None


def _retry_after(value: object, field: str) -> str:
    """Read seconds or a date; it is sent as it is, so that nonsense can be sent too."""
    return str(value) if isinstance(value, int) else fields.text(value, field)


_OPTIONS: dict[str, Any] = {
    "times": lambda value, field: fields.integer(value, field, 1, 10**6),
    "every": lambda value, field: fields.integer(value, field, 1, 10**6),
    "accept": fields.flag,
    "delay": fields.seconds,
    "interval": fields.seconds,
    "status": lambda value, field: fields.integer(value, field, 200, 599),
    "body": lambda value, field: value if value == "" else fields.text(value, field),
    "content_type": fields.text,
    "retry_after": _retry_after,
    "valid_json": fields.flag,
    "size": lambda value, field: fields.integer(value, field, 1, 1 << 34),
}
