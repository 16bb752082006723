"""Sheets as offices save them: what is read, how rows are numbered, what is said of the rest."""

import csv
from pathlib import Path

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
        (
            b"PK\x03\x04....mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
            "an OpenDocument spreadsheet (.ods), not CSV",
        ),
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


AS_CELLS = "put a value that holds the separator in quotes"


@pytest.mark.parametrize(
    ("text", "error", "remedy"),
    [
        ("", "a.csv is empty", "its first row names the columns, one of them `to`"),
        (
            "name,city\nA,B\n",
            "a.csv has no column `to`",
            "name the column of the addresses so; it has: name, city",
        ),
        (
            "too,name\nA,B\n",
            "a.csv has no column `to`",
            "name the column of the addresses so; did you mean `too`?",
        ),
        (
            "Name,NAME,to\nA,B,c\n",
            "a.csv has two columns of one name: `Name`",
            "",
        ),
        (
            "E-Mail,mail\na,b\n",
            "a.csv has several columns of addresses: `E-Mail` and `mail`",
            "call one `to`",
        ),
        (
            f'to\n"{"x" * (sheet.MAX_CELL + 1)}"\n',
            "row 2 of a.csv has a cell longer than 1,048,576 characters",
            'mostly a quotation mark (") that is not closed; close it or remove it',
        ),
        (
            'to\n"a\n',
            'row 2 of a.csv has a quotation mark (") that is never closed',
            "close it or remove it",
        ),
        (
            'to\n"5" a"\n',
            'row 2 of a.csv has a quotation mark (") within a quoted cell',
            'write it twice ("5"" screen"), or remove it; a spreadsheet does so when it saves CSV',
        ),
    ],
)
def test_each_trouble_of_a_sheet_is_told_word_for_word(text: str, error: str, remedy: str) -> None:
    with pytest.raises(OpsError) as found:
        sheet.parse(text, "a.csv")

    assert (str(found.value), found.value.remedy) == (error, remedy)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("a@x.sa,A,more", f"has more cells than the header: {AS_CELLS}"),
        ("a@x.sa", "has 1 cells, the header has 2"),
        ("a@x.sa,A, ,", None),
        ("a@x.sa,", None),
    ],
)
def test_a_row_of_another_length_is_told(row: str, fault: str | None) -> None:
    found = sheet.parse(f"to,name\n{row}\nb@x.sa,B\n", "a.csv")

    assert found.faults == (() if fault is None else ((2, fault),))
    assert found.rows[-1].number == 3


def test_a_row_may_lack_cells_that_have_no_name() -> None:
    found = sheet.parse("to,name,,\na@x.sa,A\nb@x.sa\n", "a.csv")

    assert [row.to for row in found.rows] == ["a@x.sa"]
    assert found.faults == ((3, "has 1 cells, the header has 4"),)
    after = sheet.parse(",to\n,a@x.sa\nb\n", "a.csv")
    assert after.faults == ((3, "has 1 cells, the header has 2"),)


def test_a_sheet_keeps_its_cells_as_they_stand_and_its_columns_once() -> None:
    found = sheet.parse("E-Mail, Name ,\n A@x.sa ,\u00a0B,9,\n", "a.csv")

    (row,) = found.rows
    assert (found.name, found.columns) == ("a.csv", ("E-Mail", "Name", "to"))
    assert found.raw_columns == ("E-Mail", " Name ", "")
    assert row.raw == (" A@x.sa ", "\u00a0B", "9")
    assert row.values == {"E-Mail": " A@x.sa ", "Name": "\u00a0B", "to": "A@x.sa"}
    assert found.notes == ("1 row(s) have a value in a column without a name; it is ignored",)


def test_a_column_to_wins_over_other_columns_of_addresses() -> None:
    found = sheet.parse("email,TO\na@x.sa,b@x.sa\n", "a.csv")

    assert found.rows[0].to == "b@x.sa"


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("to,a;b,c\n1,2,3\n", ("to", "a;b", "c")),
        ('"x;y;z",to\n1,2\n', ("x;y;z", "to")),
        ("\n\nto;a,b;c\n1;2;3\n", ("to", "a,b", "c")),
        ("to\n1\n", ("to",)),
    ],
)
def test_the_separator_is_what_the_header_has_most(text: str, columns: tuple[str, ...]) -> None:
    assert sheet.parse(text, "a.csv").columns == columns


def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OpsError, match=r"^a.csv cannot be read: No such file or directory$"):
        sheet.read(tmp_path / "a.csv")
    file = tmp_path / "a.csv"
    file.write_text("to\na@x.sa\n")
    assert sheet.read(file).rows[0].to == "a@x.sa"
    monkeypatch.setattr(sheet, "MAX_BYTES", 10)
    assert len(sheet.read(file).rows) == 1
    file.write_text("to\nab@x.sa\n")
    with pytest.raises(OpsError) as error:
        sheet.read(file)
    assert (str(error.value), error.value.remedy) == ("a.csv is larger than 0 MiB", "split it")
    file.write_bytes("to\n\u0623@x\n".encode("cp1256"))
    assert sheet.read(file, "windows-1256").rows[0].to == "\u0623@x"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("naem", "did you mean `Name`?"),
        ("CITY", "did you mean `City`?"),
        ("zzz", "it has: Name, City, Cities"),
    ],
)
def test_what_was_meant_is_told(name: str, said: str) -> None:
    assert sheet.did_you_mean(name, ("Name", "City", "Cities")) == said


def test_a_column_that_there_is_not_is_told() -> None:
    with pytest.raises(OpsError, match=r"^a.csv has no column `x`$"):
        sheet.column(sheet.parse("to,Name\na,b\n", "a.csv"), "x")
