"""Functions: what they run on, what they log to, what they are told."""

import ast
from typing import Any

import pytest
from outbox.settings import Settings

from tests.infrastructure.expansion import ROOT, raw, resources

FUNCTIONS = resources("AWS::Lambda::Function")
CODE = {
    name: resource["Properties"]["CodeUri"]
    for name, resource in raw()["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
}
# Read by Powertools' logger, and by the two functions that need no settings.
READ_ELSEWHERE = {"LOG_LEVEL", "API_KEYS_SECRET_ID", "EVENT_BUS_NAME", "INCLUDE_TAGS"}


def variables(function: dict[str, Any]) -> dict[str, Any]:
    """Return the environment of a function."""
    result: dict[str, Any] = function["Environment"]["Variables"]
    return result


def test_the_functions_are_the_four_of_the_design_and_two_optional_ones() -> None:
    assert set(FUNCTIONS) == {
        "ApiFunction",
        "WorkerFunction",
        "AuthorizerFunction",
        "StatusCheckFunction",
        "EventsFunction",
        "WebhooksFunction",
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_runs_the_newest_python_that_the_code_supports_on_arm64(name: str) -> None:
    function = FUNCTIONS[name]

    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert [layer["Ref"][:12] for layer in function["Layers"]] == ["TaqnyatLayer"]
    assert function["Timeout"]
    assert function["Description"]
    assert "ReservedConcurrentExecutions" not in function


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_handler_of_a_function_exists(name: str) -> None:
    *module, attribute = FUNCTIONS[name]["Handler"].split(".")
    source = (ROOT / CODE[name]).joinpath(*module).with_suffix(".py")

    tree = ast.parse(source.read_text("utf-8"))

    assert attribute in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]


def test_each_function_has_a_role_and_a_log_group_of_its_own() -> None:
    roles = [function["Role"]["Fn::GetAtt"][0] for function in FUNCTIONS.values()]
    groups = [function["LoggingConfig"]["LogGroup"]["Ref"] for function in FUNCTIONS.values()]

    assert len(set(roles)) == len(FUNCTIONS)
    assert len(set(groups)) == len(FUNCTIONS)
    assert set(groups) < set(resources("AWS::Logs::LogGroup"))


@pytest.mark.parametrize("name", resources("AWS::Logs::LogGroup"))
def test_logs_end(name: str) -> None:
    group = resources("AWS::Logs::LogGroup")[name]

    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_each_setting_comes_from_the_template() -> None:
    known = {field.upper() for field in Settings._fields}
    told = {key for function in FUNCTIONS.values() for key in variables(function)}

    assert told - READ_ELSEWHERE == known
    assert told >= READ_ELSEWHERE


def test_the_events_function_knows_its_bus_and_whether_tags_may_be_told() -> None:
    told = variables(FUNCTIONS["EventsFunction"])

    assert told["EVENT_BUS_NAME"] == {"Ref": "EventBusName"}
    assert told["INCLUDE_TAGS"] == {"Ref": "EventTags"}


@pytest.mark.parametrize("name", ["ApiFunction", "WebhooksFunction"])
def test_who_makes_and_who_calls_endpoints_refuse_the_same_addresses(name: str) -> None:
    assert variables(FUNCTIONS[name])["WEBHOOK_LOOPBACK"] == {"Ref": "WebhookLoopback"}


def test_each_default_of_the_settings_is_the_template_s() -> None:
    parameters = raw()["Parameters"]
    by_variable = {
        key: value["Ref"]
        for key, value in variables(FUNCTIONS["WorkerFunction"]).items()
        if isinstance(value, dict) and value.get("Ref") in parameters and key != "LOG_LEVEL"
    }
    text = {key: str(parameters[name]["Default"]) for key, name in by_variable.items()}
    required = dict.fromkeys(("LEDGER_TABLE", "MAIL_QUEUE_URL", "MAIL_QUEUE_ARN"), "x")

    assert Settings.from_environ(required | text) == Settings.from_environ(required)


def test_the_default_timing_of_the_settings_is_the_template_s() -> None:
    timing = raw()["Mappings"]["WorkerTiming"]["60"]
    defaults = Settings._field_defaults

    assert str(defaults["lease_seconds"]) == timing["Lease"]
    assert str(defaults["send_timeout_seconds"]) == timing["Send"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_variable_holds_a_secret(name: str) -> None:
    for key, value in variables(FUNCTIONS[name]).items():
        assert not str(value).startswith("{{resolve:")
        if "SECRET" in key:
            assert value["Fn::GetAtt"][1] == "Id"


def test_only_the_authorizer_knows_the_keys_secret() -> None:
    knowing = [name for name in FUNCTIONS if "API_KEYS_SECRET_ID" in variables(FUNCTIONS[name])]

    assert knowing == ["AuthorizerFunction"]


def test_the_status_check_runs_each_minute_and_is_not_repeated_in_between() -> None:
    (rule,) = resources("AWS::Events::Rule").values()
    (config,) = resources("AWS::Lambda::EventInvokeConfig").values()

    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert rule["Targets"][0]["Arn"]["Fn::GetAtt"][0] == "StatusCheckFunction"
    assert config["FunctionName"] == {"Ref": "StatusCheckFunction"}
    assert config["MaximumRetryAttempts"] == 0
