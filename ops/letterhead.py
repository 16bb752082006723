"""Subject and body as Jinja2 templates, in its sandbox; every error is a sentence.

An error never repeats a value of a row.
"""

import functools
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ops.direction import as_html, has_right_to_left, says_direction
from ops.errors import OpsError
from ops.sheet import TO, did_you_mean

MAX_TEMPLATE_BYTES: Final = 1024 * 1024
_UNDEFINED: Final = re.compile(r"'([^'\s]{1,100})' is undefined")
_OPERATORS: Final = ("*", "**", "+", "%")
_MOST: Final = 10**12  # of a number that is multiplied
_MOST_TIMES: Final = 1000  # of a power, or of a text that is repeated
_MOST_LETTERS: Final = 2 * 1024 * 1024  # more than a mail can hold
_MOST_WIDTH: Final = 10_000
_WIDE: Final = re.compile(r"\*|[0-9]{5,}")  # in a format
# What makes a text as long as a number says.
_WIDENING: Final = frozenset(
    {"center", "ljust", "rjust", "zfill", "expandtabs", "indent", "wordwrap", "batch", "slice"}
)
# Each run must render the same text, because the rendered text identifies a mail.
_BY_CHANCE: Final = ("random", "lipsum")
_NO_DIRECTION: Final = (
    "the template has letters that are written from right to left, but no direction: "
    'many readers show it from the left; write <html dir="rtl" lang="ar">'
)
_NUMBER_REMEDY: Final = (
    "the values of a sheet are text; for a number write {{ amount|float }}, "
    "and make sure that the cell holds one"
)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox, in which nothing becomes much larger than a mail can be."""

    intercepted_binops = frozenset(_OPERATORS)

    def call_binop(
        self,
        context: Any,  # noqa: ANN401  as Jinja2 has it
        operator: str,
        left: Any,  # noqa: ANN401  a value of the template
        right: Any,  # noqa: ANN401  the same
    ) -> Any:  # noqa: ANN401  the same
        """Calculate with numbers; repeat, add or format short texts."""
        numbers = [value for value in (left, right) if isinstance(value, (int, float))]
        sizes = [len(value) for value in (left, right) if isinstance(value, (str, list, tuple))]
        if operator == "+" and sum(sizes) > _MOST_LETTERS:
            raise SecurityError
        if operator == "%" and isinstance(left, str):
            _guard("format", left, (right,))
        most = _MOST if operator == "*" and not sizes else _MOST_TIMES
        if operator in {"*", "**"} and (
            any(abs(number) > most for number in numbers) or any(s > _MOST_TIMES for s in sizes)
        ):
            raise SecurityError
        return super().call_binop(context, operator, left, right)

    def call(
        self,
        context: Any,  # noqa: ANN401  as Jinja2 has it
        obj: Any,  # noqa: ANN401  what the template calls
        *args: Any,  # noqa: ANN401  its arguments
        **kwargs: Any,  # noqa: ANN401  the same
    ) -> Any:  # noqa: ANN401  its result
        """Call a method of a text only if its result is not too long."""
        # The sandbox puts a function of its own around str.format.
        text = getattr(getattr(obj, "__wrapped__", obj), "__self__", None)
        if isinstance(text, str):
            _guard(getattr(obj, "__name__", ""), text, (*args, *kwargs.values()))
        return super().call(context, obj, *args, **kwargs)


def _guard(name: str, text: object, given: Sequence[Any]) -> None:
    """Refuse what would make a text far too long."""
    if name in _WIDENING and any(isinstance(n, int) and n > _MOST_WIDTH for n in given):
        raise SecurityError
    if name in {"format", "format_map"} and _WIDE.search(str(text).replace("**", "")):
        raise SecurityError
    if name == "replace" and isinstance(text, str) and len(given) > 1:
        old, new = str(given[0]), str(given[1])
        if text.count(old) * len(new) > _MOST_LETTERS:
            raise SecurityError


def _guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  a filter's
        values = [*args, *kwargs.values()]
        place = next((n for n, value in enumerate(values) if isinstance(value, str)), 0)
        given = values[place + 1 :] if name == "replace" else values[1:]
        _guard(name, values[place] if values else "", given)
        return function(*args, **kwargs)

    return run


class Letterhead:
    """Subject and body of a campaign; every column is a variable, and a typo is an error."""

    def __init__(self, template: Path, sender: str, subject: str, campaign: str) -> None:
        """Read the template: HTML with escaped values, or plain text if its name ends in .txt.

        Raises:
            OpsError: a template cannot be read.

        """
        self._is_text = template.suffix.lower() == ".txt"
        self._sender = sender
        self._campaign = campaign
        self._source = _read(template)
        self._body = _compiled(self._source, template.name, escape=not self._is_text)
        self._subject = _compiled(subject, "--subject", escape=False)

    def fields(self, values: Mapping[str, str]) -> dict[str, Any]:
        """Return the API's fields of a row's mail.

        A plain text with letters that are written from right to left becomes HTML.

        Raises:
            OpsError: a template fails on these values.

        """
        subject = _rendered(self._subject, values)
        body = _rendered(self._body, values)
        kind = "text" if self._is_text else "html"
        if self._is_text and has_right_to_left(body):
            kind, body = "html", as_html(body)
        return {
            "from": self._sender,
            "to": values[TO],
            "subject": subject,
            kind: body,
            "campaign_name": self._campaign,
        }

    def warnings(self) -> list[str]:
        """Return a sentence for each likely mistake."""
        if self._is_text or not has_right_to_left(self._source) or says_direction(self._source):
            return []
        return [_NO_DIRECTION]


def _read(template: Path) -> str:
    try:
        data = template.read_bytes()
    except OSError as error:
        raise OpsError(f"the template cannot be read: {error.strerror}") from None
    if len(data) > MAX_TEMPLATE_BYTES:
        raise OpsError("the template is larger than a mail can be")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise OpsError("the template is not text in UTF-8", "save it as UTF-8") from None


def _compiled(source: str, name: str, *, escape: bool) -> jinja2.Template:
    environment = _Sandbox(
        loader=jinja2.DictLoader({}),
        autoescape=escape,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        optimized=False,  # nothing is calculated before the guards can see it
    )
    for known in (*_WIDENING, "format", "replace"):
        if known in environment.filters:
            environment.filters[known] = _guarded(known, environment.filters[known])
    for unsteady in _BY_CHANCE:
        environment.filters.pop(unsteady, None)
        environment.globals.pop(unsteady, None)
    try:
        code = environment.compile(source, filename=name)
        return jinja2.Template.from_code(environment, code, environment.make_globals(None))
    except jinja2.TemplateSyntaxError as error:
        raise _not_valid(error, source, name) from None
    except (RecursionError, MemoryError, SyntaxError, ValueError, OverflowError):
        raise OpsError(f"{name} is not valid: it is nested too deeply, or too long") from None


def _not_valid(error: jinja2.TemplateSyntaxError, source: str, name: str) -> OpsError:
    said = error.message or "it cannot be read"
    if "comment" in said:
        line = source.count("\n", 0, max(0, source.rfind("{#"))) + 1
        return OpsError(
            f"{name}, line {line}: `{{#` begins a comment, which is never closed",
            "in CSS put a space between the two: `{ #`",
        )
    remedy = ""
    if "unexpected end" in said or "expected token 'end of print statement'" in said:
        remedy = "an expression begins with {{ and ends with }}, a statement with {% and %}"
    elif unknown := re.fullmatch(r"No (?:filter|test) named '(\w{1,40})'\.?", said):
        remedy = f"`{unknown[1]}` is none of Jinja2's; see its list of built-in filters"
    return OpsError(f"{name}, line {error.lineno}: the template is not valid: {said}", remedy)


def _rendered(template: jinja2.Template, values: Mapping[str, str]) -> str:
    try:
        return "".join(_bounded(template.generate(values)))
    except Exception as error:  # noqa: BLE001  a template may do anything that fails
        raise _failed(error, str(template.filename), values) from None


def _bounded(pieces: Iterable[str]) -> Iterator[str]:
    """Yield the pieces of a text; what comes after too many letters cannot be in a mail."""
    left = _MOST_LETTERS
    for piece in pieces:
        yield piece
        left -= len(piece)
        if left < 0:
            return


def _failed(error: Exception, name: str, values: Mapping[str, str]) -> OpsError:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == name]
    place = f"{name}, line {lines[-1]}" if lines else name
    if isinstance(error, SecurityError):
        return OpsError(
            f"{place}: the template does what no template may", "templates run in a sandbox"
        )
    if isinstance(error, jinja2.UndefinedError):
        if found := _UNDEFINED.fullmatch(str(error)):
            return OpsError(
                f"{place}: there is no column `{found[1]}`", did_you_mean(found[1], tuple(values))
            )
        return OpsError(f"{place}: asks for a part of a value that is not there")
    if isinstance(error, jinja2.TemplateNotFound):
        return OpsError(f"{place}: a template cannot take in another file", "write it out here")
    if isinstance(error, ZeroDivisionError):
        return OpsError(f"{place}: divides by zero in this row")
    if isinstance(error, (TypeError, ValueError, ArithmeticError)):
        kind = type(error).__name__
        return OpsError(f"{place}: cannot use a value of this row ({kind})", _NUMBER_REMEDY)
    return OpsError(f"{place}: the template fails ({type(error).__name__})")
