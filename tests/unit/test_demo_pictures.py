"""The demonstration's pictures: small, of every category, the same at every first start."""

import pytest

from app.demo.pictures import picture
from app.documents.sniff import content_type
from app.workflows.programme_presets import CATEGORIES


@pytest.mark.parametrize("category", [*CATEGORIES, "added_7"])
def test_a_picture_is_a_small_png_and_always_the_same(category):
    first = picture(category)
    assert content_type(first) == "image/png" and len(first) < 10_000
    picture.cache_clear()
    assert picture(category) == first


def test_categories_are_told_apart():
    assert len({picture(category) for category in CATEGORIES}) == len(CATEGORIES)
