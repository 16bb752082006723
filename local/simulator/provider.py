"""The simulated provider: the account, the script and the books, and what it decides for a call."""

import itertools
import json
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from local.simulator import answers, guide, rules
from local.simulator.account import NO_CODE, Account, plain
from local.simulator.answers import CONTENT, Reply
from local.simulator.books import Books, now
from local.simulator.call import Call
from local.simulator.faults import FAULTS, REFUSING, SILENT, STATUS
from local.simulator.limits import Limiter
from local.simulator.profile import FAULTS as PROFILE_FAULTS
from local.simulator.profile import Profile, Said
from local.simulator.replay import said_to
from local.simulator.rules import Rule, Script, Target

_STATUS_ONLY = {"affected", "affected_list", "operational_list"}
_READ_FAULTS = frozenset(FAULTS) - {"cut_request"}
KNOWN: dict[Target, frozenset[str]] = {
    "mail": frozenset(CONTENT) - _STATUS_ONLY | frozenset(FAULTS),
    "status": frozenset(CONTENT) - {"code"} | _READ_FAULTS,
    "balance": frozenset(CONTENT) - _STATUS_ONLY | _READ_FAULTS,
}
FIRST_MSG_ID = 202
_NORMAL = Rule(answer="success")


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done with a call: the answer, and the rule and the fault while it is written."""

    reply: Reply
    rule: Rule = _NORMAL
    fault: str | None = None


@dataclass(slots=True)
class Provider:
    """The state of the simulator; safe to use from many threads.

    With a `profile` what no rule is for is answered as a real account did.
    """

    account: Account = field(default_factory=Account)
    script: Script = field(default_factory=Script)
    books: Books = field(default_factory=Books)
    profile: Profile | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _limiter: Limiter = field(default_factory=Limiter)
    _msg_ids: Any = field(default_factory=lambda: itertools.count(FIRST_MSG_ID))

    def kept(self) -> dict[str, Any]:
        """Return account and inbox as JSON that `restore` takes; the token is in it."""
        return {"account": self.account.kept(), "inbox": self.books.inbox()}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Restore the state of another simulator."""
        self.change_account(kept["account"])
        self.books.restore(kept["inbox"])
        ids = [int(mail["msg_id"]) for mail in kept["inbox"]["mails"]]
        self._msg_ids = itertools.count(max(ids, default=FIRST_MSG_ID - 1) + 1)

    def change_account(self, change: object, *, renew: bool = False) -> dict[str, Any]:
        """Change fields of the account and return what is shown of it (FieldError if wrong).

        With `renew` it is a fresh account under the same token.
        """
        with self._lock:
            account = Account(token=self.account.token) if renew else self.account
            self.account = account.changed(change)
            shown = self.account.show()
        self.books.tell("account", shown)
        return shown

    def change_script(self, change: object, *, replace: bool) -> list[dict[str, Any]]:
        """Add rules in front, or replace all (FieldError if wrong); return the rules in force."""
        self.script.put(rules.parse(change, KNOWN), replace=replace)
        shown = self.script.show()
        self.books.tell("script", {"rules": shown})
        return shown

    def mail(self, call: Call, rule: Rule | None) -> Decision:
        """Decide about a call of mailSend.php, and put it into the books.

        `rule` is the one that was taken before the mail was read.
        """
        if rule is None and (refused := self._over_limit(call)):
            return refused
        rule = rule or self.script.take("mail", call.recipients, call.fields)
        said = None
        if rule is None and self.profile is not None:
            said = said_to(self.profile, self.account, call)
        rule = rule or _NORMAL
        with self._lock:
            account = self.account
            refusal = account.refusal(call) if said is None and accepts(rule) else None
            accepted = said.accepted if said else accepts(rule) and refusal is None
            msg_id = next(self._msg_ids)
            if accepted:
                self.account = account.charged(call)
        if accepted:
            self._keep(call, msg_id)
        price = plain(account.cost(call))
        if said is not None:
            answer = f"profile:{said.call}"
            decision = _as_said(said, {"msgId": msg_id, "price": price})
        elif refusal is not None:
            answer = f"refused:{refusal}"
            decision = Decision(_refused(refusal, call, rule), rule)
        else:
            answer = rule.name
            normal = answers.success(msg_id, price, valid_json=rule.valid_json)
            decision = _decide(rule, normal, call.client_ip)
        self._note(call, answer, decision, msg_id if accepted else None)
        return decision

    def _over_limit(self, call: Call) -> Decision | None:
        """Return the refusal of a call of mailSend.php above the rate limit, with it in the books.

        Such a call uses up no rule. What Taqnyat says in its body is not known.
        """
        with self._lock:
            limit = self.account.limit
            wait = None if limit is None else self._limiter.take(limit, time.monotonic())
        if limit is None or wait is None:
            return None
        reply = answers.message(429, "Too Many Requests")
        if limit.retry_after:
            reply = replace(reply, headers=(("Retry-After", str(math.ceil(wait))),))
        decision = Decision(reply)
        self._note(call, "limited", decision, None)
        return decision

    def status(self) -> Decision:
        """Decide about a call of /system/status."""
        rule = self.script.take("status")
        if rule is None and (said := self._profiled("status")):
            answer, decision = "profile", _as_said(said, {"service": "none"})
        else:
            normal = answers.sample("status_operational")
            if rule is not None and rule.valid_json:
                text = guide.status_json("none", "All Services are Operational", many=False)
                normal = answers.json_reply(200, text)
            answer = "operational" if rule is None else rule.name
            decision = _decide(rule or _NORMAL, normal)
        self.books.add_call("status", {"at": now(), "answer": answer})
        return decision

    def wrong_method(self) -> Reply:
        """Return the answer to a method that a path does not have."""
        said = self._profiled("wrong_method")
        return said.reply({}) if said else answers.sample("method_not_allowed")

    def balance(self, call: Call) -> Decision:
        """Decide about a call of /account/balance."""
        rule, account = self.script.take("balance"), self.account
        text = guide.balance_json(f"{account.said_balance:.3f}", account.expires, account.status)
        self.books.add_call("balance", {"at": now(), "auth": call.auth})
        if not call.has_token(account.token):
            normal = answers.message(401, "Invalid ApiKey")
        elif rule is None and (said := self._profiled("balance")):
            return _as_said(said, json.loads(text))
        else:
            normal = answers.json_reply(200, text)
        return _decide(rule or _NORMAL, normal, call.client_ip)

    def _note(self, call: Call, answer: str, decision: Decision, msg_id: int | None) -> None:
        entry = {
            "at": now(),
            "to": list(call.recipients),
            "auth": call.auth,
            "accepted": msg_id is not None,
            "answer": answer,
            "http_status": None if decision.fault in SILENT else decision.reply.status,
            "msg_id": msg_id,
        }
        self.books.add_call("mail", entry)

    def _profiled(self, name: str) -> Said | None:
        return self.profile.find(name) if self.profile else None

    def _keep(self, call: Call, msg_id: int) -> None:
        right = call.has_token(self.account.token)
        entry = {
            "at": now(),
            "msg_id": msg_id,
            "auth": call.auth,
            "token": {"right": right, "fingerprint": call.fingerprint},
            "content_type": call.content_type,
            "fields": dict(call.fields),
        }
        self.books.add_mail(entry)


def accepts(rule: Rule) -> bool:
    """Return whether a mail is taken under this rule, if the account lets it be."""
    if rule.accept is not None:
        return rule.accept
    if rule.answer in FAULTS:
        return rule.answer not in REFUSING
    if rule.answer == "status":
        return rule.argument.startswith("2")
    if rule.answer == "guide":
        return rule.argument == "success"
    return rule.answer not in ("code", "redirect")


def _refused(code: int, call: Call, rule: Rule) -> Reply:
    if code == NO_CODE:
        return answers.message(400, "campaignName is required")
    return answers.failure(code, call.client_ip, valid_json=rule.valid_json)


def _as_said(said: Said, values: Mapping[str, Any]) -> Decision:
    """Answer as a real account did."""
    fault = PROFILE_FAULTS[said.fault] if said.fault else None
    return Decision(said.reply(values), fault=fault)


def _decide(rule: Rule, normal: Reply, client_ip: str = "") -> Decision:
    fault = rule.answer if rule.answer in FAULTS else None
    reply = answers.reply(rule, normal, client_ip)
    if fault in STATUS and rule.status is None:
        reply = replace(reply, status=STATUS[fault])
    return Decision(reply, rule, fault)
