"""The text of a file: UTF-8 or UTF-16; for another encoding the error names the likely one."""

import codecs
from typing import Final

import charset_normalizer

from ops.errors import OpsError

MAX_BYTES: Final = 256 * 1024 * 1024
_SAMPLE_BYTES: Final = 64 * 1024
_AS_CSV: Final = "save it as `CSV UTF-8` in the spreadsheet"
_OTHER_FILES: Final = (
    (b"PK\x03\x04", "an Excel workbook (.xlsx)"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a compressed file"),
    (b"<html", "a web page"),
    (b"<!DOC", "a web page"),
)
_OPEN_DOCUMENT: Final = b"mimetypeapplication/vnd.oasis."
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Other encodings that office programs save, the likeliest here first: Python's name, common name.
_OFFICE: Final = {
    "cp1256": "windows-1256",
    "iso8859_6": "iso-8859-6",
    "cp1252": "windows-1252",
    "cp1250": "windows-1250",
    "cp1254": "windows-1254",
    "cp1251": "windows-1251",
}
_AS_GOOD: Final = 0.02  # the detector's measure of unlikely text, from 0 to 1


def decode(data: bytes, name: str, encoding: str | None = None) -> str:
    """Return the text of a file; `encoding` is the user's choice.

    An encoding that is neither marked nor proven is never guessed: a wrong guess gives wrong names
    that look right.

    Raises:
        OpsError: it is another kind of file, or not in this encoding; the remedy says what to do.

    """
    if _OPEN_DOCUMENT in data[:100]:
        raise OpsError(f"{name} is an OpenDocument spreadsheet (.ods), not CSV", _AS_CSV)
    for begin, kind in _OTHER_FILES:
        if data[:5].startswith(begin):
            raise OpsError(f"{name} is {kind}, not CSV", _AS_CSV)
    text = _decoded(data, name, encoding or _by_its_marks(data))
    if "\x00" in text:
        raise OpsError(f"{name} is no text: it holds NUL characters", _AS_CSV)
    return text


def _by_its_marks(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    # Without a mark, the zero bytes of ASCII letters and separators show which half comes first.
    first, second = data[:_SAMPLE_BYTES:2].count(0), data[1:_SAMPLE_BYTES:2].count(0)
    if max(first, second) * 8 > min(len(data), _SAMPLE_BYTES):
        return "utf-16-be" if first > second else "utf-16-le"
    return "utf-8"


def _decoded(data: bytes, name: str, encoding: str) -> str:
    try:
        # str refuses codecs that are no encodings of text.
        return str(data, encoding).removeprefix("\ufeff")
    except LookupError:
        raise OpsError(
            "--encoding does not name an encoding", "such as windows-1256 or utf-16"
        ) from None
    except ValueError:
        if encoding != "utf-8":
            raise OpsError(f"{name} is not in {encoding}", _AS_CSV) from None
    looks_like = _likely(data)
    if looks_like is None:
        raise OpsError(f"{name} is not text in UTF-8", _AS_CSV)
    raise OpsError(
        f"{name} is not in UTF-8; it looks like {looks_like}",
        f"{_AS_CSV}, or see whether `--encoding {looks_like} --preview 2` reads well, "
        f"and send with that encoding",
    )


def _likely(data: bytes) -> str | None:
    """Return the name of the encoding that charset_normalizer finds most likely."""
    # Use only lines with other characters: thousands of ASCII lines would hide the others.
    telling = [line for line in data.splitlines() if not line.isascii()]
    sample = b"\n".join(telling)[:_SAMPLE_BYTES]
    found = charset_normalizer.from_bytes(sample, cp_isolation=list(_OFFICE), threshold=0.5)
    chaos = {match.encoding: match.chaos for match in found}
    # A match also stands for encodings that read the sample alike.
    for match in found:
        chaos |= dict.fromkeys(match.could_be_from_charset, match.chaos)
    if not chaos:
        return None
    least = min(chaos.values()) + _AS_GOOD
    return next((_OFFICE[code] for code in _OFFICE if chaos.get(code, 1.0) <= least), None)
