"""The picture in the mail: a few seconds of something that moves, the same for the same thought. Drawn here, no network."""

from __future__ import annotations

import colorsys
import hashlib
import io
import math
import textwrap
import unicodedata
from functools import cache

from PIL import Image, ImageDraw, ImageFont

SIZE = (420, 236)
FINER = 2  # drawn so many times larger and then shrunk: soft edges
FRAMES = 24
BETWEEN = 70  # milliseconds
LONGEST = 90  # characters of a thought that are written into the picture; all of it is beside it, as text
COLOURS = 64

Colour = tuple[int, int, int]


def draw(thought: str) -> bytes:
    """An animated GIF for a thought, and the same one each time.

    >>> draw("hello")[:6], draw("hello") == draw("hello"), draw("hello") == draw("goodbye")
    (b'GIF89a', True, False)
    """
    dice = hashlib.sha256(thought.encode(errors="replace")).digest()
    words = _words(thought)
    frames = [_frame(words, dice, number / FRAMES) for number in range(FRAMES)]
    palette = frames[0].quantize(COLOURS, dither=Image.Dither.NONE)
    first, *rest = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=rest, duration=BETWEEN, loop=0)
    return file.getvalue()


def _frame(words: Image.Image, dice: bytes, turn: float) -> Image.Image:
    """One moment of it; `turn` goes from 0 to 1, where it starts again."""
    width, height = (side * FINER for side in SIZE)
    hue = 0.45 + 0.6 * dice[0] / 256  # from green by blue to red: what lies between is muddy when it is dark
    image = Image.new("RGB", (width, height), _colour(hue, 0.55, 0.22))
    pen = ImageDraw.Draw(image)
    angle = 2 * math.pi * turn
    # Bubbles that go around, each in an orbit of its own, the largest first so that the small ones stay visible.
    for number in range(11):
        one, two, three = dice[1 + number], dice[12 + number // 2], dice[20 + number]
        where = 2 * math.pi * one / 256 + angle * (1 if three % 2 else -1) * (1 + number // 6)
        x = width * (0.5 + (0.15 + 0.38 * (two / 256)) * math.cos(where))
        y = height * (0.5 + (0.15 + 0.4 * (three / 256)) * math.sin(where))
        radius = height * (0.2 - 0.014 * number) * (1 + 0.12 * math.sin(angle + number))
        colour = _colour(hue + 0.08 + 0.035 * number, 0.55, 0.4 + 0.045 * number)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    image = image.reduce(FINER)
    image.paste(words, mask=words)
    return image


def _words(thought: str) -> Image.Image:
    """The thought, on nothing."""
    width, height = (side * FINER for side in SIZE)
    image = Image.new("RGBA", (width, height))
    pen = ImageDraw.Draw(image)
    lines = textwrap.wrap(thought[:LONGEST] + (" …" if len(thought) > LONGEST else ""), 24, max_lines=4, placeholder=" …")
    size = height // (5 if len(lines) < 3 else 8) if max(map(len, lines), default=0) < 14 else height // 8
    widest = max((ImageFont.load_default(size).getlength(line) for line in lines), default=0)
    size = int(size * min(1, 0.94 * width / (widest or 1)))
    font = ImageFont.load_default(size)
    top = (height - len(lines) * size * 1.25) / 2
    for number, line in enumerate(lines):
        letters = [letter for sign in line for letter in _letters(sign)]
        x = (width - sum(font.getlength(letter) for letter in letters)) / 2
        y = top + number * size * 1.25
        for letter in letters:
            if _known(letter):
                pen.text((x + size * 0.05, y + size * 0.05), letter, font=font, fill=(0, 0, 0))
                pen.text((x, y), letter, font=font, fill=(255, 255, 255))
            else:
                _star(pen, x + font.getlength(letter) / 2, y + size * 0.62, size * 0.36, ord(letter))
            x += font.getlength(letter)
    return image.reduce(FINER)


def _letters(sign: str) -> list[str]:
    """What is written for a sign: é as e. The font is Pillow's own, the same everywhere, and has few letters."""
    if not _known(sign):
        plain = [part for part in unicodedata.normalize("NFKD", sign) if _known(part)]
        if plain or unicodedata.category(sign)[0] in "CMZ":  # what joins or accents another one is nothing by itself
            return plain
    return [sign]


@cache
def _missing() -> bytes:
    return bytes(ImageFont.load_default(24).getmask("\U000f0000"))


@cache
def _known(letter: str) -> bool:
    return letter.isspace() or bytes(ImageFont.load_default(24).getmask(letter)) != _missing()


def _star(pen: ImageDraw.ImageDraw, x: float, y: float, radius: float, number: int) -> None:
    """What the font cannot write, such as a cat or an alif, is a star, in a colour of its own."""
    points = [
        (x + size * math.sin(math.pi * tip / 5), y - size * math.cos(math.pi * tip / 5))
        for tip, size in enumerate([radius, radius * 0.45] * 5)
    ]
    pen.polygon(points, fill=_colour(number * 0.381966, 0.6, 0.95))


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue % 1, saturation, value))
    return red, green, blue
