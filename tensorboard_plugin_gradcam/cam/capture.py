"""`Capture`: maps from a forward pass that the caller makes anyway."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from .autograd import DisconnectedError
from .explainer import Pass
from .hooks import (
    detached,
    eager,
    hooked,
    is_compiled,
    keeping_buffers,
    keeping_modes,
    keeping_rng,
    map_tensors,
    modes_of,
    without_autocast_cache,
)
from .inputs import Inputs
from .padding import Padding
from .result import CAMResult
from .taps import Taps


class Capture:
    """Watch one forward pass of the caller's, and explain its scores afterwards.

    Under `no_grad` and `inference_mode` the graph begins at the first of the layers, and what the model returns is cut
    from it; what `torch.compile` made runs eagerly in the block. Where the forward pass records a graph of its own, as
    in training, that graph is used and left as it is.

    Args:
        model: whose pass is watched.
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
        self._has_ended = self._is_finding = self._is_attached = False
        self._block, self._pass = ExitStack(), ExitStack()

    def __enter__(self) -> Capture:
        """Watch the model until the end of the block."""
        model = self._model
        self._block.enter_context(eager())
        handles = [
            model.register_forward_pre_hook(self._begin, prepend=True, with_kwargs=True),
            model.register_forward_hook(self._end, always_call=True),
        ]
        self._block.enter_context(hooked(*handles))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the hooks away."""
        self._pass.close()
        self._block.close()

    def result(self, targets: Any = None) -> CAMResult:
        """Explain the scores of the forward pass; around a training's, before its `backward`.

        Args:
            targets: as for `CAM.__call__`.

        Raises:
            ValueError: for targets that do not fit, a layer that did not run, where it is open which of its runs or
                parts is meant, or on which the scores do not depend; for a block without a forward pass, or a graph
                that the caller's `backward` has freed.
        """
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
        self._is_finding = True  # what is measured runs the model, and so these hooks within the block
        try:
            with self._as_in_the_pass():
                return self._explain(given, targets)
        except DisconnectedError as error:
            remedy = "where the model's own forward pass turns gradients off, call the CAM instead of capture()"
            raise DisconnectedError(f"{error}; {remedy}") from error
        except RuntimeError as error:
            if "second time" not in str(error):
                raise
            raise ValueError("expected result() before backward(), which has freed the graph") from error
        finally:
            self._is_finding = False

    @contextmanager
    def _as_in_the_pass(self) -> Iterator[None]:
        """Restore what checkpointed layers need when gradients make them run again, and leave no trace of that."""
        model = self._model
        with torch.inference_mode(False), without_autocast_cache(), keeping_rng(model), keeping_buffers(model):
            with keeping_modes(self._modes):
                yield

    def _begin(self, model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._is_finding:
            return None
        if self._inputs is not None:
            raise ValueError("expected one forward pass within the block of capture(), got a second: use a block each")
        self._inputs = Inputs(args, kwargs)
        self._is_attached = torch.is_grad_enabled()
        if self._is_attached and self._has_graph(model) and is_compiled(model):
            raise ValueError(
                "expected a training's forward pass that is not compiled, for capture() would run it eagerly and so "
                "change the training: call the CAM instead"
            )
        self._modes = modes_of(model.modules())
        self._watch(self._inputs)
        if self._is_attached:
            return None
        # Leaving inference mode at the layer would be too late: what the trunk made there can't enter a graph.
        self._pass.enter_context(torch.inference_mode(False))
        self._pass.enter_context(torch.no_grad())
        self._pass.enter_context(without_autocast_cache())
        return map_tensors(_usable, args), map_tensors(_usable, kwargs)

    def _watch(self, inputs: Inputs) -> None:
        self._is_finding = True  # which may run the model, and so these hooks
        try:
            self._inputs, layers = self._prepare(inputs)
        finally:
            self._is_finding = False
        self._taps = Taps(layers, begins=not self._is_attached)
        self._pass.enter_context(self._taps.watching())
        self._pass.enter_context(hooked(*self._padding.watch(self._model)))

    def _end(self, model: Any, args: Any, outputs: Any) -> Any:
        if self._is_finding or self._has_ended:
            return None
        with torch.enable_grad():
            # What the caller does in place to the outputs must not reach what is explained.
            self._outputs = map_tensors(Tensor.clone, outputs)
        self._pass.close()
        if outputs is None:  # it raised
            return None
        self._has_ended = True
        return None if self._is_attached and self._has_graph(model) else detached(outputs)

    def _has_graph(self, model: nn.Module) -> bool:
        """Say whether the caller's own outputs have a graph where gradients are on; the taps' is not theirs."""
        inputs: list[Tensor] = []
        if self._inputs is not None:
            map_tensors(inputs.append, [self._inputs.args, dict(self._inputs.kwargs)])
        return any(tensor.requires_grad for tensor in (*inputs, *model.parameters()))


def _usable(tensor: Tensor) -> Tensor:
    return tensor.clone() if tensor.is_inference() else tensor
