"""Sheets as offices save them: what is read, how rows are numbered, what is said of the rest."""

import csv

import pytest

from ops import decoding, sheet
from ops.decoding import decode
from ops.errors import OpsError


def read(text: str | bytes) -> sheet.Sheet:
    """Read a sheet."""
    data = text if isinstance(text, bytes) else text.encode()
    return sheet.parse(decode(data, "a.csv"), "a.csv")


def refused(text: str | bytes) -> str:
    """Return what is said of a sheet that is not read, with its remedy."""
    with pytest.raises(OpsError) as error:
        read(text)
    return f"{error.value}; {error.value.remedy}"


@pytest.mark.parametrize(
    "text",
    [
        "to,name\na@x.sa,A\n",
        "to;name\na@x.sa;A\n",
        "to\tname\na@x.sa\tA",
        "\ufeffto,name\r\na@x.sa,A\r\n",
        "to,name\ra@x.sa,A\r",
        "sep=;\nto;name\na@x.sa;A\n",
        '"sep=|"\r\nto|name\r\na@x.sa|A\r\n',
        "\ufeffSEP=,\nto,name\na@x.sa,A\n",
        " To ;name;;\na@x.sa;A;;\n ;;;\n",
        "E-Mail,name\na@x.sa,A\n",
        "\u200fالبريد الإلكتروني\u200f,name\na@x.sa,A\n",
        "to,name\n\u200e a@x.sa\u200b\u00a0,A\n",
        "to,name,\na@x.sa,A\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
def test_what_offices_save_is_read(text: str, encoding: str) -> None:
    (row,) = read(text.encode(encoding)).rows

    assert (row.number, row.to, row.values["name"]) == (2, "a@x.sa", "A")


def test_rows_are_numbered_as_the_sheet_shows_them() -> None:
    found = read(
        'sep=,\nto,street\na@x.sa,"One\nTwo\r\nThree"\n\n,\nb@x.sa,"x\ny"\nc@x.sa,z,more\n'
    )

    assert [(row.number, row.to) for row in found.rows] == [(2, "a@x.sa"), (5, "b@x.sa")]
    assert [number for number, _ in found.faults] == [6]


def test_a_nameless_column_is_passed_over_and_that_is_said() -> None:
    found = read("to,,name\na@x.sa,note,A\nb@x.sa,,B\n")

    assert [row.values for row in found.rows] == [
        {"to": "a@x.sa", "name": "A"},
        {"to": "b@x.sa", "name": "B"},
    ]
    assert "1 row(s) have a value in a column without a name" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a.csv is empty"),
        ("\n\n", "a.csv is empty"),
        ("name\nA\n", "no column `to`"),
        ("too,name\na@x.sa,A\n", "did you mean `too`?"),
        ("to,To\na@x.sa,b@x.sa\n", "two columns of one name"),
        ("email,e-mail\na@x.sa,b@x.sa\n", "several columns of addresses: `email` and `e-mail`"),
        ('to,name\na@x.sa,A\nb@x.sa,"5" screen"\n', "row 3 of a.csv has a quotation mark"),
        ('to,name\n\na@x.sa,"A\nb@x.sa,B\n', "row 3 of a.csv has a quotation mark"),
        ('"to,name\na@x.sa,A\n', "row 1 of a.csv has a quotation mark"),
        (f'to,name\na@x.sa,"{"x" * (sheet.MAX_CELL + 1)}"\n', "row 2 of a.csv has a cell longer"),
        (b"PK\x03\x04....", "an Excel workbook (.xlsx), not CSV; save it as `CSV UTF-8`"),
        (b"\xd0\xcf\x11\xe0....", "an old Excel workbook"),
        (b"to,name\na@x.sa,\x00\n", "NUL characters"),
    ],
)
def test_what_is_wrong_with_a_sheet_is_a_sentence(text: str | bytes, said: str) -> None:
    assert said in refused(text)


@pytest.mark.parametrize(
    ("name", "encoding", "shown"),
    [
        ("نورة", "cp1256", "windows-1256"),
        ("محمد عبد الله العتيبي", "cp1256", "windows-1256"),
        ("محمد عبد الله العتيبي", "iso8859_6", "iso-8859-6"),
        ("José Müller, Straße", "cp1252", "windows-1252"),
    ],
)
def test_another_encoding_is_named_and_never_guessed(name: str, encoding: str, shown: str) -> None:
    data = f"to;name\na@x.sa;{name}\n".encode(encoding)

    said = refused(data)

    assert f"looks like {shown}" in said
    assert f"--encoding {shown} --preview 2" in said
    assert name not in said
    named = sheet.parse(decode(data, "a.csv", shown), "a.csv")
    assert named.rows[0].values["name"] == name


@pytest.mark.parametrize("encoding", ["nonsense", "rot13", "hex"])
def test_an_encoding_that_is_none_is_told(encoding: str) -> None:
    with pytest.raises(OpsError, match="--encoding does not name an encoding"):
        decode(b"to\na@x.sa\n", "a.csv", encoding)


def test_a_column_is_found_in_any_case() -> None:
    found = read("to,Order No\na@x.sa,1\n")

    assert sheet.column(found, " order no") == "Order No"
    with pytest.raises(OpsError) as error:
        sheet.column(found, "ordre no")
    assert error.value.remedy == "did you mean `Order No`?"


def test_the_limit_of_a_cell_is_the_library_s_to_hold() -> None:
    read("to\na@x.sa\n")

    assert csv.field_size_limit() == sheet.MAX_CELL
    assert decoding.MAX_BYTES > sheet.MAX_CELL
