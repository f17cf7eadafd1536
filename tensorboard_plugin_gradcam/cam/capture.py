"""`Capture`: maps from a forward pass that the caller makes anyway."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .canvas import Canvas
from .hooks import detached, eager, hooked, map_tensors, tap, without_autocast_cache
from .inputs import Inputs

if TYPE_CHECKING:
    from .engine import CAM
    from .result import CAMResult


class Capture:
    """Watch one forward pass of the caller's, and explain its scores afterwards.

    Under `no_grad` and `inference_mode` the graph begins at the first of the layers, and what the model returns is cut
    from it. Where the forward pass records a graph of its own, as in training, that graph is used and left as it is.
    """

    def __init__(self, cam: CAM) -> None:
        self._cam = cam
        self._taps: dict[str, Tensor] = {}
        self._inputs: Inputs | None = None
        self._canvas = Canvas()
        self._outputs: Any = None
        self._has_ended = self._is_finding = self._is_attached = False
        self._block, self._pass = ExitStack(), ExitStack()

    def __enter__(self) -> Capture:
        """Watch the model until the end of the block."""
        model = self._cam.model
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
            ValueError: for targets that do not fit, a layer that did not run, a block without a forward pass, or a
                graph that the caller's `backward` has freed.
        """
        if not self._has_ended or self._inputs is None:
            raise ValueError("expected one forward pass of the model within the block of capture(), got none")
        try:
            with torch.inference_mode(False):
                return self._cam._explain(
                    self._inputs, self._outputs, self._taps, targets, self._canvas, retain_graph=True
                )
        except RuntimeError as error:
            if "second time" not in str(error):
                raise
            raise ValueError("expected result() before backward(), which has freed the graph") from error

    def _begin(self, model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._is_finding:
            return None
        if self._inputs is not None:
            raise ValueError("expected one forward pass within the block of capture(), got a second: use a block each")
        self._inputs = Inputs(args, kwargs)
        self._watch(self._inputs)
        self._is_attached = torch.is_grad_enabled()
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
            layers = self._cam._found(inputs)
        finally:
            self._is_finding = False
        handles = [module.register_forward_hook(tap(name, self._taps)) for name, module in layers.items()]
        self._pass.enter_context(hooked(*handles, *self._canvas.watch(self._cam.model)))

    def _end(self, model: Any, args: Any, outputs: Any) -> Any:
        if self._is_finding or self._has_ended:
            return None
        self._pass.close()
        if outputs is None:  # it raised
            return None
        self._has_ended, self._outputs = True, outputs
        return detached(outputs) if self._is_cut(model, args) else None

    def _is_cut(self, model: Any, args: Any) -> bool:
        """Say whether the caller's own outputs would have no graph; one that only the tap began is not theirs."""
        inputs: list[Tensor] = []
        map_tensors(inputs.append, args)
        wanted = any(tensor.requires_grad for tensor in (*inputs, *model.parameters()))
        return not (self._is_attached and wanted)


def _usable(tensor: Tensor) -> Tensor:
    return tensor.clone() if tensor.is_inference() else tensor
