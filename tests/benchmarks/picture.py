"""One picture: how many jobs a second each peer drains."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from catalogue import HIREDIS, OURS
from plan import USUAL, Figure
from report import BY_NAME, Results, spread

AS_SHIPPED, QUIET, OTHERS = "#1f6f8b", "#8fc1d4", "#b8b8b8"
LABELS = {"bare": "bare BRPOP loop", "bare-safe": "bare acknowledge-and-fetch loop"}


def draw(results: Results, caption: str, path: Path) -> bool:
    """Write the picture. Gives back False if there is nothing to show."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    bars = []
    for name, peer in BY_NAME.items():
        for level in peer.levels:
            found = spread(list(results.each_round(name, Figure("drain", level=level), "per second").values()))
            if found:
                label = LABELS.get(peer.base, peer.base) + (" + hiredis" if name.endswith(HIREDIS) else "")
                label += ", warnings only" if level == "warning" else ""
                colour = OTHERS if peer.base != OURS else AS_SHIPPED if level == "shipped" else QUIET
                bars.append((found, label, colour))
    if not bars:
        return False
    bars.sort(key=lambda bar: bar[0].median)
    figure, axes = plt.subplots(figsize=(10, 1 + 0.36 * len(bars)), layout="constrained")
    medians = [found.median for found, _, _ in bars]
    spans = [
        [found.median - found.lowest for found, _, _ in bars],
        [found.highest - found.median for found, _, _ in bars],
    ]
    axes.barh([label for _, label, _ in bars], medians, color=[colour for *_, colour in bars], height=0.7)
    axes.errorbar(medians, range(len(bars)), xerr=spans, fmt="none", ecolor="#444444", elinewidth=1, capsize=2)
    for position, (found, _, _) in enumerate(bars):
        axes.annotate(f"{found.median:,.0f}", (found.highest, position), (5, 0), textcoords="offset points", va="center")
    axes.set_xlim(0, 1.12 * max(found.highest for found, _, _ in bars))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    figure.suptitle(
        f"Jobs a second, drained by one process: no-op job, {USUAL} threads where there are any", x=0.01, ha="left"
    )
    figure.supxlabel(caption, fontsize=8, color="#444444", x=0.01, ha="left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100, facecolor="white")
    plt.close(figure)
    return True
