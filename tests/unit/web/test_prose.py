"""Plain text as safe HTML: paragraphs, lines, links, and nothing else (R-PUB-2)."""

import pytest

from app.web.prose import prose


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("", ""),
        (None, ""),
        ("한 줄", "<p>한 줄</p>"),
        ("한 줄\n두 줄", "<p>한 줄<br>\n두 줄</p>"),
        ("첫 문단\n\n\n둘째 문단\n", "<p>첫 문단</p>\n<p>둘째 문단</p>"),
        ('<b>굵게</b> & 따옴표"', "<p>&lt;b&gt;굵게&lt;/b&gt; &amp; 따옴표&#34;</p>"),
    ],
)
def test_text_is_only_text(written, shown):
    assert prose(written) == shown


@pytest.mark.parametrize(
    ("written", "address", "rest"),
    [
        ("https://example.com", "https://example.com", ""),
        ("(https://example.com/a)", "https://example.com/a", ")"),
        ("https://example.com/a.", "https://example.com/a", "."),
        ("http://example.com/?a=1&b=2", "http://example.com/?a=1&amp;b=2", ""),
    ],
)
def test_an_address_of_the_web_is_a_link(written, address, rest):
    shown = prose(written)
    assert f'<a href="{address}" rel="noopener nofollow">{address}</a>{rest}</p>' in shown


@pytest.mark.parametrize("written", ["javascript:alert(1)", "ftp://example.com", "www.example.com"])
def test_nothing_else_becomes_a_link(written):
    assert prose(written) == f"<p>{written}</p>"


def test_a_quote_ends_an_address():
    assert prose('https://example.com/"onclick="x') == (
        '<p><a href="https://example.com/" rel="noopener nofollow">https://example.com/</a>'
        "&#34;onclick=&#34;x</p>"
    )
