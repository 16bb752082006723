"""Reading of the JSON that steers the simulator: every mistake is answered with its field."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError

M = TypeVar("M", bound=BaseModel)


# A mail may hold half a surrogate pair, and so may what is said of it.
Text = Annotated[str, Strict(), Field(min_length=1)]
Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
Times = Annotated[Whole, Field(ge=1, le=10**6)]
Seconds = Annotated[float, Strict(), Field(ge=0, le=3600)]
# Money, given as a number or as a string.
Amount = Annotated[Decimal, Field(ge=0, le=10**12)]


class FieldError(ValueError):
    """A field of a steering call is wrong; carries its path, such as `rules[0].answer`."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field


class Given(BaseModel):
    """A JSON object that may have known keys only."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True)


def read(model: type[M], value: object, context: Mapping[Any, Any] | None = None) -> M:
    """Return what is given as a model.

    Raises:
        FieldError: names the first field that is wrong.

    """
    try:
        return model.model_validate(value, context=context, by_alias=True, by_name=False)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = "".join(f"[{at}]" if isinstance(at, int) else f".{at}" for at in wrong["loc"])
        raise FieldError(
            path.lstrip(".") or "body", f"is wrong: {wrong['msg'].removeprefix('Value error, ')}"
        ) from None
