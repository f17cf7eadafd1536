"""Models as people wrap them: looked into, or refused with words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import captum.attr
import pytest
import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.nn.parallel import DistributedDataParallel

from tensorboard_plugin_gradcam import CAM

LAYER = "3"


def network() -> nn.Module:
    """Two convolutions and a linear layer, with scores that are large enough for maps that are not vanishing."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.Conv2d(8, 8, 3), nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
    )  # fmt: skip
    model[7].weight.data *= 1000
    return model.eval()


def images() -> Tensor:
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def map_of(model: Any, **options: Any) -> Tensor:
    return CAM(model, LAYER, **options)(images(), 1).maps[options.get("methods", "grad_cam"), LAYER]


@pytest.fixture
def lone_process(tmp_path: Path) -> Iterator[None]:
    """A process group of one."""
    torch.distributed.init_process_group("gloo", f"file://{tmp_path}/group", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def partly_compiled(model: nn.Module) -> nn.Module:
    model[3] = torch.compile(model[3], backend="eager")
    return model


def compiled_in_place(model: nn.Module) -> nn.Module:
    model.compile(backend="eager")
    return model


WRAPS: list[Callable[[nn.Module], Any]] = [
    nn.DataParallel,
    DistributedDataParallel,
    partial(torch.compile, backend="eager"),
    lambda model: torch.compile(DistributedDataParallel(model), backend="eager"),
    partly_compiled,
    compiled_in_place,
]


@pytest.mark.usefixtures("lone_process")
@pytest.mark.parametrize("wrap", WRAPS)
def test_wrapped_models_give_the_maps_of_what_they_wrap(wrap: Callable[[nn.Module], Any]) -> None:
    expected, wrapped = map_of(network()), wrap(network())
    assert float(expected.abs().max()) > 1e-3
    with torch.no_grad():
        wrapped(images())  # compiles
    assert torch.equal(map_of(wrapped), expected)
    with torch.no_grad(), CAM(wrapped, LAYER).capture() as capture:
        wrapped(images())
    assert torch.equal(capture.result(1).maps["grad_cam", LAYER], expected)


def test_a_layer_inside_code_that_was_compiled_for_the_same_pass_is_seen() -> None:
    """Compiled code knows nothing of hooks that came after it."""
    model = network()
    expected = map_of(model)
    compiled = torch.compile(model[3], backend="eager")
    model[3] = compiled
    with torch.no_grad():
        model(images())  # in the modes in which the map's own pass runs, so that nothing is compiled again
    layer = "3._orig_mod"
    assert torch.equal(CAM(model, layer)(images(), 1).maps["grad_cam", layer], expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_maps_under_autocast_equal_captums(dtype: torch.dtype) -> None:
    model = network()
    with torch.autocast("cpu", dtype):
        found = map_of(model)
        theirs = captum.attr.LayerGradCam(model, model[3]).attribute(images(), target=1)[:, 0].detach()
        with torch.no_grad(), CAM(model, LAYER).capture() as capture:
            assert model(images()).dtype == dtype
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, theirs.float(), rtol=2e-2, atol=2e-2 * float(theirs.abs().max()))
    torch.testing.assert_close(capture.result(1).maps["grad_cam", LAYER], found)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_models_of_other_types_give_maps_of_float32(dtype: torch.dtype) -> None:
    found = CAM(network().to(dtype), LAYER)(images().to(dtype), 1).maps["grad_cam", LAYER]
    expected = map_of(network())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=2e-2, atol=2e-2 * float(expected.abs().max()))


def dynamic(model: nn.Module) -> nn.Module:
    """Quantise the linear layer: its weights, and what it is given."""
    quantised: nn.Module = torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)
    return quantised


def static(model: nn.Module) -> nn.Module:
    """Quantise the first convolution: its weights, and what it returns."""
    quantisation = torch.ao.quantization
    stem = quantisation.QuantWrapper(model[0]).eval()
    stem.qconfig = quantisation.get_default_qconfig("x86")
    prepared = quantisation.prepare(stem)
    prepared(images())
    model[0] = quantisation.convert(prepared)
    return model


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # torch's own
def test_a_quantised_head_has_no_gradients_but_what_the_layer_saw() -> None:
    quantised = dynamic(network())
    with pytest.raises(ValueError, match="without gradients such as eigen_cam"):
        map_of(quantised)
    assert torch.equal(map_of(quantised, methods="eigen_cam"), map_of(network(), methods="eigen_cam"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # torch's own
def test_a_quantised_trunk_has_the_gradients_of_what_follows_it() -> None:
    quantised = static(network())
    expected = map_of(network())
    torch.testing.assert_close(map_of(quantised), expected, rtol=0.1, atol=0.1 * float(expected.abs().max()))
    saw = CAM(quantised, "0.module", "eigen_cam")(images()).maps["eigen_cam", "0.module"]
    assert torch.equal(saw, CAM(quantised, "0", "eigen_cam")(images()).maps["eigen_cam", "0"])
    with pytest.raises(ValueError, match=r"depend on layer '0.module' by operations with gradients"):
        CAM(quantised, "0.module")(images())


@pytest.mark.parametrize("part", ["", "3", "0"])
@pytest.mark.usefixtures("lone_process")
def test_a_fully_sharded_model_is_refused_with_words(part: str) -> None:
    model, mesh = network(), torch.distributed.init_device_mesh("cpu", (1,))
    fully_shard(model.get_submodule(part), mesh=mesh)
    with pytest.raises(TypeError, match=f"{part or 'the model'} is fully sharded"):
        CAM(model)


@pytest.mark.usefixtures("lone_process")
def test_a_model_within_fsdp_is_refused_with_words() -> None:
    with pytest.raises(TypeError, match="fully sharded"):
        CAM(FullyShardedDataParallel(network(), device_id=torch.device("cpu")))


def test_a_scripted_model_is_refused_with_words() -> None:
    with pytest.raises(TypeError, match="scripted"):
        CAM(torch.jit.trace(nn.Conv2d(3, 4, 3), torch.rand(1, 3, 8, 8)))


def test_a_scripted_part_runs_like_any_other() -> None:
    model = network()
    model[7] = torch.jit.script(model[7])
    assert torch.equal(map_of(model), map_of(network()))


def test_a_model_that_was_made_in_inference_mode_is_refused_with_words() -> None:
    with torch.inference_mode():
        model = network()
    with pytest.raises(TypeError, match="made in inference mode"):
        CAM(model)


@pytest.mark.parametrize("value", [None, "resnet18", torch.rand(2), lambda inputs: inputs])
def test_what_is_no_module_is_refused_with_words(value: Any) -> None:
    with pytest.raises(TypeError, match=r"expected a torch.nn.Module, got"):
        CAM(value)
