"""Addresses: the fast pattern takes nothing that the library refuses, and no text breaks either."""

import re

import email_validator
from hypothesis import given
from hypothesis import strategies as st
from outbox.mail import addresses
from outbox.mail.addresses import AddressError, bare

ATOMS = st.from_regex(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,20}", fullmatch=True)
LABELS = st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True)
ENDINGS = st.sampled_from(
    ["sa", "com", "museum", "test", "local", "invalid", "arpa", "onion", "localhost", "x1", "c"]
)
LOOKALIKES = st.builds(
    "{}@{}.{}".format, ATOMS, st.lists(LABELS, min_size=1, max_size=5).map(".".join), ENDINGS
)
PLAIN = st.one_of(st.from_regex(addresses._PLAIN, fullmatch=True), LOOKALIKES)  # noqa: SLF001
ANY = st.one_of(
    st.text(max_size=80),
    st.text(alphabet='ab@.<>",;: \\()[]-_+\u200fم', max_size=40),
    st.builds("{}<{}>".format, st.text(max_size=30), PLAIN),
    PLAIN,
)


@given(text=PLAIN)
def test_what_the_fast_pattern_takes_the_library_takes_too(text: str) -> None:
    taken = addresses._PLAIN.fullmatch(text) and len(text) <= addresses._MAX_PLAIN  # noqa: SLF001
    if taken:
        email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
        found = email_validator.validate_email(
            text, check_deliverability=False, globally_deliverable=False, strict=True
        )
        assert found.ascii_email is not None
        # The library writes names such as Postmaster in small letters; that is all.
        assert found.ascii_email.lower() == bare(text).lower() == text.lower()


@given(text=ANY)
def test_any_text_is_an_address_on_the_wire_or_is_refused(text: str) -> None:
    try:
        address = bare(text)
    except AddressError:
        return
    assert address.isascii()
    assert address.isprintable()
    assert re.fullmatch(r'[^\s@,;<>()"\\:]+@[a-z0-9.-]+\.[a-z0-9-]+', address)
    assert bare(address) == address
    assert len(address) <= 254


@given(name=st.text(alphabet='ab,;:. "<>@\\م', max_size=20), address=LOOKALIKES)
def test_a_name_never_changes_the_address(name: str, address: str) -> None:
    try:
        found = bare(f"{name}<{address}>")
    except AddressError:
        return
    assert found == bare(address)
