"""The far side of every call, in a process of its own: AWS's endpoints and Taqnyat on one port.

It answers at once, or after the milliseconds that a path begins with (`/after/200/...`), keeps the
items that are written, and counts requests, connections, bytes and DynamoDB's units, as the wire
shows them.

`GET /counts` answers with the counters and `GET /messages` with the bodies of queued messages; both
are then reset.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import defaultdict
from typing import Any

_ASSIGNMENT = re.compile(r"(#\w+) = (.+?)(?=, #\w+ = | REMOVE |$)")
_PLACEHOLDER = re.compile(r":\w+")
_INDEX = ("client", "created")  # the keys of the table's index
_DELAY = re.compile(r"/after/(\d+)(?:/|$)")
_SQS_UNIT = 64 * 1024
_UNIT = 1024
_READ_UNIT = 4096

TOKEN = "bench-token"  # noqa: S105  nobody's
# Each mail has a msgId of its own: one that another mail had is not believed.
SENT = '{"ResponseStatus":"success","data":{"msgId":"%d","price":"0.03"},"error":null}'

Item = dict[str, Any]
Counts = defaultdict[str, float]


def size(value: Any) -> int:  # noqa: ANN401
    """Return about the bytes that DynamoDB bills for an attribute value."""
    ((kind, inside),) = value.items()
    if kind == "M":
        return 3 + sum(len(key) + size(item) + 1 for key, item in inside.items())
    if kind == "L":
        return 3 + sum(size(item) + 1 for item in inside)
    if kind == "N":
        return len(inside) // 2 + 2
    return 1 if kind in {"BOOL", "NULL"} else len(inside.encode())


def item_size(item: Item) -> int:
    """Return about the bytes of an item: names and values."""
    return sum(len(key.encode()) + size(value) for key, value in item.items())


class Table:
    """Items by key, every write allowed; counts the units that a real table would bill."""

    def __init__(self, counts: Counts) -> None:
        self._items: dict[str, Item] = {}
        self._counts = counts

    def clear(self) -> None:
        """Forget the mails; a stack has its control record from its first batch on."""
        for key in [key for key in self._items if not key.startswith("#")]:
            del self._items[key]

    def sizes(self) -> list[int]:
        """Return the items' sizes in bytes."""
        return [item_size(item) for item in self._items.values()]

    def call(self, operation: str, ask: dict[str, Any]) -> dict[str, Any]:
        """Answer one operation."""
        answer: dict[str, Any] = getattr(self, f"_{operation}")(ask)
        return answer

    def _GetItem(self, ask: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  AWS's name
        found = self._items.get(_key(ask["Key"]))
        whole = 1.0 if ask.get("ConsistentRead") else 0.5
        units = max(1, -(-item_size(found or {}) // _READ_UNIT))
        self._counts["dynamodb:read_units"] += whole * units
        return {"Item": found} if found else {}

    def _PutItem(self, ask: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self._write(_key(ask["Item"]), ask["Item"])
        return {}

    def _TransactWriteItems(self, ask: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        for entry in ask["TransactItems"]:
            # A transaction writes twice, but to the index once.
            self._write(_key(entry["Put"]["Item"]), entry["Put"]["Item"], times=2)
        return {}

    def _UpdateItem(self, ask: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        names = ask.get("ExpressionAttributeNames", {})
        values = ask.get("ExpressionAttributeValues", {})
        key = _key(ask["Key"])
        item = {**ask["Key"], **self._items.get(key, {})}
        for name, expression in _ASSIGNMENT.findall(ask["UpdateExpression"].removeprefix("SET ")):
            placeholders = _PLACEHOLDER.findall(expression)
            known = "if_not_exists" in expression and names[name] in item
            if placeholders and not (known and " + " not in expression):
                # The last operand is what the row gets when it has none yet, which is so here.
                item[names[name]] = values[placeholders[-1]]
        self._write(key, item)
        return {"Attributes": item} if ask.get("ReturnValues") == "ALL_NEW" else {}

    def _write(self, key: str, item: Item, times: int = 1) -> None:
        before = self._items.get(key, {})
        larger = max(item_size(before), item_size(item), 1)
        self._counts["dynamodb:write_units"] += times * -(-larger // _UNIT)
        changed = [before.get(name) != item.get(name) for name in _INDEX]
        if any(changed) and all(name in item for name in _INDEX):
            self._counts["dynamodb:index_write_units"] += 1
        self._items[key] = item


def _key(item: Item) -> str:
    value = item.get("pk") or item["id"]
    return str(value["S"])


class FarSide:
    """What was asked, and the answers."""

    def __init__(self) -> None:
        self.counts: Counts = defaultdict(float)
        self.table = Table(self.counts)
        self._messages: list[str] = []
        self._sent = 1_000_000

    async def answer(
        self, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[str, int, str, bytes]:
        """Return what was called, and status, content type and body of the answer."""
        if path == "/counts":
            return "", 200, "application/json", json.dumps(self._counted()).encode()
        if path == "/messages":
            messages, self._messages = self._messages, []
            return "", 200, "application/json", json.dumps(messages).encode()
        if delay := _DELAY.match(path):
            await asyncio.sleep(int(delay[1]) / 1000)
        if path.endswith("/mailSend.php"):
            self._sent += 1
            return "taqnyat:Send", 201, "application/json", (SENT % self._sent).encode()
        return self._aws(path, headers, body)

    def _counted(self) -> dict[str, float]:
        sizes = self.table.sizes()
        found: dict[str, float] = {**self.counts, "items": len(sizes), "item_bytes": sum(sizes)}
        self.counts.clear()
        self.table.clear()
        return found

    def _aws(self, path: str, headers: dict[str, str], body: bytes) -> tuple[str, int, str, bytes]:
        target = headers.get("x-amz-target", "")
        service, _, operation = target.rpartition(".")
        json_type = headers.get("content-type", "application/x-amz-json-1.0")
        if service.startswith("DynamoDB"):
            found = json.dumps(self.table.call(operation, json.loads(body))).encode()
            return f"dynamodb:{operation}", 200, json_type, found
        if service == "AmazonSQS":
            self.counts["sqs:billed"] += -(-len(body) // _SQS_UNIT) or 1
            ask = json.loads(body)
            entries = ask.get("Entries", [ask])
            self._messages += [entry["MessageBody"] for entry in entries if "MessageBody" in entry]
            taken = [{"Id": entry["Id"], "MessageId": "1"} for entry in ask.get("Entries", [])]
            found = json.dumps({"MessageId": "1", "Successful": taken}).encode()
            return f"sqs:{operation}", 200, json_type, found
        if service == "secretsmanager":
            return (
                f"secretsmanager:{operation}",
                200,
                json_type,
                json.dumps({"SecretString": TOKEN}).encode(),
            )
        if "cloudwatch" in path.lower() or service.startswith("GraniteService"):
            return "cloudwatch:PutMetricData", 200, "application/cbor", b"\xa0"
        if b"Action=PutMetricData" in body:
            return "cloudwatch:PutMetricData", 200, "text/xml", b"<R><ResponseMetadata/></R>"
        return f"other:{target or path}", 200, json_type, b"{}"


class Connection(asyncio.Protocol):
    """One keep-alive connection of HTTP/1.1 with Content-Length bodies."""

    def __init__(self, far_side: FarSide) -> None:
        self._far_side = far_side
        self._buffer = b""
        self._fresh = True
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to write to."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        self._buffer += data
        while True:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {}
            for line in lines:
                name, _, value = line.partition(":")
                headers[name.strip().lower()] = value.strip()
            if headers.get("expect"):
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                headers.pop("expect")
            length = int(headers.get("content-length", 0))
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            _, path, _ = first.split(" ", 2)
            task = asyncio.ensure_future(
                self._exchange(path, headers, rest[:length], len(head) + 4 + length)
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _exchange(self, path: str, headers: dict[str, str], body: bytes, length: int) -> None:
        counts = self._far_side.counts
        name, status, content_type, answer = await self._far_side.answer(path, headers, body)
        protocol = "smithy-protocol: rpc-v2-cbor\r\n" if content_type.endswith("cbor") else ""
        head = (
            f"HTTP/1.1 {status} OK\r\nContent-Type: {content_type}\r\n{protocol}"
            f"Content-Length: {len(answer)}\r\n\r\n"
        ).encode()
        if name:
            service = name.partition(":")[0]
            counts[name] += 1
            counts[f"{service}:requests"] += 1
            counts[f"{service}:bytes_in"] += length
            counts[f"{service}:bytes_out"] += len(head) + len(answer)
            counts[f"{service}:connections"] += self._fresh
            self._fresh = False
        self._transport.write(head + answer)


async def _serve() -> None:
    far_side = FarSide()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(far_side), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # Ends with its parent: standard input closes.
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
