"""The scheduled status check: its metrics, read back from CloudWatch, and what /status shows."""

from datetime import UTC, datetime, timedelta
from typing import Any

from local.parameters import STACK_NAME
from tests.e2e.world import World


def _values(world: World, metric: str, statistic: str) -> list[float]:
    now = datetime.now(UTC)
    found = world.stack.client("cloudwatch").get_metric_data(
        StartTime=now - timedelta(minutes=15),
        EndTime=now + timedelta(minutes=1),
        MetricDataQueries=[
            {
                "Id": "m",
                "MetricStat": {
                    "Metric": {
                        "Namespace": f"TaqnyatMail/{STACK_NAME}",
                        "MetricName": metric,
                    },
                    "Period": 60,
                    "Stat": statistic,
                },
            }
        ],
    )
    values: list[float] = found["MetricDataResults"][0]["Values"]
    return values


def test_the_metrics_can_be_read_back(world: World) -> None:
    world.until(lambda: 1.0 in _values(world, "ProviderUp", "Maximum"))
    assert _values(world, "ProviderLatency", "Average")
    assert _values(world, "SendingPaused", "Minimum")


def test_trouble_at_taqnyat_is_measured_and_shown(world: World) -> None:
    world.simulator.script({"target": "status", "answer": "cut"})
    world.until(lambda: not _provider(world)["up"])
    world.until(lambda: 0.0 in _values(world, "ProviderUp", "Minimum"))
    world.simulator.clear_script()
    world.until(lambda: _provider(world)["up"])


def _provider(world: World) -> Any:  # noqa: ANN401 - JSON
    return world.call("GET", "/status")[2]["provider"]


def test_the_balance_is_read_with_the_token_in_a_header_alone(world: World) -> None:
    world.until(lambda: world.row("#money").get("readings"))
    assert set(world.simulator.calls()["balance_calls"]) <= {"header"}
    assert world.row("#money")["currency"] == "SAR"
