"""`GradCAMCallback` for Lightning (tested: 2.2 to 2.6): maps from the validation steps' own forward passes.

Works with `lightning.pytorch` and `pytorch_lightning`, and with either's loggers in the other's `Trainer`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from tensorboard_plugin_gradcam.cam import CAM, Capture
from tensorboard_plugin_gradcam.explanation import Distinct
from tensorboard_plugin_gradcam.faults import warn
from tensorboard_plugin_gradcam.installing import missing
from tensorboard_plugin_gradcam.integrations.batches import Truth, scores_of, truth_in
from tensorboard_plugin_gradcam.integrations.hooks import faults_of, never_ends_training, rehearse, split
from tensorboard_plugin_gradcam.writer import GradCAMLogger
from tensorboard_plugin_gradcam.writer.labels import read_labels

_PACKAGES = {"lightning": "lightning.pytorch", "pytorch_lightning": "pytorch_lightning"}


def _callback_classes() -> tuple[type[Any], ...]:
    """Return Lightning's `Callback`: of the package in use, of both where both are, else of the one installed."""
    names = [name for name in _PACKAGES.values() if sys.modules.get(name) is not None]
    names = names or [name for package, name in _PACKAGES.items() if find_spec(package) is not None][:1]
    if not names:
        raise missing(__name__, "lightning", "lightning")
    return tuple(import_module(name).Callback for name in names)


class GradCAMCallback(*_callback_classes()):  # type: ignore[misc]
    """Log maps of the first batches of each validation, in the forward passes that the validation runs anyway.

    Only a backward pass through the layers behind the target layer is added.

    Example:
        >>> trainer = Trainer(logger=TensorBoardLogger("runs"), callbacks=[GradCAMCallback(class_names=names)])

    If several processes train, the first one logs its own samples. No hook stops a training: what can't be shown is
    skipped with a warning. The sanity check tries everything, so that warnings come before the training.

    Args:
        batches: number of batches to log per validation.
        model: name of the module to explain; by default the only child that has all parameters, or else the
            `LightningModule` itself, whose `forward` the validation step must then call.
        labels: function from a batch to its labels, as for `prepare_samples`; by default labels are recognized in the
            batch: classes, one-hot and multi-hot rows, names, masks.
        targets: what to explain, as for `CAM`. None: the top class; "label": the label; "both": the top class, and the
            label if it is another class.
        tag: name of the series; for further data loaders, ``/dataloader_idx_1`` and so on is appended.
        layers: as for `CAM`: found automatically by default.
        methods: as for `CAM`; only methods without forward passes of their own.
        measures: as for `CAM`, with the same restriction: gain_head, class_sensitivity, randomisation, ...
        writer: as for `add_gradcam`; the trainer's `TensorBoardLogger` by default. Without one, nothing is logged.
        options: further arguments of `GradCAMLogger`: class_names, transform, every, metrics, ...

    Raises:
        ValueError: an option is invalid. A layer, method or model that does not exist is an error when the trainer
            starts.
    """

    def __init__(
        self,
        batches: int = 1,
        *,
        model: str | None = None,
        labels: Callable[[Any], Any] | None = None,
        targets: Any = None,
        tag: str = "validation",
        layers: Any = None,
        methods: Any = "grad_cam",
        measures: Any = (),
        writer: Any = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self._batches, self._name, self._tag, self._targets = batches, model, tag, targets
        self._labels = labels
        self._cam_options, self._writer = {"layers": layers, "methods": methods, "measures": measures}, writer
        self._of_samples, self._options = split({"measures": measures, **options})
        self._faults = faults_of(options)
        rehearse(tag, None, {}, self._options)
        self._cam: CAM | None = None
        self._logger: GradCAMLogger | None = None
        self._capture: Capture | None = None
        self._is_off = False

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Forget the last training's model and log."""
        self._cam = self._logger = None
        self._is_off = False

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Raise an error for a model, layer, method or measure that does not exist, before the training."""
        self._explainer(pl_module)

    @never_ends_training
    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Choose the model and open the log, once."""
        if self._cam is not None or self._is_off or not trainer.is_global_zero:
            return
        self._is_off = True  # until all is well
        writer = self._writer or _writer_of(trainer)
        if writer is None:
            warn(f"Grad-CAM logs nothing in this training: {_why_no_writer(trainer)}")
            return
        cam = self._explainer(pl_module)
        if cam.model is pl_module and trainer.strategy.model is not pl_module:
            raise ValueError(
                f"expected model= to name the module to explain, for {type(trainer.strategy).__name__} runs the whole "
                "validation step as the LightningModule's forward pass, got None: nothing is logged in this training"
            )
        self._logger = GradCAMLogger(writer, **self._options)
        self._cam, self._is_off = cam, False

    @never_ends_training
    def on_validation_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Watch the forward pass of this validation step."""
        if self._cam is not None and batch_idx < self._batches:
            self._capture = self._cam.capture().__enter__()

    @never_ends_training
    def on_validation_batch_end(
        self,
        trainer: Any,
        pl_module: Any,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Explain the batch and add it to the step's record; maps of the sanity check are not kept."""
        capture = self._end()
        if capture is None or self._logger is None:
            return
        tag = f"{self._tag}/dataloader_idx_{dataloader_idx}" if dataloader_idx else self._tag
        if not trainer.sanity_checking:
            self._add(self._logger, tag, capture, batch, trainer)
            return
        with tempfile.TemporaryDirectory() as folder:
            with GradCAMLogger(folder, **(self._options | {"distributed": None})) as rehearsal:
                self._add(rehearsal, tag, capture, batch, trainer)

    @never_ends_training
    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Write the step's record."""
        if self._logger is not None and not trainer.sanity_checking:
            self._logger.flush()

    @never_ends_training
    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Remove the hooks of a forward pass that failed."""
        self._end()

    @never_ends_training
    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Write what is left, and drop the reference to the model."""
        self._end()
        logger, self._logger, self._cam = self._logger, None, None
        if logger is not None:
            logger.close()

    def _explainer(self, pl_module: Any) -> CAM:
        model = pl_module.get_submodule(self._name) if self._name is not None else _explained(pl_module)
        return CAM(model, **self._cam_options)

    def _end(self) -> Capture | None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.__exit__(None, None, None)
        return capture

    def _add(self, logger: GradCAMLogger, tag: str, capture: Capture, batch: Any, trainer: Any) -> None:
        if capture.images is None:
            capture.result()  # which says why there is nothing to explain
        truth = self._truth(batch, capture)
        if truth.left_out:
            self._faults.tell(f"step {trainer.global_step} of {tag!r}", truth.left_out)
        result = capture.result(self._asked(truth.labels, capture))
        known = {"labels": truth.labels, "truth_masks": truth.masks} | self._of_samples
        inputs = capture.images if result.inputs is None else result.inputs
        logger.add(tag, inputs, result, trainer.global_step, epoch=trainer.current_epoch, **known)

    def _truth(self, batch: Any, capture: Capture) -> Truth:
        if self._labels is not None:
            labels = None
            with self._faults.caught("the labels of a batch left out"):
                labels = self._labels(batch)
            return Truth(labels)
        count = _count(capture)
        names = self._options.get("class_names", ())
        return truth_in(batch, count, scores_of(capture.outputs, count), self._options.get("task"), names)

    def _asked(self, labels: Any, capture: Capture) -> Any:
        """Return the targets: the top classes if labels are asked for but the batch has none."""
        if not isinstance(self._targets, str):
            return self._targets
        found = read_labels(labels, _count(capture), None, self._options.get("class_names", ()), [])
        if self._targets not in ("label", "both") or any(label.index is None for label in found):
            self._faults.tell(
                "the top classes are explained",
                f"expected the class of each sample for targets={self._targets!r}, got batches without labels",
            )
            return None
        if self._targets == "both":
            return [Distinct([None, label.index]) for label in found]
        return [label.index for label in found]


def _count(capture: Capture) -> int:
    return 0 if capture.images is None else len(capture.images)


def _explained(pl_module: Any) -> Any:
    count = sum(1 for _ in pl_module.parameters())
    for child in pl_module.children():
        if sum(1 for _ in child.parameters()) == count:
            return child
    return pl_module


def _writer_of(trainer: Any) -> Any:
    """Return the trainer's `TensorBoardLogger`, of either of Lightning's packages."""
    for logger in trainer.loggers:
        for base in type(logger).__mro__:
            if base.__name__ == "TensorBoardLogger" and base.__module__.startswith(("lightning", "pytorch_lightning")):
                return logger
    return None


def _why_no_writer(trainer: Any) -> str:
    if getattr(trainer, "fast_dev_run", False):
        return "fast_dev_run removes its loggers"
    names: Sequence[str] = [type(logger).__name__ for logger in trainer.loggers]
    return (
        "expected a TensorBoardLogger among the trainer's loggers, or writer= a log directory, "
        f"got {', '.join(names) or 'no logger'}"
    )
