"""Ledger, webhooks and secrets."""

import json

import pytest

from ops import retained
from tests.infrastructure.expansion import expanded, raw, resources


def test_the_ledger_is_keyed_encrypted_backed_up_and_outlives_the_stack() -> None:
    table = resources("AWS::DynamoDB::Table")["LedgerTable"]
    resource = expanded()["Resources"]["LedgerTable"]

    assert table["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
    assert resource["UpdateReplacePolicy"] == "Retain"


def test_the_ledger_has_one_index_by_client_and_time() -> None:
    table = resources("AWS::DynamoDB::Table")["LedgerTable"]
    (index,) = table["GlobalSecondaryIndexes"]

    assert index["IndexName"] == "by-client"
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["client", "created"]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_the_table_of_webhooks_is_keyed_encrypted_and_goes_with_the_option() -> None:
    table = resources("AWS::DynamoDB::Table")["WebhooksTable"]
    resource = expanded()["Resources"]["WebhooksTable"]

    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert (resource["Condition"], resource["DeletionPolicy"]) == ("HasWebhooks", "Delete")


def test_signing_secrets_are_sealed_by_one_and_opened_by_the_other() -> None:
    """Who accepts an endpoint cannot open its secret, and who calls it cannot seal one."""
    may = {
        role: {
            action
            for policy in properties["Policies"]
            for entry in policy["PolicyDocument"]["Statement"]
            for statement in (entry.get("Fn::If", [entry]))
            if isinstance(statement, dict) and "Action" in statement
            for action in [statement["Action"]]
            if isinstance(action, str) and action.startswith("kms:")
        }
        for role, properties in resources("AWS::IAM::Role").items()
        if "Policies" in properties
    }

    assert {role: found for role, found in may.items() if found} == {
        "ApiRole": {"kms:Encrypt"},
        "WebhooksRole": {"kms:Decrypt"},
    }


def test_who_calls_strangers_knows_neither_the_token_nor_the_ledger() -> None:
    text = json.dumps(resources("AWS::IAM::Role")["WebhooksRole"])

    assert "Secret" not in text
    assert "Ledger" not in text
    assert "MailQueue" not in text


def test_no_secret_has_a_value_from_the_template() -> None:
    secrets = resources("AWS::SecretsManager::Secret")

    assert set(secrets) == {"TokenSecret", "ApiKeysSecret"}
    assert set(secrets["TokenSecret"]) == {"Description"}
    # An empty list of callers, which lets nobody in.
    assert secrets["ApiKeysSecret"]["SecretString"] == "{}"
    assert "GenerateSecretString" not in secrets["ApiKeysSecret"]


def test_names_are_left_to_cloudformation() -> None:
    """A fixed name would stop a second stack, and a replacement."""
    named = {"QueueName", "TableName", "FunctionName", "RoleName", "TopicName", "LogGroupName"}
    kinds = {
        "AWS::SQS::Queue",
        "AWS::DynamoDB::Table",
        "AWS::Lambda::Function",
        "AWS::IAM::Role",
        "AWS::SNS::Topic",
        "AWS::Logs::LogGroup",
    }

    for kind in kinds:
        for properties in resources(kind).values():
            assert not named & properties.keys()


def test_the_outputs_are_those_of_the_design() -> None:
    assert set(expanded()["Outputs"]) == {
        "Version",
        "ApiUrl",
        "StageName",
        "MailQueueUrl",
        "MailQueueArn",
        "BulkQueueUrl",
        "BulkQueueArn",
        "FailedQueueUrl",
        "FailedQueueArn",
        "ScheduleGroup",
        "LedgerTable",
        "TokenSecretArn",
        "ApiKeysSecretArn",
        "AlarmTopicArn",
        "ApiDomainTarget",
        "ApiFunction",
        "WorkerFunction",
        "AuthorizerFunction",
        "StatusCheckFunction",
        "DashboardUrl",
    }


def test_what_holds_mails_or_their_record_outlives_the_stack() -> None:
    kept = retained.retained(raw())["Resources"]

    assert {name: resource["Type"] for name, resource in kept.items()} == {
        "MailQueue": "AWS::SQS::Queue",
        "BulkQueue": "AWS::SQS::Queue",
        "FailedQueue": "AWS::SQS::Queue",
        "LedgerTable": "AWS::DynamoDB::Table",
        "ScheduleGroup": "AWS::Scheduler::ScheduleGroup",  # it would take its schedules along
        "ScheduleRole": "AWS::IAM::Role",  # without it they would not be sent
    }
    for resource in kept.values():
        assert resource["UpdateReplacePolicy"] == "Retain"


def test_what_was_kept_can_be_imported_into_a_new_stack() -> None:
    """CloudFormation wants a template of them alone, with a policy and an identifier for each."""
    template = retained.retained(raw())

    assert "Transform" not in template
    assert "Outputs" not in template
    assert {resource["Type"] for resource in template["Resources"].values()} <= (
        retained.IDENTIFIERS.keys()
    )
    assert {"WorkerTimeoutSeconds"} <= template["Parameters"].keys()
    assert template["Mappings"].keys() == {"WorkerTiming"}
    whole = raw()
    for section in ("Parameters", "Mappings", "Conditions"):
        for name, part in template.get(section, {}).items():
            assert part == whole[section][name]  # the update that follows changes none of it


def test_a_retained_resource_that_needs_another_is_told() -> None:
    template = raw()
    template["Resources"]["LedgerTable"]["Properties"]["X"] = {"Ref": "ApiFunction"}

    with pytest.raises(ValueError, match="ApiFunction"):
        retained.retained(template)
