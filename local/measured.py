"""What CloudWatch is told at AWS, and not by the emulator. Runs in the emulator's process.

- What a function prints as EMF (embedded metric format) becomes metrics.
- Each invocation counts, also those that an event source makes.
- SQS measures its queues, API Gateway its answers.
- A question without dimensions means the metric without dimensions, and not every one of its name.
- PutMetricData evaluates no alarm: `local.bell` does that each minute, by `local.alarms`.
"""

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SAMPLE_SECONDS = 15.0
# Received so often and still there, a message goes to the back of the queue, as AWS documents it.
_PASSED_OVER = 3


class Measure(NamedTuple):
    """A value of a metric."""

    namespace: str
    name: str
    value: float
    unit: str
    dimensions: Mapping[str, str]


def embedded(line: str) -> list[Measure]:
    """Return what a line of a log measures by EMF; nothing of any other line."""
    if '"_aws"' not in line:
        return []
    try:
        told = json.loads(line)
        return [
            measure
            for directive in told["_aws"]["CloudWatchMetrics"]
            for metric in directive["Metrics"]
            for names in directive["Dimensions"] or [[]]
            for measure in _values(told, directive["Namespace"], metric, names)
        ]
    except (ValueError, KeyError, TypeError):
        return []


def _values(
    told: Mapping[str, Any], namespace: str, metric: Mapping[str, str], names: list[str]
) -> Iterator[Measure]:
    values = told[metric["Name"]]
    dimensions = {name: str(told[name]) for name in names}
    for value in values if isinstance(values, list) else [values]:
        unit = metric.get("Unit", "None")
        yield Measure(namespace, metric["Name"], float(value), unit, dimensions)


def of_queue(name: str, messages: Iterable[Mapping[str, Any]], now: float) -> Iterator[Measure]:
    """Yield what SQS measures of a queue with these messages at `now` (epoch seconds)."""
    visible = hidden = delayed = 0
    age = 0.0
    for message in messages:
        received = message["receive_count"]
        if message["visible_at"] <= now:
            visible += 1
        elif received:
            hidden += 1
        else:
            delayed += 1
        if received < _PASSED_OVER:
            age = max(age, now - message["sent_at"])
    found = {
        "ApproximateNumberOfMessagesVisible": visible,
        "ApproximateNumberOfMessagesNotVisible": hidden,
        "ApproximateNumberOfMessagesDelayed": delayed,
        "ApproximateAgeOfOldestMessage": round(age),
        "NumberOfMessagesSent": 0,  # and more when it takes one (of_sending)
    }
    for metric, value in found.items():
        unit = "Seconds" if "Age" in metric else "Count"
        yield Measure("AWS/SQS", metric, value, unit, {"QueueName": name})


def of_sending(url: str) -> Iterator[Measure]:
    """Yield what SQS measures when a queue takes a message; not when it moves a dead letter."""
    name = url.rpartition("/")[2]
    yield Measure("AWS/SQS", "NumberOfMessagesSent", 1.0, "Count", {"QueueName": name})


def of_invocation(function: str, milliseconds: float, *, error: bool) -> Iterator[Measure]:
    """Yield what Lambda measures of an invocation."""
    for name, value in (("Invocations", 1.0), ("Errors", float(error)), ("Throttles", 0.0)):
        yield Measure("AWS/Lambda", name, value, "Count", {"FunctionName": function})
    named = {"FunctionName": function}
    yield Measure("AWS/Lambda", "Duration", milliseconds, "Milliseconds", named)


def of_call(api: str, stage: str, status: int) -> Iterator[Measure]:
    """Yield what API Gateway measures of a call that it answered."""
    named = {"ApiName": api, "Stage": stage}
    class_ = status // 100
    for name, value in (("Count", True), ("4XXError", class_ == 4), ("5XXError", class_ == 5)):  # noqa: PLR2004
        yield Measure("AWS/ApiGateway", name, float(value), "Count", named)


def counted(app: ASGIApp, cloudwatch: Any, gateway: Any) -> ASGIApp:  # noqa: ANN401 - the emulator has no types
    """Return the emulator's application with its answers measured, below /_aws/execute-api.

    Takes the emulator's modules of CloudWatch and API Gateway as well.
    """

    async def measured(scope: Scope, receive: Receive, send: Send) -> None:
        _, _, _, api, stage, *_ = f"{scope['path']}//".split("/")
        name = gateway._rest_apis.get(api, {}).get("name", "")  # noqa: SLF001

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                _record(cloudwatch, of_call(name, stage, message["status"]))
            await send(message)

        await app(scope, receive, counting)

    return measured


def install(cloudwatch: Any, functions: Any, sqs: Any) -> None:  # noqa: ANN401 - the emulator has no types
    """Put it into the emulator's modules of CloudWatch, Lambda and SQS."""
    send = sqs._act_send_message  # noqa: SLF001 - there is no other way
    write_log, read_dimensions = functions._emit_lambda_logs, cloudwatch._dims_from_list  # noqa: SLF001 - there is no other way

    def written(
        function: dict[str, Any], request: str, text: str, error: object, spent: int, **more: object
    ) -> None:
        write_log(function, request, text, error, spent, **more)
        name = (function.get("config") or function)["FunctionName"]
        _record(cloudwatch, of_invocation(name, spent, error=bool(error)))
        for line in text.splitlines():
            _record(cloudwatch, embedded(line))

    def counted(name: str, **told: object) -> None:
        if told["throttle"]:
            cloudwatch.record_metric("AWS/Lambda", "Throttles", 1, "Count", {"FunctionName": name})

    def sent(data: dict[str, Any], url: str) -> dict[str, Any]:
        answer: dict[str, Any] = send(data, url)
        _record(cloudwatch, of_sending(data.get("QueueUrl", url)))
        return answer

    # SendMessageBatch calls it by its name, entry by entry.
    sqs._act_send_message = sqs._HANDLERS["SendMessage"] = sent  # noqa: SLF001
    functions._emit_lambda_logs = written  # noqa: SLF001
    functions._emit_lambda_metrics = counted  # noqa: SLF001
    cloudwatch._dims_from_list = lambda given: _Exact(read_dimensions(given))  # noqa: SLF001
    cloudwatch._evaluate_alarm = lambda _: None  # noqa: SLF001


async def follow_queues(cloudwatch: Any, sqs: Any) -> None:  # noqa: ANN401 - as above
    """Measure the queues again and again, oftener than SQS, so that no minute is without."""
    while True:
        for queue in list(sqs._queues.values()):  # noqa: SLF001
            _record(cloudwatch, of_queue(queue["name"], list(queue["messages"]), time.time()))
        await asyncio.sleep(_SAMPLE_SECONDS)


def _record(cloudwatch: Any, measures: Iterable[Measure]) -> None:  # noqa: ANN401 - as above
    for one in measures:
        cloudwatch.record_metric(one.namespace, one.name, one.value, one.unit, dict(one.dimensions))


class _Exact(dict[str, str]):
    """Dimensions of a question: the emulator takes none for any, unless they count as some."""

    def __bool__(self) -> bool:
        return True
