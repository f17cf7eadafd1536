"""Keras models on torch, explained by the torch engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from keras.ops import convert_to_tensor
from torch import Tensor, nn

from tensorboard_plugin_gradcam.cam import CAM, CAMResult
from tensorboard_plugin_gradcam.integrations.keras_inputs import KerasInputs
from tensorboard_plugin_gradcam.measures import Measure

Forward = Callable[[Any, Callable[[str, Any], Any]], Any]


class TorchCAM:
    """The torch engine's `CAM` of a Keras model.

    Args:
        model: the Keras model.
        channels_first: by the name of each target layer, whether its output is.
        inputs_first: whether the model's inputs are.
        methods: as for `CAM`.
        forward: runs the model, passes each target layer's output through a tap, and returns the scores.
        measures: as for `CAM`.
        randomised: a model of the same layers with other weights, and how it runs, as `forward`.
    """

    def __init__(
        self,
        model: nn.Module,
        channels_first: Mapping[str, bool],
        inputs_first: bool,
        methods: Sequence[str],
        forward: Forward,
        measures: Sequence[Measure] = (),
        randomised: tuple[nn.Module, Forward] | None = None,
    ) -> None:
        self._adapter = adapter = _Adapter(model, channels_first, inputs_first, forward)
        self._random = (
            None if randomised is None else _Adapter(randomised[0], channels_first, inputs_first, randomised[1])
        )
        self._names = {f"windows.{index}": name for index, name in enumerate(channels_first)}
        self._inputs_first = inputs_first
        self._cam = CAM(adapter, list(self._names), tuple(methods), measures=measures, randomised=self._random or False)

    def __call__(self, given: KerasInputs, targets: Any) -> CAMResult:
        """Explain inputs as the Keras model takes them."""
        images = convert_to_tensor(given.images)
        others = [convert_to_tensor(array) for array in given.others.values()]
        self._adapter.given = given
        if self._random is not None:
            self._random.given = given
        result = self._cam((images if self._inputs_first else images.movedim(-1, 1), *others), targets)
        maps = {(method, self._name(place)): value for (method, place), value in result.maps.items()}
        flags = {(method, self._name(place)): value for (method, place), value in result.flags.items()}
        measures = {
            name: {(method, self._name(place)): values for (method, place), values in by_key.items()}
            for name, by_key in result.measures.items()
        }
        return replace(result, maps=maps, flags=flags, measures=measures)

    def _name(self, place: str) -> str:
        return self._names.get(place, place)  # a method may have a map of no layer


class _Adapter(nn.Module):
    """A Keras model as the torch engine expects one: channels first, with a torch module for each layer."""

    def __init__(
        self, model: nn.Module, channels_first: Mapping[str, bool], inputs_first: bool, forward: Forward
    ) -> None:
        super().__init__()
        self.model = model
        self.windows = nn.ModuleList(nn.Identity() for _ in channels_first)
        self._channels_first, self._inputs_first, self._forward = channels_first, inputs_first, forward
        self.given: KerasInputs | None = None

    def forward(self, images: Tensor, *others: Tensor) -> Any:
        """Return the scores ``(N, classes)``."""
        if self.given is None:
            raise ValueError("expected the inputs' form")
        named = dict(zip(self.given.others, others, strict=True))
        inputs = self.given.given(images if self._inputs_first else images.movedim(1, -1), named)
        return self._forward(inputs, self._through_window)

    def _through_window(self, name: str, output: Tensor) -> Any:
        window = self.windows[list(self._channels_first).index(name)]
        if self._channels_first[name] or output.ndim < 4:
            return window(output)  # tokens are arranged by the engine
        return window(output.movedim(-1, 1)).movedim(1, -1)
