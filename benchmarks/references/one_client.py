"""A function that makes one boto3 client."""

from __future__ import annotations

from typing import Any

import boto3

sqs = boto3.client("sqs")


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Do nothing."""
    return {}
