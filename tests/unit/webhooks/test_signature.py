"""Signatures: the example that the standard itself gives, and what a call carries."""

import base64

from outbox.webhooks.signature import headers, new_secret

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EXAMPLE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_standard_s_own_example() -> None:
    found = headers([SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert found["svix-signature"] == found["webhook-signature"] == EXAMPLE
    assert found["svix-id"] == found["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert found["svix-timestamp"] == found["webhook-timestamp"] == "1614265330"


def test_two_secrets_sign_both() -> None:
    found = headers([new_secret(), SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b"{}")
    signatures = found["svix-signature"].split(" ")

    assert len(signatures) == 2
    assert all(signature.startswith("v1,") for signature in signatures)


def test_a_secret_is_256_random_bits() -> None:
    first, second = new_secret(), new_secret()

    assert first != second
    assert len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) == 32
