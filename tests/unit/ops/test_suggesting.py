"""Commands that there are not, or not yet in full: which one was meant."""

import pytest
from click.shell_completion import BashComplete

from ops.cli import main
from tests.unit.ops.office import Office


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("faild",), "did you mean `failed`"),
        (("failed", "lsit"), "did you mean `list`?"),
        (("mail", "shwo", "id"), "did you mean `show`?"),
        (("zzz",), "there are: campaign, doctor"),
        (("send", "--form", "x"), "--from"),
    ],
)
def test_did_you_mean(office: Office, words: tuple[str, ...], said: str) -> None:
    code, _, err = office.run(*words)

    assert code == 2
    assert said in err


@pytest.mark.parametrize(
    ("words", "begun", "found"),
    [
        ([], "ver", {"verify"}),
        (["failed"], "re", {"redrive", "resolve"}),
        (["failed"], "--st", {"--state", "--stack", "--stack-json"}),
        (["failed", "--state", "failed"], "--al", {"--all"}),
        (["failed", "redrive"], "--dry", {"--dry-run"}),
        (["verify"], "--ma", {"--mails", "--mailbox"}),
        (["verify"], "--token", {"--token-file"}),
    ],
)
def test_words_are_completed(words: list[str], begun: str, found: set[str]) -> None:
    shell = BashComplete(main, {}, "taqnyat-mail", "_TAQNYAT_MAIL_COMPLETE")

    assert {item.value for item in shell.get_completions(words, begun)} == found
