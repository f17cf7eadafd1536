"""`replay`: maps of the checkpoints of past trainings, as a run that looks as if it had been logged at the time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tensorboard_plugin_gradcam.aliases import LabelOrTargets, Layers, Methods
from tensorboard_plugin_gradcam.faults import reason
from tensorboard_plugin_gradcam.progress import progress
from tensorboard_plugin_gradcam.reader import read_gradcam
from tensorboard_plugin_gradcam.records import digest_of_bytes
from tensorboard_plugin_gradcam.replaying import places
from tensorboard_plugin_gradcam.replaying.checkpoints import Checkpoint, Sources, checkpoints_in
from tensorboard_plugin_gradcam.replaying.data import IMAGENET, Data, Files, data_of, spread
from tensorboard_plugin_gradcam.replaying.explaining import Explaining, Loader
from tensorboard_plugin_gradcam.replaying.merging import LOG, Merged, log_ending, merge
from tensorboard_plugin_gradcam.replaying.models import imported, source_of
from tensorboard_plugin_gradcam.replaying.moments import Moment
from tensorboard_plugin_gradcam.replaying.parts import About, Parts, Unit
from tensorboard_plugin_gradcam.replaying.proving import MOST_PICTURES, Proof, provable
from tensorboard_plugin_gradcam.replaying.proving import prove as prove_region
from tensorboard_plugin_gradcam.replaying.reading import weights_in
from tensorboard_plugin_gradcam.replaying.shares import Share, part, parts_of_samples, share_of
from tensorboard_plugin_gradcam.writer import GradCAMLogger
from tensorboard_plugin_gradcam.writer.pictures import look_normalized
from tensorboard_plugin_gradcam.writer.steps import checked_tag

BESIDE = "replay"  # the run within a training's, which keeps its own event files to itself
KEEP = 2**30  # bytes of inputs that are kept from one checkpoint to the next


@dataclass(frozen=True)
class Replay:
    """The outcome of a replay.

    Attributes:
        logdir: directory of the run.
        steps: steps in the log, by the checkpoint's path; empty while other shares are still running.
        left_out: why a checkpoint is not in the log, by its path.
        weights: which weights of a checkpoint were used, by its path.
        computed: number of checkpoints (or parts of their samples) that this call computed.
        missing: number of those that other shares still have to compute, or lost.
        share: the share that this call did.
        proofs: how predictions changed when the regions of findings were changed; only with `prove`.
    """

    logdir: str
    steps: Mapping[str, int]
    left_out: Mapping[str, str]
    weights: Mapping[str, str]
    computed: int
    missing: int
    share: Share
    proofs: tuple[Proof, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as dicts, lists, strings and numbers."""
        return {**vars(self), "share": str(self.share), "proofs": [proof.to_json() for proof in self.proofs]}


def replay(
    model: Any,
    checkpoints: Sources,
    images: Any,
    logdir: str | os.PathLike[str],
    *,
    tag: str = "replay",
    layers: Layers = None,
    methods: Methods = "grad_cam",
    targets: LabelOrTargets = None,
    weights: str | None = None,
    strict: bool = True,
    trust: bool = False,
    pattern: str | None = None,
    steps_per_epoch: int | None = None,
    transform: Any = None,
    limit: int | None = None,
    images_root: str | None = None,
    model_options: Mapping[str, Any] | None = None,
    batch_size: int = 32,
    device: Any = None,
    shard: str | tuple[int, int] | None = None,
    merge_only: bool = False,
    metrics: bool = False,
    prove: bool = False,
    keep: int = KEEP,
    quiet: bool = True,
    **options: Any,
) -> Replay:
    """Compute maps of checkpoints and write them as a run, as if they had been logged during the training.

    No code of a checkpoint is executed: objects of classes that torch does not know are read as inert objects. Step and
    epoch are taken from the checkpoint or else from its name, the wall time from its file. A checkpoint that can't be
    read or does not fit the model is skipped and reported. Finished maps are kept in ``.replay`` in the run's
    directory: a killed replay continues where it stopped, and a later replay computes only new checkpoints.

    Several processes can share the work without communicating: each computes every n-th checkpoint or, if there are few
    checkpoints, a part of the samples; the last one to finish writes the log.

    Example:
        >>> replay("torchvision:resnet50", "runs/dogs/checkpoints", "data/val", "runs/dogs/replay")

    Args:
        model: a torch or Keras model, a function that makes one, or a string: "package.module:function",
            "torchvision:NAME", "timm:NAME", "transformers:DIRECTORY", "keras:FILE.keras", or the file of a pickled
            module.
        checkpoints: a file, a folder, a pattern, an address that fsspec knows, or several of them. Known are state
            dicts, what torchvision, timm, Lightning, Ignite, Hugging Face, accelerate, DCP, DeepSpeed, Ultralytics,
            MMEngine and others save, safetensors, shards, and Keras's ``.keras`` and ``.weights.h5``.
        images: a folder (its subfolders are the labels), a CSV, COCO annotations, a data set, a pair of inputs and
            labels, or "package.module:function" that returns one of these.
        logdir: directory of the run to write. If it has a training's event files, the run is its subdirectory
            ``replay``.
        tag: name of the series.
        layers: as for `CAM`; by default found once, with the first checkpoint.
        methods: as for `CAM`.
        targets: what to explain, as for `GradCAMLogger.probe`.
        weights: which of a checkpoint's weights, such as "model_ema"; by default an average if there is one.
        strict: whether to skip a checkpoint that has weights which the model lacks.
        trust: unpickle checkpoints as Python does, which runs any code that they name. Only for files whose origin you
            trust.
        pattern: the place of step or epoch in file names: "ckpt_{step}.pt", or a regular expression with groups of
            these names.
        steps_per_epoch: converts epochs to steps, for checkpoints that know only the epoch.
        transform: function from a PIL image to the model's input, or "package.module:name"; by default the model's
            own, or else ImageNet's at 224 pixels.
        limit: largest number of samples, spread evenly over all.
        images_root: folder of the pictures named in a CSV or COCO annotations.
        model_options: keyword arguments of the function that makes the model.
        batch_size: number of samples per forward pass.
        device: torch device; by default CUDA if available.
        shard: "i/n", counted from 0; by default as torchrun, Slurm, MPI or Kubernetes tell this process.
        merge_only: write the log of the finished maps, without computing.
        metrics: as for `GradCAMLogger`.
        prove: if a finding names a region, remove it from the pictures behind the finding, paste it into pictures of
            other classes, and count the predictions that flip: see `Replay.proofs`.
        keep: number of bytes of inputs kept in memory between checkpoints.
        quiet: show no progress bars.
        options: further arguments of `GradCAMLogger`: class_names, measures, top_k, precision, task, ...

    Raises:
        ValueError: arguments are invalid, or no checkpoint can be replayed.
        FileNotFoundError: there are no checkpoints or no images.
    """
    checked_tag(tag)
    share = share_of(shard)
    found = checkpoints_in(checkpoints, pattern)
    source = source_of(model, model_options or {}, trust)
    transform = imported(transform) if isinstance(transform, str) else transform
    shown = transform or source.normalization or (IMAGENET if source.transform is None else source.transform)
    data = data_of(images, transform or source.transform, shown, limit, images_root)
    data = _relabelled(data, tuple(options.get("class_names") or ()))
    if "mean" not in options and (isinstance(data, Files) or _look_normalized(data)):
        options = {"transform": shown if isinstance(data, Files) else data.transform or source.normalization} | options
    if data.class_names and not options.get("class_names"):
        options["class_names"] = data.class_names
    directory = run_directory(places.text_of(logdir))
    settings = _digest(
        [model, model_options or {}, _described(data, images), layers, methods, targets, weights, strict, options]
    )
    plan = _plan(directory, tag, settings, found, share, len(data))
    work = _Work(
        Loader(source, weights, strict, trust), data, plan, layers, methods, targets, options, batch_size, device, keep,
        steps_per_epoch, quiet,
    )  # fmt: skip
    computed = 0 if merge_only else work.compute(share)
    merged = Merged(missing=plan.missing())
    if merge_only or not merged.missing:
        merged = merge(directory, plan.units, plan.samples_names, tag, metrics, options.get("measures", ()))
    if not merged.missing:
        plan.forget_others()
    proofs = tuple(_proofs(work, directory, tag, merged)) if prove and not merged.missing else ()
    return Replay(directory, merged.steps, merged.left_out, merged.weights, computed, merged.missing, share, proofs)


def run_directory(logdir: str) -> str:
    """Return the directory of the run to write: beside a training's event files, never among them.

    TensorBoard goes from one file of a run to the next and does not come back, so the training's scalars would stop.
    """
    files = [name for path in places.listed(logdir) if "tfevents" in (name := places.name_of(path))]
    foreign = [name for name in files if not name.rpartition(".")[2].startswith(LOG)]
    return places.join(logdir, BESIDE) if foreign else logdir


@dataclass(frozen=True)
class _Plan:
    """All that is to be done, the same in every share.

    Attributes:
        parts: of the run.
        checkpoints: the oldest first.
        keys: of the checkpoints' units.
        units: in the order in which shares take them.
        ranges: of the samples, by the part's index.
        samples_names: of the parts that hold the samples, likewise.
        prefix: of all names of the tag's parts.
    """

    parts: Parts
    checkpoints: Sequence[Checkpoint]
    keys: Sequence[str]
    units: Sequence[Unit]
    ranges: Sequence[range]
    samples_names: Sequence[str]
    prefix: str

    def missing(self) -> int:
        """Return how many units have no part yet."""
        there = self.parts.names()
        return sum(unit.file_name not in there for unit in self.units)

    def checkpoint(self, unit: Unit) -> Checkpoint:
        """Return the checkpoint that a unit is of."""
        return self.checkpoints[self.keys.index(unit.key)]

    def forget_others(self) -> None:
        """Remove parts of this tag that belong to other settings, or to checkpoints as they no longer are."""
        known = {unit.file_name for unit in self.units} | set(self.samples_names)
        self.parts.forget(name for name in self.parts.names() if name.startswith(self.prefix) and name not in known)


def _plan(
    directory: str, tag: str, settings: str, checkpoints: Sequence[Checkpoint], share: Share, count: int
) -> _Plan:
    parts = Parts(directory)
    prefix = log_ending(tag)[len(LOG) :]
    stem = f"{prefix}-{settings}"
    cut = min(_cut_before(parts.names(), stem) or parts_of_samples(len(checkpoints), share.count), count)
    keys = [f"{stem}-{_digest([one.path, places.size_of(_weights_file(one)), one.wall_time])}" for one in checkpoints]
    units = [Unit(key, index, cut) for key in keys for index in range(cut)]
    names = [f"{stem}-samples-{index}-of-{cut}.part" for index in range(cut)]
    return _Plan(parts, checkpoints, keys, units, [part(count, index, cut) for index in range(cut)], names, prefix)


def _cut_before(names: set[str], stem: str) -> int | None:
    """Return into how many parts an earlier start cut the samples: the cuts have to be the same."""
    found = [name for name in names if name.startswith(f"{stem}-samples-")]
    return int(found[0].rpartition("-of-")[2].partition(".")[0]) if found else None


def _weights_file(checkpoint: Checkpoint) -> str:
    inner = weights_in(checkpoint.path) if places.is_folder(checkpoint.path) else None
    return inner or checkpoint.path


@dataclass
class _Work:
    """Computes a share of a plan."""

    loader: Loader
    data: Data
    plan: _Plan
    layers: Any
    methods: Any
    targets: Any
    options: Mapping[str, Any]
    batch_size: int
    device: Any
    keep: int
    steps_per_epoch: int | None
    quiet: bool

    def compute(self, share: Share) -> int:
        """Compute what this share has not computed yet; return how many units that were."""
        parts = self.plan.parts
        there = parts.names()
        mine = [unit for unit in share.of(self.plan.units) if unit.file_name not in there or parts.about(unit).failure]
        if not mine:
            return 0
        first = self.loader.first(self.plan.checkpoints)
        explaining = self.explaining()
        is_first = self.plan.checkpoint(mine[0]) == first and mine[0].index == 0
        if self.layers is None and not is_first:
            explaining.find_layers()
        loaded = first
        found: tuple[Moment, str] | Exception = self._loaded(first)
        for unit in progress(mine, "replaying", "checkpoints", self.quiet):
            checkpoint = self.plan.checkpoint(unit)
            if checkpoint != loaded:
                loaded, found = checkpoint, self._loaded(checkpoint)
            self._write_samples(explaining, unit.index, there)
            about = About(checkpoint.path, checkpoint.wall_time)
            if isinstance(found, Exception):
                parts.write(unit, replace(about, failure=reason(found)), None)
                continue
            try:
                step = explaining.step(unit.index)
            except Exception as error:  # whatever a model raises of these weights: the other checkpoints go on
                parts.write(unit, replace(about, failure=reason(error)), None)
                continue
            parts.write(unit, self._about(about, checkpoint, *found), step)
        return len(mine)

    def _loaded(self, checkpoint: Checkpoint) -> tuple[Moment, str] | Exception:
        try:
            return self.loader.load(checkpoint)
        except ImportError:
            raise
        except Exception as error:  # a file may hold anything
            return error

    def explaining(self) -> Explaining:
        """Return what computes the maps of the model as it is loaded now."""
        model, device = self.loader.model, None
        if self.loader.source.is_keras:
            from tensorboard_plugin_gradcam.integrations.keras_cam import KerasCAM

            cam: Any = KerasCAM(model, self.layers, self.methods)
            logger = GradCAMLogger(None, cam, on_error="raise", **self.options)
        else:
            import torch

            device = torch.device(self.device or ("cuda" if torch.cuda.is_available() else "cpu"))
            model.to(device)
            model.eval()
            logger = GradCAMLogger(
                None, model, layers=self.layers, methods=self.methods, on_error="raise", **self.options
            )
        return Explaining(logger, self.data, self.plan.ranges, self.batch_size, self.targets, device, self.keep)

    def _write_samples(self, explaining: Explaining, index: int, there: set[str]) -> None:
        name = self.plan.samples_names[index]
        if name not in there:
            self.plan.parts.write_samples(name, *explaining.samples(index))
            there.add(name)

    def _about(self, about: About, checkpoint: Checkpoint, moment: Moment, weights: str) -> About:
        known = moment.or_else(checkpoint.named)
        step = moment.step
        if step is None and self.steps_per_epoch is not None and known.finished is not None:
            step = round(known.finished * self.steps_per_epoch)
        if step is None:
            step = int(moment.epoch) if moment.epoch is not None else checkpoint.named.step
        if step is None and known.epoch is not None:
            step = int(known.epoch)
        return replace(about, step=step, epoch=known.epoch, weights=weights)


def _proofs(work: _Work, directory: str, tag: str, merged: Merged) -> Iterator[Proof]:
    """Try the regions that findings of the log name, each by the weights of the step at which it is seen best."""
    log = read_gradcam(directory)
    found = provable(log.findings(), tag)
    if not found:
        return
    paths = {step: path for path, step in merged.steps.items()}
    work.loader.first(work.plan.checkpoints)
    explaining = work.explaining()
    if work.layers is None:
        explaining.find_layers()
    for finding in found:
        work.loader.load(next(one for one in work.plan.checkpoints if one.path == paths[finding.step]))
        cohort = log.maps[finding.run, tag, finding.method, finding.layer][finding.step].cohort
        if cohort is None:
            continue
        places_of = {name: index for index, name in enumerate(cohort.identities)}
        behind = [places_of[name] for name in finding.samples]
        labels = [sample.label for sample in cohort.samples]
        others = [index for index, label in enumerate(labels) if label not in (None, finding.group)]
        some = [others[index] for index in spread(len(others), 4 * MOST_PICTURES)]
        names = cohort.class_names
        yield prove_region(finding, explaining.pictures(behind), explaining.pictures(some), explaining.predict, names)


def _look_normalized(data: Data) -> bool:
    inputs = data.take(range(1)).inputs
    return look_normalized(inputs[0] if isinstance(inputs, list) else inputs)


def _relabelled(data: Data, class_names: tuple[str, ...]) -> Data:
    """Return pictures labelled by the model's own classes, where their folders are named like these."""
    if not isinstance(data, Files) or not class_names or not set(data.class_names) <= set(class_names):
        return data
    to = [class_names.index(name) for name in data.class_names]
    rows = [row if row.label is None else replace(row, label=to[row.label]) for row in data.rows] if to else data.rows
    return replace(data, rows=rows, class_names=class_names)


def _described(data: Data, images: Any) -> list[Any]:
    """Return what tells these samples from others."""
    if isinstance(data, Files):
        return [[row.path for row in data.rows], [row.label for row in data.rows], data.transform]
    return [images, len(data)]


def _digest(values: Any) -> str:
    return digest_of_bytes(json.dumps(values, default=_name, sort_keys=True).encode())[:12]


def _name(value: Any) -> Any:
    """Return a text for what is no JSON: which function or class it is, or an array's values."""
    if hasattr(value, "tolist") and getattr(value, "ndim", 2) < 2:
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    of: Callable[..., Any] | type = value if hasattr(value, "__qualname__") else type(value)
    return f"{of.__module__}.{of.__qualname__}"
