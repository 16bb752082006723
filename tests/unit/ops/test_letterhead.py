"""Templates: what they may do, what is said of those that fail, and right to left."""

import re
from pathlib import Path

import pytest

from ops.direction import as_html
from ops.errors import OpsError
from ops.letterhead import Letterhead

ROW = {"to": "a@x.sa", "name": "<A & B>", "amount": "10.50", "words": "ten"}


def letterhead(
    folder: Path, body: str, subject: str = "Hi {{ name }}", name: str = "t.html"
) -> Letterhead:
    """Make a letterhead."""
    (folder / name).write_text(body, "utf-8")
    return Letterhead(folder / name, "shop@acme.sa", subject, "spring")


def said(folder: Path, body: str, subject: str = "Hi") -> str:
    """Return what is said of a template that fails, with its remedy."""
    with pytest.raises(OpsError) as error:
        letterhead(folder, body, subject).fields(ROW)
    return f"{error.value}; {error.value.remedy}"


def test_values_are_escaped_in_html_and_not_in_the_subject(tmp_path: Path) -> None:
    fields = letterhead(tmp_path, "<p>{{ name }}</p>").fields(ROW)

    assert fields["html"] == "<p>&lt;A &amp; B&gt;</p>"
    assert fields["subject"] == "Hi <A & B>"
    assert fields["campaign_name"] == "spring"


def test_plain_text_is_not_escaped(tmp_path: Path) -> None:
    assert letterhead(tmp_path, "Dear {{ name }}", name="t.txt").fields(ROW)["text"] == (
        "Dear <A & B>"
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("\n{{ naem }}", "t.html, line 2: there is no column `naem`; did you mean `name`?"),
        ("{{ name }\n", "t.html, line 1: the template is not valid"),
        ("\n\n{% if name %}", "line 3: the template is not valid: Unexpected end"),
        ("{{ name|shout }}", "`shout` is none of Jinja2's"),
        ("a\n<style>@media x{#nav{}}</style>", "line 2: `{#` begins a comment"),
        ("\n{{ '%.2f'|format(words) }}", "line 2: cannot use a value of this row (TypeError)"),
        ("{{ '%.2f'|format(words) }}", "write {{ amount|float }}"),
        ("{{ 1 / 0 }}", "divides by zero"),
        ("{{ name.first }}", "asks for a part of a value"),
        ("{% include 'other.html' %}", "cannot take in another file"),
        ("{% extends 'other.html' %}", "cannot take in another file"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "fails (RecursionError)"),
        ("{{ cycler.__init__.__globals__.os.popen('id').read() }}", "what no template may"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "what no template may"),
        ("{{ '{0.__class__.__mro__}'.format(name) }}", "what no template may"),
        ("{{ 10**10**10 }}", "what no template may"),
        ("{{ name * 10**9 }}", "what no template may"),
        ("{{ name|random }}", "No filter named 'random'"),
        (f"{{{{{'(' * 5000}", "not valid"),
    ],
)
def test_each_failure_is_a_sentence_with_its_line_and_no_value(
    tmp_path: Path, body: str, expected: str
) -> None:
    found = said(tmp_path, body)

    assert expected in found
    assert "10.50" not in found
    assert "ten" not in found.replace("written", "").replace("text", "")


def test_a_subject_that_fails_is_called_so(tmp_path: Path) -> None:
    assert said(tmp_path, "x", "{{ naem }}").startswith("--subject, line 1: there is no column")


def test_what_is_good_works(tmp_path: Path) -> None:
    body = "{{ '%.2f'|format(amount|float) }} {{ '-' * 3 }} {{ 2 * 3 }}"

    assert letterhead(tmp_path, body).fields(ROW)["html"] == "10.50 --- 6"


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", "سلام".encode("cp1256")])
def test_a_template_that_is_not_utf_8_is_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "t.html").write_bytes(data)

    with pytest.raises(OpsError, match="not text in UTF-8"):
        Letterhead(tmp_path / "t.html", "shop@acme.sa", "Hi", "spring")


def test_a_plain_text_with_arabic_arrives_from_the_right(tmp_path: Path) -> None:
    made = letterhead(tmp_path, "مرحبا {{ name }}\n\nOrder 5\n{{ words }}: سطر", name="t.txt")

    assert made.fields(ROW)["html"] == (
        '<div style="white-space:pre-wrap">'
        '<div dir="rtl">مرحبا &lt;A &amp; B&gt;</div><div dir="rtl"><br></div>'
        '<div dir="ltr">Order 5</div><div dir="ltr">ten: سطر</div></div>'
    )
    assert as_html("12.5\nسلام").startswith(
        '<div style="white-space:pre-wrap"><div dir="rtl">12.5<'
    )


@pytest.mark.parametrize(
    ("body", "warned"),
    [
        ("<p>مرحبا</p>", True),
        ('<p dir="rtl">مرحبا</p>', False),
        ("<p style='direction: RTL'>مرحبا</p>", False),
        ("<p>Hello {{ name }}</p>", False),
    ],
)
def test_a_page_without_direction_is_warned_of(tmp_path: Path, body: str, *, warned: bool) -> None:
    assert bool(letterhead(tmp_path, body).warnings()) is warned
    assert not letterhead(tmp_path, body, name="t.txt").warnings()


@pytest.mark.parametrize(
    ("body", "error", "remedy"),
    [
        (
            "\n{{ naem }}",
            "t.html, line 2: there is no column `naem`",
            "did you mean `name`?",
        ),
        (
            "{{ name }\n",
            "t.html, line 1: the template is not valid: unexpected '}'",
            "",
        ),
        (
            "{{ name|shout }}",
            "t.html, line 1: the template is not valid: No filter named 'shout'.",
            "`shout` is none of Jinja2's; see its list of built-in filters",
        ),
        (
            "{{ name is loud }}",
            "t.html, line 1: the template is not valid: No test named 'loud'.",
            "`loud` is none of Jinja2's; see its list of built-in filters",
        ),
        (
            "a\n{{ name",
            (
                "t.html, line 2: the template is not valid: unexpected end of template, "
                "expected 'end of print statement'."
            ),
            "an expression begins with {{ and ends with }}, a statement with {% and %}",
        ),
        (
            "a\n\n{#nav{}}",
            "t.html, line 3: `{{#` begins a comment, which is never closed",
            "in CSS put a space between the two: `{ #`",
        ),
        (
            "\n{{ '%.2f'|format(words) }}",
            "t.html, line 2: cannot use a value of this row (TypeError)",
            (
                "the values of a sheet are text; for a number write {{ amount|float }}, "
                "and make sure that the cell holds one"
            ),
        ),
        ("{{ words|float / 0 }}", "t.html, line 1: divides by zero in this row", ""),
        (
            "{{ name.first }}",
            "t.html, line 1: asks for a part of a value that is not there",
            "",
        ),
        (
            "{% include 'x' %}",
            "t.html, line 1: a template cannot take in another file",
            "write it out here",
        ),
        (
            "{{ 10**10**10 }}",
            "t.html, line 1: the template does what no template may",
            "templates run in a sandbox",
        ),
        (
            "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
            "t.html, line 1: the template fails (RecursionError)",
            "",
        ),
        (
            f"{{{{{'(' * 5000}",
            "t.html is not valid: it is nested too deeply, or too long",
            "",
        ),
    ],
)
def test_each_failure_is_told_word_for_word(
    tmp_path: Path, body: str, error: str, remedy: str
) -> None:
    with pytest.raises(OpsError) as found:
        letterhead(tmp_path, body).fields(ROW)

    assert str(found.value) == error.replace("{{#", "{#")
    assert found.value.remedy == remedy


@pytest.mark.parametrize(
    ("expression", "rendered"),
    [
        ("{{ '-' * 1000 }}", "-" * 1000),
        ("{{ '-' * 1001 }}", None),
        ("{{ 1001 * '-' }}", None),
        ("{{ ([1] * 1000)|length }}", "1000"),
        ("{{ ((1, 2) * 1001)|length }}", None),
        ("{{ ('-' * 1000 + '-') * 1 }}", None),
        ("{{ 10**12 * 1 }}", "1000000000000"),
        ("{{ 1000000000000 * 1000000000000 }}", "1" + "0" * 24),
        ("{{ 1000000000001 * 1 }}", None),
        ("{{ -1000000000001 * 1 }}", None),
        ("{{ 2 ** 1000 > 0 }}", "True"),
        ("{{ 2 ** 1001 }}", None),
        ("{{ 1001 ** 1 }}", None),
        ("{{ 2.5 * 2 }}", "5.0"),
    ],
)
def test_a_template_multiplies_no_more_than_a_mail_can_hold(
    tmp_path: Path, expression: str, rendered: str | None
) -> None:
    made = letterhead(tmp_path, expression)

    if rendered is None:
        with pytest.raises(OpsError, match="what no template may"):
            made.fields(ROW)
    else:
        assert made.fields(ROW)["html"] == rendered


def test_a_mail_has_the_fields_of_the_api(tmp_path: Path) -> None:
    page = letterhead(tmp_path, "\ufeff<p>{{ name }}</p>\n").fields(ROW)
    text = letterhead(tmp_path, "{{ words }}\n", name="T.TXT").fields(ROW)

    assert page == {
        "from": "shop@acme.sa",
        "to": "a@x.sa",
        "subject": "Hi <A & B>",
        "html": "<p>&lt;A &amp; B&gt;</p>\n",
        "campaign_name": "spring",
    }
    assert (text["text"], "html" in text) == ("ten\n", False)


@pytest.mark.parametrize("name", ["random", "lipsum"])
def test_nothing_is_left_to_chance(tmp_path: Path, name: str) -> None:
    with pytest.raises(OpsError):
        letterhead(tmp_path, f"{{{{ {name}() }}}}").fields(ROW)
    with pytest.raises(OpsError):
        letterhead(tmp_path, f"{{{{ words|{name} }}}}").fields(ROW)


def test_a_template_that_cannot_be_a_mail_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OpsError, match=r"^the template cannot be read: No such file or directory"):
        Letterhead(tmp_path / "gone.html", "shop@acme.sa", "Hi", "spring")
    monkeypatch.setattr("ops.letterhead.MAX_TEMPLATE_BYTES", 3)
    assert letterhead(tmp_path, "abc").fields(ROW)["html"] == "abc"
    with pytest.raises(OpsError, match=r"^the template is larger than a mail can be"):
        letterhead(tmp_path, "abcd")
    (tmp_path / "t.html").write_bytes(b"\xff")
    with pytest.raises(OpsError) as error:
        Letterhead(tmp_path / "t.html", "shop@acme.sa", "Hi", "spring")
    assert str(error.value) == "the template is not text in UTF-8"
    assert error.value.remedy == "save it as UTF-8"


def test_a_page_without_direction_is_told_what_to_write(tmp_path: Path) -> None:
    assert letterhead(tmp_path, "\u0633").warnings() == [
        (
            "the template has letters that are written from right to left, but no direction: "
            'many readers show it from the left; write <html dir="rtl" lang="ar">'
        )
    ]
    assert letterhead(tmp_path, "\u0633", name="t.txt").warnings() == []


@pytest.mark.parametrize(
    ("text", "directions"),
    [
        ("abc\n12", ["ltr", "ltr"]),
        ('"a"', ["ltr"]),
        ("12\nabc", ["rtl", "ltr"]),
        ("\u0633\n12\n\nabc\n-", ["rtl", "rtl", "rtl", "ltr", "ltr"]),
        ("1 \u05d0 a\n2 a \u05d0", ["rtl", "ltr"]),
    ],
)
def test_a_line_without_letters_goes_on_as_the_one_before(text: str, directions: list[str]) -> None:
    assert re.findall('<div dir="(...)">', as_html(text)) == directions
    assert "&quot;" not in as_html(text)


@pytest.mark.parametrize(
    "body",
    [
        "{{ 'x'.center(10**9) }}",
        "{{ 'x'.ljust(width=1000000000) if false else 'x'.ljust(1000000000) }}",
        "{{ 'x'|center(1000000000) }}",
        "{{ name|indent(100000000) }}",
        "{{ 'ab'|slice(1000000000)|list }}",
        "{{ ['a']|batch(1000000000, '-')|list }}",
        "{{ '%1000000000d'|format(1) }}",
        "{{ '%*d'|format(1000000000, 1) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:1000000000}'.format('x') }}",
        "{{ ('a'*1000)|replace('a', 'b'*1000)|replace('b', 'c'*1000) }}",
        "{{ ('a'*1000).replace('a', 'b'*1000).replace('b', 'c'*1000) }}",
        "{% set x = ('a'*1000).replace('a', 'b'*1000) %}{{ x + x + x + x }}",
    ],
)
def test_no_text_becomes_much_larger_than_a_mail(tmp_path: Path, body: str) -> None:
    (tmp_path / "t.html").write_text(body, "utf-8")
    letterhead = Letterhead(tmp_path / "t.html", "shop@acme.sa", "Hi", "spring")

    with pytest.raises(OpsError, match="does what no template may"):
        letterhead.fields({"to": "a@example.com", "name": "Nora\nN"})


def test_a_loop_without_end_ends_with_more_than_a_mail_holds(tmp_path: Path) -> None:
    loop = (
        "{% for i in range(99999) %}{% for j in range(99999) %}xxxxxxxxxx{% endfor %}{% endfor %}"
    )
    (tmp_path / "t.html").write_text(loop, "utf-8")
    letterhead = Letterhead(tmp_path / "t.html", "shop@acme.sa", "Hi", "spring")

    fields = letterhead.fields({"to": "a@example.com"})
    assert 2 * 1024 * 1024 < len(fields["html"]) < 2 * 1024 * 1024 + 100


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{{ '%.2f'|format(amount|float) }}", "10.50"),
        ("{{ '{:,}'.format(1234567) }}", "1,234,567"),
        ("{{ '%05d' % 42 }}", "00042"),
        ("{{ name|center(9) }}|{{ name.ljust(6) }}|", "   Nora  |Nora  |"),
        ("{{ name|replace('o', '0') }}{{ name + '!' }}", "N0raNora!"),
        ("{{ [1, 2, 3]|batch(2, '-')|list }}", "[[1, 2], [3, '-']]"),
        ("{{ amount|replace('.', ',') }}", "10,50"),
    ],
)
def test_what_offices_write_is_as_before(tmp_path: Path, body: str, said: str) -> None:
    (tmp_path / "t.txt").write_text(body, "utf-8")
    letterhead = Letterhead(tmp_path / "t.txt", "shop@acme.sa", "Hi", "spring")

    fields = letterhead.fields({"to": "a@example.com", "name": "Nora", "amount": "10.50"})
    assert fields["text"] == said
