"""Which answer of a real account a call gets: the one to the call of `verify` that was like it."""

import re
from dataclasses import replace

from local.simulator.account import Account
from local.simulator.call import Call
from local.simulator.profile import Profile, Said

_NAMED = re.compile(r".*<([^<>]+)>\s*", re.DOTALL)
# The calls of `verify` that are refused with these codes of Taqnyat.
_REFUSED = {
    104: "wrong_token",
    14: "unapproved_sender",
    15: "one_invalid_recipient",
    16: "empty_subject",
}


def said_to(profile: Profile, account: Account, call: Call) -> Said | None:
    """Return the answer; None if nothing like it was asked: then the guide's is given."""
    sender = call.text("from") or ""
    bare = _NAMED.sub(r"\1", sender).strip()
    as_bare = replace(call, fields={**call.fields, "from": bare})
    refusal = account.refusal(as_bare)
    encoding = "json" if call.content_type.startswith("application/json") else "form"
    if refusal == 15 and not call.recipients:  # noqa: PLR2004  Taqnyat's codes
        named = "no_recipient" if bare == sender else "no_recipient_named"
        return profile.find("no_recipient_json" if encoding == "json" else named, "no_recipient")
    if refusal is not None:
        return profile.find(_REFUSED.get(refusal, "")) or profile.failure(refusal)
    if bare != sender and (refused := _refusal_of_names(profile)):
        return refused
    if encoding == "json":
        like = profile.find("text_json")
    else:
        like = profile.find("html_two_recipients") if len(call.recipients) > 1 else None
    return like if like and like.encoding == encoding else profile.success(encoding)


def _refusal_of_names(profile: Profile) -> Said | None:
    """Return the answer to a name in `from`, if it was another one than without the name."""
    named, bare = profile.find("no_recipient_named"), profile.find("no_recipient")
    if named is None or bare is None or (named.code, named.status) == (bare.code, bare.status):
        return None
    return named
