"""Calls of the local stack's own API, with the key that the stack has."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import urllib3

from local.errors import LocalStackError

_PATIENCE_SECONDS = 60.0
_BATCH = 100


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

    def send(self, mails: Sequence[Mapping[str, Any]]) -> list[str]:
        """Send one mail by POST /emails, several by /emails/batch; return their ids in order.

        Raises:
            LocalStackError: they were not accepted.
            OSError: it does not answer.

        """
        if len(mails) == 1:
            return [self._accepted("/emails", mails[0])["id"]]
        batches = [mails[at : at + _BATCH] for at in range(0, len(mails), _BATCH)]
        with ThreadPoolExecutor(4) as pool:
            answers = pool.map(lambda batch: self._accepted("/emails/batch", batch), batches)
            return [one["id"] for answer in answers for one in answer["data"]]

    def _accepted(self, path: str, body: object) -> Any:  # noqa: ANN401 - JSON
        answer = self.call("POST", path, body)
        if answer.status != HTTPStatus.OK:
            raise LocalStackError(f"{path} answered {answer.status}: {answer.data.decode()}")
        return answer.json()
