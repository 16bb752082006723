"""Changes a secret without overwriting another person's change.

Secrets Manager has no conditional write of a value, but moving the label AWSCURRENT is one: it
fails unless the version named still has the label.
"""

import uuid
from typing import Any

from botocore.exceptions import ClientError

from ops.errors import OpsError


class Secret:
    """One secret. Methods raise botocore's errors."""

    def __init__(self, client: Any, secret_id: str) -> None:  # noqa: ANN401  boto3's clients have no common type
        self._client = client
        self._id = secret_id

    def read(self) -> tuple[str, str | None]:
        """Return its text and its version; empty and None before it has a value."""
        try:
            answer = self._client.get_secret_value(SecretId=self._id)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ResourceNotFoundException":
                raise
            return "", None
        return answer.get("SecretString") or "", answer["VersionId"]

    def write(self, text: str, seen: str | None) -> None:
        """Replace the text of version `seen`.

        Raises:
            OpsError: another version is current now; nothing was changed.

        """
        if seen is None:
            self._client.put_secret_value(SecretId=self._id, SecretString=text)
            return
        version = str(uuid.uuid4())
        draft = f"draft-{version}"
        self._client.put_secret_value(
            SecretId=self._id, ClientRequestToken=version, SecretString=text, VersionStages=[draft]
        )
        try:
            self._client.update_secret_version_stage(
                SecretId=self._id,
                VersionStage="AWSCURRENT",
                MoveToVersionId=version,
                RemoveFromVersionId=seen,
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "InvalidParameterException":
                raise
            raise OpsError(
                "somebody else changed the secret at the same time; nothing was changed here",
                "run the command again",
            ) from None
        finally:
            # A version without a label is deleted by Secrets Manager in time.
            self._client.update_secret_version_stage(
                SecretId=self._id, VersionStage=draft, RemoveFromVersionId=version
            )
