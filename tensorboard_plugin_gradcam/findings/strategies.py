"""Strategies: one class that is recognised in several ways (SpRAy; Lapuschkin et al., 2019).

https://www.nature.com/articles/s41467-019-08987-4
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.findings.attention import Floats

Labels = NDArray[np.int64]

FEWEST = 20  # samples of a class
MOST = 400  # samples that are clustered; of more, evenly spaced ones
CLUSTERS = 8  # at most


@dataclass(frozen=True, eq=False)
class Strategies:
    """Clusters of a class's maps.

    Attributes:
        clusters: ``(N,)``, cluster of each sample; -1 where its map has no evidence or was left out.
        silhouettes: ``(N,)``, how much nearer a map is to its own cluster than to the next, in [-1, 1]; NaN for -1.
    """

    clusters: Labels
    silhouettes: NDArray[np.float64]

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return int(self.clusters.max(initial=-1)) + 1


def strategies(shares: Floats) -> Strategies:
    """Cluster maps ``(N, g)`` spectrally, by the Bhattacharyya coefficient; the eigengap tells how many clusters.

    A symmetric graph of the k nearest, k = min(10, N / 5), its normalised Laplacian, and k-means on its first
    eigenvectors (Ng, Jordan & Weiss, 2001; von Luxburg, 2007).
    """
    clusters = np.full(len(shares), -1, dtype=np.int64)
    silhouettes = np.full(len(shares), np.nan)
    seen = np.flatnonzero(shares.sum(axis=1) > 0)
    if len(seen) > MOST:
        seen = seen[np.linspace(0, len(seen) - 1, MOST).astype(int)]
    if len(seen) < FEWEST:
        return Strategies(clusters, silhouettes)
    roots = np.sqrt(shares[seen].astype(np.float64))
    alike = np.clip(roots @ roots.T, 0, 1)
    count, vectors = _spectrum(_neighbours(alike))
    found = k_means(vectors[:, :count], count)
    clusters[seen] = found
    silhouettes[seen] = silhouette(np.sqrt(np.maximum(1 - alike, 0)), found)
    return Strategies(clusters, silhouettes)


def _neighbours(alike: NDArray[np.float64]) -> NDArray[np.float64]:
    count = len(alike)
    nearest = max(2, min(10, count // 5))
    others = alike - 2 * np.eye(count)
    order = np.argsort(-others, axis=1, kind="stable")[:, :nearest]
    graph = np.zeros_like(alike)
    np.put_along_axis(graph, order, np.take_along_axis(alike, order, axis=1), axis=1)
    return np.maximum(graph, graph.T)


def _spectrum(graph: NDArray[np.float64]) -> tuple[int, NDArray[np.float64]]:
    """Return how many clusters the eigengap names, and the rows of the normalised Laplacian's first eigenvectors."""
    degrees = np.maximum(graph.sum(axis=1), 1e-12)
    laplacian = np.eye(len(graph)) - graph / np.sqrt(np.outer(degrees, degrees))
    values, vectors = np.linalg.eigh(laplacian)
    first = min(CLUSTERS + 1, len(values))
    count = int(np.diff(values[:first]).argmax()) + 1
    rows = vectors[:, :count]
    return count, rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def k_means(points: NDArray[np.float64], count: int, rounds: int = 100) -> Labels:
    """Cluster points ``(N, d)``, the first centres chosen far apart: the same for the same points."""
    centres = [points[np.linalg.norm(points - points.mean(axis=0), axis=1).argmax()]]
    while len(centres) < count:
        apart = np.min([np.linalg.norm(points - centre, axis=1) for centre in centres], axis=0)
        centres.append(points[apart.argmax()])
    means = np.stack(centres)
    labels = np.zeros(len(points), dtype=np.int64)
    for _ in range(rounds):
        new = np.linalg.norm(points[:, None] - means[None], axis=2).argmin(axis=1)
        if (new == labels).all() and _:
            break
        labels = new
        means = np.stack([points[labels == k].mean(axis=0) if (labels == k).any() else means[k] for k in range(count)])
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def silhouette(distances: NDArray[np.float64], labels: Labels) -> NDArray[np.float64]:
    """Return each sample's silhouette from distances ``(N, N)`` (Rousseeuw, 1987); 0 for clusters of one."""
    count = int(labels.max()) + 1
    if count < 2:
        return np.zeros(len(labels))
    members = np.eye(count)[labels]
    sums, sizes = distances @ members, members.sum(axis=0)
    own = sizes[labels]
    within = np.take_along_axis(sums, labels[:, None], axis=1)[:, 0] / np.maximum(own - 1, 1)
    means = sums / sizes
    np.put_along_axis(means, labels[:, None], np.inf, axis=1)
    between = means.min(axis=1)
    widths = (between - within) / np.maximum(np.maximum(between, within), 1e-12)
    return np.where(own > 1, widths, 0.0)
