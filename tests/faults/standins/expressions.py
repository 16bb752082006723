"""DynamoDB's condition and update expressions, as far as the outbox writes them.

An expression is parsed once and kept. Anything that the outbox does not write is refused, so that
a new form is pinned against the emulator before a test can rely on it.

    condition  attribute_exists(p)  attribute_not_exists(p)  = <> < <= > >=  IN  AND OR NOT ( )
    update     SET p = operand [+|- operand], ...   REMOVE p, ...
    operand    p  :value  if_not_exists(p, operand)  list_append(operand, operand)
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

Value = dict[str, Any]
Item = dict[str, Value]
Operand = Callable[["Scope"], Value | None]
Test = Callable[["Scope"], bool]

_TOKENS = re.compile(r"\s*(#\w+|:\w+|[A-Za-z_]\w*|<>|<=|>=|[-=<>(),+])")
_NAMED = "#"
_BARE = frozenset({"pk"})  # many words are reserved; the outbox names all others
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: bool(left == right),
    "<>": lambda left, right: bool(left != right),
    "<": lambda left, right: bool(left < right),
    "<=": lambda left, right: bool(left <= right),
    ">": lambda left, right: bool(left > right),
    ">=": lambda left, right: bool(left >= right),
}


class ExpressionError(Exception):
    """DynamoDB would answer ValidationException."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression is evaluated against: the item before, and the placeholders."""

    item: Mapping[str, Value]
    names: Mapping[str, str]
    values: Mapping[str, Value]

    def attribute(self, path: str) -> str:
        """Return the attribute that a path means."""
        if not path.startswith(_NAMED):
            if path not in _BARE:
                raise ExpressionError(f"attribute name is not a placeholder: {path}")
            return path
        if path not in self.names:
            raise ExpressionError(f"An expression attribute name is not defined: {path}")
        return self.names[path]

    def value(self, placeholder: str) -> Value:
        """Return the value of a placeholder."""
        if placeholder not in self.values:
            raise ExpressionError(f"An expression attribute value is not defined: {placeholder}")
        return self.values[placeholder]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A condition or an update, and the placeholders that it uses."""

    used: frozenset[str]
    test: Test = lambda _: True
    assignments: tuple[tuple[str, Operand], ...] = ()
    removals: tuple[str, ...] = ()

    def apply(self, scope: Scope) -> Item:
        """Return the item as an update leaves it. All operands see the item as it was before."""
        targets = [scope.attribute(path) for path, _ in self.assignments]
        gone = [scope.attribute(path) for path in self.removals]
        if len({*targets, *gone}) < len(targets) + len(gone):
            raise ExpressionError("Two document paths overlap with each other")
        values = [operand(scope) for _, operand in self.assignments]
        item = {key: value for key, value in scope.item.items() if key not in gone}
        for target, value in zip(targets, values, strict=True):
            if value is None:
                raise ExpressionError(
                    "The provided expression refers to an attribute that does not exist in the item"
                )
            item[target] = value
        return item


@cache
def condition(text: str) -> Parsed:
    """Parse a ConditionExpression."""
    parser = _Parser(text)
    test = parser.either()
    parser.end()
    return Parsed(frozenset(parser.used), test=test)


@cache
def update(text: str) -> Parsed:
    """Parse an UpdateExpression."""
    parser = _Parser(text)
    assignments: list[tuple[str, Operand]] = []
    removals: list[str] = []
    while parser.token:
        if parser.take("SET"):
            assignments.append(parser.assignment())
            while parser.take(","):
                assignments.append(parser.assignment())
        else:
            parser.expect("REMOVE")
            removals.append(parser.path())
            while parser.take(","):
                removals.append(parser.path())
    return Parsed(frozenset(parser.used), assignments=tuple(assignments), removals=tuple(removals))


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _TOKENS.findall(text)
        if "".join(self._tokens) != re.sub(r"\s+", "", text):
            raise ExpressionError(f"Syntax error: {text}")
        self._at = 0
        self.used: set[str] = set()

    @property
    def token(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def next(self) -> str:
        token = self.token
        self._at += 1
        if token[:1] in {"#", ":"}:
            self.used.add(token)
        return token

    def take(self, wanted: str) -> bool:
        found = self.token == wanted
        if found:
            self.next()
        return found

    def expect(self, wanted: str) -> None:
        if not self.take(wanted):
            raise ExpressionError(f"Syntax error; token: {self.token}, wanted: {wanted}")

    def end(self) -> None:
        if self.token:
            raise ExpressionError(f"Syntax error; token: {self.token}")

    def path(self) -> str:
        token = self.next()
        if not token or not (token.startswith(_NAMED) or token[0].isalpha()):
            raise ExpressionError(f"Syntax error; token: {token}, wanted: an attribute")
        return token

    def either(self) -> Test:
        tests = [self.both()]
        while self.take("OR"):
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda scope: any(test(scope) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self.take("AND"):
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else lambda scope: all(test(scope) for test in tests)

    def one(self) -> Test:
        if self.take("NOT"):
            test = self.one()
            return lambda scope: not test(scope)
        if self.take("("):
            test = self.either()
            self.expect(")")
            return test
        if self.token in {"attribute_exists", "attribute_not_exists"}:
            wanted = self.next() == "attribute_exists"
            self.expect("(")
            path = self.path()
            self.expect(")")
            return lambda scope: (scope.attribute(path) in scope.item) is wanted
        left = self.operand()
        return self.among(left) if self.take("IN") else self.compared(left)

    def among(self, left: Operand) -> Test:
        self.expect("(")
        choices = [self.operand()]
        while self.take(","):
            choices.append(self.operand())
        self.expect(")")
        return lambda scope: any(_holds("=", left(scope), choice(scope)) for choice in choices)

    def compared(self, left: Operand) -> Test:
        comparator = self.next()
        if comparator not in _COMPARED:
            raise ExpressionError(f"Syntax error; token: {comparator}")
        right = self.operand()
        return lambda scope: _holds(comparator, left(scope), right(scope))

    def assignment(self) -> tuple[str, Operand]:
        target = self.path()
        self.expect("=")
        operand = self.operand()
        for sign, factor in (("+", 1), ("-", -1)):
            if self.take(sign):
                return target, _sum(operand, self.operand(), factor)
        return target, operand

    def operand(self) -> Operand:
        token = self.token
        if token == "if_not_exists":
            return self.if_not_exists()
        if token == "list_append":
            return self.list_append()
        if token.startswith(":"):
            placeholder = self.next()
            return lambda scope: scope.value(placeholder)
        path = self.path()
        return lambda scope: scope.item.get(scope.attribute(path))

    def if_not_exists(self) -> Operand:
        self.next()
        self.expect("(")
        path = self.path()
        self.expect(",")
        otherwise = self.operand()
        self.expect(")")
        return lambda scope: scope.item.get(scope.attribute(path)) or otherwise(scope)

    def list_append(self) -> Operand:
        self.next()
        self.expect("(")
        first = self.operand()
        self.expect(",")
        second = self.operand()
        self.expect(")")
        return lambda scope: {"L": [*_inside("L", first(scope)), *_inside("L", second(scope))]}


def _sum(left: Operand, right: Operand, factor: int) -> Operand:
    def total(scope: Scope) -> Value:
        number = Decimal(_inside("N", left(scope))) + factor * Decimal(_inside("N", right(scope)))
        return {"N": str(number)}

    return total


def _inside(kind: str, value: Value | None) -> Any:
    if value is None:
        raise ExpressionError(
            "The provided expression refers to an attribute that does not exist in the item"
        )
    if kind not in value:
        raise ExpressionError("An operand in the update expression has an incorrect data type")
    return value[kind]


def _holds(comparator: str, left: Value | None, right: Value | None) -> bool:
    """Compare two values; those of two types, or one that is missing, are only ever unequal."""
    if left is None or right is None or left.keys() != right.keys():
        return comparator == "<>" and left is not None and right is not None
    ((kind, first),) = left.items()
    ((_, second),) = right.items()
    if kind == "N":
        first, second = Decimal(first), Decimal(second)
    return _COMPARED[comparator](first, second)
