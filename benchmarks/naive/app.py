"""The usual mix in one file, as tutorials put it together: an API that queues, a worker that sends.

Logger with the event, Tracer, Metrics, event handler, Idempotency, BatchProcessor, Parameters,
boto3's resources, requests, pydantic, and a PutMetricData for each mail.
"""

from __future__ import annotations

import os
import time
import uuid
from typing import Any

import boto3
import requests
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from pydantic import BaseModel

logger = Logger(service="naive")
tracer = Tracer(service="naive")
metrics = Metrics(namespace="Naive", service="naive")
app = APIGatewayRestResolver()
processor = BatchProcessor(event_type=EventType.SQS)
persistence = DynamoDBPersistenceLayer(table_name=os.environ["LEDGER_TABLE"])
config = IdempotencyConfig(expires_after_seconds=86400)
queue = boto3.resource("sqs").Queue(os.environ["MAIL_QUEUE_URL"])
cloudwatch = boto3.client("cloudwatch")


class Email(BaseModel):
    """What a caller sends."""

    id: str
    sender: str
    to: list[str]
    subject: str
    html: str


@app.post("/emails")
def accept() -> tuple[dict[str, str], int]:
    """Queue a mail."""
    body = app.current_event.json_body
    email = Email(id=str(uuid.uuid4()), sender=body.pop("from"), **body)
    queue.send_message(MessageBody=email.model_dump_json())
    metrics.add_metric(name="Accepted", unit=MetricUnit.Count, value=1)
    logger.info("mail queued", extra={"mail_id": email.id})
    return {"id": email.id}, 200


@idempotent_function(  # type: ignore[untyped-decorator]
    data_keyword_argument="mail", persistence_store=persistence, config=config
)
def deliver(mail: dict[str, Any]) -> dict[str, Any]:
    """Send one mail to Taqnyat."""
    email = Email(**mail)
    token = parameters.get_secret(os.environ["TOKEN_SECRET_ID"], max_age=300)
    started = time.monotonic()
    answer = requests.post(
        f"{os.environ['TAQNYAT_URL']}/mailSend.php",
        data={
            "bearerTokens": token,
            "campaignName": "transactional",
            "subject": email.subject,
            "from": email.sender,
            "to": ",".join(email.to),
            "msg": email.html,
        },
        headers={"Authorization": f"Bearer {token}"},
        timeout=25,
    )
    answer.raise_for_status()
    milliseconds = (time.monotonic() - started) * 1000
    cloudwatch.put_metric_data(
        Namespace="Naive",
        MetricData=[
            {"MetricName": "Sent", "Value": 1, "Unit": "Count"},
            {"MetricName": "Latency", "Value": milliseconds, "Unit": "Milliseconds"},
        ],
    )
    return {"status": answer.status_code}


@tracer.capture_method
def record_handler(record: Any) -> dict[str, Any]:  # noqa: ANN401  Powertools' record
    """See one record through."""
    mail = record.json_body
    logger.info("sending mail", extra={"mail": mail})
    answer: dict[str, Any] = deliver(mail=mail)
    logger.info("mail sent", extra={"answer": answer})
    return answer


@logger.inject_lambda_context(log_event=True)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def api_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401
    """Resolve one call."""
    return app.resolve(event, context)


@logger.inject_lambda_context(log_event=True)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def worker_handler(event: dict[str, Any], context: Any) -> Any:  # noqa: ANN401
    """See a batch through, record after record."""
    config.register_lambda_context(context)
    return process_partial_response(
        event=event, record_handler=record_handler, processor=processor, context=context
    )
