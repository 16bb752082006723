"""List prices, as of 2026-11-23: AWS, us-east-1, US dollars, without free tiers and discounts.

Check them against AWS's price pages before you plan with them; only this table has to change.
"""

from __future__ import annotations

from typing import Final

AS_OF: Final = "2026-11-23"
REGION: Final = "us-east-1"

_MILLION: Final = 1_000_000

REST_API_CALL: Final = 3.50 / _MILLION
LAMBDA_CALL: Final = 0.20 / _MILLION
LAMBDA_GB_SECOND: Final = 0.0000133334  # arm64
DYNAMODB_WRITE_UNIT: Final = 0.625 / _MILLION  # on demand
DYNAMODB_READ_UNIT: Final = 0.125 / _MILLION
DYNAMODB_GB_MONTH: Final = 0.25
SQS_REQUEST: Final = 0.40 / _MILLION  # standard queue, each 64 KiB
LOG_GB: Final = 0.50  # ingestion
PUT_METRIC_DATA: Final = 0.01 / 1000
SECRETS_CALL: Final = 0.05 / 10_000
