"""The environment, parsed once."""

import pytest
from outbox.settings import Settings, SettingsError

REQUIRED = {"LEDGER_TABLE": "t", "MAIL_QUEUE_URL": "u", "MAIL_QUEUE_ARN": "a"}


def test_the_defaults_are_those_of_production() -> None:
    settings = Settings.from_environ(REQUIRED)
    assert (settings.ledger_table, settings.mail_queue_url, settings.mail_queue_arn) == (
        "t",
        "u",
        "a",
    )
    assert settings.taqnyat_url == "https://api.taqnyat.sa"
    assert (settings.taqnyat_encoding, settings.on_unknown) == ("form", "hold")
    assert settings.probe_delays_seconds == (60, 120, 300, 600, 1200, 1800)
    assert settings.retry_window_seconds == 86400


def test_each_field_has_a_variable_of_its_own() -> None:
    environ = {field.upper(): "7" if _is_number(field) else field for field in Settings._fields}
    settings = Settings.from_environ(environ)
    for field in Settings._fields:
        several = isinstance(Settings._field_defaults.get(field), tuple)
        expected = (7,) if several else 7 if _is_number(field) else field
        assert getattr(settings, field) == expected


def _is_number(field: str) -> bool:
    return isinstance(Settings._field_defaults.get(field), (int, tuple))


@pytest.mark.parametrize(
    ("text", "delays"), [("3,5,8", (3, 5, 8)), (" 3, 5 ", (3, 5)), ("300", (300,))]
)
def test_a_list_of_seconds(text: str, delays: tuple[int, ...]) -> None:
    settings = Settings.from_environ({**REQUIRED, "PROBE_DELAYS_SECONDS": text})
    assert settings.probe_delays_seconds == delays


@pytest.mark.parametrize("name", ["LEASE_SECONDS", "MAX_RESENDS"])
@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_variable_is_the_default(name: str, empty: str) -> None:
    assert Settings.from_environ({**REQUIRED, name: empty}) == Settings.from_environ(REQUIRED)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("LEASE_SECONDS", "secret"),
        ("LEASE_SECONDS", "1.5"),
        ("PROBE_DELAYS_SECONDS", "secret,5"),
        ("PROBE_DELAYS_SECONDS", "5,,6"),
    ],
)
def test_a_variable_that_cannot_be_read_is_named(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name) as error:
        Settings.from_environ({**REQUIRED, name: text})
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("missing", REQUIRED)
def test_a_variable_that_is_missing_is_named(missing: str) -> None:
    environ = {**REQUIRED, missing: ""}
    with pytest.raises(SettingsError, match=f": {missing}$"):
        Settings.from_environ(environ)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"AWS_LAMBDA_FUNCTION_NAME": "worker"}, "worker"),
        ({"AWS_LAMBDA_FUNCTION_NAME": "status", "WORKER_FUNCTION_NAME": "worker"}, "worker"),
        ({}, ""),
    ],
)
def test_the_worker_is_this_function_unless_another_is_named(
    given: dict[str, str], name: str
) -> None:
    assert Settings.from_environ({**REQUIRED, **given}).worker_function_name == name
