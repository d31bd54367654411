"""What all pictures have in common: the same tones, letters that stay letters, and nothing that is left to chance."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from html import escape
from typing import Any

# Tones that can be read on a white page and on a black one.
GREY, BLUE, RED = "#787878", "#4c78a8", "#e45756"


def svg(draw: Callable[[Any], None], *, height: float, salt: str) -> bytes | None:
    """A drawing, `height` inches high, as SVG; None without matplotlib: the terminal lessons do without it.

    `draw` receives the axes. `salt` is the same for pictures of one kind, so that the same picture has the same bytes.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        return None
    style = {"svg.fonttype": "none", "svg.hashsalt": salt}
    style |= dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), GREY)
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(7.5, height), layout="constrained")
        draw(figure.add_subplot())
        picture = io.BytesIO()
        figure.savefig(picture, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return picture.getvalue()


def image(picture: bytes, words: str) -> str:
    """The picture for a notebook, with the same in words. By itself, a notebook would show an image without its words."""
    source = f"data:image/svg+xml;base64,{base64.b64encode(picture).decode()}"
    return f'<img src="{source}" alt="{escape(words)}">'
