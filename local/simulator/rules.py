"""The script: which answer the next calls get. Rules are tried in order; the first that fits acts.

A rule in JSON: `{"answer": "code:2", "to": "*@acme.sa", "times": 3, ...}`; only `answer` is
required. `to`, `from`, `subject`, `word` and `more_than` select the mails that it is for
(`content`); `every` lets it act at each k-th of those only; `times` is how often the rule acts
before it is gone (null: until it is taken away). The answers are listed in `answers` (what is said)
and `faults` (how the line is misused); options for any:

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

import re
import threading
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from local.simulator.content import Content
from local.simulator.fields import FieldError, Flag, Given, Seconds, Text, Times, Whole, read
from local.simulator.guide import SAMPLES

Target = Literal["mail", "status", "balance"]
Known = Mapping[Target, frozenset[str]]
MAX_RULES = 200
_ACCEPT_THEN = "accept_then_"
_ALIASES = {
    "drip_body": "drip",
    "cut_before": "cut",
    "invalid_json_success": "success",
    "operational": "guide:status_operational",
    "method_not_allowed": "guide:method_not_allowed",
}
# What may stand after the colon of an answer; of others nothing is asked.
_ARGUMENTS = {
    "guide": "|".join(SAMPLES),
    "code": r"[0-9]{1,6}",
    "status": r"[2-5][0-9]{2}",
    "redirect": r"https?://.*",
}
_Status = Annotated[Whole, Field(ge=200, le=599)]


class Rule(Content):
    """One rule: which mails it is for, and what they get. `name` is the answer (see above)."""

    model_config = ConfigDict(frozen=False)  # `times` is what is left

    target: Target = "mail"
    name: Text = Field(alias="answer")
    times: Times | None = None
    every: Times = 1
    accept: Flag | None = None
    delay: Seconds = 0.0
    interval: Seconds = 1.0
    status: _Status | None = None
    body: str | None = None
    content_type: Text | None = None
    # Seconds or a date; it is sent as it is, so that nonsense can be sent too.
    retry_after: Annotated[str, Field(min_length=1, coerce_numbers_to_str=True)] | None = None
    valid_json: Flag = False
    size: Annotated[Whole, Field(ge=1, le=1 << 34)] = 1 << 30
    _seen: int = PrivateAttr(0)

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: object) -> object:
        """Expand the short forms; null counts as left out."""
        if not isinstance(given, dict):
            return given
        plain = {name: value for name, value in given.items() if value is not None}
        answer = plain.get("answer")
        if not isinstance(answer, str):
            return plain
        if answer.startswith(_ACCEPT_THEN):
            plain["accept"] = True
            answer = answer.removeprefix(_ACCEPT_THEN)
            answer = f"status:{answer}" if answer.isdecimal() else answer
        if answer == "success_json":
            plain["valid_json"], answer = True, "success"
        if slow := re.fullmatch(r"slow:([0-9]{1,4}(?:\.[0-9]+)?)", answer):
            plain["delay"], answer = float(slow[1]), "success"
        return plain | {"answer": _ALIASES.get(answer, answer)}

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str, info: ValidationInfo) -> str:
        answer, _, argument = name.partition(":")
        target = info.data.get("target")
        if info.context and target and answer not in info.context[target]:
            raise ValueError(f"unknown; known are {', '.join(sorted(info.context[target]))}")
        if not re.fullmatch(_ARGUMENTS.get(answer, ".*"), argument):
            raise ValueError(f"{answer} must have after its colon: {_ARGUMENTS[answer]}")
        return name

    @property
    def answer(self) -> str:
        """The part before the colon."""
        return self.name.partition(":")[0]

    @property
    def argument(self) -> str:
        """The part after the colon."""
        return self.name.partition(":")[2]

    def acts(self) -> bool:
        """Count a call that the rule is for; return whether it acts, as one of `times`."""
        self._seen += 1
        if self._seen % self.every:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def show(self) -> dict[str, Any]:
        """Return the rule as JSON, without fields that have their default."""
        shown = self.model_dump(by_alias=True, exclude_defaults=True)
        return {"to": self.to, "times": self.times, **shown}


class _Rules(Given):
    rules: list[Rule]


class Script:
    """The rules in force; safe to use from many threads."""

    def __init__(self) -> None:
        """Begin with no rules: every mail is answered as the account has it."""
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def put(self, rules: Sequence[Rule], *, replace: bool) -> None:
        """Put rules before the ones in force, so that the newest word counts, or in their place.

        Raises:
            FieldError: there would be too many.

        """
        with self._lock:
            wanted = [*rules] if replace else [*rules, *self._rules]
            if len(wanted) > MAX_RULES:
                raise FieldError("rules", f"would be more than {MAX_RULES}")
            self._rules = wanted

    def show(self) -> list[dict[str, Any]]:
        """Return the rules as JSON; `times` is what is left."""
        with self._lock:
            return [rule.show() for rule in self._rules]

    def take(
        self,
        target: Target,
        recipients: Sequence[str] = (),
        given: Mapping[str, Any] = MappingProxyType({}),
        *,
        unread: bool = False,
    ) -> Rule | None:
        """Return the rule for this call, and count it as used; None if none fits.

        With `unread` the mail was not read yet; only a rule that needs no reading is taken.
        """
        with self._lock:
            for rule in self._rules:
                if rule.target != target:
                    continue
                if unread and rule.answer != "cut_request":
                    return None
                if rule.fits(recipients, given) and rule.acts():
                    self._rules = [one for one in self._rules if one.times != 0]
                    return rule
            return None


def parse(value: object, known: Known) -> list[Rule]:
    """Read `{"rules": [...]}`; `known` has the names of the answers for each target.

    Raises:
        FieldError: names the field that is wrong.

    """
    rules = read(_Rules, value, known).rules
    for at, rule in enumerate(rules):
        asked = rule.model_dump(include={*Content.model_fields, "every"}, exclude_defaults=True)
        if rule.answer == "cut_request" and asked:
            raise FieldError(f"rules[{at}].{min(asked)}", "must be null: the mail is not read")
    return rules
