"""From a checkpoint to the maps of a part of the samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorboard_plugin_gradcam.records import Cohort, Sample
from tensorboard_plugin_gradcam.replaying import places
from tensorboard_plugin_gradcam.replaying.checkpoints import Checkpoint
from tensorboard_plugin_gradcam.replaying.data import Chunk, Data
from tensorboard_plugin_gradcam.replaying.inert import RefusedCheckpoint
from tensorboard_plugin_gradcam.replaying.models import Source
from tensorboard_plugin_gradcam.replaying.moments import Moment
from tensorboard_plugin_gradcam.replaying.parts import Encoded
from tensorboard_plugin_gradcam.replaying.proving import Pictures
from tensorboard_plugin_gradcam.replaying.reading import content_of, is_keras
from tensorboard_plugin_gradcam.replaying.weights import WHOLE, DoesNotFit, chosen, fits, load, some
from tensorboard_plugin_gradcam.writer import GradCAMLogger
from tensorboard_plugin_gradcam.writer.merging import OpenStep
from tensorboard_plugin_gradcam.writer.samples import Samples

_UNREADABLE = (RefusedCheckpoint, DoesNotFit, OSError)


class Loader:
    """Gives a model the weights of one checkpoint after another.

    Args:
        source: of the model.
        weights: which of a checkpoint's, as for `chosen`.
        strict: likewise.
        trust: whether a checkpoint's code may run.
    """

    def __init__(self, source: Source, weights: str | None, strict: bool, trust: bool) -> None:
        self.source = source
        self._weights, self._strict, self._trust = weights, strict, trust

    @property
    def model(self) -> Any:
        """The model, which stays the same one from the first checkpoint on."""
        return self.source.model

    def first(self, checkpoints: Sequence[Checkpoint]) -> Checkpoint:
        """Load the first checkpoint that can be: it tells how many classes there are, where the model does not.

        Raises:
            ValueError: none can be; named are the first few, with why.
        """
        reasons = []
        for checkpoint in checkpoints:
            try:
                self._adapt(checkpoint)
                self.load(checkpoint)
            except _UNREADABLE as error:
                reasons.append(f"{checkpoint.name}: {error}")
            else:
                return checkpoint
        more = f" ({len(reasons) - 3} more)" if len(reasons) > 3 else ""
        raise ValueError(f"none of {len(reasons)} checkpoints can be replayed: {'; '.join(reasons[:3])}{more}")

    def load(self, checkpoint: Checkpoint) -> tuple[Moment, str]:
        """Give the model its weights; return when it was saved, and which weights were taken.

        Raises:
            RefusedCheckpoint: it can't be read without running its code.
            DoesNotFit: its weights are not the model's.
            OSError: the file system's.
        """
        if self.source.is_keras:
            return load_keras(checkpoint.path, self.model), WHOLE
        if is_keras(checkpoint.path):
            raise DoesNotFit("expected weights for a torch model, got a Keras file")
        content = content_of(checkpoint.path, self._trust)
        try:
            fit = chosen(content.value, self.model, self._weights, self._strict)
        except DoesNotFit:
            if self._weights is None and saves_by_other_names(self.model) and places.is_folder(checkpoint.path):
                load_pretrained(checkpoint.path, self.model, self._strict)
                return content.moment, WHOLE
            raise
        load(fit, self.model)
        return content.moment, fit.name

    def _adapt(self, checkpoint: Checkpoint) -> None:
        """Make the model anew where the checkpoint differs in the number of its classes alone."""
        make = self.source.with_classes
        if make is None or self.source.is_keras or is_keras(checkpoint.path):
            return
        found = fits(content_of(checkpoint.path, self._trust).value, self.model)
        counts = {fit.other_classes for fit in found if not fit.is_whole}
        count = counts.pop() if len(counts) == 1 else None
        if count is not None and not any(fit.is_whole for fit in found):
            self.source = make(count)


def saves_by_other_names(model: Any) -> bool:
    """Say whether a model is one of Hugging Face's, which rename weights when they are saved."""
    return any(base.__name__ == "PreTrainedModel" for base in type(model).__mro__)


def load_pretrained(folder: str, model: Any, strict: bool) -> None:
    """Give a Hugging Face model the weights of a folder, by the names that its own class translates them to.

    Raises:
        DoesNotFit: they are not the model's.
    """
    read, found = type(model).from_pretrained(
        folder, config=model.config, local_files_only=True, output_loading_info=True, ignore_mismatched_sizes=True
    )
    differences = {
        "lacks": sorted(found["missing_keys"]),
        "of another shape:": sorted(str(one[0] if isinstance(one, tuple) else one) for one in found["mismatched_keys"]),
        "has too many:": sorted(found["unexpected_keys"]) if strict else [],
    }
    said = [f"{what} {some(names)}" for what, names in differences.items() if names]
    if said:
        raise DoesNotFit(f"{places.name_of(folder)} does not fit the model: it {'; '.join(said)}")
    model.load_state_dict(read.state_dict())


def load_keras(path: str, model: Any) -> Moment:
    """Give a Keras model the weights of a file; of one that holds a whole model, its weights alone are read.

    Raises:
        DoesNotFit: they are not the model's; the message is Keras's.
    """
    import tempfile

    name = places.name_of(path)
    try:
        if not places.is_remote(path):
            model.load_weights(path)
            return Moment()
        with tempfile.TemporaryDirectory() as folder:
            local = places.join(folder, name)
            places.write(local, places.read(path))
            model.load_weights(local)
    except (ValueError, KeyError, TypeError) as error:
        raise DoesNotFit(" ".join(str(error).split())[:400]) from error
    return Moment()


class Explaining:
    """Computes the steps of checkpoints, part by part.

    Args:
        logger: that explains, and says what is stored; it writes nothing.
        data: all samples.
        parts: into which they are cut.
        batch_size: samples a forward pass.
        targets: as for `GradCAMLogger.probe`.
        device: of torch, where the inputs go; None leaves them.
        keep: bytes of inputs that are kept from one checkpoint to the next; what is beyond is made again.
    """

    def __init__(
        self,
        logger: GradCAMLogger,
        data: Data,
        parts: Sequence[range],
        batch_size: int,
        targets: Any,
        device: Any,
        keep: int,
    ) -> None:
        self._logger, self._data, self._parts = logger, data, parts
        self._batch_size, self._targets, self._device = batch_size, targets, device
        self._left = keep
        self._inputs: dict[range, Any] = {}
        self._samples: dict[range, Samples] = {}

    def find_layers(self) -> None:
        """Let the layer be found by the first samples, which all shares agree on."""
        next(self._explained(range(min(self._batch_size, len(self._data)))))

    def step(self, index: int) -> OpenStep:
        """Return the maps of a part of the samples by the weights that the model has now."""
        step = OpenStep(0)
        for batch in self._explained(self._parts[index]):
            step.append(batch)
        step.pictures.clear()  # they are in the part of the samples
        return step

    def samples(self, index: int) -> tuple[Cohort, dict[str, Encoded]]:
        """Return the samples of a part, and their pictures by their digests."""
        records: list[Sample] = []
        pictures: dict[str, Encoded] = {}
        for part in self._batches(self._parts[index]):
            samples = self._prepared(part, self._chunk(part))
            records += samples.records
            new = {digest: picture for digest, picture in samples.pictures.items() if digest not in pictures}
            pictures |= {
                digest: Encoded(picture.encode(samples.image_format), picture.thumbnail)
                for digest, picture in new.items()
            }
            self._samples[part] = samples
        return Cohort(tuple(records), self._logger.class_names), pictures

    def pictures(self, indices: Sequence[int]) -> Pictures:
        """Return some samples' inputs, the channels last."""
        found = [self._data.take(range(index, index + 1)).inputs for index in indices]
        if not found:
            return np.zeros((0, 1, 1, 1), np.float32)
        if isinstance(found[0], list) or np.ndim(found[0]) != 4:
            raise ValueError("expected pictures of one size, got inputs of another kind")
        arrays = np.concatenate([np.asarray(one, np.float32) for one in found])
        return arrays if self._device is None else np.moveaxis(arrays, 1, -1)

    def predict(self, pictures: Pictures) -> NDArray[np.intp]:
        """Return the classes that the model predicts of such inputs, by the weights that it has now."""
        found = []
        for start in range(0, len(pictures), self._batch_size):
            inputs: Any = pictures[start : start + self._batch_size]
            if self._device is not None:
                import torch

                inputs = torch.from_numpy(np.moveaxis(inputs, -1, 1).copy())
            batch = self._logger.explain(self._moved(inputs), self._logger.prepare(inputs))
            found.append(batch.predictions["prediction"])
        return np.concatenate(found).astype(np.intp)

    def _explained(self, whole: range) -> Iterator[Any]:
        for part in self._batches(whole):
            chunk = self._chunk(part)
            samples = self._samples.get(part) or self._prepared(part, chunk)
            targets = of_part(self._targets, part, len(self._data))
            yield self._logger.explain(self._moved(chunk.inputs), samples, targets)

    def _batches(self, whole: range) -> Iterator[range]:
        for start in range(whole.start, whole.stop, self._batch_size):
            yield range(start, min(start + self._batch_size, whole.stop))

    def _chunk(self, part: range) -> Chunk:
        chunk = self._inputs.get(part)
        if chunk is None:
            chunk = self._data.take(part)
            size = _bytes_of(chunk.inputs)
            if size <= self._left:
                self._left -= size
                self._inputs[part] = chunk
        return chunk

    def _prepared(self, part: range, chunk: Chunk) -> Samples:
        known: dict[str, Any] = dict(chunk.known)
        labels = known.pop("labels", None)
        samples = self._logger.prepare(chunk.inputs, labels, **known)
        if len(samples) != len(part):
            raise ValueError(f"expected {len(part)} samples, got {len(samples)}")
        return samples

    def _moved(self, inputs: Any) -> Any:
        if self._device is None:
            return inputs
        import torch

        if isinstance(inputs, list):
            return [torch.as_tensor(one).to(self._device) for one in inputs]
        return torch.as_tensor(inputs).to(self._device)


def of_part(targets: Any, part: range, count: int) -> Any:
    """Return the targets of some samples, where each of `count` has its own."""
    is_each = hasattr(targets, "__getitem__") and not isinstance(targets, (str, Mapping)) and len(targets) == count
    return targets[part.start : part.stop] if is_each else targets


def _bytes_of(inputs: Any) -> int:
    if isinstance(inputs, list):
        return sum(map(_bytes_of, inputs))
    return int(getattr(inputs, "nbytes", 0))
