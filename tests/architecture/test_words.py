"""Words that were retired (docs/glossary.md): none of them comes back into the code."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RETIRED = {
    r"\bsee_through\b|\bseen through\b|\bseen_again_in\b|\bmail seen\b": "process, retry_in",
    r"\b_?put_back\b|\bput_anew\b|\bput_all\b": "retry_later, requeue, send_all",
    r"\bpark(ed|s)?\b(?!_)": "dead-letter",
    r"\bclaim_again\b": "take_over",
    r"\b[Cc]anary\b|\bWatch\b": "probe, half-open breaker",
    r"\b[Ii]ntake\b": "event source",
    r"\bredriven\b(?!\.)": "redrive_attempt, re-driven",
    r"\bstanding_(item|row)\b": "existing_item",
    r"\bwithout_text\b": "redacted",
    r"\banew\b": "again",
}
SOURCES = sorted(
    path for folder in ("layers", "functions") for path in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_retired_word_is_used(path: Path) -> None:
    text = path.read_text("utf-8").replace("parked_again", "")
    found = {word for word in RETIRED if re.search(word, text)}

    assert not found, {word: RETIRED[word] for word in found}


# Words that are hard to read for people whose English is a second language, and the plain ones.
HARD = {
    r"\banew\b": "again",
    r"\bcanary\b": "probe",
    r"\bse(e|en|es each one) through\b": "process",
    r"\bwithout a hand\b": "by itself",
    r"\bwhat (came|comes|has come) of\b": "result",
    r"\bwhat (became|becomes) of\b": "state, outcome, result",
    r"\bwhatever\b": "any, every; or say what",
    r"\bhence\b": "so",
    r"\bbesides\b": "also",
    r"\bmeanwhile\b": "since then, until then",
    r"\bin vain\b": "without a result",
    r"\b(its|their) way\b|\bthe way of\b": "steps",
    r"\balarms? (that )?rings?\b|\bringing\b|\bring anew\b|\bhears an alarm\b": "active, go off",
    r"\btells? (whether|why|how|of|us|apart|nothing)\b": "return, show, say",
    r'"""Tells? ': "Return, Show",
}
# Logs, a list of words and transcripts stay as they are.
KEPT = {"CHANGELOG", "decisions", "glossary", "incident", "crowd"}
PROSE = [
    *(path for path in ROOT.glob("*.md") if path.stem not in KEPT),
    *(path for path in ROOT.glob("docs/*.md") if path.stem not in KEPT),
    ROOT / "docs/openapi.yaml",
    ROOT / "template.yaml",
    *sorted(
        path
        for folder in ("layers", "functions", "ops", "local", "benchmarks", "testing")
        for pattern in ("*.py", "*.js", "*.html", "*.md")
        for path in (ROOT / folder).rglob(pattern)
        if "node_modules" not in path.parts
    ),
]


@pytest.mark.parametrize("path", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_texts_use_plain_words(path: Path) -> None:
    text = path.read_text("utf-8")
    found = {word for word in HARD if re.search(word, text, re.IGNORECASE)}

    assert not found, {word: HARD[word] for word in found}


@pytest.mark.parametrize(
    "text",
    [
        "all get what came of that, an error too",
        "so whatever breaks, the mail is sent",
        '"""Tell whether a mail was accepted under this id."""',
        "The look at the pause tells of the account",
        "Retrieve a mail, and what became of it",
        "this one rings: an alarm that rings",
        "hence two references",
    ],
)
def test_that_check_sees(text: str) -> None:
    assert any(re.search(word, text, re.IGNORECASE) for word in HARD)


@pytest.mark.parametrize("text", ["queue.put_back(m)", "# is parked", "class Canary", "set anew"])
def test_the_check_sees(text: str) -> None:
    assert any(re.search(word, text) for word in RETIRED)
