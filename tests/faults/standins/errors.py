"""The errors of AWS, as botocore raises them."""

from typing import Any

from botocore.exceptions import ClientError


def client_error(operation: str, code: str, message: str = "", **more: Any) -> ClientError:
    """Return the error of a call; `more` stands beside `Error` in the answer."""
    answer: Any = {"Error": {"Code": code, "Message": message}, **more}
    return ClientError(answer, operation)


def only(arguments: dict[str, Any], *known: str) -> list[Any]:
    """Return the arguments of a call by name, None for those left out; refuse all others."""
    unknown = set(arguments) - set(known)
    if unknown:
        raise TypeError(f"the stand-in does not know {', '.join(sorted(unknown))}")
    return [arguments.get(name) for name in known]
