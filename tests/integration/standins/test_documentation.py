"""The documentation lists where the emulators depart from AWS."""

from pathlib import Path

from tests.integration.standins.three import DEPARTURES


def test_the_documentation_lists_where_each_departs() -> None:
    text = (Path(__file__).parents[3] / "docs" / "testing.md").read_text("utf-8")
    table = text.partition("| scenario | ")[2].partition("\n\n")[0]
    rows = [line.split(" | ") for line in table.splitlines()[2:]]
    listed = {(cells[0].strip("| `"), name) for cells in rows for name in cells[1].split(", ")}
    assert listed == {
        (scenario.removeprefix("test_"), name)
        for name, departures in DEPARTURES.items()
        for scenario in departures
    }
