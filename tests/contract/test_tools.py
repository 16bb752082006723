"""The Makefile and the launcher run with what a Mac and WSL have as they come.

GNU make 3.81, bash 3.2, and BSD's sed, readlink, grep, date, stat. What they lack is looked for.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILES = [ROOT / "Makefile", *sorted((ROOT / "layers").glob("*/Makefile"))]
SCRIPTS = [ROOT / "taqnyat-mail", ROOT / ".ci" / "run"]
# What only newer tools know, by a name for it.
NEWER = {
    "make: ONESHELL (3.82)": r"^\.ONESHELL",
    "make: RECIPEPREFIX (3.82)": r"^\.RECIPEPREFIX",
    "make: != (4.0)": r"^\w+\s*!=",
    "make: ::= (4.0)": r"::=",
    "make: $(file) (4.0)": r"\$\(file ",
    "make: $(intcmp), $(let) (4.4)": r"\$\((intcmp|let) ",
    "make: grouped targets (4.3)": r"^[^\t#=]*&:",
    "make: private, undefine, load": r"^(private|undefine|load|-load) ",
    "bash: associative arrays (4)": r"\bdeclare\s+-[a-zA-Z]*A",
    "bash: mapfile, readarray (4)": r"\b(mapfile|readarray)\b",
    "bash: ${x,,} and ${x^^} (4)": r"\$\{\w+(,,?|\^\^?)",
    "bash: |& and &>> (4)": r"\|&|&>>",
    "bash: ${x@Q} (4.4)": r"\$\{\w+@",
    "bash: globstar (4)": r"globstar|\*\*/",
    "GNU: readlink -f, realpath": r"\breadlink\s+-\w*[fe]|\brealpath\b",
    "GNU: sed -i, -r": r"\bsed\s+(-\w*[ir]\b|--)",
    "GNU: grep -P, -o with \\K": r"\bgrep\s+-\w*P",
    "GNU: date -d, -I": r"\bdate\s+-[dI]",
    "GNU: stat -c": r"\bstat\s+-c",
    "GNU: xargs -r, -d": r"\bxargs\s+-[rd]",
    "GNU: cp, mv, ln with long options": r"\b(cp|mv|ln|rm|mkdir)\s+--\w",
    "GNU: sort -V, find -printf": r"\bsort\s+-\w*V|-printf\b",
    "GNU: timeout, nproc, tac, sha256sum": r"\b(timeout|nproc|tac|sha256sum)\b",
}
# Installed in the virtual environment. make 3.81 does not look for a bare command on the PATH that
# the Makefile exports.
OF_OURS = (
    r"^\t[@+-]*((env( -u \w+)*|\w+=\S+) )*(sam|cfn-lint|pytest|ruff|mypy|bandit|checkov|pip)\s"
)


def lines(path: Path) -> list[str]:
    """Return the lines that are no comments, those that go on joined."""
    text = path.read_text("utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if not line.lstrip().startswith("#")]


@pytest.mark.parametrize(
    "path", [*MAKEFILES, *SCRIPTS], ids=lambda path: str(path.relative_to(ROOT))
)
def test_nothing_is_asked_of_a_tool_that_an_old_one_does_not_know(path: Path) -> None:
    found = {
        name: line
        for name, pattern in NEWER.items()
        for line in lines(path)
        if re.search(pattern, line)
    }

    assert found == {}


@pytest.mark.parametrize("path", MAKEFILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_our_own_tools_are_called_by_their_paths(path: Path) -> None:
    assert [line for line in lines(path) if re.search(OF_OURS, line)] == []


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('root=$(dirname "$(readlink -f "$0")")', "GNU: readlink -f, realpath"),
        ("\tsed -i s/a/b/ file", "GNU: sed -i, -r"),
        ("LOWER=${NAME,,}", "bash: ${x,,} and ${x^^} (4)"),
        ("NOW != date", "make: != (4.0)"),
        ("a b &: c", "make: grouped targets (4.3)"),
    ],
)
def test_the_check_sees(line: str, name: str) -> None:
    assert re.search(NEWER[name], line)
    assert re.search(OF_OURS, "\tsam validate --lint")
    assert not re.search(OF_OURS, "\t.venv/bin/sam validate --lint")
