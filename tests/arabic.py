"""`make arabic`: write the codes' part of README.ar.md from the explanations that the API gives."""

import re
from pathlib import Path
from typing import Final

from taqnyat.classification import CODES
from taqnyat.explanations import EXPLANATIONS

README: Final = Path(__file__).parents[1] / "README.ar.md"
_PART: Final = re.compile(
    r"(?<=<!-- codes: written by `make arabic` -->\n).*?(?=<!-- end of codes -->)", re.DOTALL
)


def codes() -> str:
    """Return the table: Taqnyat's code, what it means, and what helps."""
    lines = ["| الرمز | المعنى | الحل |", "| --- | --- | --- |"]
    for code, (_, _, reason) in sorted(CODES.items()):
        known = EXPLANATIONS[reason]
        lines.append(f"| {code} | {known.meaning.ar} | {known.remedy.ar} |")
    return "\n".join(lines) + "\n"


def written(text: str) -> str:
    """Return a README with the codes' part as it has to be."""
    return _PART.sub(lambda _: codes(), text)


if __name__ == "__main__":
    README.write_text(written(README.read_text("utf-8")), "utf-8")
