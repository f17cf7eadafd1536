"""`CAM`: maps of a torch model at the cost of one inference, which leave no trace in the model or its training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from tensorboard_plugin_gradcam.aliases import Layers, Measures, Methods, ModelInputs, Targets
from tensorboard_plugin_gradcam.layer_finding import Candidates
from tensorboard_plugin_gradcam.measures.registry import find_measures, of_a_copy
from tensorboard_plugin_gradcam.misnamed import told

from .arguments import Name
from .autograd import DisconnectedError
from .borrowing import borrowing
from .boxes import NothingDetected
from .capture import Capture
from .cells import Cells, Reshape
from .explainer import Explainer, Pass
from .finder import Finder
from .hooks import hooked
from .inputs import Inputs
from .methods import Method, find_methods
from .outputs import scores_at
from .padding import Padding
from .randomised import randomised
from .replay import Recording
from .result import CAMResult
from .smoothing import NotSmoothableError, smoothed
from .taps import Taps
from .wrappers import refuse_cuda_graphs, unwrapped


class CAM:
    """Compute class activation maps of a model.

    Example:
        >>> cam = CAM(model)
        >>> result = cam(images)
        >>> result.masks().shape
        torch.Size([8, 224, 224])

    The model's modes, gradients, buffers and hooks, and the random states, are restored afterwards, even if an
    exception is raised: training continues bit for bit as if you had not called it.

    Args:
        model: a module that takes batches ``(N, C, ...)``; `DataParallel`, `DistributedDataParallel` and
            `torch.compile` are unwrapped.
        layers: name, module, or several of them; None finds the deepest layer whose output has cells. "neck#2" is the
            second run of a layer that runs several times per forward pass, "neck[out]" a part of the tuple or mapping
            that a layer returns.
        methods: name or names, such as "grad_cam".
        batch_size: largest number of images per forward pass of methods that run the model several times.
        aug_smooth: take the mean over each image and its mirror image at 0.9, 1 and 1.1 times their values.
        eigen_smooth: take the first principal component of the channels instead of their sum, for methods that sum
            channels.
        reshape: function from a layer's output to ``(N, C, ...)``, grad-cam's `reshape_transform`; needed only if no
            places can be measured.
        output: the part of the model's output with the scores: an index or key, or a function of the whole
            output; None finds it.
        image: position or name of the argument with the images; None takes the first that can be.
        shared: positions or names of arguments that are shared by all images although they are as long as the batch;
            None measures it.
        measures: names of the measures to compute for each map, such as "gain_head": see `measures.MEASURES`. The
            result's `measures` holds the numbers.
        randomised: what `randomisation` compares with: a model of the same architecture with other weights; True for
            a copy with re-initialized weights, which takes the model's memory again; False for the log's first step.

    Raises:
        TypeError: `model` is not a module, or it is scripted or fully sharded.
        ValueError: a layer, method or measure does not exist, or measures are combined with `aug_smooth`.
    """

    @told
    def __init__(
        self,
        model: nn.Module,
        layers: Layers = None,
        methods: Methods = "grad_cam",
        *,
        batch_size: int = 16,
        aug_smooth: bool = False,
        eigen_smooth: bool = False,
        reshape: Reshape | None = None,
        output: int | str | Callable[[Any], Any] | None = None,
        image: Name | None = None,
        shared: Iterable[Name] | None = None,
        measures: Measures = (),
        randomised: bool | nn.Module = False,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"expected batch_size of at least 1, got {batch_size}")
        self.model = unwrapped(model)
        find_scores = scores_at(output)
        cells = Cells(self.model, reshape, find_scores)
        self.measures = find_measures(measures)
        if randomised is not False:
            self.measures = tuple(map(of_a_copy, self.measures))
        if aug_smooth and self.measures:
            raise ValueError(
                "expected measures without aug_smooth, whose maps are of six inputs: pass aug_smooth=False"
            )
        self._explainer = Explainer(find_methods(methods), batch_size, eigen_smooth, cells, find_scores, self.measures)
        self._randomised: CAM | nn.Module | bool = randomised
        self._finder = Finder(self.model, layers, cells, find_scores, image, shared)
        self._aug_smooth = aug_smooth
        self._turns_gradients_off = False

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods to compute."""
        return self._explainer.methods

    @property
    def batch_size(self) -> int:
        """Largest number of images per forward pass of methods that run the model several times."""
        return self._explainer.batch_size

    @property
    def layers(self) -> tuple[str, ...] | None:
        """Qualified names of the layers; None until the first call finds one."""
        return None if self._finder.layers is None else tuple(self._finder.layers)

    @property
    def choice(self) -> Candidates | None:
        """The measurements by which the layer was found; None if you named it, and before the first call."""
        return self._finder.candidates

    def candidates(self, inputs: ModelInputs) -> Candidates:
        """Measure the output of each module for the first image: where its cells are, and how the scores depend on it.

        It prints as a table, in which the automatically chosen layer is marked.

        Args:
            inputs: as for a call.
        """
        return self._finder.measure(Inputs.of(inputs))

    @told
    def __call__(self, inputs: ModelInputs, targets: Targets = None) -> CAMResult:
        """Run the model on `inputs` and explain its scores.

        Args:
            inputs: the model's inputs, ``(N, C, ...)``; a tuple of positional arguments, a mapping of keyword
                arguments, or the list of images that a detector takes.
            targets: None for each image's top class (a detector's most certain box); an int, or N of them, for a class;
                ``Classes(3, 7)`` for several classes of each image; a target, or a callable from one image's output to
                a scalar, or N of them. An item of a list may itself be a list of several targets for that image.

        Returns:
            Raw, signed maps at each layer's resolution. Padding that a detector added around its images is removed.

        Raises:
            ValueError: targets do not fit; a layer did not run, is ambiguous because it ran several times, or does not
                influence the scores; or a map has only one cell.
        """
        refuse_cuda_graphs()
        given, _ = self._prepare(Inputs.of(inputs))
        return smoothed(self._explain, given, targets) if self._aug_smooth else self._explain(given, targets)

    def check_smoothing(self, inputs: ModelInputs) -> None:
        """Raise where `aug_smooth` is on and not for such inputs and this model; other errors are left to the call.

        Raises:
            NotSmoothableError: with what to do instead.
        """
        if self._aug_smooth:
            try:
                self(inputs, 0)
            except NotSmoothableError:
                raise
            except NothingDetected as error:
                raise NotSmoothableError("scores (N, K)", "boxes, which mirroring would move") from error
            except Exception:  # which whoever calls the CAM is told
                return

    def _explain(self, given: Inputs, targets: Any) -> CAMResult:
        with borrowing(self.model) as borrowed, borrowed.interruptible():
            result, turns_gradients_off = self._explain_borrowed(given, targets)
        self._turns_gradients_off = turns_gradients_off  # not before: what can be reached from the model is put back
        return result

    def _explain_borrowed(self, given: Inputs, targets: Any) -> tuple[CAMResult, bool]:
        if not self._turns_gradients_off:
            with suppress(DisconnectedError):
                return self._explained(self._pass(given), targets), False
        # A model whose own forward pass turns gradients off, say around a frozen trunk, gives them back as they
        # were: they have to be on around it. The trunk's graph then costs memory.
        with torch.enable_grad():
            return self._explained(self._pass(given), targets), True

    def _again(self, inputs: Inputs, targets: Any) -> CAMResult:
        """Explain other inputs of the model while it is borrowed."""
        return replace(self._explainer, measures=()).explain(self.model, self._pass(inputs), targets)

    def _random(self, inputs: Inputs, targets: Any) -> CAMResult:
        """Explain a copy with random weights."""
        if not isinstance(self._randomised, CAM):
            model = randomised(self.model) if isinstance(self._randomised, bool) else self._randomised
            self._randomised = CAM(model, self.layers or (), self.methods)
            self._randomised._explainer = replace(self._explainer, measures=())
        return self._randomised._explain(inputs, targets)

    def capture(self) -> Capture:
        """Record your own forward pass in a `with` block, to explain it with `Capture.result`.

        Example:
            >>> with torch.inference_mode(), cam.capture() as capture:
            ...     scores = model(images)
            >>> capture.result(targets=labels).masks().shape
            torch.Size([8, 224, 224])

        Raises:
            ValueError: a method needs forward passes of its own.
        """
        several = ["aug_smooth"] if self._aug_smooth else []
        several += [method.name for method in self.methods if method.needs == "passes"]
        several += [measure.name for measure in self.measures if measure.needs in ("picture", "mask", "mosaic")]
        for name in several:
            raise ValueError(f"{name} needs forward passes of its own: call the CAM instead of capture()")
        return Capture(self.model, self._prepare, self._explained)

    def _prepare(self, inputs: Inputs) -> tuple[Inputs, Mapping[str, nn.Module]]:
        return self._finder.prepare(inputs, self._explainer.needs_layers, self._explainer.repeats_images)

    def _explained(self, given: Pass, targets: Any) -> CAMResult:
        return self._explainer.explain(self.model, given, targets, self._again, self._random)

    def _pass(self, inputs: Inputs) -> Pass:
        """Run the borrowed model and keep what its layers give."""
        layers = self._finder.layers or {}
        taps, padding = Taps(layers), Padding()
        is_recorded = inputs.count == 1 and self._explainer.needs("passes")
        recording = Recording(layers.values()) if is_recorded else None
        watches = hooked(*padding.watch(self.model))
        with taps.watching(), watches, recording.of(self.model) if recording else nullcontext():
            outputs = inputs.run(self.model)
        tensors = taps.tensors()
        kept = {label: recording.kept(module) if recording else {} for label, module in taps.plain().items()}
        return Pass(inputs, outputs, tensors, padding, frozenset(taps.channels_first), kept)
