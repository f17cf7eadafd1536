"""`GradCAMCallback` for Lightning (tested: 2.2 to 2.6): maps from the validation steps' own forward passes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
    from lightning.pytorch.loggers import TensorBoardLogger
except ModuleNotFoundError as error:
    raise ImportError(
        f"tensorboard_plugin_gradcam.integrations.lightning needs {error.name}: "
        "pip install 'tensorboard-plugin-gradcam[lightning]'"
    ) from error

from tensorboard_plugin_gradcam.cam import CAM, Capture
from tensorboard_plugin_gradcam.writer import GradCAMLogger


class GradCAMCallback(Callback):
    """Log what a model looks at in the first batches of each validation, at the cost of the head's backward.

    Example:
        >>> trainer = Trainer(logger=TensorBoardLogger("runs"), callbacks=[GradCAMCallback(class_names=names)])

    Where several processes train, the first one logs its own samples.

    Args:
        batches: how many batches of each validation to log.
        model: name of the module whose forward pass is explained; the one child that holds all parameters by default,
            or else the `LightningModule` itself, whose `forward` the validation step has to call then.
        labels: takes a batch and returns its labels ``(N,)``; by default the second of a tuple, or "label" or "labels"
            of a mapping.
        targets: what to explain, as for `CAM`: the top class by default, "label" for the label's.
        tag: name of the series; further data loaders' have ``/dataloader_idx_1`` and so on behind it.
        layers: as for `CAM`: found automatically by default.
        methods: as for `CAM`, those that need no forward passes of their own.
        writer: as for `add_gradcam`; the trainer's `TensorBoardLogger` by default.
        options: further arguments of `GradCAMLogger`: class_names, transform, every, metrics, ...
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
        writer: Any = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self._batches, self._name, self._tag, self._targets = batches, model, tag, targets
        self._labels = labels or _labels_of
        self._cam_options, self._writer, self._options = {"layers": layers, "methods": methods}, writer, options
        self._cam: CAM | None = None
        self._logger: GradCAMLogger | None = None
        self._capture: Capture | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Forget the last training's model and log."""
        self._cam = self._logger = None

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Choose the model and open the log, once."""
        if self._cam is not None or not trainer.is_global_zero:
            return
        model = pl_module.get_submodule(self._name) if self._name is not None else _explained(pl_module)
        if model is pl_module and trainer.strategy.model is not pl_module:
            raise ValueError(
                f"expected model= to name the module to explain, for {type(trainer.strategy).__name__} runs the whole "
                "validation step as the LightningModule's forward pass, got None"
            )
        self._cam = CAM(model, **self._cam_options)
        self._logger = GradCAMLogger(self._writer or _writer_of(trainer), **self._options)

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Watch the forward pass of this validation step."""
        if self._cam is not None and batch_idx < self._batches:
            self._capture = self._cam.capture().__enter__()

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Explain it, and add it to the step's record; the sanity check's only shows that it works."""
        capture = self._end()
        if capture is None or self._logger is None:
            return
        labels = self._labels(batch)
        result = capture.result(labels if isinstance(self._targets, str) else self._targets)
        if trainer.sanity_checking:
            return
        tag = f"{self._tag}/dataloader_idx_{dataloader_idx}" if dataloader_idx else self._tag
        epoch = trainer.current_epoch
        self._write("add", tag, result.inputs, result, trainer.global_step, labels=labels, epoch=epoch)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the step's record."""
        if self._logger is not None and not trainer.sanity_checking:
            self._write("flush")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave no hook behind."""
        self._end()

    def _end(self) -> Capture | None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.__exit__(None, None, None)
        return capture

    def _write(self, action: str, *args: Any, **kwargs: Any) -> None:
        try:
            getattr(self._logger, action)(*args, **kwargs)
        except OSError as error:  # a full disk is no reason to end a training
            warnings.warn(f"Grad-CAM maps could not be written: {error}", stacklevel=3)


def _explained(pl_module: LightningModule) -> Any:
    count = sum(1 for _ in pl_module.parameters())
    for child in pl_module.children():
        if sum(1 for _ in child.parameters()) == count:
            return child
    return pl_module


def _writer_of(trainer: Trainer) -> Any:
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            return logger
    names = ", ".join(type(logger).__name__ for logger in trainer.loggers) or "none"
    raise ValueError(
        f"expected a TensorBoardLogger among the trainer's loggers, or writer= a log directory, got {names}"
    )


def _labels_of(batch: Any) -> Any:
    if isinstance(batch, Mapping):
        return batch.get("label", batch.get("labels"))
    return batch[1] if isinstance(batch, (list, tuple)) and len(batch) > 1 else None
