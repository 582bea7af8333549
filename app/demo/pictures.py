"""Pictures of the demonstration's services: one for each category, drawn once; same words, same bytes."""

from __future__ import annotations

from functools import cache
from io import BytesIO

from PIL import Image, ImageDraw

from app.documents.sniff import content_type

SIZE = (640, 360)
# Category code -> ground, accent.
COLOURS = {
    "video": ((222, 235, 255), (37, 110, 244)),
    "remote_work": ((223, 244, 236), (34, 135, 56)),
    "security": ((232, 232, 243), (6, 58, 116)),
    "education": ((255, 243, 214), (138, 92, 0)),
    "care": ((253, 231, 226), (222, 52, 18)),
    "consulting": ((229, 240, 247), (11, 120, 203)),
}
_OTHER = ((240, 241, 243), (70, 76, 83))


@cache
def picture(category: str) -> bytes:
    """A window with panes in the category's colours, as PNG."""
    ground, accent = COLOURS.get(category, _OTHER)
    image = Image.new("RGB", SIZE, ground)
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((90, 50, 550, 310), radius=24, fill=(255, 255, 255), outline=accent, width=6)
    draw.rectangle((90, 100, 550, 106), fill=accent)
    for place in range(3):
        draw.ellipse((116 + place * 28, 68, 132 + place * 28, 84), fill=accent)
    step = 1 + sorted(COLOURS).index(category) if category in COLOURS else 1
    for row in range(2):
        for column in range(3):
            left, top = 120 + column * 140, 124 + row * 90
            chosen = (row * 3 + column) % step == 0
            draw.rounded_rectangle(
                (left, top, left + 120, top + 76), radius=10, fill=accent if chosen else ground
            )
    buffer = BytesIO()
    image.quantize(16).save(buffer, format="PNG", optimize=True)
    content = buffer.getvalue()
    if content_type(content) != "image/png":
        raise ValueError("the picture is no PNG")
    return content
