"""Campaigns: what identifies a row, what a file may look like, what a template may do."""

from pathlib import Path

import pytest

from ops.campaign import Campaign, Letterhead, Line
from ops.errors import OpsError
from ops.runner import Result, paced, report


def campaign(folder: Path, rows: str, key: str | None = None, name: str = "spring") -> Campaign:
    """Write a file and make its campaign."""
    (folder / "a.csv").write_text(rows, "utf-8")
    (folder / "t.html").write_text("<p>{{ name }}</p>", "utf-8")
    letterhead = Letterhead(folder / "t.html", "shop@acme.sa", "Hi {{ name }}", name)
    return Campaign(name, folder / "a.csv", letterhead, key)


def ids(folder: Path, rows: str, key: str | None = None, name: str = "spring") -> list[str]:
    """Return the ids of a file's rows."""
    return [line.id for line in campaign(folder, rows, key, name).lines()]


def test_a_row_keeps_its_id_when_rows_are_added_or_moved(tmp_path: Path) -> None:
    first = ids(tmp_path, "to,name\na@x.sa,A\nb@x.sa,B\n")
    second = ids(tmp_path, "to,name\nc@x.sa,C\nb@x.sa,B\na@x.sa,A\n")

    assert second[1:] == first[::-1]
    assert ids(tmp_path, "to,name\na@x.sa,A\nb@x.sa,B\n") == first


def test_equal_rows_are_told_apart_and_changed_ones_are_others(tmp_path: Path) -> None:
    found = ids(tmp_path, "to,name\na@x.sa,A\na@x.sa,A\na@x.sa,B\n")

    assert len(set(found)) == 3


def test_another_campaign_has_other_ids(tmp_path: Path) -> None:
    rows = "to,name\na@x.sa,A\n"

    assert ids(tmp_path, rows) != ids(tmp_path, rows, name="autumn")


def test_a_key_column_says_which_row_it_is(tmp_path: Path) -> None:
    before = ids(tmp_path, "to,name,no\na@x.sa,A,1\n", key="no")

    assert ids(tmp_path, "to,name,no\nnew@x.sa,Anna,1\n", key="no") == before
    with pytest.raises(OpsError, match="row 3 repeats"):
        ids(tmp_path, "to,name,no\na@x.sa,A,1\nb@x.sa,B,1\n", key="no")


@pytest.mark.parametrize(
    "text", ["to;name\na@x.sa;A\n", "to\tname\na@x.sa\tA\n", "﻿to,name\r\na@x.sa,A\r\n"]
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, text: str) -> None:
    (line,) = campaign(tmp_path, text).lines()

    assert (line.number, line.values) == (2, {"to": "a@x.sa", "name": "A"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\nA\n", "has no column `to`"),
        ("to,to\na@x.sa,b@x.sa\n", "two columns of one name"),
        ("to,name\na@x.sa\n", "row 2"),
        ("to,name\na@x.sa,A,B\n", "row 2"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(OpsError, match=message):
        ids(tmp_path, text)


def test_a_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    made = campaign(tmp_path, "to,name\n")
    (tmp_path / "a.csv").write_bytes("to,name\na@x.sa,سلام\n".encode("cp1256"))

    with pytest.raises(OpsError, match="not CSV in UTF-8"):
        list(made.lines())


def line(**values: str) -> Line:
    """Make a row."""
    return Line(2, {"to": "a@x.sa", **values}, "id")


def test_values_are_escaped_in_html_and_not_in_the_subject(tmp_path: Path) -> None:
    fields = campaign(tmp_path, "to,name\n").letterhead.fields(line(name="<A & B>"))

    assert fields["html"] == "<p>&lt;A &amp; B&gt;</p>"
    assert fields["subject"] == "Hi <A & B>"
    assert fields["campaign_name"] == "spring"


def test_plain_text_is_not_escaped(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("Dear {{ name }}", "utf-8")
    letterhead = Letterhead(tmp_path / "t.txt", "shop@acme.sa", "Hi", "spring")

    assert letterhead.fields(line(name="A & B"))["text"] == "Dear A & B"


def test_a_column_that_there_is_not_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="the template fails: 'name' is undefined"):
        campaign(tmp_path, "to\n").letterhead.fields(line())


def test_a_template_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "t.html").write_text("{{ name", "utf-8")

    with pytest.raises(OpsError, match="not valid"):
        Letterhead(tmp_path / "t.html", "shop@acme.sa", "Hi", "spring")


def test_rows_go_out_no_faster_than_the_rate() -> None:
    waits: list[float] = []

    assert len(list(paced([line()] * 5, rate=10.0, wait=waits.append))) == 5
    assert waits == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.05)


def test_a_report_has_a_line_for_each_row_and_no_address(tmp_path: Path) -> None:
    results = [Result(row=2, id="i", result="accepted", state="sent", price="0.5")]
    report(results, tmp_path / "r.csv")

    lines = (tmp_path / "r.csv").read_text("utf-8").splitlines()
    assert lines == [
        "row,id,result,state,reason,code,msg_id,price,error",
        "2,i,accepted,sent,,,,0.5,",
    ]
