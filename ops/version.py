"""The version of this bundle: pyproject.toml is its one source.

`python -m ops.version` prints it. With a built template as argument it writes the version into that
template, in place of the word in template.yaml.
"""

import sys
import tomllib
from pathlib import Path
from typing import Final

VERSION: Final[str] = tomllib.loads(
    (Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8")
)["project"]["version"]
# The stack's output, and its value in a bundle that was built without `make build`.
OUTPUT: Final = "Version"
UNKNOWN: Final = "unversioned"


def stamp(template: str, version: str) -> str:
    """Return a built template with the version in the stack's output.

    Raises:
        ValueError: the template has no such place, or has a version already.

    """
    place = f"Value: {UNKNOWN}\n"
    if template.count(place) != 1:
        raise ValueError(f"the template does not have one `{place.strip()}`")
    return template.replace(place, f"Value: '{version}'\n")


def main(arguments: list[str]) -> None:
    """Print the version, or write it into a template."""
    if not arguments:
        sys.stdout.write(f"{VERSION}\n")
    for name in arguments:
        path = Path(name)
        path.write_text(stamp(path.read_text("utf-8"), VERSION), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
