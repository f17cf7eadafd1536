"""On the device: a training with maps is bit for bit the training without them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tensorboard_plugin_gradcam import CAM
from tests.cam.kinds import convolutions

pytestmark = pytest.mark.slow

Look = Callable[[nn.Module, Tensor], None]
STEPS = 4


class Network(nn.Module):
    """BatchNorm, dropout (which draws on the device) and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.head = convolutions(), nn.Sequential(nn.Dropout(0.3), nn.Linear(16, 5))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.trunk(images).mean((2, 3)))  # type: ignore[no-any-return]


def nothing(model: nn.Module, images: Tensor) -> None:
    pass


def maps(model: nn.Module, images: Tensor) -> None:
    for layers, methods in ((None, "grad_cam"), ("trunk", ["layer_cam", "eigen_cam", "score_cam"])):
        result = CAM(model, layers, methods)(images[:2], 1)
        assert all(bool(map_.isfinite().all()) for map_ in result.maps.values())


def validated(model: nn.Module, images: Tensor) -> None:
    with torch.inference_mode():
        model(images[:2])


def captured(model: nn.Module, images: Tensor) -> None:
    """Explain the pass that `validated` makes."""
    with torch.inference_mode(), CAM(model, "trunk").capture() as capture:
        model(images[:2])
    assert float(capture.result(1).maps["grad_cam", "trunk"].abs().max()) > 0


def trained(
    device: torch.device, look: Look, kind: str = "float32", wrap: Callable[[nn.Module], Any] | None = None
) -> Any:
    """Train a few steps; return the losses, the weights, the optimizer's state and the random states."""
    torch.manual_seed(0)
    plain = Network().to(device)
    if kind == "channels_last":
        plain = plain.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model = wrap(plain) if wrap else plain
    optimizer = torch.optim.AdamW(model.parameters(), 0.01)
    is_amp = kind == "float16"
    scaler = torch.amp.GradScaler(device.type, enabled=is_amp)
    losses: list[Tensor] = []
    for step in range(STEPS):
        generator = torch.Generator().manual_seed(step)
        images = torch.rand(4, 3, 32, 48, generator=generator).to(device)
        if kind == "channels_last":
            images = images.to(memory_format=torch.channels_last)
        labels = torch.randint(0, 5, (4,), generator=generator).to(device)
        look(model, images)
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.float16, enabled=is_amp):
            look(model, images)
            loss = cross_entropy(model(images), labels)
        scaler.scale(loss).backward()
        look(model, images)
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.detach())
    random = torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()
    state = {name: value.detach().cpu() for name, value in plain.state_dict().items()}
    moments = [value.cpu() for one in optimizer.state.values() for value in one.values() if isinstance(value, Tensor)]
    return torch.stack(losses).cpu(), state, moments, random.cpu(), scaler.state_dict()


def assert_same(one: Any, other: Any) -> None:
    assert torch.equal(one[0], other[0]), "losses"
    assert [name for name, value in one[1].items() if not torch.equal(value, other[1][name])] == []
    assert all(torch.equal(mine, yours) for mine, yours in zip(one[2], other[2], strict=True)), "the optimizer's state"
    assert torch.equal(one[3], other[3]), "the random state"
    assert one[4] == other[4], "the scaler's state"


@pytest.mark.parametrize(("plain", "look"), [(nothing, maps), (validated, captured)])
@pytest.mark.parametrize("kind", ["float32", "float16", "channels_last"])
def test_a_training_is_bit_identical(kind: str, plain: Look, look: Look, device: torch.device) -> None:
    if kind == "float16" and device.type == "cpu":
        pytest.skip("a GradScaler of float16 needs CUDA")
    assert_same(trained(device, plain, kind), trained(device, look, kind))


def test_a_compiled_training_is_bit_identical(cuda: torch.device) -> None:
    def compiled(model: nn.Module) -> Any:
        torch.compiler.reset()
        return torch.compile(model)

    assert_same(trained(cuda, nothing, wrap=compiled), trained(cuda, maps, wrap=compiled))


def test_a_training_by_one_process_of_nccl_is_bit_identical(cuda: torch.device, tmp_path: Path) -> None:
    torch.cuda.set_device(cuda.index or 0)
    torch.distributed.init_process_group("nccl", f"file://{tmp_path}/ranks", rank=0, world_size=1)
    try:
        wrap = nn.parallel.DistributedDataParallel
        assert_same(trained(cuda, nothing, wrap=wrap), trained(cuda, maps, wrap=wrap))
    finally:
        torch.distributed.destroy_process_group()


def test_a_step_in_a_cuda_graph_is_left_untouched_by_maps_between_its_replays(cuda: torch.device) -> None:
    """Maps run beside the graph: it replays with the weights that it was captured with, in place."""

    def replayed(look: Look) -> tuple[Tensor, dict[str, Tensor]]:
        torch.manual_seed(0)
        model = Network().to(cuda).eval()  # dropout of a graph draws from a state of the graph's own
        optimizer = torch.optim.SGD(model.parameters(), 0.01)
        images, labels = torch.rand(4, 3, 32, 48, device=cuda), torch.zeros(4, dtype=torch.long, device=cuda)

        def step() -> Tensor:
            optimizer.zero_grad(set_to_none=True)
            loss = cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            return loss

        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss = step()
        losses = []
        for _ in range(STEPS):
            graph.replay()
            losses.append(loss.clone())
            look(model, images)
        return torch.stack(losses), model.state_dict()

    plain, explained = replayed(nothing), replayed(maps)
    assert torch.equal(plain[0], explained[0])
    assert all(torch.equal(value, explained[1][name]) for name, value in plain[1].items())


def test_maps_within_the_capture_of_a_cuda_graph_are_refused_with_words(cuda: torch.device) -> None:
    model, images = Network().to(cuda).eval(), torch.rand(2, 3, 32, 48, device=cuda)
    CAM(model, "trunk")(images, 1)
    with pytest.raises(RuntimeError, match="CUDA graph"), torch.cuda.graph(torch.cuda.CUDAGraph()):
        CAM(model, "trunk")(images, 1)
