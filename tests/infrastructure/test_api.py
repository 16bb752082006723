"""The REST API: no way around the authorizer, and one shape for every error."""

import json
import re
from typing import Any

import pytest

from tests.infrastructure.expansion import raw, resources

(API,) = resources("AWS::ApiGateway::RestApi").values()
(STAGE,) = resources("AWS::ApiGateway::Stage").values()
PATHS: dict[str, dict[str, Any]] = API["Body"]["paths"]
ANSWERS: dict[str, dict[str, Any]] = API["Body"]["x-amazon-apigateway-gateway-responses"]


def test_the_paths_are_those_of_the_design() -> None:
    assert set(PATHS) == {
        "/emails",
        "/emails/batch",
        "/emails/{id}",
        "/emails/{id}/cancel",
        "/status",
        "/webhooks",
        "/webhooks/{id}",
        "/webhooks/{id}/signing-secret/rotate",
        "/{proxy+}",
    }


@pytest.mark.parametrize("path", PATHS)
def test_a_path_has_one_method_for_all_behind_the_authorizer(path: str) -> None:
    (method,) = PATHS[path]
    definition = PATHS[path][method]

    assert method == "x-amazon-apigateway-any-method"
    assert definition["security"] == [{"KeyAuthorizer": []}]
    assert "ApiFunction" in str(definition["x-amazon-apigateway-integration"]["uri"])


def test_the_authorizer_reads_the_authorization_header() -> None:
    (scheme,) = API["Body"]["components"]["securitySchemes"].values()
    authorizer = scheme["x-amazon-apigateway-authorizer"]

    assert scheme["in"] == "header"
    assert scheme["name"] == "Authorization"
    assert authorizer["type"] == "token"
    assert "AuthorizerFunction" in str(authorizer["authorizerUri"])
    assert authorizer["authorizerResultTtlInSeconds"] == {
        "Fn::If": ["KeysAreCachedLong", 300, {"Fn::If": ["KeysAreNotCached", 0, 60]}]
    }
    assert raw()["Parameters"]["KeyCacheSeconds"]["AllowedValues"] == [0, 60, 300]


@pytest.mark.parametrize(
    ("header", "comes"),
    [
        ("Bearer tqm_abc", True),
        ("bearer  tqm_abc ", True),
        ("", False),
        ("Bearer", False),
        ("Bearer ", False),
        ("Bearer a b", False),
        ("Basic c2hvcDpzZWNyZXQ=", False),
        ("tqm_abc", False),
        (f"Bearer {'x' * 257}", False),
    ],
)
def test_what_is_no_bearer_key_costs_no_call(header: str, *, comes: bool) -> None:
    (scheme,) = API["Body"]["components"]["securitySchemes"].values()
    expression = scheme["x-amazon-apigateway-authorizer"]["identityValidationExpression"]

    assert (re.fullmatch(expression, header) is not None) is comes


def test_the_api_is_regional_and_takes_no_old_tls() -> None:
    assert API["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert API["SecurityPolicy"].startswith("SecurityPolicy_TLS13_1_2")
    assert API["EndpointAccessMode"] == "STRICT"


def test_every_body_arrives_as_the_bytes_that_it_is() -> None:
    assert API["Body"]["x-amazon-apigateway-binary-media-types"] == ["*/*"]


def test_there_is_one_stage() -> None:
    assert STAGE["StageName"] == "v1"


def test_the_stage_is_throttled_and_logs_no_bodies() -> None:
    (settings,) = STAGE["MethodSettings"]

    assert settings["ResourcePath"] == "/*"
    assert settings["HttpMethod"] == "*"
    assert settings["ThrottlingRateLimit"] == {"Ref": "ApiRateLimit"}
    assert settings["ThrottlingBurstLimit"] == {"Ref": "ApiBurstLimit"}
    assert settings["DataTraceEnabled"] is False
    assert settings["LoggingLevel"] == "OFF"


def test_the_access_log_is_json_without_query_strings_headers_bodies_or_full_paths() -> None:
    access_log = STAGE["AccessLogSetting"]
    line = access_log["Format"]
    used = set(re.findall(r"\$context\.[A-Za-z.]+", line))

    assert access_log["DestinationArn"] == {"Fn::GetAtt": ["AccessLogGroup", "Arn"]}
    assert set(json.loads(line).values()) == used
    assert used <= {
        "$context.requestId",
        "$context.requestTime",
        "$context.identity.sourceIp",
        "$context.authorizer.client",
        "$context.httpMethod",
        "$context.resourcePath",
        "$context.status",
        "$context.error.responseType",
        "$context.responseLength",
        "$context.responseLatency",
        "$context.integrationLatency",
    }


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_error_of_the_gateway_has_the_shape_of_every_other_error(kind: str) -> None:
    answer = ANSWERS[kind]
    (content_type,) = answer["responseTemplates"]
    body = json.loads(answer["responseTemplates"][content_type])

    assert content_type == "application/json"
    assert set(body) == {"statusCode", "name", "message"}
    assert body["statusCode"] == int(answer["statusCode"])
    assert "$" not in answer["responseTemplates"][content_type]


@pytest.mark.parametrize(
    ("kind", "status", "name"),
    [
        ("UNAUTHORIZED", 401, "missing_api_key"),
        ("ACCESS_DENIED", 403, "invalid_api_key"),
        ("MISSING_AUTHENTICATION_TOKEN", 404, "not_found"),
        ("REQUEST_TOO_LARGE", 413, "validation_error"),
        ("THROTTLED", 429, "rate_limit_exceeded"),
        ("QUOTA_EXCEEDED", 429, "rate_limit_exceeded"),
        ("DEFAULT_4XX", 400, "validation_error"),
        ("DEFAULT_5XX", 500, "internal_server_error"),
    ],
)
def test_an_error_of_the_gateway_has_its_name(kind: str, status: int, name: str) -> None:
    (template,) = ANSWERS[kind]["responseTemplates"].values()
    body = json.loads(template)

    assert (body["statusCode"], body["name"]) == (status, name)


@pytest.mark.parametrize("kind", ["THROTTLED", "QUOTA_EXCEEDED"])
def test_who_is_slowed_down_is_told_for_how_long(kind: str) -> None:
    header = ANSWERS[kind]["responseParameters"]["gatewayresponse.header.Retry-After"]

    assert re.fullmatch(r"'\d+'", header)
