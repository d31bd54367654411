"""What keeps people from using a page: what axe-core finds, and what it does not look for."""

from __future__ import annotations

import importlib.resources
from typing import Any

from playwright.sync_api import Page

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 664}  # a phone's window, without the browser's bars
SCHEMES = ("light", "dark")

# What axe-core complains of, with the elements. What is in the frame of a mail is the sender's.
AXE = """async (rules) => {
  const options = {iframes: false, resultTypes: ["violations"], ...(rules && {runOnly: {type: "rule", values: rules}})};
  return (await axe.run(document, options)).violations.map((one) =>
    `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 120)).join(" ")}`);
}"""
COLOURS = ["color-contrast", "link-in-text-block"]  # the rules that can be broken in one scheme alone

# What axe-core leaves out where it is not sure: text on what lies under it.
CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const known = new Map();
  const light = (colours) => {
    const key = colours.join("|");
    if (!known.has(key)) known.set(key, lightness(paint(colours)));
    return known.get(key);
  };
  const paint = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const lightness = (data) => [0.2126, 0.7152, 0.0722].reduce((sum, part, at) => {
    const value = data[at] / 255;
    return sum + part * (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  }, 0);
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.nodeValue.trim());
    if (!own || !element.checkVisibility() || element.closest("svg, noscript, :disabled, [aria-hidden=true]")) continue;
    const under = [];
    for (let one = element; one; one = one.parentElement) under.unshift(getComputedStyle(one).backgroundColor);
    const [back, text] = [light(under), light([...under, getComputedStyle(element).color])];
    const ratio = (Math.max(back, text) + 0.05) / (Math.min(back, text) + 0.05);
    if (ratio < 4.5) poor.push(`${element.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return poor;
}"""

# What has no name: axe-core does not ask for that of a table or of a part of the page.
NAMELESS = """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), table, section, nav, [role=region]")]
  .filter((one) => one.checkVisibility())
  .filter((one) => !(one.labels?.[0] ?? one).textContent.trim() && !one.getAttribute("aria-label"))
  .map((one) => one.outerHTML.slice(0, 80))"""

# What a thumb would miss.
SMALL = """() => [...document.querySelectorAll("button, a.button, nav a, label:has(input)")]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44)
  .map((one) => one.outerHTML.slice(0, 80))"""


def load_axe(page: Page) -> None:
    """Bring axe-core into the page."""
    page.evaluate(importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))


TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def wrong(page: Page, window: dict[str, int], scheme: str) -> list[Any]:
    """What is wrong with a page into which axe-core has been brought, in a window of this size and in this scheme."""
    page.evaluate(TWO_FRAMES)  # what the page does when its window has another size is done by then
    found = page.evaluate(AXE, None if scheme == "light" else COLOURS) + page.evaluate(CONTRASTS) + page.evaluate(NAMELESS)
    found += page.evaluate(SMALL) if window is NARROW else []
    wide = page.evaluate("document.documentElement.scrollWidth")
    found += [f"{wide} pixels wide"] if wide > window["width"] else []
    found += ["no h1, or several"] if page.locator("h1").count() != 1 else []
    return list(found)
