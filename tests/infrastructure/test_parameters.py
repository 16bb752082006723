"""Parameters: a guided deploy works by pressing Enter, and no bad value reaches a stack."""

import re
from typing import Any

import pytest

from tests.infrastructure.expansion import raw

PARAMETERS: dict[str, dict[str, Any]] = raw()["Parameters"]


def accepts(name: str, value: str) -> bool:
    """Judge a value as CloudFormation does."""
    rules = PARAMETERS[name]
    if "AllowedValues" in rules:
        return value in [str(allowed) for allowed in rules["AllowedValues"]]
    if "AllowedPattern" in rules:
        return re.fullmatch(rules["AllowedPattern"], value) is not None
    return re.fullmatch(r"-?\d+", value) is not None and (
        int(rules["MinValue"]) <= int(value) <= int(rules["MaxValue"])
    )


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_is_described_limited_and_has_a_default_that_fits(name: str) -> None:
    rules = PARAMETERS[name]

    assert len(rules["Description"]) > 20
    assert {"AllowedValues", "AllowedPattern", "MinValue"} & rules.keys()
    assert ("MinValue" in rules) == ("MaxValue" in rules)
    assert accepts(name, str(rules["Default"]))
    assert ("AllowedPattern" in rules) == ("ConstraintDescription" in rules)


@pytest.mark.parametrize(
    "name", [name for name, rules in PARAMETERS.items() if "AllowedPattern" in rules]
)
def test_a_pattern_refuses_what_is_never_meant(name: str) -> None:
    for value in ("<script>", " ", "a b;rm -rf", "${AWS::AccountId}", "x" * 5000):
        assert not accepts(name, value)


def test_each_parameter_is_in_one_group_of_the_console() -> None:
    groups = raw()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]

    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(PARAMETERS)


def test_no_parameter_takes_a_secret() -> None:
    assert not [name for name in PARAMETERS if re.search("Token$|Secret|Password|Key$", name)]


@pytest.mark.parametrize(
    "url",
    [
        "https://api.taqnyat.sa",
        "https://proxy.example.com:8443/taqnyat/v1",
        "http://127.0.0.1:8080",
        "http://localhost",
    ],
)
def test_the_provider_url_accepts(url: str) -> None:
    assert accepts("TaqnyatUrl", url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://api.taqnyat.sa",
        "http://127.0.0.1.example.com",
        "http://example.com:127.0.0.1",
        "http://x127.0.0.1",
        "http://localhost.example.com",
        "http://localhost@example.com",
        "https://user:password@api.taqnyat.sa",
        "https://api.taqnyat.sa/",
        "https://api.taqnyat.sa?bearerTokens=x",
        "https://api.taqnyat.sa/#x",
        "https://api.taqnyat.sa\nhttps://example.com",
        "ftp://api.taqnyat.sa",
        "https://",
        "file:///etc/passwd",
    ],
)
def test_the_provider_url_refuses(url: str) -> None:
    assert not accepts("TaqnyatUrl", url)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AlarmEmail", ""),
        ("AlarmEmail", "ops@example.com"),
        ("PermissionsBoundary", ""),
        ("PermissionsBoundary", "arn:aws:iam::123456789012:policy/teams/boundary"),
        ("ProbeDelaysSeconds", "3,5,8,10"),
        ("ProbeDelaysSeconds", "60"),
        ("DefaultCampaign", "Order mails 2.0"),
        ("OnUnknown", "resend"),
        ("TaqnyatEncoding", "json"),
        ("RetryWindowSeconds", "777600"),
        ("WorkerTimeoutSeconds", "120"),
    ],
)
def test_accepts(name: str, value: str) -> None:
    assert accepts(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AlarmEmail", "ops"),
        ("PermissionsBoundary", "boundary"),
        ("PermissionsBoundary", "arn:aws:iam::123456789012:role/boundary"),
        ("AlarmEmail", "ops@example.com ops2@example.com"),
        ("AlarmEmail", "ops@example"),
        ("ProbeDelaysSeconds", ""),
        ("ProbeDelaysSeconds", "0"),
        ("ProbeDelaysSeconds", "300, 600"),
        ("ProbeDelaysSeconds", "300,,600"),
        ("ProbeDelaysSeconds", "-1"),
        ("DefaultCampaign", ""),
        ("DefaultCampaign", "a\nb"),
        ("OnUnknown", "retry"),
        ("TaqnyatEncoding", "xml"),
        ("MaximumConcurrency", "1"),
        ("RetryWindowSeconds", "777601"),
        ("RetryWindowSeconds", "0"),
        ("WorkerTimeoutSeconds", "900"),
        ("LogRetentionDays", "31"),
        ("LogLevel", "TRACE"),
    ],
)
def test_refuses(name: str, value: str) -> None:
    assert not accepts(name, value)
