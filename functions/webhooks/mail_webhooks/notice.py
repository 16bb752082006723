"""Notifies the operators of an endpoint that is paused."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outbox.ports import SnsClient
    from outbox.webhooks.endpoint import Endpoint


def notify(sns: SnsClient, topic: str, endpoint: Endpoint) -> None:
    """Publish its client and its id, but never its URL, which may contain a secret."""
    sns.publish(
        TopicArn=topic,
        Subject="Taqnyat mail gateway: a webhook is paused",
        Message=f"Calls to a webhook of {endpoint.client} have failed for three days, so it is "
        f"paused. Its events are kept for 14 days.\nIts id: {endpoint.id}\n"
        f"Run: ./taqnyat-mail webhooks log {endpoint.client} {endpoint.id}\n"
        'See docs/operations.md, "A webhook is paused".',
    )
