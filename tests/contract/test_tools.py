"""The Makefile and the launcher run with what a Mac and WSL have as they come.

GNU make 3.81, bash 3.2, and BSD's sed, readlink, grep, date, stat. What they lack is looked for.
"""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_TRACKED = subprocess.run(
    ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.splitlines()
MAKEFILES = [ROOT / name for name in _TRACKED if Path(name).name == "Makefile"]
SCRIPTS = [
    ROOT / name
    for name in _TRACKED
    if not Path(name).suffix and (ROOT / name).read_bytes()[:64].partition(b"\n")[0].endswith(b"sh")
]
# What only newer tools know, by a name for it.
NEWER = {
    "make: ONESHELL (3.82)": r"^\.ONESHELL",
    "make: RECIPEPREFIX (3.82)": r"^\.RECIPEPREFIX",
    "make: != (4.0)": r"^\w+\s*!=",
    "make: ::= (4.0)": r"::=",
    "make: $(file) (4.0)": r"\$\(file ",
    "make: $(guile) (4.0)": r"\$\(guile ",
    "make: $(intcmp), $(let) (4.4)": r"\$\((intcmp|let) ",
    "make: # within a function (4.3)": r"\$\((shell|foreach|if|or|and|call)\b[^\n]*[^\\$]#",
    "make: grouped targets (4.3)": r"^[^\t#=]*&:",
    "make: private, undefine, load": r"^(private|undefine|load|-load) ",
    "make: a recipe's pipe, which fails with its last command (.SHELLFLAGS is 3.82)": (
        r"""^\t(?!@?echo )(?:[^|'"]|'[^']*'|"[^"]*"|\|\|)*\|(?!\|)"""
    ),
    "make: a recipe of several commands, which needs -e (.SHELLFLAGS is 3.82)": (
        r"^\t(?!@?(if|for|test) )(?!.*\|\| \{).*;"
    ),
    "bash: associative arrays (4), namerefs (4.3)": r"\b(declare|local|typeset)\s+-[a-zA-Z]*[An]",
    "bash: mapfile, readarray (4)": r"\b(mapfile|readarray|coproc)\b",
    "bash: ${x,,} and ${x^^} (4)": r"\$\{\w+(,,?|\^\^?)",
    "bash: |& and &>> (4)": r"\|&|&>>",
    "bash: ;& and ;;& (4)": r";&",
    "bash: ${x@Q} (4.4)": r"\$\{\w+@",
    "bash: ${x[-1]} (4.3)": r"\[-[0-9]+\]\}",
    "bash: an array that may be empty, under set -u (4.4)": r"\$\{\w+\[[@*]\]\}",
    "bash: [[ -v (4.2), wait -n (4.3)": r"\[\[ -v\b|\bwait\s+-n",
    "bash: printf %(...)T (4.2), EPOCH...": r"printf\s.*%\(|\bEPOCH(SECONDS|REALTIME)",
    "bash: {fd}> (4.1)": r"\{\w+\}[<>]",
    "bash: globstar (4)": r"globstar|\*\*/",
    "GNU: readlink -f, realpath": r"\breadlink\s+-\w*[fe]|\brealpath\b",
    "GNU: sed -i, -r": r"\bsed\s+(-\w*[ir]\b|--)",
    "GNU: sed's \\t, \\n, \\+, \\?, \\|": r"\bsed\b.*\\[tn+?|wsb]",
    "GNU: grep -P, -o with \\K": r"\bgrep\s+-\w*P|\bgrep\b.*\\[+?|wsb]",
    "GNU: awk's own": r"\b(gawk|mawk|gensub|strftime|systime|asorti?)\b",
    "GNU: date -d, -I, %N": r"\bdate\s+(-[dI]|.*%N)",
    "GNU: stat -c, du -b, df --, base64 -w, touch -d": (
        r"\bstat\s+-c|\bdu\s+-\w*b|\bbase64\s+-w|\btouch\s+-d"
    ),
    "GNU: xargs -r, -d": r"\bxargs\s+-[rd]",
    "GNU: cp, mv, ln with long options": r"\b(cp|mv|ln|rm|mkdir|ls|du|df|cut|head|tail)\s+--\w",
    "GNU: cp -a, -t, ln -r, install -D, mktemp --": (
        r"\bcp\s+-\w*[at]|\bln\s+-\w*r|\binstall\s+-\w*D|\bmktemp\s+--"
    ),
    "GNU: head or tail with a number below 0": r"\bhead\s+-[nc]\s*-",
    "GNU: sort -V, -z, find -printf, without a place": (r"\bsort\s+-\w*[Vz]|-printf\b|\bfind\s+-"),
    "GNU: timeout, nproc, tac, sha256sum, md5sum, shuf": (
        r"\b(timeout|nproc|tac|sha256sum|md5sum|shuf|numfmt|setsid|flock)\b"
    ),
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
        ("\tgrep x file | sed 's/ /\\t/'", "GNU: sed's \\t, \\n, \\+, \\?, \\|"),
        (
            "\tgrep x file | expand",
            "make: a recipe's pipe, which fails with its last command (.SHELLFLAGS is 3.82)",
        ),
        (
            "\tcd build; make it",
            "make: a recipe of several commands, which needs -e (.SHELLFLAGS is 3.82)",
        ),
        ("LOWER=${NAME,,}", "bash: ${x,,} and ${x^^} (4)"),
        ("NOW != date", "make: != (4.0)"),
        ("a b &: c", "make: grouped targets (4.3)"),
    ],
)
def test_the_check_sees(line: str, name: str) -> None:
    assert re.search(NEWER[name], line)
    assert re.search(OF_OURS, "\tsam validate --lint")
    assert not re.search(OF_OURS, "\t.venv/bin/sam validate --lint")
