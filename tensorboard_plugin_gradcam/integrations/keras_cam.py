"""`KerasCAM`: class activation maps of Keras models: on TensorFlow and JAX without torch, on torch by its engine."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.aliases import Measures
from tensorboard_plugin_gradcam.arrays import to_numpy
from tensorboard_plugin_gradcam.explanation import Distinct, MapKind, Result, checked_size
from tensorboard_plugin_gradcam.integrations import keras_layers, keras_maps, keras_measures
from tensorboard_plugin_gradcam.integrations.keras_backends import Pass, Tap, run
from tensorboard_plugin_gradcam.integrations.keras_inputs import KerasInputs
from tensorboard_plugin_gradcam.integrations.keras_maps import Floats
from tensorboard_plugin_gradcam.integrations.keras_probing import Probe, plain, probed
from tensorboard_plugin_gradcam.layer_finding import Arrangement, Candidates
from tensorboard_plugin_gradcam.measures import find_measures
from tensorboard_plugin_gradcam.measures.registry import of_a_copy

_UNKNOWN = object()


@dataclass(frozen=True, eq=False, repr=False)
class KerasResult(Result):
    """Maps of M explained scores of N images, in NumPy; the fields are those of `CAMResult`.

    Attributes:
        maps: by (method, layer): raw, signed maps ``(M, ...)``, float32, in the layer's resolution.
        outputs: the model's scores ``(N, classes)``, before the last layer's softmax or sigmoid if it has one.
        scores: the explained scores ``(M,)``.
        targets: the explained classes ``(M,)``.
        count: number of images, N.
        samples: index of the image within the batch ``(M,)``.
        names: M descriptions of the targets.
        flags: by (method, layer): M remarks that viewers must show with a map ("not finite", "flat", ...); "" for none.
        kinds: by method: how its values are meant ("positive", "signed", "rgb").
        input_size: spatial size of the inputs in pixels, ``(H, W)``.
        inputs: the explained images ``(N, C, ...)``, for `show`.
        measures: by name and then by (method, layer): a number for each map ``(M,)``, NaN if it is not defined.
        notes: sentences that say why numbers are missing.
    """

    maps: Mapping[tuple[str, str], Floats]
    outputs: NDArray[np.float32]
    scores: NDArray[np.float32]
    targets: NDArray[np.int64]
    samples: NDArray[np.int64]
    count: int
    names: tuple[str, ...]
    flags: Mapping[tuple[str, str], tuple[str, ...]]
    kinds: Mapping[str, MapKind]
    input_size: tuple[int, ...]
    inputs: NDArray[Any]
    measures: Mapping[str, Mapping[tuple[str, str], Floats]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def masks(
        self, size: int | tuple[int, ...] | None = None, method: str | None = None, layer: str | None = None
    ) -> Floats:
        """Rectify the maps, scale each to [0, 1] and resize it to `size`, as `CAMResult.masks` does.

        Args:
            size: height and width of the masks in pixels; those of the input by default.
            method: required if several methods were computed.
            layer: one layer; None returns the mean over the masks of all layers.

        Returns:
            Masks ``(M, H, W)``, float32, in [0, 1].

        Raises:
            ValueError: the method or layer was not computed, or several methods were and none is named; or `size` has
                another number of axes than the maps.
        """
        chosen = self.chosen(method, layer)
        return keras_maps.masks(chosen, checked_size(size, chosen[0].ndim - 1) or self.input_size)


class KerasCAM:
    """Compute class activation maps of a Keras model.

    The model is left as it was, so a training continues bit for bit as without the maps.

    Example:
        >>> cam = KerasCAM(model)
        >>> cam(images).maps["grad_cam", "conv2d_3"].shape
        (8, 7, 7)

    If the model's last layer applies a softmax or sigmoid, the scores before it are explained.

    Args:
        model: a Keras 3 model that returns scores ``(N, classes)``. If it is not built, the first batch builds it.
        layers: a name, a layer, or several of them; None measures the layers and takes the deepest one whose output has
            space.
        methods: name or names among grad_cam, grad_cam_plus_plus, layer_cam, hires_cam, xgrad_cam, eigen_cam and
            score_cam; on the torch backend, all methods of `CAM`.
        measures: name or names of measures to compute for each map, as for `CAM`.
        randomised: a model of the same layers with other weights, with which the measure `randomisation` compares:
            ``keras.models.clone_model(model)`` has newly drawn weights.

    Raises:
        TypeError: `model` or `randomised` is not a Keras 3 model.
        ValueError: a layer, method or measure does not exist, or not on this backend.
    """

    def __init__(
        self,
        model: Any,
        layers: Any = None,
        methods: str | Sequence[str] = "grad_cam",
        measures: Measures = (),
        randomised: Any = None,
    ) -> None:
        if not isinstance(model, keras.Layer):
            raise TypeError(
                f"expected a Keras 3 model, got {type(model).__module__}.{type(model).__name__} "
                "(tf.keras is Keras 3 since TensorFlow 2.16, unless TF_USE_LEGACY_KERAS is set)"
            )
        self.model = model
        self.methods = _find_methods(methods)
        self.measures = find_measures(measures)
        if randomised is not None:
            if not isinstance(randomised, keras.Layer):
                raise TypeError(f"expected randomised= as a Keras model, got {type(randomised).__name__}")
            self.measures = tuple(map(of_a_copy, self.measures))
        self._randomised: Any = randomised
        self._asked_layers = layers
        self._layers: dict[str, Any] | None = None
        if layers is not None and model.built:
            self._layers = keras_layers.named_layers(model, layers)
        self._head: Any = _UNKNOWN
        self._candidates: Candidates | None = None
        self._arrangements: dict[tuple[str, tuple[int, ...]], Arrangement] = {}
        self._torch_cam: Any = None

    @property
    def layers(self) -> tuple[str, ...] | None:
        """Names of the layers; None until the first call finds one."""
        return None if self._layers is None else tuple(self._layers)

    @property
    def choice(self) -> Candidates | None:
        """What was measured when the layer was found; None before the first call, or if the layer was named."""
        return self._candidates

    def candidates(self, inputs: Any) -> Candidates:
        """Measure the layers on the first image, as `CAM.candidates` does; `print` the result for a table.

        A layer's `path` is measured by holding its output constant: it is the share of the scores' response to a small
        change of the image that is then missing. It is measured for the deepest layers only.

        Raises:
            ValueError: none of the inputs can be a batch of images.
        """
        return self._probe(self._ready(inputs)).candidates

    @property
    def dataformats(self) -> str:
        """Order of the inputs' axes in TensorBoard's letters: "NHWC", or "NCHW" for Keras's "channels_first"."""
        return "NCHW" if keras_layers.data_format(None) == "channels_first" else "NHWC"

    def __call__(self, inputs: Any, targets: Any = None) -> Any:
        """Run the model on `inputs` and explain its scores.

        Args:
            inputs: ``(N, ..., channels)``, as the model takes them. Of a list or mapping of inputs, the first one that
                can be images is explained.
            targets: None explains each image's top class; an int one class; ``(N,)`` a class of each image; ``(N, T)``
                T classes of each; N lists of classes, of any length, in which None stands for the top class. On the
                torch backend, everything that `CAM` takes.

        Returns:
            A `KerasResult`; on the torch backend a `CAMResult`.

        Raises:
            ValueError: the targets don't fit the scores or the batch; a layer did not run, or ran twice; the model does
                not return scores ``(N, classes)``; or no layer has space.
        """
        given = self._ready(inputs)
        layers = self._found(given)
        if keras.backend.backend() == "torch":
            return self._by_torch(given, layers, targets)
        done = run(keras.backend.backend(), lambda tap: self._scores(given.given(), tap))
        return self._explained(given, done, _asked(targets, done.scores))

    def _ready(self, inputs: Any) -> KerasInputs:
        """Read the inputs; build a model that is not built yet."""
        given = KerasInputs.of(inputs)
        if not self.model.built:
            self.model(given.rows([0]).given(), training=False)
        if self._asked_layers is not None and self._layers is None:
            self._layers = keras_layers.named_layers(self.model, self._asked_layers)
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()  # within an epoch, `fit` keeps the weights beside the model
        if self._head is _UNKNOWN:
            self._head = keras_layers.trace(self.model, given.rows([0]).given()).head()
        return given

    def _by_torch(self, given: KerasInputs, layers: dict[str, Any], targets: Any) -> Any:
        from tensorboard_plugin_gradcam.integrations.keras_torch import TorchCAM

        if self._torch_cam is None:
            first = {name: keras_layers.data_format(layer) == "channels_first" for name, layer in layers.items()}
            copy = self._random_cam(given)
            self._torch_cam = TorchCAM(
                self.model,
                first,
                self.dataformats == "NCHW",
                self.methods,
                self._scores,
                self.measures,
                None if copy is None else (copy.model, copy._scores),
            )
        return self._torch_cam(given, targets)

    def _found(self, given: KerasInputs) -> dict[str, Any]:
        if self._layers is None:
            self._candidates = self._probe(given).candidates
            if self._candidates.choice is None:
                raise ValueError(
                    "expected a layer whose output has more than one cell, found none: name a layer with layers="
                )
            names = dict(self._named_layers())
            self._layers = {self._candidates.choice: names[self._candidates.choice]}
        return self._layers

    def _named_layers(self) -> list[tuple[str, Any]]:
        names = keras_layers.names(self.model)
        return [(names[id(layer)], layer) for layer in keras_layers.all_layers(self.model)]

    def _probe(self, given: KerasInputs) -> Probe:
        one = given.rows([0])
        probe = probed(self.model, self._head, one, one.images, lambda images: one.given(images))
        self._arrangements |= {(name, given.images.shape[1:]): at for name, at in probe.arrangements.items()}
        return probe

    def _cells(self, name: str, output: NDArray[Any], given: KerasInputs) -> NDArray[Any]:
        """Return a layer's output as ``(N, C, ...)``: by what the layer is, or by what was measured of it once.

        Raises:
            ValueError: where no places are found.
        """
        count, size = len(given.images), given.images.shape[1:]
        arrangement = plain((self._layers or {})[name], (1, *output.shape[1:]), given.images.ndim - 2)
        if arrangement is None and (name, size) not in self._arrangements:
            self._probe(given)
        arrangement = arrangement or self._arrangements.get((name, size))
        if arrangement is None or not arrangement.fits(output.shape, count):
            raise ValueError(
                f"layer {name!r}: expected an output with space, got shape {output.shape}, for which no places in the "
                "image were found: choose another layer"
            )
        return np.asarray(arrangement.cells_of(output, count))

    def _scores(self, inputs: Any, tap: Tap) -> Any:
        """Run the model once; return the scores ``(N, classes)``."""
        kept: list[Any] = []
        ran: set[str] = set()

        def once(name: str, output: Any) -> Any:
            if name in ran:
                raise ValueError(f"layer {name!r} ran more than once in the forward pass: choose one that runs once")
            ran.add(name)
            return tap(name, output)

        with (
            keras_layers.borrowed(self.model),
            keras_layers.tapped(self._layers or {}, once),
            keras_layers.scores_of(self._head, kept),
        ):
            output = keras_layers.tensor_of(self.model(inputs, training=False))
        missing = [name for name in self._layers or {} if name not in ran]
        if missing:
            raise ValueError(f"layer {missing[0]!r} did not run in the forward pass: choose one that does")
        scores = kept[-1] if kept else output
        if len(scores.shape) != 2:
            raise ValueError(f"expected a model of scores (N, classes), got an output of shape {tuple(scores.shape)}")
        return scores

    def _explained(self, given: KerasInputs, done: Pass, asked: _Asked) -> KerasResult:
        pixels = given.images
        signs = np.array([asked.weights(done.scores, position) for position in range(len(asked))])
        maps = self._maps(given, done, signs, asked)
        measures, notes = self._measured(given, done, asked, maps) if self.measures else ({}, ())
        return KerasResult(
            maps=maps,
            outputs=done.scores,
            scores=(signs * done.scores[asked.samples]).sum(axis=1),
            targets=asked.classes,
            samples=asked.samples,
            count=len(pixels),
            names=tuple(f"class {index}" for index in asked.classes),
            flags={key: _flags(value) for key, value in maps.items()},
            kinds=dict.fromkeys(self.methods, "positive"),
            input_size=pixels.shape[1:-1] if self.dataformats == "NHWC" else pixels.shape[2:],
            inputs=_channels_first(pixels, already=self.dataformats == "NCHW"),
            measures=measures,
            notes=notes,
        )

    def _maps(
        self, given: KerasInputs, done: Pass, signs: NDArray[np.float32], asked: _Asked
    ) -> dict[tuple[str, str], Floats]:
        needs_gradients = any(method in keras_maps.OF_GRADIENTS for method in self.methods)
        by_rank = [done.gradients(weights) for weights in asked.by_rank(signs)] if needs_gradients else []
        maps: dict[tuple[str, str], Floats] = {}
        for name in self._found(given):
            activations = self._cells(name, done.activations[name], given)[asked.samples]
            gradients = np.zeros(0, dtype=np.float32)
            if by_rank:
                of_ranks = np.stack([self._cells(name, one[name], given) for one in by_rank])
                gradients = of_ranks[asked.ranks, asked.samples]
            for method in self.methods:
                maps[method, name] = self._map(method, activations, gradients, given, signs, asked)
        return maps

    def _measured(
        self, given: KerasInputs, done: Pass, asked: _Asked, maps: Mapping[tuple[str, str], Floats]
    ) -> tuple[dict[str, dict[tuple[str, str], Floats]], tuple[str, ...]]:
        needs = {measure.needs for measure in self.measures}
        rivals: Mapping[tuple[str, str], Floats] | None = None
        if "rival" in needs and done.scores.shape[1] > 1:
            others = asked.of_classes(keras_measures.rivals(done.scores[asked.samples], asked.classes))
            weights = np.array([others.weights(done.scores, position) for position in range(len(others))])
            rivals = self._maps(given, done, weights, others)
        signs = np.array([asked.weights(done.scores, position) for position in range(len(asked))])
        trace = keras_layers.trace(self.model, given.rows([0]).given()) if "head" in needs else None

        def score(index: int, images: Floats) -> NDArray[Any]:
            return np.asarray(self._scores_of(given, int(asked.samples[index]), images) @ signs[index])

        def probability(index: int, images: Floats) -> NDArray[Any]:
            scores = self._scores_of(given, int(asked.samples[index]), images).astype(np.float64)
            against = np.zeros_like(scores) if scores.shape[1] == 1 else scores
            powers = np.exp(against - (scores @ signs[index])[:, None])  # of the others, over the class's own
            return np.asarray(1 / powers.sum(axis=1) if scores.shape[1] > 1 else 1 / (1 + powers[:, 0]))

        def tail(layer: str, index: int, activations: Floats) -> NDArray[Any]:
            return np.asarray(
                self._tail_scores(given, done, trace, layer, int(asked.samples[index]), activations) @ signs[index]
            )

        def again(
            images: Sequence[int], pictures: Floats, samples: Sequence[int], classes: Sequence[int]
        ) -> Mapping[tuple[str, str], Floats]:
            seen = Counter[int]()
            ranks = []
            for sample in samples:
                ranks.append(seen[sample])
                seen[sample] += 1
            others = _Asked(np.array(samples), np.array(classes), np.array(ranks))
            return self._maps_of(given.rows(list(images), pictures.astype(given.images.dtype)), others)

        return keras_measures.measured(
            self.measures,
            keras_measures.Explained(
                maps=maps,
                rivals=rivals,
                random=self._random_maps(given, asked) if "copy" in needs else None,
                activations={
                    name: self._cells(name, done.activations[name], given)[asked.samples]
                    for name in (self._found(given) if "head" in needs else ())
                },
                samples=asked.samples,
                classes=asked.classes,
                pictures=given.images,
                channels_last=self.dataformats == "NHWC",
                outputs=done.scores,
                score=score,
                probability=probability,
                tail=tail,
                all_scores=lambda images, pictures: self._scores_at(given, list(images), pictures),
                again=again,
            ),
        )

    def _maps_of(self, given: KerasInputs, asked: _Asked) -> Mapping[tuple[str, str], Floats]:
        """Return the maps of classes of other inputs."""
        done = run(keras.backend.backend(), lambda tap: self._scores(given.given(), tap))
        signs = np.array([asked.weights(done.scores, position) for position in range(len(asked))])
        return self._maps(given, done, signs, asked)

    def _random_maps(self, given: KerasInputs, asked: _Asked) -> Mapping[tuple[str, str], Floats] | None:
        copy = self._random_cam(given)
        return None if copy is None else copy._maps_of(given, asked)

    def _random_cam(self, given: KerasInputs) -> KerasCAM | None:
        """Return the `KerasCAM` of the copy with random weights, at the same layers."""
        if self._randomised is not None and not isinstance(self._randomised, KerasCAM):
            self._randomised = KerasCAM(self._randomised, list(self._found(given)), self.methods)
            self._randomised._found(self._randomised._ready(given.given()))
        return self._randomised

    def _tail_scores(
        self, given: KerasInputs, done: Pass, trace: keras_layers.Trace | None, layer: str, sample: int, cells: Floats
    ) -> NDArray[np.float32]:
        """Return a sample's scores ``(K, classes)`` with other values ``(K, C, ...)`` in a layer's cells.

        Raises:
            NotDefined: something in front of the layer reaches the scores on another path.
        """
        own = done.activations[layer][[sample]]
        places = self._cells(layer, np.arange(own.size).reshape(own.shape), given.rows([sample]))
        written = np.repeat(own.reshape(1, -1), len(cells), axis=0)
        written[:, places.reshape(-1)] = cells.reshape(len(cells), -1)
        (target,) = (found for name, found in self._found(given).items() if name == layer)
        (dtype,) = {output.dtype for one, output in (trace.steps if trace else ()) if one is target} or {"float32"}
        value = keras.ops.convert_to_tensor(written.reshape(len(cells), *own.shape[1:]), dtype=dtype)
        kept: list[Any] = []
        if trace is None or not any(one is target for one, _ in trace.steps):
            raise keras_measures.NotDefined(
                f"layer {layer!r} returns several tensors, which the rest of the model can't be run on: choose gain"
            )
        with (
            keras_layers.borrowed(self.model),
            keras_layers.answered(trace, target, value, len(cells)),
            keras_layers.scores_of(self._head, kept),
        ):
            output = keras_layers.tensor_of(self.model(given.rows([sample] * len(cells)).given(), training=False))
        scores = to_numpy(kept[-1] if kept else output, "scores").astype(np.float32)
        if np.isnan(scores).any():
            raise keras_measures.NotDefined(
                f"what is in front of layer {layer!r} reaches the scores past it: choose gain, or a later layer"
            )
        return scores

    def _scores_of(self, given: KerasInputs, sample: int, images: Floats) -> NDArray[np.float32]:
        """Return the scores ``(K, classes)`` of other images in a sample's place."""
        return self._scores_at(given, [sample] * len(images), images)

    def _scores_at(self, given: KerasInputs, samples: Sequence[int], images: Floats) -> NDArray[np.float32]:
        """Return the scores ``(K, classes)`` of other images in the samples' places."""
        inputs = given.rows(samples, images.astype(given.images.dtype)).given()
        scores = to_numpy(self._scores(inputs, lambda name, output: output), "scores")
        return np.asarray(scores, dtype=np.float32)

    def _map(
        self,
        method: str,
        activations: Floats,
        gradients: Floats,
        given: KerasInputs,
        signs: NDArray[np.float32],
        asked: _Asked,
    ) -> Floats:
        if method in keras_maps.OF_GRADIENTS:
            return keras_maps.OF_GRADIENTS[method](activations, gradients)
        if method == "eigen_cam":
            return keras_maps.eigen_cam(activations)

        def score(index: int, images: Floats) -> NDArray[Any]:
            return np.asarray(self._scores_of(given, int(asked.samples[index]), images) @ signs[index])

        return keras_maps.score_cam(activations, given.images[asked.samples].astype(np.float32), score)


@dataclass(frozen=True, eq=False)
class _Asked:
    """M scores to explain: for each the image, the class, and its rank among the scores of the same image, from 0."""

    samples: NDArray[np.int64]
    classes: NDArray[np.int64]
    ranks: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.classes)

    def of_classes(self, classes: NDArray[np.int64]) -> _Asked:
        """Return the same images and ranks with other classes."""
        return _Asked(self.samples, classes, self.ranks)

    def weights(self, scores: NDArray[np.float32], position: int) -> NDArray[np.float32]:
        """Return the weights ``(classes,)`` by which the image's scores sum to the explained one."""
        if scores.shape[1] == 1:  # one score, for class 1 against class 0
            return np.array([1 if self.classes[position] == 1 else -1], dtype=np.float32)
        return np.asarray(np.arange(scores.shape[1]) == self.classes[position], dtype=np.float32)

    def by_rank(self, weights: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return for each rank the weights ``(N, classes)`` of all images' scores."""
        found = []
        for rank in range(int(self.ranks.max(initial=0)) + 1):
            chosen = self.ranks == rank
            array = np.zeros((int(self.samples.max(initial=-1)) + 1, weights.shape[1]), dtype=np.float32)
            array[self.samples[chosen]] = weights[chosen]
            found.append(array)
        return found


def _asked(targets: Any, scores: NDArray[np.float32]) -> _Asked:
    count, classes = len(scores), max(scores.shape[1], 2)
    tops = scores.argmax(axis=1) if scores.shape[1] > 1 else (scores[:, 0] > 0).astype(np.int64)
    if isinstance(targets, list) and len(targets) == count and any(isinstance(row, list) for row in targets):
        return _within(_listed(targets, tops), classes)
    if targets is None:
        array = tops
    else:
        array = to_numpy(targets, "targets")
        array = np.full(count, array) if array.ndim == 0 else array
    if array.ndim not in (1, 2) or len(array) != count or array.dtype.kind not in "iu":
        raise ValueError(
            f"expected targets as a class, ({count},) or ({count}, T) classes, got {array.dtype} of shape {array.shape}"
        )
    several = array.reshape(count, -1)
    samples, ranks = np.indices(several.shape).reshape(2, -1)
    return _within(_Asked(samples, several.reshape(-1).astype(np.int64), ranks), classes)


def _within(asked: _Asked, classes: int) -> _Asked:
    outside = asked.classes[(asked.classes < 0) | (asked.classes >= classes)]
    if outside.size:
        raise ValueError(f"expected a class from 0 to {classes - 1}, got {outside[0]}")
    return asked


def _listed(targets: list[Any], tops: NDArray[np.int64]) -> _Asked:
    """Read N lists of classes, in which None stands for the top class."""
    triples = []
    for sample, (row, top) in enumerate(zip(targets, tops.tolist(), strict=True)):
        asked = row.without_top(top) if isinstance(row, Distinct) else row if isinstance(row, list) else [row]
        triples += [(sample, top if one is None else int(one), rank) for rank, one in enumerate(asked)]
    samples, classes, ranks = np.array(triples, dtype=np.int64).reshape(-1, 3).T
    return _Asked(samples, classes, ranks)


def _find_methods(methods: str | Sequence[str]) -> tuple[str, ...]:
    if keras.backend.backend() == "torch":
        from tensorboard_plugin_gradcam.cam.methods import find_methods

        return tuple(method.name for method in find_methods(methods))
    found = (methods,) if isinstance(methods, str) else tuple(methods)
    for method in found or ("",):
        if method not in keras_maps.METHODS:
            raise ValueError(f"expected a method among {', '.join(keras_maps.METHODS)}, got {method!r}")
    return found


def _channels_first(array: Floats, already: bool) -> Floats:
    return array if already else np.moveaxis(array, -1, 1)


def _flags(maps: Floats) -> tuple[str, ...]:
    """Return the same flags as the torch engine."""
    flags = tuple(_flag(map_) for map_ in maps)
    if "not finite" in flags:
        warnings.warn("a map is not finite: the layer's activations or gradients are NaN or infinite", stacklevel=4)
    return flags


def _flag(map_: Floats) -> str:
    if not np.isfinite(map_).all():
        return "not finite"
    if map_.max() <= 0:
        return "no positive evidence"
    return "flat" if np.ptp(map_) == 0 else ""
