"""The papers as they looked when somebody last looked at them.

`python -m tests.unit.documents.pictures` takes new pictures, to be looked at before they are kept; what is
drawn otherwise is another edition (app/documents/book.py).
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pypdf
import pypdfium2
from PIL import Image, ImageChops

from app.documents.book import EDITION
from app.models.payments import SlipKind
from tests import papers

FOLDER = Path(__file__).parent / "pictures"
BLOCK = 16
"""Points on each side: a letter or two."""


def taken(kind: SlipKind) -> Image.Image:
    """The first page in grey, a dot a point."""
    page = pypdfium2.PdfDocument(papers.draw(kind, papers.PAPERS[kind]))[0]
    picture: Image.Image = page.render(scale=1).to_pil().convert("L")
    return picture


def kept(kind: SlipKind) -> Image.Image:
    return Image.open(FOLDER / f"{kind.value}.png").convert("L")


def differences(one: Image.Image, other: Image.Image) -> tuple[float, float]:
    """How much they differ on the whole, and in the worst place, from 0 to 1."""
    difference = ImageChops.difference(one, other)
    blocks = difference.resize(
        (-(-one.width // BLOCK), -(-one.height // BLOCK)), resample=Image.Resampling.BOX
    ).tobytes()
    return sum(blocks) / len(blocks) / 255, max(blocks) / 255


def marks(kind: SlipKind) -> str:
    """A hash of what draws the pages, before it is packed: the same wherever it is drawn."""
    pages = pypdf.PdfReader(io.BytesIO(papers.draw(kind, papers.PAPERS[kind]))).pages
    drawn = [page["/Contents"].get_object().get_data() for page in pages]
    return hashlib.sha256(b"\n".join(drawn)).hexdigest()


def pinned(edition: int) -> dict[str, str]:
    found: dict[str, str] = json.loads((FOLDER / f"edition-{edition}.json").read_text())
    return found


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in papers.PAPERS:
        taken(each).save(FOLDER / f"{each.value}.png", optimize=True)
    found = {each.value: marks(each) for each in papers.PAPERS}
    (FOLDER / f"edition-{EDITION}.json").write_text(json.dumps(found, indent=2) + "\n")
