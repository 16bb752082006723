"""The environment, parsed once. Nothing else reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class SettingsError(Exception):
    """A variable of the environment is missing or cannot be read; the message names it."""


class Settings(NamedTuple):  # a dataclass of so many fields takes more than 1% of a cold start
    """What the template sets. A field's variable is its name in capitals. Built by names.

    Every duration is in seconds.
    """

    ledger_table: str
    mail_queue_url: str
    mail_queue_arn: str
    bulk_queue_url: str = ""
    bulk_queue_arn: str = ""
    failed_queue_url: str = ""
    failed_queue_arn: str = ""
    token_secret_id: str = ""
    worker_function_name: str = ""
    taqnyat_url: str = "https://api.taqnyat.sa"
    taqnyat_encoding: str = "form"
    connect_timeout_seconds: int = 3
    send_timeout_seconds: int = 25
    lease_seconds: int = 120
    on_unknown: str = "hold"
    max_resends: int = 5
    retry_base_seconds: int = 5
    retry_cap_seconds: int = 900
    retry_window_seconds: int = 86400
    max_send_rate: int = 0
    maximum_concurrency: int = 2
    bulk_maximum_concurrency: int = 2
    failure_run: int = 10
    probe_delays_seconds: tuple[int, ...] = (60, 120, 300, 600, 1200, 1800)
    record_days: int = 90
    token_cache_seconds: int = 300
    default_campaign: str = "transactional"
    unsupported: str = "refuse"
    quota_time_zone: str = "Asia/Riyadh"
    schedule_group: str = ""
    schedule_role_arn: str = ""
    metrics_namespace: str = "TaqnyatMail"
    alarm_topic_arn: str = ""
    balance_check_minutes: int = 15
    balance_warn_hours: int = 3
    webhooks_table: str = ""
    webhook_queue_url: str = ""
    webhook_key_arn: str = ""
    webhook_retry_seconds: tuple[int, ...] = (5, 300, 1800, 7200, 18000, 36000, 36000)
    webhook_loopback: str = "off"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Parse the environment.

        Raises:
            SettingsError: a variable is missing or of the wrong form.

        """
        values: dict[str, Any] = {}
        for field in cls._fields:
            name = field.upper()
            if text := environ.get(name, "").strip():
                values[field] = _parse(name, cls._field_defaults.get(field, ""), text)
        # Lambda sets a function's own name; only the status check has the worker's in a variable.
        values.setdefault("worker_function_name", environ.get("AWS_LAMBDA_FUNCTION_NAME", ""))
        try:
            return cls(**values)
        except TypeError:
            required = ("LEDGER_TABLE", "MAIL_QUEUE_URL", "MAIL_QUEUE_ARN")
            missing = ", ".join(name for name in required if name.lower() not in values)
            message = f"not set in the environment: {missing}"
            raise SettingsError(message) from None


def _parse(name: str, like: object, text: str) -> str | int | tuple[int, ...]:
    """Read a text as what the field's default is like."""
    try:
        if isinstance(like, int):
            return int(text)
        if isinstance(like, tuple):
            return tuple(int(part) for part in text.split(","))
    except ValueError:
        message = f"{name} is not a whole number of seconds, or a list of them"
        raise SettingsError(message) from None
    return text
