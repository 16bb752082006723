"""The twelve sample bodies of Taqnyat's guide, byte for byte, and answers made after them.

Eleven of the twelve are not valid JSON. They are answered as they are: a client has to cope.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).with_name("guide_bodies.json")


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of the guide."""

    name: str
    http_status: int
    body: str

    @property
    def error_code(self) -> int | None:
        """The code that the sample's heading names, not the one in the body."""
        kind, _, code = self.name.partition("_")
        return int(code) if kind == "error" else None


SAMPLES = {entry["name"]: Sample(**entry) for entry in json.loads(DATA.read_text(encoding="utf-8"))}
CODES = tuple(sample.error_code for sample in SAMPLES.values() if sample.error_code is not None)

_SAMPLE_IP = "10.0.0.1"
_ERROR_CODE = re.compile(r'"ErrorCode":\d+')
_OTHER_FAILURE = (
    SAMPLES["error_14"].body.replace("خطا في المرسل", "خطأ").replace("error From", "error")
)


def success(msg_id: int, price: str) -> str:
    """Return the guide's success body (malformed as there) for this mail."""
    body = SAMPLES["success"].body.replace('"msgId":202', f'"msgId":{msg_id}')
    return body.replace('"price":"0"', f'"price":"{price}"')


def success_json(msg_id: int, price: str) -> str:
    """Return the same answer as valid JSON."""
    data = {
        "msgId": msg_id,
        "result": 1,
        "MessageAr": "تم الإرسال",
        "MessageEn": "sent successfully",
        "price": price,
    }
    return _dump({"status": 1, "ResponseStatus": "success", "Data": data, "Error": None})


def failure(code: int, client_ip: str = _SAMPLE_IP) -> str:
    """Return the guide's failure body for a code; one that it does not list gets the same shape.

    The sample of code 3 carries ErrorCode 2. Here the number is the one that was asked for;
    the sample as printed is the answer `guide:error_3`.
    """
    sample = SAMPLES.get(f"error_{code}")
    body = _OTHER_FAILURE if sample is None else sample.body
    return _ERROR_CODE.sub(f'"ErrorCode":{code}', body).replace(_SAMPLE_IP, client_ip)


def failure_json(code: int, client_ip: str = _SAMPLE_IP) -> str:
    """Return the same answer as valid JSON."""
    body = failure(code, client_ip)
    texts = {key: _text_of(body, key) for key in ("MessageAr", "MessageEn")}
    error = {"ErrorCode": code, **texts}
    return _dump({"status": 1, "ResponseStatus": "fail", "Data": None, "Error": error})


def status_json(service: str, description: str, *, many: bool) -> str:
    """Return an answer of /system/status about one service, as an object or as a list of one."""
    status = {"service": service, "description": description}
    return _dump({"statusCode": 200, "status": [status] if many else status})


def balance_json(balance: str, expires: str, status: str) -> str:
    """Return an answer of /account/balance, which is no part of the guide for mail."""
    account = {"accountStatus": status, "accountExpiryDate": expires}
    return _dump({"statusCode": 200, **account, "balance": balance, "currency": "SAR"})


def message_json(status: int, message: str) -> str:
    """Return the other envelope that Taqnyat's channels use."""
    return _dump({"statusCode": status, "message": message})


def _text_of(body: str, key: str) -> str:
    line = next(line for line in body.split("\n") if f'"{key}"' in line)
    return line.partition(":")[2].strip(' ",')


def _dump(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return json.dumps(value, ensure_ascii=False)
