"""Calls of the local stack's own API, with the key that the stack has."""

import json
from dataclasses import dataclass, field

import urllib3

_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Api:
    """The API at an address without a slash at its end."""

    url: str
    key: str = field(repr=False)

    def call(self, method: str, path: str, body: object = None) -> urllib3.BaseHTTPResponse:
        """Call it with a body of JSON, given as bytes or to be written; return what it answers.

        Raises:
            OSError: it does not answer.

        """
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            return urllib3.request(
                method,
                self.url + path,
                body=sent,
                headers=headers,
                retries=False,
                timeout=_PATIENCE_SECONDS,
            )
        except urllib3.exceptions.HTTPError as error:
            raise OSError(f"the API does not answer ({type(error).__name__})") from None
