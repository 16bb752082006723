"""The event source mapping: Lambda's poller, which feeds the worker from the mail queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from outbox.ports import LambdaClient


class EventSource:
    """The mapping from the mail queue to the worker. Raises nothing of AWS."""

    def __init__(
        self, functions: Callable[[], LambdaClient], function_name: str, queue_arn: str
    ) -> None:
        """`functions` makes the client: seldom needed, it is not made before."""
        self._functions = functions
        self._function_name = function_name
        self._queue_arn = queue_arn

    def enable(self) -> bool:
        """Let the mapping feed the worker; return whether it does, or soon will."""
        return self._ensure({"Enabled", "Enabling"}, enabled=True)

    def disable(self) -> bool:
        """Stop the mapping; return whether it is stopped, or soon will be."""
        return self._ensure({"Disabled", "Disabling"}, enabled=False)

    def _ensure(self, settled: set[str], *, enabled: bool) -> bool:
        try:
            functions = self._functions()
            answer = functions.list_event_source_mappings(
                FunctionName=self._function_name,
                EventSourceArn=self._queue_arn,
            )
            for mapping in answer["EventSourceMappings"]:
                if mapping["State"] not in settled:
                    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)
        except (ClientError, BotoCoreError):
            return False
        return True
