"""Scatter plots of a criterion against supervised accuracy, a column per set."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt
import numpy as np

#: set -> schedule -> (criterion per policy, supervised accuracy per policy)
Clouds = dict[str, dict[int, tuple[np.ndarray, np.ndarray]]]


def scatter(rows: dict[str, Clouds], path: Path) -> None:
    """A row of plots per criterion; written as SVG and PNG."""
    sets = list(next(iter(rows.values())))
    plt.rcParams.update({"font.size": 8, "svg.hashsalt": "quarterturn"})
    figure, axes = plt.subplots(
        len(rows), len(sets), figsize=(2.6 * len(sets), 2.4 * len(rows)), squeeze=False
    )
    for line, (criterion, clouds) in zip(axes, rows.items(), strict=True):
        for place, name in zip(line, sets, strict=True):
            for schedule, (x, y) in clouds[name].items():
                place.plot(x, 100 * y, "o", markersize=3, alpha=0.7, label=f"{schedule} iterations")
            place.set_title(name)
            place.set_xlabel(criterion)
            place.spines[["top", "right"]].set_visible(False)
        line[0].set_ylabel("supervised accuracy, %")
    axes[0][0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
    figure.savefig(path.with_suffix(".png"), dpi=120)
    plt.close(figure)
