"""What a file is, by its content and not by its name (R-FILE-1)."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from app.errors import InvalidInput

MOST_BYTES = 20 * 1024 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"


def content_type(content: bytes) -> str | None:
    """`application/pdf`, `image/jpeg`, `image/png`, or None for everything else."""
    if content.startswith(b"%PDF-") and b"%%EOF" in content[-2048:]:
        return "application/pdf"
    if content.startswith(b"\xff\xd8\xff") and b"\xff\xd9" in content[-64:]:
        return "image/jpeg"
    if content.startswith(_PNG) and content[12:16] == b"IHDR" and b"IEND" in content[-64:]:
        return "image/png"
    return None


def accept(content: bytes) -> str:
    """The content's type. Raises InvalidInput `document.empty`, `document.size`, `document.type`."""
    found, code, text = None, "", ""
    if not content:
        code, text = "document.empty", "빈 파일입니다. 내용이 있는 파일을 선택해 주세요."
    elif len(content) > MOST_BYTES:
        code = "document.size"
        text = "등록 가능한 파일 용량을 초과하였습니다. 20MB 이하의 파일만 등록할 수 있습니다."
    else:
        found = content_type(content)
        code = "document.type"
        text = "PDF, JPEG, PNG 파일만 등록할 수 있습니다. 파일의 내용이 다른 형식이거나 손상되었습니다."
    if found is None:
        raise InvalidInput(code, text, fields={"file": text})
    return found


def safe_name(name: str) -> str:
    """The file's own name without folders and control characters, at most 120 characters."""
    base = PurePosixPath(unicodedata.normalize("NFC", name).replace("\\", "/")).name
    clean = re.sub(r"[\x00-\x1f\x7f<>:\"|?*]", "", base).strip(" .")
    stem, dot, suffix = clean.rpartition(".")
    if dot and len(clean) > 120:
        clean = f"{stem[: 119 - len(suffix)]}.{suffix}"
    return clean[:120] or "문서"
