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


# What the prose left behind; the documents keep what they are: a log of decisions, a transcript.
RETIRED_PROSE = r"\b(anew|canary|seen through|sees each one through|without a hand|what came of)\b"
PROSE = [
    *ROOT.glob("*.md"),
    *(path for path in ROOT.glob("docs/*.md") if path.stem not in {"decisions", "glossary"}),
]


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.name)
def test_the_documents_use_none_either(path: Path) -> None:
    assert re.findall(RETIRED_PROSE, path.read_text("utf-8"), re.IGNORECASE) == []


@pytest.mark.parametrize("text", ["queue.put_back(m)", "# is parked", "class Canary", "set anew"])
def test_the_check_sees(text: str) -> None:
    assert any(re.search(word, text) for word in RETIRED)
