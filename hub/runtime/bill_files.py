"""What every bill file has in common: one error with row and column, and an archive that is safe to open."""

import io
import zipfile
from typing import Final

from schemas.errors import TranslationError
from schemas.reasons import Reason

MEMBER_BYTES_MAX: Final = 200 * 1024 * 1024
RATIO_MAX: Final = 100
NUMBER_CHARACTERS_MAX: Final = 300


class BillFileError(TranslationError):
    """A bill file cannot be used as a whole: row and column say where. Nothing of it may be booked."""


def unreadable(row: int, column: str, fault: str) -> BillFileError:
    """Return the error of a place that cannot be read; rows count from 1."""
    return BillFileError(Reason.BILL_FILE_FORM, {"row": str(row), "column": column, "fault": fault})


def wrong_total(column: str, stated: object, found: object) -> BillFileError:
    """Return the error of a control total that the rows do not give."""
    fault = f"stated {stated}, the rows give {found}"
    return BillFileError(Reason.BILL_FILE_TOTALS, {"column": column, "fault": fault})


def number_of(row: int, column: str, text: str) -> str:
    """Return a number as a file has it: it is stored, indexed and shown, so it is printable and not endless.

    Raises BillFileError for another one, and for none.
    """
    if not text:
        raise unreadable(row, column, "the number is empty")
    if len(text) > NUMBER_CHARACTERS_MAX or not text.isprintable():
        raise unreadable(row, column, f"it holds control characters, or is longer than {NUMBER_CHARACTERS_MAX}")
    return text


def gbk_lines(content: bytes) -> list[str]:
    """Return the lines of a GBK text, line ends removed. Raises BillFileError naming row and byte of a bad one."""
    lines = []
    for row, raw in enumerate(content.replace(b"\r\n", b"\n").split(b"\n"), start=1):
        try:
            lines.append(raw.decode("gb18030"))
        except UnicodeDecodeError as error:
            raise unreadable(row, f"byte {error.start + 1}", "it is not GBK") from error
    return lines


def unpacked(archive: bytes) -> dict[str, bytes]:
    """Return the members of a ZIP by name (GBK without the UTF-8 flag).

    Raises BillFileError for no archive, a name that leaves the folder, more than 200 MiB, or more than 100 to 1.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive), metadata_encoding="gb18030") as package:
            return {info.filename: _member(package, info) for info in package.infolist() if not info.is_dir()}
    except (zipfile.BadZipFile, NotImplementedError, EOFError, UnicodeDecodeError) as error:
        raise unreadable(1, "ZIP", str(error) or type(error).__name__) from error


def _member(package: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    parts = info.filename.replace("\\", "/").split("/")
    if ".." in parts or info.filename.startswith(("/", "\\")) or ":" in parts[0]:
        raise unreadable(1, "ZIP", "a member's name leaves the folder")
    if info.file_size > MEMBER_BYTES_MAX or info.file_size > RATIO_MAX * max(1, info.compress_size):
        raise unreadable(1, "ZIP", "a member is larger than 200 MiB or than 100 times its packed size")
    return package.read(info)
