"""Commands that there are not: which one was meant."""

import pytest

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
