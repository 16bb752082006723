"""What the gateway's reasons mean, in words for a person."""

from collections.abc import Mapping
from typing import Any

_WORDS = {
    "sent": "Taqnyat accepted the mail",
    "balance_empty": "Taqnyat's balance is empty",
    "balance_too_low": "Taqnyat's balance is too low for this mail",
    "sender_refused": "Taqnyat does not accept this sender",
    "recipients_refused": "Taqnyat does not accept these recipients",
    "subject_refused": "Taqnyat does not accept the subject",
    "message_refused": "Taqnyat does not accept the message",
    "api_disabled": "sending by API is switched off in the account",
    "ip_refused": "Taqnyat does not allow our address",
    "token_refused": "Taqnyat refused the token",
    "wrong_endpoint": "the address of Taqnyat's API is wrong",
    "provider_timeout": "Taqnyat did not read the mail in time (408)",
    "rate_limited": "Taqnyat asked to slow down (429)",
    "provider_unavailable": "Taqnyat is not available (503)",
    "provider_error": "Taqnyat failed in a way that may have sent the mail",
    "unreadable_answer": "the answer could not be read; the mail may have been sent",
    "unreachable": "Taqnyat could not be reached; nothing was sent",
    "timeout": "no answer in time; the mail may have been sent",
    "connection_lost": "the connection broke; the mail may have been sent",
    "unknown_code": "Taqnyat refused it with a code that its guide does not list",
    "worker_died": "a worker died during the call; the mail may have been sent",
    "expired": "it expired before it could be sent",
    "retry_window_ended": "the time for retries has ended",
}

_LIFTED = 500.0  # a learned rate above this is no limit

_PROOFS = {
    "open": "too few mails or too little time to know how long it lasts",
    "differs": "it does not fall by the prices of the mails, so how long it lasts is not known",
    "agrees": "nothing was spent in the last hour",
}


def money(item: Mapping[str, Any]) -> str | None:
    """Return the account's balance in words; None before the first check."""
    if not item:
        return None
    readings = item.get("readings") or []
    if not readings:
        return f"Taqnyat did not give the balance ({item.get('trouble')})."
    left = item.get("minutes_left")
    proof = str(item.get("proof"))
    if proof == "agrees" and left is not None:
        proof = f"{left / 60:.1f} hours left at the present rate"
    said = f"Balance {readings[-1].split()[1]} {item.get('currency', '')}".strip()
    return f"{said}: {_PROOFS.get(proof, proof)}."


def rate(item: Mapping[str, Any], now: float) -> str | None:
    """Return the rate limit of all workers in words; None without one. The item is `#pause`."""
    if (held := item.get("rate_held_until", 0) / 1000) > now:
        return f"Rate: nothing is sent for {held - now:.0f} s, as Taqnyat asked (Retry-After)."
    learned, ceiling = (item.get(f"rate_{name}", 0) / 1000 for name in ("learned", "ceiling"))
    if not 0 < learned < _LIFTED or item.get("rate_learned_until", 0) / 1000 <= now:
        return None
    reason = (
        f"Taqnyat refused more (429) at {ceiling:.0f}" if ceiling else "it starts low and rises"
    )
    return f"Rate: at most {learned:.0f} mails a second, both lanes together; {reason}."


def blamed(item: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the mails whose answers paused, or else the one that is suspected: `id` and `why`."""
    suspect = [item["suspect"]] if item.get("suspect") else []
    refusals = (item.get("blamed") if item.get("paused") else None) or suspect
    return [{"id": str(one.get("mail_id")), "why": _answer(one)} for one in refusals]


def _answer(refusal: Mapping[str, Any]) -> str:
    names = {"code": "code", "status": "HTTP"}
    told = [f"{word} {refusal[key]}" for key, word in names.items() if key in refusal]
    return ", ".join([why(refusal.get("reason")), *told])


def why(reason: str | None) -> str:
    """Return a reason in words; an unknown reason is returned unchanged."""
    return _WORDS.get(reason or "", (reason or "").replace("_", " "))
