"""API keys: several callers, two keys of one at once, and the end of a key."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.world import World


class Keys:
    """The keys' secret. A key is a word of a test, made its own by the test's domain."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._client = world.stack.client("secretsmanager")
        self._id = world.stack.outputs["ApiKeysSecretArn"]
        self.before = json.loads(self._client.get_secret_value(SecretId=self._id)["SecretString"])

    def put(self, **callers: tuple[list[str], list[str]]) -> None:
        """Let each caller have its keys and its senders, besides those from before."""
        more = {
            f"{name} {self.world.domain}": {
                "sha256": [self._digest(key) for key in keys],
                "from": senders,
                "scopes": ["read", "send"],
            }
            for name, (keys, senders) in callers.items()
        }
        self._client.put_secret_value(
            SecretId=self._id, SecretString=json.dumps(self.before | more)
        )

    def call(self, key: str, method: str, path: str, mail: Any = None) -> tuple[int, Any]:  # noqa: ANN401 - JSON
        """Make a call with a key."""
        body = None if mail is None else json.dumps(mail).encode()
        headers = {"Authorization": f"Bearer {self._text(key)}"}
        status, _, answer = self.world.call(method, path, body, headers)
        return status, answer

    def _digest(self, key: str) -> str:
        return hashlib.sha256(self._text(key).encode()).hexdigest()

    def _text(self, key: str) -> str:
        return f"{key}.{self.world.domain}"


@pytest.fixture
def keys(world: World) -> Iterator[Keys]:
    """Give the keys' secret, and put it back as it was."""
    found = Keys(world)
    yield found
    found.put()


def test_several_callers(world: World, keys: Keys) -> None:
    keys.put(shop=(["old", "new"], ["*@acme.sa"]), news=(["other"], ["news@acme.sa"]))

    status, mail = keys.call("old", "POST", "/emails", world.mail())
    assert status == 200
    assert keys.call("new", "GET", f"/emails/{mail['id']}")[0] == 200
    assert keys.call("new", "POST", "/emails", world.mail())[0] == 200

    assert keys.call("other", "GET", f"/emails/{mail['id']}")[0] == 404
    assert keys.call("other", "POST", f"/emails/{mail['id']}/cancel")[0] == 404
    assert keys.call("other", "GET", "/emails")[1]["data"] == []
    assert keys.call("other", "POST", "/emails", world.mail())[0] == 403


def test_a_key_that_is_taken_away_ends_with_the_cache(world: World, keys: Keys) -> None:
    gateway = world.stack.client("apigateway")
    [api] = gateway.get_rest_apis()["items"]
    [authorizer] = gateway.get_authorizers(restApiId=api["id"])["items"]
    assert authorizer["authorizerResultTtlInSeconds"] == 60

    def remember(seconds: int) -> None:
        patch = {"op": "replace", "path": "/authorizerResultTtlInSeconds", "value": str(seconds)}
        gateway.update_authorizer(
            restApiId=api["id"], authorizerId=authorizer["id"], patchOperations=[patch]
        )

    keys.put(shop=(["old", "new"], ["*"]))
    remember(2)
    try:
        # A secret that was read within the last second is not read again for a stranger.
        world.until(lambda: keys.call("old", "GET", "/status")[0] == 200)
        keys.put(shop=(["new"], ["*"]))
        world.until(lambda: keys.call("old", "GET", "/status")[0] == 403)
        assert keys.call("new", "GET", "/status")[0] == 200
    finally:
        remember(authorizer["authorizerResultTtlInSeconds"])
