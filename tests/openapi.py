"""docs/openapi.yaml, and answers held to it."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

METHODS = ("get", "post", "put", "patch", "delete")
_PATH = Path(__file__).parents[1] / "docs/openapi.yaml"
_URI = "urn:openapi"


@cache
def description() -> dict[str, Any]:
    """Return the description; do not change it."""
    document: dict[str, Any] = yaml.safe_load(_PATH.read_text("utf-8"))
    return document


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each operation with its method and path."""
    for path, item in description()["paths"].items():
        for method in filter(item.__contains__, METHODS):
            yield method.upper(), path, item[method]


def resolved(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a reference stands for, or the node itself."""
    if "$ref" not in node:
        return node
    found: Any = description()
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return resolved(found)


@cache
def validator(pointer: str) -> Draft202012Validator:
    """Return the validator of a schema, by its place such as "/components/schemas/Mail"."""
    registry: Registry[Any] = Registry().with_resource(
        _URI, Resource.from_contents(description(), DRAFT202012)
    )
    return Draft202012Validator({"$ref": f"{_URI}#{pointer}"}, registry=registry)


def check(schema: str, document: object) -> None:
    """Hold a document to one of the schemas."""
    validator(f"/components/schemas/{schema}").validate(document)


def check_answer(
    method: str,
    path: str,
    status: int,
    headers: Mapping[str, str],
    document: Any,  # noqa: ANN401 - JSON
) -> None:
    """Hold an answer to the description: its status, its headers, its body."""
    names = {name.lower(): value for name, value in headers.items()}
    assert names["content-type"].startswith("application/json")
    known = {(name, place): operation for name, place, operation in operations()}
    operation = known.get((method, path))
    if operation is None:
        # A method or a path that there is not.
        assert status in {404, 405}
        assert status == 404 or names["allow"]
        check("Error", document)
        return
    answer = operation["responses"].get(str(status))
    assert answer is not None, f"{method} {path} answered {status}, which is not described"
    schema = resolved(answer)["content"]["application/json"]["schema"]
    check(schema["$ref"].rpartition("/")[2], document)
    if status >= 400:
        assert document["statusCode"] == status
    else:
        assert "statusCode" not in document
