"""What the gateway's reasons mean, in words for a person."""

_WORDS = {
    "sent": "Taqnyat took the mail",
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
    "provider_timeout": "Taqnyat gave up waiting (408)",
    "rate_limited": "Taqnyat asked to slow down (429)",
    "provider_unavailable": "Taqnyat is not available (503)",
    "provider_error": "Taqnyat failed in a way that may have sent the mail",
    "unreadable_answer": "the answer could not be read; the mail may have been sent",
    "unreachable": "Taqnyat could not be reached; nothing was sent",
    "timeout": "no answer in time; the mail may have been sent",
    "connection_lost": "the connection broke; the mail may have been sent",
    "unknown_code": "Taqnyat refused it with a code that its guide does not list",
    "worker_died": "a worker ended in the middle; the mail may have been sent",
    "expired": "its time was over before it could be sent",
    "retry_window_ended": "it was tried for as long as mails are tried",
}


def why(reason: str | None) -> str:
    """Return a reason in words; an unknown one as it stands."""
    return _WORDS.get(reason or "", (reason or "").replace("_", " "))
