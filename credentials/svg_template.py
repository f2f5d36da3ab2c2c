"""How a certificate looks as a card: an SVG with a placeholder for each claim, which a wallet fills in (SD-JWT VC §8).

Every text of ours is escaped here; a wallet escapes what it fills in. No script, no style sheet, nothing to fetch.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

_WIDTH, _HEAD, _LINE, _FOOT = 640, 150, 46, 24
_INK, _PAPER, _SOFT, _GREEN = "#0b0c0c", "#ffffff", "#505a5f", "#00665e"
_FONT = 'font-family="sans-serif"'


def draw(*, title: str, issuer: str, lines: Sequence[tuple[str, str]], language: str) -> str:
    """Return the template; *lines* are (label, svg_id), and each becomes the label with ``{{svg_id}}`` below it."""
    height = _HEAD + _LINE * len(lines) + _FOOT
    rows = [_row(number, label, svg_id) for number, (label, svg_id) in enumerate(lines)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" xml:lang="{escape(language)}" role="img">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{_WIDTH}" height="{height}" rx="24" fill="{_PAPER}" stroke="{_GREEN}" stroke-width="2"/>',
            f'<path d="M0 24a24 24 0 0 1 24-24h{_WIDTH - 48}a24 24 0 0 1 24 24v86H0z" fill="{_GREEN}"/>',
            f'<text x="32" y="46" fill="{_PAPER}" font-size="18" {_FONT}>{escape(issuer)}</text>',
            f'<text x="32" y="86" fill="{_PAPER}" font-size="30" font-weight="bold" {_FONT}>{escape(title)}</text>',
            *rows,
            "</svg>\n",
        ]
    )


def _row(number: int, label: str, svg_id: str) -> str:
    top = _HEAD + _LINE * number
    return (
        f'<text x="32" y="{top}" fill="{_SOFT}" font-size="14" {_FONT}>{escape(label)}</text>'
        f'<text x="32" y="{top + 22}" fill="{_INK}" font-size="20" {_FONT}>{{{{{svg_id}}}}}</text>'
    )
