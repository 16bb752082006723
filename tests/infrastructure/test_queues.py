"""Queues: times that fit each other, so that no mail is lost or sent twice for a wrong number."""

import pytest
from outbox.webhooks import deliveries, dispatching, poster, stores
from outbox.webhooks import queue as wakeups
from outbox.webhooks.endpoint import MAX_ENDPOINTS

from tests.infrastructure.expansion import expanded, raw, resources

QUEUES = resources("AWS::SQS::Queue")
MAIL_QUEUES = [name for name in QUEUES if name not in {"WebhookQueue", "EventsReplayQueue"}]
LANES = ["MailQueue", "BulkQueue"]
TIMING = raw()["Mappings"]["WorkerTiming"]
PARAMETERS = raw()["Parameters"]
DAY = 86400


def test_each_worker_timeout_has_its_timing() -> None:
    allowed = [str(value) for value in PARAMETERS["WorkerTimeoutSeconds"]["AllowedValues"]]

    assert list(TIMING) == allowed


@pytest.mark.parametrize("timeout", TIMING)
def test_visibility_is_six_times_the_timeout_and_a_lease_outlives_its_worker(timeout: str) -> None:
    timing = {name: int(seconds) for name, seconds in TIMING[timeout].items()}

    assert timing["Visibility"] >= 6 * int(timeout)
    assert timing["Lease"] > int(timeout) > timing["Send"]
    assert timing["Visibility"] > timing["Lease"]


@pytest.mark.parametrize("name", ["WorkerFunction", "StatusCheckFunction"])
def test_whoever_sends_a_mail_has_the_timeout_that_the_lease_follows(name: str) -> None:
    function = resources("AWS::Lambda::Function")[name]
    lease = function["Environment"]["Variables"]["LEASE_SECONDS"]

    assert function["Timeout"] == {"Ref": "WorkerTimeoutSeconds"}
    assert lease == {"Fn::FindInMap": ["WorkerTiming", {"Ref": "WorkerTimeoutSeconds"}, "Lease"]}


@pytest.mark.parametrize("name", LANES)
def test_the_visibility_of_a_lane_follows_the_worker_timeout(name: str) -> None:
    assert QUEUES[name]["VisibilityTimeout"] == {
        "Fn::FindInMap": ["WorkerTiming", {"Ref": "WorkerTimeoutSeconds"}, "Visibility"]
    }


@pytest.mark.parametrize("name", LANES)
def test_a_mail_ends_its_retries_before_the_queue_drops_it(name: str) -> None:
    retention = QUEUES[name]["MessageRetentionPeriod"]

    assert PARAMETERS["RetryWindowSeconds"]["MaxValue"] + DAY <= retention
    assert PARAMETERS["RetryCapSeconds"]["MaxValue"] <= 12 * 3600  # what SQS takes


@pytest.mark.parametrize("name", LANES)
def test_the_failed_queue_keeps_longer_than_a_lane_and_the_record_longer_still(name: str) -> None:
    kept = QUEUES[name]["MessageRetentionPeriod"]
    kept_failed = QUEUES["FailedQueue"]["MessageRetentionPeriod"]

    assert kept_failed == 14 * DAY
    assert kept_failed > kept
    assert PARAMETERS["RecordDays"]["MinValue"] * DAY > kept_failed


@pytest.mark.parametrize("name", LANES)
def test_the_receive_count_never_acts_before_the_ledger(name: str) -> None:
    redrive = QUEUES[name]["RedrivePolicy"]

    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["FailedQueue", "Arn"]}
    assert redrive["maxReceiveCount"] == 1000


@pytest.mark.parametrize("name", MAIL_QUEUES)
def test_a_queue_is_encrypted_takes_a_mebibyte_and_outlives_the_stack(name: str) -> None:
    assert QUEUES[name]["SqsManagedSseEnabled"] is True
    assert QUEUES[name]["MaximumMessageSize"] == 1024 * 1024
    # The bulk queue may be made by an update: mails may be in it when that update fails.
    kept = "Retain" if name == "BulkQueue" else "RetainExceptOnCreate"
    assert expanded()["Resources"][name]["DeletionPolicy"] == kept
    assert expanded()["Resources"][name]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("name", QUEUES)
def test_every_queue_is_encrypted_and_polls_wait_where_lambda_polls(name: str) -> None:
    assert QUEUES[name]["SqsManagedSseEnabled"] is True
    assert name == "FailedQueue" or QUEUES[name]["ReceiveMessageWaitTimeSeconds"] == 20


@pytest.mark.parametrize(
    ("policy_name", "names"),
    [
        ("QueuePolicy", MAIL_QUEUES),
        ("WebhookQueuePolicy", ["WebhookQueue"]),
        ("EventsReplayQueuePolicy", ["EventsReplayQueue"]),
    ],
)
def test_all_queues_refuse_plain_http(policy_name: str, names: list[str]) -> None:
    policy = resources("AWS::SQS::QueuePolicy")[policy_name]
    (statement,) = policy["PolicyDocument"]["Statement"]

    assert policy["Queues"] == [{"Ref": name} for name in names]
    assert statement["Effect"] == "Deny"
    assert statement["Principal"] == "*"
    assert statement["Action"] == "sqs:*"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    arns = [{"Fn::GetAtt": [name, "Arn"]} for name in names]
    assert statement["Resource"] == (arns if len(arns) > 1 else arns[0])


def test_the_webhook_queue_outlives_no_event_and_its_messages_no_lease() -> None:
    """It holds ids only, so it goes with the option; a run has ended before its message is back."""
    queue, function = QUEUES["WebhookQueue"], resources("AWS::Lambda::Function")["WebhooksFunction"]

    assert queue["MessageRetentionPeriod"] == deliveries.KEPT_SECONDS
    assert queue["VisibilityTimeout"] == 6 * function["Timeout"] > stores.LEASE_SECONDS
    assert function["Timeout"] < stores.LEASE_SECONDS
    assert function["Timeout"] > poster.DEADLINE_SECONDS + dispatching.BUDGET_SECONDS
    assert "RedrivePolicy" not in queue
    assert expanded()["Resources"]["WebhookQueue"]["Condition"] == "HasWebhooks"


@pytest.mark.parametrize("name", LANES)
def test_no_other_queue_s_dead_letters_are_taken_for_mails(name: str) -> None:
    assert QUEUES[name]["RedriveAllowPolicy"] == {"redrivePermission": "denyAll"}


def test_events_that_are_set_aside_are_told_again_while_the_stream_has_them() -> None:
    """The queue gets where they stand in the stream, which keeps them for a day."""
    queue, function = QUEUES["EventsReplayQueue"], resources("AWS::Lambda::Function")
    mappings = resources("AWS::Lambda::EventSourceMapping")
    stream, replay = mappings["EventsFunctionChange"], mappings["EventsFunctionReplay"]
    arn = {"Fn::GetAtt": ["EventsReplayQueue", "Arn"]}

    assert stream["DestinationConfig"] == {"OnFailure": {"Destination": arn}}
    assert (replay["FunctionName"], replay["EventSourceArn"]) == ({"Ref": "EventsFunction"}, arn)
    assert replay["BatchSize"] == 1
    assert replay["ScalingConfig"] == {"MaximumConcurrency": 2}
    assert "Enabled" not in replay
    assert queue["MessageRetentionPeriod"] == DAY
    assert queue["VisibilityTimeout"] == 6 * function["EventsFunction"]["Timeout"]
    assert "RedrivePolicy" not in queue
    assert queue["SqsManagedSseEnabled"] is True
    assert expanded()["Resources"]["EventsReplayQueue"]["Condition"] == "ReadsStream"


def test_a_change_that_cannot_be_told_does_not_hold_up_the_others_for_long() -> None:
    stream = resources("AWS::Lambda::EventSourceMapping")["EventsFunctionChange"]

    assert stream["BisectBatchOnFunctionError"] is True
    assert 5 <= stream["MaximumRetryAttempts"] <= 100
    assert 900 <= stream["MaximumRecordAgeInSeconds"] <= DAY / 4  # time is left to tell it again


def test_the_function_that_calls_webhooks_takes_its_queue_s_messages_one_by_one() -> None:
    mapping = resources("AWS::Lambda::EventSourceMapping")["WebhooksFunctionWakeup"]

    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["WebhookQueue", "Arn"]}
    assert mapping["BatchSize"] == 10
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    # The slow endpoints of one caller leave room for everybody else's.
    assert mapping["ScalingConfig"]["MaximumConcurrency"] >= 2 * MAX_ENDPOINTS
    assert "Enabled" not in mapping


def test_a_timer_is_not_taken_for_a_webhook_that_waits() -> None:
    assert PARAMETERS["WebhookQueueAlarmSeconds"]["MinValue"] > wakeups.MAX_DELAY_SECONDS


@pytest.mark.parametrize(
    ("event", "queue", "concurrency"),
    [
        ("Mail", "MailQueue", "MaximumConcurrency"),
        ("Bulk", "BulkQueue", "BulkMaximumConcurrency"),
    ],
)
def test_the_worker_takes_batches_and_reports_failures_one_by_one(
    event: str, queue: str, concurrency: str
) -> None:
    mapping = resources("AWS::Lambda::EventSourceMapping")[f"WorkerFunction{event}"]

    assert mapping["FunctionName"] == {"Ref": "WorkerFunction"}
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": [queue, "Arn"]}
    assert mapping["BatchSize"] == 10
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": {"Ref": concurrency}}
    assert "MaximumBatchingWindowInSeconds" not in mapping
    # A pause disables it; a deployment must not enable it again.
    assert "Enabled" not in mapping
