"""One caller of the API, in a world in memory. Each answer is held to docs/openapi.yaml."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests import openapi
from tests.faults.standins import gateway
from tests.faults.world import World


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; `body` is decoded."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass
class Caller:
    """Whose key is used, and what it allows."""

    world: World
    client: str = "shop"
    senders: list[str] = field(default_factory=lambda: ["*@acme.sa"])
    scopes: str = "read send"
    unsupported: str | None = None
    join_within: int = 0
    options: dict[str, str] = field(default_factory=dict)

    def call(
        self,
        method: str,
        route: str,
        body: object = None,
        *,
        mail_id: str = "",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Reply:
        """Make a call; a body that is neither text nor bytes yet is written as JSON."""
        text = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
        answer = self.world.ask(
            {
                "httpMethod": method,
                "resource": route,
                "path": route.replace("{id}", mail_id),
                "pathParameters": {"id": mail_id} if mail_id else None,
                "headers": dict(headers or {}),
                "queryStringParameters": dict(query) if query else None,
                **gateway.received(text.encode() if isinstance(text, str) else text),
                "requestContext": {
                    "authorizer": {
                        "client": self.client,
                        "from": json.dumps(self.senders),
                        "scopes": self.scopes,
                        **({"unsupported": self.unsupported} if self.unsupported else {}),
                        **({"join_within": str(self.join_within)} if self.join_within else {}),
                        **self.options,
                    }
                },
            }
        )
        assert not self.world.errors, self.world.errors
        assert answer is not None, "the function broke off"
        reply = Reply(answer["statusCode"], answer["headers"], json.loads(answer["body"]))
        openapi.check_answer(method, route, reply.status, reply.headers, reply.body)
        return reply

    def send(self, key: str | None = None, **fields: Any) -> Reply:  # noqa: ANN401 - JSON
        """Post a mail."""
        return self.call("POST", "/emails", mail(**fields), headers=_key(key))

    def accepted(self, key: str | None = None, **fields: Any) -> str:  # noqa: ANN401 - JSON
        """Post a mail and return its id."""
        reply = self.send(key, **fields)
        assert reply.status == 200, reply.body
        return str(reply.body["id"])

    def batch(self, mails: object, key: str | None = None, mode: str | None = None) -> Reply:
        """Post a batch."""
        headers = _key(key) | ({} if mode is None else {"x-batch-validation": mode})
        return self.call("POST", "/emails/batch", mails, headers=headers)

    def show(self, mail_id: str) -> Reply:
        """Get a mail."""
        return self.call("GET", "/emails/{id}", mail_id=mail_id)

    def state(self, mail_id: str) -> str:
        """Return the state of a mail of this caller."""
        reply = self.show(mail_id)
        assert reply.status == 200, reply.body
        return str(reply.body["taqnyat"]["state"])

    def list(self, **query: str) -> Reply:
        """List the caller's mails."""
        return self.call("GET", "/emails", query=query)

    def cancel(self, mail_id: str) -> Reply:
        """Cancel a mail."""
        return self.call("POST", "/emails/{id}/cancel", mail_id=mail_id)

    def move(self, mail_id: str, scheduled_at: object) -> Reply:
        """Reschedule a mail."""
        body = {"scheduled_at": scheduled_at}
        return self.call("PATCH", "/emails/{id}", body, mail_id=mail_id)


def mail(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a mail that is valid, with fields changed; None takes one away."""
    valid = {"from": "orders@acme.sa", "to": ["a@example.com"], "subject": "Hi", "text": "Hello"}
    return {name: value for name, value in (valid | fields).items() if value is not None}


def waiting(world: World) -> list[dict[str, Any]]:
    """Return the messages in the mail queue."""
    return [json.loads(message.body) for message in world.mail.messages]


def sent(world: World) -> dict[str, int]:
    """Return how often Taqnyat accepted a mail, by its subject."""
    return {subject: len(times) for subject, times in world.taqnyat.accepted.items() if times}


def interrupt(world: World, number: int, what: Callable[[], None]) -> None:
    """Make something happen just before the call of that number."""
    call, done = world.call, False

    def interrupted(container: Any, name: str, effect: Any) -> Any:  # noqa: ANN401 - any call
        nonlocal done
        if len(world.calls) == number and not done:
            done = True
            process = container.process
            what()
            container.process = process
        return call(container, name, effect)

    world.call = interrupted  # type: ignore[method-assign]


def _key(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Idempotency-Key": key}
