"""Time and memory of Grad-CAM at ResNets' layer4, as ratios to the inference, beside grad-cam, torchcam and captum.

Every round runs every way once, in turn, and each time is divided by the same round's first: what else the machine
does hits them alike. Memory is the peak of the process's resident set above the loaded model, each way in a process of
its own; PyTorch's profiler would miss what oneDNN allocates.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import captum.attr
import numpy as np
import pytorch_grad_cam
import torch
import torchcam.methods
import torchvision
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from benchmarks.figures import record
from tensorboard_plugin_gradcam import CAM
from tensorboard_plugin_gradcam.cam import Classes

Way = Callable[[nn.Module, Tensor], Any]
LAYER, CLASS, MEBIBYTE = "layer4", 7, 2**20
ROOT = Path(__file__).parents[1]


def inference(model: nn.Module, inputs: Tensor) -> Any:
    with torch.inference_mode():
        return model(inputs)


def ours(model: nn.Module, inputs: Tensor) -> Any:
    return CAM(model, LAYER)(inputs, CLASS).masks()


def captured(model: nn.Module, inputs: Tensor) -> Any:
    """Return the masks of a validation loop's own inference."""
    with torch.inference_mode(), CAM(model, LAYER).capture() as capture:
        model(inputs)
    return capture.result(CLASS).masks()


def by_grad_cam(model: nn.Module, inputs: Tensor) -> Any:
    with pytorch_grad_cam.GradCAM(model=model, target_layers=[model.get_submodule(LAYER)]) as cam:
        return cam(inputs, [ClassifierOutputTarget(CLASS)] * len(inputs))


def by_torchcam(model: nn.Module, inputs: Tensor) -> Any:
    with torchcam.methods.GradCAM(model, LAYER) as cam:
        return cam(CLASS, model(inputs))


def by_captum(model: nn.Module, inputs: Tensor) -> Any:
    return captum.attr.LayerGradCam(model, model.get_submodule(LAYER)).attribute(inputs, target=CLASS)


def ten_classes(model: nn.Module, inputs: Tensor) -> Any:
    return CAM(model, LAYER)(inputs, Classes(*range(10))).masks()


def ten_classes_by_grad_cam(model: nn.Module, inputs: Tensor) -> Any:
    with pytorch_grad_cam.GradCAM(model=model, target_layers=[model.get_submodule(LAYER)]) as cam:
        return [cam(inputs, [ClassifierOutputTarget(index)]) for index in range(10)]


def inference_and_backward(model: nn.Module, inputs: Tensor) -> Any:
    """Run what precedes layer3 without a graph and the rest with one, and ask the graph for its first gradients."""
    parts = list(model.children())
    with torch.no_grad():
        found = nn.Sequential(*parts[:6])(inputs)
    scores = nn.Sequential(*parts[6:-1], nn.Flatten(), parts[-1])(found.requires_grad_())
    return torch.autograd.grad(scores[:, CLASS].sum(), found)


def three_methods_at_three_layers(model: nn.Module, inputs: Tensor) -> Any:
    methods = ["grad_cam", "layer_cam", "grad_cam_plus_plus"]
    return CAM(model, ["layer2", "layer3", "layer4"], methods)(inputs, CLASS).maps


WAYS: dict[str, Way] = {
    "inference": inference,
    "ours": ours,
    "ours, capture()": captured,
    "captum": by_captum,
    "torchcam": by_torchcam,
    "grad-cam": by_grad_cam,
}
TEN_CLASSES: dict[str, Way] = {
    "inference": inference,
    "ours, 10 classes": ten_classes,
    "grad-cam, 10 classes": ten_classes_by_grad_cam,
}
AT_ONCE: dict[str, Way] = {
    "inference and backward from layer2": inference_and_backward,
    "ours, 3 methods at 3 layers": three_methods_at_three_layers,
}


DEVICE = torch.device("cpu")


def network(name: str, batch: int) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    images = torch.rand(batch, 3, 224, 224)
    return getattr(torchvision.models, name)(weights=None).eval().to(DEVICE), images.to(DEVICE)


def seconds(run: Callable[[], Any], clock: Callable[[], float]) -> float:
    finish()
    began = clock()
    run()
    finish()
    return clock() - began


def finish() -> None:
    """Wait for what was sent to the device."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize(DEVICE)


def compare_times(name: str, batch: int, ways: dict[str, Way], rounds: int, clock: Callable[[], float]) -> None:
    """Print each way's median ratio to the first, with its quartiles, and the ratio of the fastest rounds."""
    model, inputs = network(name, batch)
    runs = [partial(way, model, inputs) for way in ways.values()]
    for run in runs:
        run()  # warm
    times = np.array([[seconds(run, clock) for run in runs] for _ in range(rounds)])
    first, alone = next(iter(ways)), np.median(times[:, 0]) * 1e3
    print(f"{name}, batch {batch}, {rounds} rounds, {clock.__name__}: {first} takes {alone:.0f} ms")
    ratios = times / times[:, :1]
    for position, way in enumerate(ways):
        low, median, high = np.quantile(ratios[:, position], (0.25, 0.5, 0.75))
        fastest = times[:, position].min() / times[:, 0].min()
        own = np.median(times[:, position]) * 1e3
        record(f"engine/{name}/batch {batch}/{way}", float(median), "inferences", float(low), float(high))
        print(f"  {way:<34} {own:7.1f} ms {median:6.3f} ({low:.3f} to {high:.3f}; fastest rounds {fastest:.3f})")


def compare_memory(name: str) -> None:
    """Print each way's peak memory above the loaded model."""
    print(f"{name}, batch 16, peak memory above the loaded model")
    peaks = {
        way: int(subprocess.check_output([sys.executable, "-m", "benchmarks.engine", "--peak", name, way], cwd=ROOT))
        for way in WAYS
    }
    for way, peak in peaks.items():
        record(f"memory/{name}/batch 16/{way}", peak / MEBIBYTE, "MiB")
        print(f"  {way:<16} {peak / MEBIBYTE:6.0f} MiB, {peak / peaks['inference']:6.2f} of the inference's")


def compare_allocated(name: str) -> None:
    """Print each way's peak of the device's allocator above the loaded model."""
    print(f"{name}, batch 16, peak of the allocator above the loaded model, on {torch.cuda.get_device_name(DEVICE)}")
    peaks: dict[str, int] = {}
    for way, run in WAYS.items():
        model, inputs = network(name, batch=16)
        run(model, inputs[:1, :, :64, :64])
        model.zero_grad()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(DEVICE)
        before = torch.cuda.memory_allocated(DEVICE)
        run(model, inputs)
        peaks[way] = torch.cuda.max_memory_allocated(DEVICE) - before
        print(
            f"  {way:<16} {peaks[way] / MEBIBYTE:6.0f} MiB, {peaks[way] / peaks['inference']:6.2f} of the inference's"
        )


def print_peak(name: str, way: str) -> None:
    """Print by how many bytes the resident set grows over that of the loaded model while `way` runs once."""
    model, inputs = network(name, batch=16)
    WAYS[way](model, inputs[:1, :, :64, :64])  # what libraries load and keep at their first call is not the pass's
    model.zero_grad()  # what grad-cam leaves is
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak to what is resident now
    before = resident("VmRSS")
    WAYS[way](model, inputs)
    print(resident("VmHWM") - before)


def resident(field: str) -> int:
    """Read a figure of this process from Linux, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def main() -> None:
    """Compare times for ResNet-18, ResNet-50 and ResNet-101, and memory for ResNet-101."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three rounds, no ResNet-101")
    parser.add_argument("--busy", action="store_true", help="one thread and CPU time, for a machine that others use")
    parser.add_argument("--peak", nargs=2, metavar=("MODEL", "WAY"), help=argparse.SUPPRESS)
    parser.add_argument(
        "--device", default="cpu", help='"cuda": absolute times there, and the allocator\'s peak memory'
    )
    options = parser.parse_args()
    global DEVICE
    DEVICE = torch.device(options.device)
    if DEVICE.type == "cuda" and not torch.cuda.is_available():
        print("no CUDA device here: nothing was measured")
        return None
    if options.peak:
        return print_peak(*options.peak)
    if options.busy:
        torch.set_num_threads(1)
    clock = time.process_time if options.busy else time.perf_counter
    rounds = 3 if options.quick else 15
    compare_times("resnet18", 1, TEN_CLASSES, rounds, clock)
    compare_times("resnet50", 8, AT_ONCE, rounds, clock)
    compare_times("resnet50", 8, WAYS, rounds, clock)
    if not options.quick:
        compare_times("resnet101", 8, WAYS, rounds, clock)
        compare_allocated("resnet101") if DEVICE.type == "cuda" else compare_memory("resnet101")
    return None


if __name__ == "__main__":
    main()
