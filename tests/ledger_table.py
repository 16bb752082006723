"""The ledger's table as AWS is asked to make it (template.yaml), for emulators of DynamoDB."""

from typing import Any


def definition(name: str) -> dict[str, Any]:
    """Return CreateTable's arguments."""
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": key, "AttributeType": "S"} for key in ("pk", "client", "created")
        ],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by-client",
                "KeySchema": [
                    {"AttributeName": "client", "KeyType": "HASH"},
                    {"AttributeName": "created", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    }
