"""An own domain: its root is the base URL, nothing older than TLS 1.2, and nothing without it."""

from typing import Any

import pytest

from tests.infrastructure.expansion import raw
from tests.infrastructure.resolution import Deployment
from tests.infrastructure.test_parameters import accepts

CERTIFICATE = (
    "arn:aws:acm:eu-central-1:123456789012:certificate/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
)
DOMAIN = {"DomainName": "mail.acme.sa", "CertificateArn": CERTIFICATE}
ZONE = {"HostedZoneId": "Z0123456789ABC"}
OWN = ("AWS::ApiGateway::DomainName", "AWS::ApiGateway::BasePathMapping", "AWS::Route53::RecordSet")


def url(deployment: Deployment) -> str:
    return str(deployment.value(raw()["Outputs"]["ApiUrl"]["Value"]))


def plain_url_is_off(deployment: Deployment) -> Any:  # noqa: ANN401 - JSON
    (api,) = deployment.of("AWS::ApiGateway::RestApi").values()
    (server,) = api["Body"]["servers"]
    return server["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"]


def test_without_one_there_is_nothing_of_it() -> None:
    deployment = Deployment()

    assert not any(deployment.of(kind) for kind in OWN)
    assert url(deployment).startswith("https://Api.execute-api.eu-central-1.amazonaws.com/")
    assert plain_url_is_off(deployment) is False


def test_the_domains_root_is_the_base_url() -> None:
    deployment = Deployment(DOMAIN)

    assert url(deployment) == "https://mail.acme.sa"
    (mapping,) = deployment.of("AWS::ApiGateway::BasePathMapping").values()
    assert "BasePath" not in mapping
    assert mapping["Stage"] == "v1" or "Stage" in str(mapping["Stage"])
    assert mapping["RestApiId"] == "Api"
    assert not deployment.of("AWS::Route53::RecordSet")


def test_it_is_regional_and_takes_no_old_tls() -> None:
    deployment = Deployment(DOMAIN)
    (domain,) = deployment.of("AWS::ApiGateway::DomainName").values()
    (api,) = deployment.of("AWS::ApiGateway::RestApi").values()

    assert domain["DomainName"] == "mail.acme.sa"
    assert domain["RegionalCertificateArn"] == CERTIFICATE
    assert domain["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert domain["SecurityPolicy"].startswith("SecurityPolicy_TLS13_1_2")
    assert domain["SecurityPolicy"] == api["SecurityPolicy"]
    assert domain["EndpointAccessMode"] == "STRICT"


def test_a_hosted_zone_gets_its_record() -> None:
    (record,) = Deployment(DOMAIN | ZONE).of("AWS::Route53::RecordSet").values()

    assert (record["Name"], record["Type"]) == ("mail.acme.sa", "A")
    assert record["HostedZoneId"] == "Z0123456789ABC"
    assert "RegionalDomainName" in str(raw()["Resources"]["ApiDomainRecord"]["Properties"])
    assert "RegionalHostedZoneId" in str(raw()["Resources"]["ApiDomainRecord"]["Properties"])


def test_the_plain_url_can_be_switched_off() -> None:
    assert plain_url_is_off(Deployment(DOMAIN | {"PlainUrl": "off"})) is True
    assert plain_url_is_off(Deployment(DOMAIN)) is False


@pytest.mark.parametrize(
    ("parameters", "fits"),
    [
        ({}, True),
        (DOMAIN, True),
        (DOMAIN | ZONE | {"PlainUrl": "off"}, True),
        ({"DomainName": "mail.acme.sa"}, False),
        ({"CertificateArn": CERTIFICATE}, False),
        (ZONE, False),
        ({"PlainUrl": "off"}, False),
    ],
)
def test_parameters_that_do_not_go_together_are_refused(
    parameters: dict[str, str], *, fits: bool
) -> None:
    deployment = Deployment(parameters)
    rules = (
        rule
        for rule in raw()["Rules"].values()
        if "RuleCondition" not in rule or deployment.value(rule["RuleCondition"])
    )
    asserted = [deployment.value(one["Assert"]) for rule in rules for one in rule["Assertions"]]

    assert all(asserted) is fits


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("DomainName", "mail.acme.sa", True),
        ("DomainName", "xn--mgbh0fb.xn--mgberp4a5d4ar", True),
        ("DomainName", "https://mail.acme.sa", False),
        ("DomainName", "mail.acme.sa/v1", False),
        ("DomainName", "mail.acme.sa.", False),
        ("DomainName", "*.acme.sa", False),
        ("CertificateArn", CERTIFICATE, True),
        ("CertificateArn", "0f1e2d3c", False),
        ("HostedZoneId", "Z0123456789ABC", True),
        ("HostedZoneId", "/hostedzone/Z0123456789ABC", False),
    ],
)
def test_what_a_parameter_takes(name: str, value: str, *, fits: bool) -> None:
    assert accepts(name, value) is fits
