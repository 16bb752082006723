"""The event source mappings: Lambda's pollers, which feed the worker, one for each lane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from outbox.ports import LambdaClient


class EventSource:
    """The mappings from the queues to the worker. Raises nothing of AWS."""

    def __init__(
        self,
        functions: Callable[[], LambdaClient],
        function_name: str,
        queue_arns: Collection[str],
    ) -> None:
        """`functions` makes the client at its first use, which is rare."""
        self._functions = functions
        self._function_name = function_name
        self._queue_arns = frozenset(queue_arns)

    def enable(self) -> bool:
        """Let the mappings feed the worker; return whether all do, or soon will."""
        return self._ensure({"Enabled", "Enabling"}, enabled=True)

    def disable(self) -> bool:
        """Stop the mappings; return whether all are stopped, or soon will be."""
        return self._ensure({"Disabled", "Disabling"}, enabled=False)

    def _ensure(self, settled: set[str], *, enabled: bool) -> bool:
        try:
            functions = self._functions()
            answer = functions.list_event_source_mappings(FunctionName=self._function_name)
        except (ClientError, BotoCoreError):
            return False
        unsettled = [
            mapping["UUID"]
            for mapping in answer["EventSourceMappings"]
            if mapping["EventSourceArn"] in self._queue_arns and mapping["State"] not in settled
        ]
        # A mapping that is changing refuses the call; the others must still be switched.
        switched = [_switch(functions, uuid, enabled=enabled) for uuid in unsettled]
        return all(switched)


def _switch(functions: LambdaClient, uuid: str, *, enabled: bool) -> bool:
    try:
        functions.update_event_source_mapping(UUID=uuid, Enabled=enabled)
    except (ClientError, BotoCoreError):
        return False
    return True
