"""When checkpoints were saved, by what they hold and by their names."""

from __future__ import annotations

import pytest

from tensorboard_plugin_gradcam.replaying.moments import Moment, moment_in, moments_in_names


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"epoch": 3, "global_step": 500, "state_dict": {}}, (500, 3, 4)),  # Lightning
        ({"epoch": 4, "model": {}, "args": None}, (None, 4, 5)),  # torchvision: the index of what is over
        ({"epoch": 5, "arch": "resnet18", "best_acc1": 0.1, "state_dict": {}}, (None, 5, 5)),  # examples: a count
        ({"iteration": 499, "model": {}}, (499, None, None)),  # Detectron2
        ({"meta": {"epoch": 2, "iter": 800}, "state_dict": {}, "message_hub": None}, (800, 2, 2)),  # MMEngine
        ({"network_weights": {}, "current_epoch": 9}, (None, 9, 9)),  # nnU-Net
        ({"student": {}, "teacher": {}, "epoch": 7}, (None, 7, 7)),  # DINO
        ({"weight": 1}, (None, None, None)),
        ({"epoch": True, "step": -1}, (None, None, None)),
        ([], (None, None, None)),
    ],
)
def test_what_trainers_write_is_understood(content, expected):
    assert moment_in(content) == Moment(*expected)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["epoch=0-step=2.ckpt", "epoch=1-step=4.ckpt"], [(2, 0), (4, 1)]),
        (["checkpoint-500", "checkpoint-1000"], [(500, None), (1000, None)]),
        (["model_0000499.pth", "model_0000999.pth"], [(499, None), (999, None)]),
        (["epoch_12.pth", "epoch_3.pt"], [(None, 12), (None, 3)]),
        (["iter_2000.pth"], [(2000, None)]),
        (["resnet18-00010.pt", "resnet18-00020.pt"], [(10, None), (20, None)]),
        (["resnet18.pth"], [(None, None)]),
        (["ep3_loss0.25.pt", "ep4_loss0.19.pt"], [(None, 3), (None, 4)]),
        (["recovery-1-500.pth.tar", "recovery-1-900.pth.tar"], [(500, None), (900, None)]),
        (["global_step40"], [(40, None)]),
        (["weights.07.weights.h5", "weights.08.weights.h5"], [(7, None), (8, None)]),
        (["last.ckpt", "best.pt"], [(None, None), (None, None)]),
    ],
)
def test_names_tell_the_step_or_the_epoch(names, expected):
    assert [(one.step, one.epoch) for one in moments_in_names(names)] == expected


@pytest.mark.parametrize("pattern", ["run7_{step}_e{epoch}.pt", r"run7_(?P<step>\d+)_e(?P<epoch>\d+)"])
def test_a_pattern_tells_where_the_numbers_are(pattern):
    assert moments_in_names(["run7_120_e4.pt", "other.pt"], pattern) == [Moment(120, 4, 5), Moment()]


def test_a_pattern_without_numbers_is_an_error():
    with pytest.raises(ValueError, match=r"ckpt_\{step\}"):
        moments_in_names(["a"], "no numbers")
