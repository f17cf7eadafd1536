"""`Capture`: maps from a forward pass that the caller makes anyway."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from tensorboard_plugin_gradcam.aliases import Targets
from tensorboard_plugin_gradcam.misnamed import told

from .autograd import DisconnectedError
from .borrowing import MODELS, borrowing, modes_of
from .explainer import Pass
from .hooks import (
    detached,
    eager,
    hooked,
    is_compiled,
    map_tensors,
    without_autocast_cache,
    written_out,
)
from .inputs import Inputs
from .padding import Padding
from .result import CAMResult
from .signals import Held, Open
from .taps import Taps

_COMPILED = (
    "expected a training's forward pass that is not compiled, for capture() would run it eagerly and so change the "
    "training: call the CAM instead"
)


class Capture:
    """Record your own forward pass, and explain its scores afterwards.

    Under `no_grad` and `inference_mode`, gradients are recorded from the first target layer on, and the model returns
    detached outputs; code compiled by `torch.compile` runs eagerly in the block. If the forward pass records a graph of
    its own, as in training, that graph is used and left unchanged. Errors never make the pass raise: `result` raises
    them.

    Args:
        model: the model that runs the pass.
        prepare: reads the pass's inputs and finds the target layers; may run the model.
        explain: makes a result of the pass and the targets.
    """

    def __init__(
        self,
        model: nn.Module,
        prepare: Callable[[Inputs], tuple[Inputs, Mapping[str, nn.Module]]],
        explain: Callable[[Pass, Any], CAMResult],
    ) -> None:
        self._model, self._prepare, self._explain = model, prepare, explain
        self._taps = Taps({})
        self._inputs: Inputs | None = None
        self._padding = Padding()
        self._outputs: Any = None
        self._modes: dict[nn.Module, bool] = {}
        self._passes = 0
        self._problem: Exception | None = None
        self._has_ended = self._is_ours = self._is_attached = False
        self._thread = 0
        self._block, self._pass = ExitStack(), ExitStack()

    def __enter__(self) -> Capture:
        """Watch the model until the end of the block.

        Raises:
            RuntimeError: where another thread explains the model and does not give it back.
        """
        model, self._thread = self._model, threading.get_ident()
        if torch.is_grad_enabled() and is_compiled(model) and self._has_graph(model):
            self._problem = ValueError(_COMPILED)  # running it eagerly would change the training
            return self
        try:
            with Held() as held:
                self._block.callback(MODELS.give_back, model)
                with Open(held):
                    MODELS.take(model)
                self._block.enter_context(eager())
                self._block.enter_context(written_out())
                begin = model.register_forward_pre_hook(self._begin, prepend=True, with_kwargs=True)
                self._block.callback(begin.remove)
                self._block.callback(model.register_forward_hook(self._end, always_call=True).remove)
            return self
        except BaseException:  # a signal that waited, too
            self._leave()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the hooks away."""
        with Held():
            self._leave()

    def _leave(self) -> None:
        try:
            self._pass.close()
        finally:
            self._block.close()

    @property
    def images(self) -> Any:
        """The images that the forward pass was given; None if there was none."""
        return None if self._inputs is None else self._inputs.images

    @property
    def outputs(self) -> Any:
        """What the forward pass returned; None if there was none."""
        return self._outputs

    @told
    def result(self, targets: Targets = None) -> CAMResult:
        """Explain the scores of the forward pass. In training, call it before `backward`.

        Args:
            targets: as for `CAM.__call__`.

        Raises:
            ValueError: targets do not fit; a layer did not run, ran several times so that it is ambiguous which run is
                meant, or does not influence the scores; the block has no forward pass; or your `backward` has freed
                the graph.
        """
        if self._problem is not None:
            raise self._problem
        if self._passes > 1:
            raise ValueError(
                f"expected one forward pass within the block of capture(), got {self._passes}: use one block per pass"
            )
        if not self._has_ended or self._inputs is None:
            raise ValueError("expected one forward pass of the model within the block of capture(), got none")
        given = Pass(
            self._inputs,
            self._outputs,
            self._taps.tensors(),
            self._padding,
            channels_first=frozenset(self._taps.channels_first),
            retain_graph=True,
        )
        self._is_ours = True  # what is measured runs the model, and so these hooks within the block
        try:
            # In the modes of the pass, for checkpointed layers run again when gradients are asked for.
            with borrowing(self._model, self._modes) as borrowed, borrowed.interruptible():
                return self._explain(given, targets)
        except DisconnectedError as error:
            remedy = "if the model's own forward pass turns gradients off, call the CAM instead of capture()"
            raise DisconnectedError(f"{error}; {remedy}") from error
        except RuntimeError as error:
            if "second time" not in str(error):
                raise
            raise ValueError("expected result() to be called before backward(), which has freed the graph") from error
        finally:
            self._is_ours = False

    def _begin(self, model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._is_ours or threading.get_ident() != self._thread:
            return None
        self._passes += 1
        if self._passes > 1 or self._problem is not None:
            return None
        self._inputs = Inputs(args, kwargs)
        self._is_attached = torch.is_grad_enabled()
        if self._is_attached and self._has_graph(model) and is_compiled(model):
            self._problem = ValueError(_COMPILED)
            warnings.warn(f"{_COMPILED}; this pass of it runs eagerly", stacklevel=2)
            return None
        self._modes = modes_of(model)
        layers = self._layers_for(self._inputs)
        with Held():
            self._watch(layers)
        return None if self._is_attached else (map_tensors(_usable, args), map_tensors(_usable, kwargs))

    def _layers_for(self, inputs: Inputs) -> Mapping[str, nn.Module]:
        """Return the target layers; what is wrong is said by `result`, for the pass that this is part of goes on."""
        self._is_ours = True  # finding them may run the model, and so these hooks
        try:
            self._inputs, layers = self._prepare(inputs)
        except Exception as error:
            self._problem = error
            return {}
        finally:
            self._is_ours = False
        return layers

    def _watch(self, layers: Mapping[str, nn.Module]) -> None:
        try:
            self._taps = Taps(layers, begins=not self._is_attached)
            self._pass.enter_context(self._taps.watching())
            self._pass.enter_context(hooked(*self._padding.watch(self._model)))
        except Exception as error:
            self._problem = error
        if not self._is_attached:
            # Leaving inference mode at the layer would be too late: what the trunk made there can't enter a graph.
            self._pass.enter_context(torch.inference_mode(False))
            self._pass.enter_context(torch.no_grad())
            self._pass.enter_context(without_autocast_cache())

    def _end(self, model: Any, args: Any, outputs: Any) -> Any:
        if self._is_ours or self._has_ended or self._passes != 1 or threading.get_ident() != self._thread:
            return None
        with Held():
            self._pass.close()
        if outputs is None:  # it raised
            return None
        self._has_ended = True
        try:
            with torch.inference_mode(False), torch.enable_grad():
                # What the caller does in place to the outputs must not reach what is explained.
                self._outputs = map_tensors(Tensor.clone, outputs)
        except Exception as error:
            self._problem = self._problem or error
        return None if self._is_attached and self._has_graph(model) else detached(outputs)

    def _has_graph(self, model: nn.Module) -> bool:
        """Say whether the caller's own outputs have a graph where gradients are on; the taps' is not theirs."""
        inputs: list[Tensor] = []
        if self._inputs is not None:
            map_tensors(inputs.append, [self._inputs.args, dict(self._inputs.kwargs)])
        return any(tensor.requires_grad for tensor in (*inputs, *model.parameters()))


def _usable(tensor: Tensor) -> Tensor:
    return tensor.clone() if tensor.is_inference() else tensor
