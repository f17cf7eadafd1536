"""What can be logged, maps of any engine or of the user's own: `Explanation`; and what engines return: `Result`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    from tensorboard_plugin_gradcam.pixels import Pixels


MapKind = Literal["positive", "signed", "rgb"]


class Distinct(list[Any]):
    """What is asked of one image, its top class as None: a class that turns out to be the top one is explained once."""

    def without_top(self, top: int) -> list[Any]:
        """Return what is left to explain once it is known which class is the top one."""
        return [asked for asked in self if asked is None or None not in self or int(asked) != top]


def is_detection(outputs: Any) -> bool:
    """Say whether a model returned boxes: for each image, at least one, a mapping of `boxes`, `labels` and `scores`."""
    return (
        isinstance(outputs, (list, tuple))
        and len(outputs) > 0
        and all(isinstance(item, Mapping) and {"boxes", "labels", "scores"} <= set(item) for item in outputs)
    )


class Explanation(Protocol):
    """Maps of M explained scores of N images, by (method, layer); arrays of any framework.

    An image may be explained by no map (a detector found nothing in it), by one, or by several.
    """

    @property
    def maps(self) -> Mapping[tuple[str, str], Any]:
        """For each (method, layer) raw, signed maps ``(M, ...)``, the colour last where the kind is "rgb"."""

    @property
    def kinds(self) -> Mapping[str, MapKind]:
        """For each method how its maps are meant."""

    @property
    def count(self) -> int:
        """How many images were looked at, N."""

    @property
    def samples(self) -> Any:
        """``(M,)``, index of the image."""

    @property
    def targets(self) -> Any:
        """``(M,)``, the class that is explained; -1 where it is no class."""

    @property
    def scores(self) -> Any:
        """``(M,)``, the explained score; None or NaN where it is not known."""

    @property
    def names(self) -> Sequence[str]:
        """M descriptions of the targets, or none at all."""

    @property
    def flags(self) -> Mapping[tuple[str, str], Sequence[str]]:
        """For each (method, layer) M texts that a viewer should show with a map, or none at all."""

    @property
    def outputs(self) -> Any:
        """What the model returned; None where it is not known."""


SHOWN_NAMES = 8


class Result:
    """What the results of all engines can do.

    Attributes:
        maps: raw, signed maps ``(M, ...)``.
        kinds: for each method how its maps are meant: "positive", "signed" or "rgb".
        targets: ``(M,)``, the class that is explained.
        inputs: what was explained, ``(N, C, ...)``, for `show`; None where the images' sizes differ.
        count: of the images, N.
        names: M descriptions of the targets.
        measures: of each map, by their name and then by (method, layer): ``(M,)``, NaN for none.
        notes: why numbers are missing, for people.
    """

    maps: Mapping[tuple[str, str], Any]
    kinds: Mapping[str, MapKind]
    targets: Any
    inputs: Any
    count: int
    names: tuple[str, ...]
    measures: Mapping[str, Mapping[tuple[str, str], Any]]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of explained scores, M: an image may have none or several."""
        return len(self.targets)

    def __repr__(self) -> str:
        """Return a few lines: how many maps of what there are."""
        head = f"{type(self).__name__}: {len(self)} explained scores of {self.count} images"
        series = [
            f"  {' at '.join(part for part in key if part)}: {self.kinds[key[0]]} maps {tuple(maps.shape)}"
            for key, maps in self.maps.items()
        ]
        more = ", ..." if len(self.names) > SHOWN_NAMES else ""
        means = [
            f"  {name} of {' at '.join(part for part in key if part)}: {mean:.3f} on average"
            for name, by_key in self.measures.items()
            for key, values in by_key.items()
            if np.isfinite(mean := _mean(values))
        ]
        return "\n".join([head, *series, *means, f"  targets: {', '.join(self.names[:SHOWN_NAMES])}{more}"])

    def _repr_png_(self) -> bytes | None:
        """Return what a notebook shows: the maps over their pictures; None where the inputs are none."""
        try:
            return self.show()._repr_png_()
        except ValueError:
            return None

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, in the order in which they were passed."""
        return tuple(dict.fromkeys(method for method, _ in self.maps))

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in the order in which they were passed."""
        return tuple(dict.fromkeys(layer for _, layer in self.maps))

    def show(
        self,
        images: Any = None,
        *,
        transform: object | None = None,
        mean: Any = None,
        std: Any = None,
        **options: Any,
    ) -> Pixels:
        """Return a sheet of the maps over their pictures, which a notebook displays; `save(path)` writes it.

        Args:
            images: pictures of the N inputs, each ``(H, W, 3)`` or ``(H, W)``, uint8 or floating point in [0, 1]; by
                default the inputs; an input outside [0, 1] with unknown normalization is stretched to its own range.
            transform: how the inputs were normalized, as for `prepare_samples`.
            mean: per channel, if the inputs were normalized by `mean` and `std`.
            std: per channel.
            options: `method`, `layer`, `class_names`, `size`, `columns`, and options of `heatmap.overlay`.

        Raises:
            ValueError: the inputs are not pictures and none were passed, or the method or layer was not computed.
        """
        from tensorboard_plugin_gradcam import sheet

        if images is None:
            if self.inputs is None:
                raise ValueError("expected images=, because the inputs differ in size, got None")
            inputs = np.asarray(self.inputs.float().cpu() if hasattr(self.inputs, "cpu") else self.inputs)
            images = sheet.pictures_of(inputs, transform, mean, std)
        return sheet.show(self, images, **options)

    def chosen(self, method: str | None, layer: str | None) -> list[Any]:
        """Return the maps of one method, at one layer or at all of them; the sum of colours.

        Raises:
            ValueError: for a method or a layer that was not asked for, or where several methods leave it open.
        """
        if method is None and len(self.methods) > 1:
            raise ValueError(f"expected method= to name one of {', '.join(self.methods)}, got None")
        name = self.methods[0] if method is None else method
        chosen = [maps for (of, at), maps in self.maps.items() if of == name and layer in (None, at)]
        if not chosen:
            known = ", ".join(f"{of} at {at}" for of, at in self.maps)
            raise ValueError(f"expected one of {known}, got method={name!r}, layer={layer!r}")
        return [maps.sum(-1) for maps in chosen] if self.kinds[name] == "rgb" else chosen


def _mean(values: Any) -> float:
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    return float(known.mean()) if known.size else np.nan


def checked_size(size: Any, axes: int) -> tuple[int, ...] | None:
    """Return the size of masks, one for each spatial axis; a single number stands for all of them.

    Raises:
        TypeError: it is no size; the message names the argument that was meant.
    """
    if size is None:
        return None
    if isinstance(size, str):
        raise TypeError(f"expected size as {axes} numbers, got {size!r}: pass method={size!r} or layer={size!r}")
    if hasattr(size, "__index__"):
        return (int(size),) * axes
    found = tuple(int(edge) for edge in size)
    if len(found) != axes or min(found) < 1:
        raise ValueError(f"expected size as {axes} numbers of 1 or above, got {tuple(size)}")
    return found
