"""Each layout of checkpoints, made by the library that it is of, gives back the maps of the live model bit for bit."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tensorboard_plugin_gradcam import CAM, read_gradcam, replay
from tests.replaying.saved import IMAGES, LABELS, network, trained

pytestmark = pytest.mark.slow

OPTIONS: dict[str, Any] = {"precision": "float32", "batch_size": len(IMAGES)}


def live_maps(model: Any, inputs: Any = IMAGES) -> Any:
    """Return the maps of a model that is at hand."""
    ((_, maps),) = CAM(model)(inputs).maps.items()
    return maps.numpy()


def replayed(model: Any, checkpoints: Any, log: Path, images: Any = (IMAGES, LABELS), **options: Any) -> Any:
    """Return the result of a replay, and its maps by step."""
    found = replay(model, checkpoints, images, log, **(OPTIONS | options))
    assert not found.left_out, found.left_out
    (series,) = read_gradcam(log).maps.values()
    return found, dict(zip(series.steps.tolist(), series.array(), strict=True))


def test_torchvision_references_with_an_average(tmp_path):
    from torch.optim.swa_utils import AveragedModel

    model, other = trained(0), trained(1)
    ema = AveragedModel(model)
    ema.update_parameters(other)
    content = {
        "model": other.state_dict(),
        "optimizer": torch.optim.SGD(other.parameters(), 0.1, 0.9).state_dict(),
        "lr_scheduler": {},
        "epoch": 4,
        "args": __import__("argparse").Namespace(lr=0.1, workers=Path("x")),
        "model_ema": ema.state_dict(),
    }
    torch.save(content, tmp_path / "model_4.pth")
    found, maps = replayed(network, tmp_path / "model_4.pth", tmp_path / "log", steps_per_epoch=100)
    assert set(found.weights.values()) == {"model_ema.module"}
    assert np.array_equal(maps[500], live_maps(ema.module.eval()))
    _, raw = replayed(network, tmp_path / "model_4.pth", tmp_path / "raw", weights="model")
    assert np.array_equal(raw[4], live_maps(other))


def test_timm_with_its_own_saver(tmp_path):
    import timm
    from timm.utils import CheckpointSaver, ModelEmaV2

    torch.manual_seed(0)
    make = {"num_classes": 3}
    model = timm.create_model("test_resnet", **make).eval()
    average = ModelEmaV2(timm.create_model("test_resnet", **make))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    args = __import__("argparse").Namespace(model="test_resnet")
    saver = CheckpointSaver(model, optimizer, args, average, checkpoint_dir=str(tmp_path), recovery_dir=str(tmp_path))
    saver.save_checkpoint(0, metric=0.5)
    saver.save_checkpoint(1, metric=np.float64(0.6))
    images = torch.rand(2, 3, 160, 160), torch.tensor([0, 1])
    left = replay("timm:test_resnet", tmp_path, images, tmp_path / "log", **OPTIONS)
    assert sorted(left.steps.values()) == [0, 1]
    assert {Path(path).name for path in left.left_out} <= {"last.pth.tar", "model_best.pth.tar"}  # of the same steps
    (series,) = read_gradcam(tmp_path / "log").maps.values()
    assert np.array_equal(series.array()[1], live_maps(average.module.eval(), images[0]))


def test_lightning_with_its_own_trainer(tmp_path):
    import lightning
    from lightning.pytorch.callbacks import ModelCheckpoint

    class Module(lightning.LightningModule):
        def __init__(self, path: Path, width: int = 4) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.net = network()
            self.loss = nn.CrossEntropyLoss(weight=torch.ones(3))

        def training_step(self, batch: Any, _: int) -> Any:
            return self.loss(self.net(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.1)

    module = Module(Path("data"))
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(IMAGES, LABELS), batch_size=2)
    saving = ModelCheckpoint(tmp_path / "checkpoints", save_top_k=-1, save_last=True)
    quiet: dict[str, Any] = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    lightning.Trainer(max_epochs=2, callbacks=[saving], accelerator="cpu", **quiet).fit(module, loader)
    found = replay(network, tmp_path / "checkpoints", (IMAGES, LABELS), tmp_path / "log", **OPTIONS)
    assert list(found.steps.values()) == [3, 6]
    assert [Path(path).name for path in found.left_out] == ["last.ckpt"]
    (series,) = read_gradcam(tmp_path / "log").maps.values()
    assert series.epochs.tolist() == [0, 1]
    assert np.array_equal(series.array()[-1], live_maps(module.net.eval()))


def test_ignite_with_its_own_handler(tmp_path):
    from ignite.engine import Engine, Events
    from ignite.handlers import Checkpoint, DiskSaver

    model = trained(3)
    engine = Engine(lambda *_: None)
    for content, folder in (({"model": model}, "bare"), ({"model": model, "trainer": engine}, "named")):
        saver = DiskSaver(tmp_path / folder, create_dir=True)
        handler = Checkpoint(content, saver, n_saved=None, global_step_transform=lambda *_: engine.state.iteration)
        engine.add_event_handler(Events.EPOCH_COMPLETED, handler)
    engine.run([0, 1, 2], max_epochs=2)
    for folder in ("bare", "named"):
        _, maps = replayed(network, tmp_path / folder, tmp_path / f"log-{folder}")
        assert list(maps) == [3, 6]
        assert np.array_equal(maps[6], live_maps(model))


@pytest.mark.parametrize("is_safe", [True, False])
def test_accelerate_with_its_own_folder(tmp_path, is_safe):
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    model = accelerator.prepare(trained(4))
    accelerator.save_state(str(tmp_path / "saved" / "checkpoint_12"), safe_serialization=is_safe)
    _, maps = replayed(network, tmp_path / "saved", tmp_path / "log")
    assert np.array_equal(maps[12], live_maps(accelerator.unwrap_model(model).eval()))


def vit() -> Any:
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, image_size=32, patch_size=8,
        num_labels=3,
    )  # fmt: skip
    return ViTForImageClassification(config).eval()


@pytest.mark.parametrize("shard", ["5GB", "10KB"])
def test_hugging_face_with_its_own_trainer_and_shards(tmp_path, shard):
    from transformers import Trainer, TrainingArguments

    model = vit()

    class Rows(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return len(IMAGES)

        def __getitem__(self, index: int) -> Any:
            return {"pixel_values": IMAGES[index], "labels": LABELS[index]}

    out = tmp_path / "out"
    arguments = TrainingArguments(
        str(out),
        max_steps=4,
        save_steps=2,
        per_device_train_batch_size=2,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    Trainer(model=model, args=arguments, train_dataset=Rows()).train()
    if shard != "5GB":
        for folder in out.iterdir():
            state = (folder / "trainer_state.json").read_text()
            shutil.rmtree(folder)
            model.save_pretrained(folder, max_shard_size=shard)
            (folder / "trainer_state.json").write_text(state)
        assert len(list((out / "checkpoint-4").glob("model-*-of-*.safetensors"))) > 1
    source = f"transformers:{out / 'checkpoint-2'}"
    _, maps = replayed(source, out, tmp_path / "log", Rows())
    assert list(maps) == [2, 4]
    assert np.array_equal(maps[4], live_maps(model.eval()))


def test_hugging_face_before_safetensors(tmp_path):
    model = vit()
    folder = tmp_path / "checkpoint-30"
    model.config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    torch.save(SimpleNamespace(evil=1), folder / "training_args.bin")
    _, maps = replayed(vit, tmp_path, tmp_path / "log")
    assert np.array_equal(maps[30], live_maps(model))


def test_distributed_checkpoints(tmp_path):
    import torch.distributed.checkpoint as dcp

    model = trained(5)
    state = {"model": model.state_dict(), "step": 40, "epoch": torch.tensor(2)}
    dcp.save(state, checkpoint_id=str(tmp_path / "saved" / "any"))
    _, maps = replayed(network, tmp_path / "saved", tmp_path / "log")
    assert np.array_equal(maps[40], live_maps(model))


def test_distributed_checkpoints_of_several_ranks(tmp_path):
    worker = tmp_path / "worker.py"
    worker.write_text(DISTRIBUTED)
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    import subprocess
    import sys

    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(worker)]
    subprocess.run([*command, str(tmp_path / "saved" / "step_7")], check=True, env=environment)
    assert len(list((tmp_path / "saved" / "step_7").glob("*.distcp"))) == 2
    _, maps = replayed(network, tmp_path / "saved", tmp_path / "log")
    assert np.array_equal(maps[7], live_maps(trained(6)))


DISTRIBUTED = """
import sys
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor
from tests.replaying.saved import trained

dist.init_process_group("gloo")
mesh = init_device_mesh("cpu", (2,))
state = {
    name: distribute_tensor(value, mesh, [Shard(0)]) if value.ndim else value
    for name, value in trained(6).state_dict().items()
}
dcp.save({"model": state}, checkpoint_id=sys.argv[1])
dist.destroy_process_group()
"""


def test_deepspeed_as_its_code_writes_it(tmp_path):
    model = trained(7)
    folder = tmp_path / "run" / "global_step90"
    folder.mkdir(parents=True)
    (tmp_path / "run" / "latest").write_text("global_step90")
    torch.save(
        {"module": model.state_dict(), "global_steps": 90, "dp_world_size": 1}, folder / "mp_rank_00_model_states.pt"
    )
    torch.save({"optimizer_state_dict": {}}, folder / "zero_pp_rank_0_mp_rank_00_optim_states.pt")
    _, maps = replayed(network, tmp_path / "run", tmp_path / "log")
    assert np.array_equal(maps[90], live_maps(model))


class Detection(nn.Module):
    """A user's own module, as Ultralytics pickles one: in half precision, under `ema`."""

    def __init__(self) -> None:
        super().__init__()
        self.model = network()

    def forward(self, x: Any) -> Any:
        return self.model(x)


def test_ultralytics_as_its_code_writes_it(tmp_path):
    torch.manual_seed(8)
    model = Detection().eval()
    content = {"epoch": 11, "model": None, "ema": Detection().half(), "train_args": {"lr": 0.1}, "date": Path("x")}
    content["ema"].load_state_dict(model.state_dict())
    torch.save(content, tmp_path / "last.pt")
    found, maps = replayed(Detection, tmp_path / "last.pt", tmp_path / "log")
    assert set(found.weights.values()) == {"ema"}
    model.load_state_dict({name: value.half().float() if value.is_floating_point() else value
                           for name, value in model.state_dict().items()})  # fmt: skip
    assert np.array_equal(maps[11], live_maps(model))


@pytest.mark.parametrize(
    ("name", "content", "step"),
    [
        ("epoch_3.pth", lambda state: {"meta": {"iter": 600, "epoch": 3}, "state_dict": state, "message_hub": {}}, 600),
        ("model_0000499.pth", lambda state: {"model": state, "optimizer": {}, "scheduler": {}, "iteration": 499}, 499),
        (
            "checkpoint_best.pth",
            lambda state: {"network_weights": state, "current_epoch": np.int64(30), "init_args": {"a": np.ones(2)}},
            30,
        ),
        (
            "epoch_9.pt",
            lambda state: {"epoch": 9, "name": "x", "state_dict": {f"module.{k}": v for k, v in state.items()}},
            9,
        ),
        (
            "checkpoint0004.pth",
            lambda state: {
                "student": {f"module.backbone.{k}": v * 0 for k, v in state.items()},
                "teacher": {f"backbone.{k}": v for k, v in state.items()},
                "epoch": 5,
                "args": SimpleNamespace(),
            },
            5,
        ),
    ],
)
def test_other_trainers_as_their_code_writes_it(tmp_path, name, content, step):
    model = trained(9)
    torch.save(content(model.state_dict()), tmp_path / name)
    options = {"weights": "teacher.backbone"} if name == "checkpoint0004.pth" else {}
    _, maps = replayed(network, tmp_path / name, tmp_path / "log", **options)
    assert np.array_equal(maps[step], live_maps(model))


def test_a_model_of_torchvision_by_its_name_and_the_checkpoints_number_of_classes(tmp_path):
    from torchvision import models

    torch.manual_seed(0)
    model = models.resnet18(num_classes=5).eval()
    torch.save({"state_dict": {f"module.{k}": v for k, v in model.state_dict().items()}, "epoch": 1, "arch": "resnet18",
                "best_acc1": torch.tensor(50.0)}, tmp_path / "checkpoint.pth.tar")  # fmt: skip
    images = torch.rand(2, 3, 64, 64), torch.tensor([0, 4])
    _, maps = replayed("torchvision:resnet18", tmp_path / "checkpoint.pth.tar", tmp_path / "log", images)
    assert np.array_equal(maps[1], live_maps(model, images[0]))


def test_a_pickled_module_needs_trust(tmp_path):
    torch.save(trained(1), tmp_path / "whole-3.pt")
    with pytest.raises(ValueError, match="--trust"):
        replay(str(tmp_path / "whole-3.pt"), tmp_path / "whole-3.pt", (IMAGES, LABELS), tmp_path / "log")
    _, maps = replayed(str(tmp_path / "whole-3.pt"), tmp_path / "whole-3.pt", tmp_path / "log", trust=True)
    assert np.array_equal(maps[3], live_maps(trained(1)))


def test_the_lambda_of_a_module_that_is_not_trusted_is_not_made(tmp_path):
    found, maps = replayed(network, _whole(tmp_path), tmp_path / "log")
    assert set(found.weights.values()) == {"the whole file"}
    assert np.array_equal(maps[3], live_maps(trained(1)))


def _whole(folder: Path) -> Path:
    torch.save(trained(1), folder / "whole-3.pt")
    return folder / "whole-3.pt"


KERAS = """
import sys
from pathlib import Path

import keras
import numpy as np

from tensorboard_plugin_gradcam import read_gradcam, replay
from tensorboard_plugin_gradcam.integrations.keras import KerasCAM

folder = Path(sys.argv[1])
layers = keras.layers


def build():
    return keras.Sequential([
        layers.Input((32, 32, 3)), layers.Conv2D(4, 3, strides=2, activation="relu"), layers.BatchNormalization(),
        layers.Conv2D(8, 3, strides=2, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(3),
    ])


keras.utils.set_random_seed(0)
images, labels = np.random.default_rng(0).random((5, 32, 32, 3), np.float32), np.array([0, 1, 2, 0, 1])
model = build()
model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
names = [str(folder / "a" / ("epoch{epoch:02d}" + ending)) for ending in (".keras", ".weights.h5")]
saving = [keras.callbacks.ModelCheckpoint(name, save_weights_only=name.endswith("h5")) for name in names]
model.fit(images, labels, epochs=2, callbacks=saving, verbose=0)
model.save_weights(folder / "sharded-3.weights.json", max_shard_size=1.4e-6)
for pattern, source in (("a/*.keras", build), ("a/*.weights.h5", build), ("sharded-3.weights.json", build),
                        ("a/*.keras", f"keras:{folder}/a/epoch01.keras")):
    log = folder / f"log-{abs(hash((pattern, str(source))))}"
    found = replay(source, str(folder / pattern), (images, labels), log, precision="float32", batch_size=5)
    assert not found.left_out, found.left_out
    (series,) = read_gradcam(log).maps.values()
    ((_, maps),) = KerasCAM(model)(images).maps.items()
    assert series.steps.tolist() == ([3] if "sharded" in pattern else [1, 2]), series.steps
    assert np.array_equal(series.array()[-1], np.asarray(maps)), pattern
pool = layers.GlobalAveragePooling2D()
other = keras.Sequential([layers.Input((32, 32, 3)), layers.Conv2D(5, 3), pool, layers.Dense(3)])
try:
    replay(other, str(folder / "a"), (images, labels), folder / "log-other")
except ValueError as error:
    assert "epoch01" in str(error)
else:
    raise AssertionError("expected an error")
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_keras_with_its_own_callback(tmp_path, backend):
    import subprocess
    import sys

    script = tmp_path / "script.py"
    script.write_text(KERAS)
    environment = os.environ | {"PYTHONPATH": os.getcwd(), "KERAS_BACKEND": backend}
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, env=environment)


def test_shares_by_torchrun_are_one_log(tmp_path):
    """Also as a smoke test of the module's own command line."""
    import subprocess
    import sys

    from tests.replaying.saved import save_epochs

    save_epochs(tmp_path / "checkpoints", 3)
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m",
        "tensorboard_plugin_gradcam", "replay", "tests.replaying.saved:network", str(tmp_path / "checkpoints"),
        "tests.replaying.saved:data", "-o", str(tmp_path / "log"),
    ]  # fmt: skip
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": os.getcwd()})
    (series,) = read_gradcam(tmp_path / "log").maps.values()
    assert series.steps.tolist() == [0, 1, 2]


def test_jobs_through_submitit_are_one_log(tmp_path):
    import time

    from tensorboard_plugin_gradcam.replaying import submit_replay
    from tests.replaying.saved import save_epochs

    save_epochs(tmp_path / "checkpoints", 3)
    asked = ("tests.replaying.saved:network", str(tmp_path / "checkpoints"), "tests.replaying.saved:data")
    assert len(submit_replay(2, *asked, str(tmp_path / "log"), cluster="local")) == 2
    end = time.monotonic() + 240
    while not list((tmp_path / "log").glob("*tfevents*")) and time.monotonic() < end:
        time.sleep(0.2)
    (series,) = read_gradcam(tmp_path / "log").maps.values()
    assert series.steps.tolist() == [0, 1, 2]
