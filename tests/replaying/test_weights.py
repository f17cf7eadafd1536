"""Which tensors of a checkpoint are the model's weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tensorboard_plugin_gradcam.replaying import DoesNotFit
from tensorboard_plugin_gradcam.replaying.weights import chosen, fits, load
from tests.replaying.saved import equal, network, trained

OWN, AVERAGE = trained(0).state_dict(), trained(1).state_dict()


def prefixed(prefix, state):
    return {prefix + name: value for name, value in state.items()}


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (OWN, "the whole file"),
        ({"state_dict": OWN, "optimizer": {"state": {0: {"exp_avg": torch.ones(4)}}}}, "state_dict"),
        ({"model": prefixed("module.", OWN)}, "model.module"),
        ({"state_dict": prefixed("net.", OWN) | {"loss.weight": torch.ones(3)}}, "state_dict.net"),
        ({"model": prefixed("_orig_mod.", OWN)}, "model"),
        ({"model": {name.replace(".", "._orig_mod."): value for name, value in OWN.items()}}, "model"),
        ({"module": prefixed("_forward_module.module.", OWN)}, "module.module"),
        ({"network_weights": OWN, "current_epoch": 3}, "network_weights"),
        (prefixed("model.", OWN) | {"optimizer.state.0.step": torch.ones(1)}, "model"),
        ({"my_own_key": {"inner": OWN}}, "my_own_key.inner"),
    ],
)
def test_weights_are_found_wherever_they_stand(content, name):
    model = network()
    fit = chosen(content, model)
    load(fit, model)
    assert fit.name == name
    assert equal(model, trained(0))


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ({"state_dict": OWN, "state_dict_ema": AVERAGE}, "state_dict"),
        ({"model": OWN, "model_ema": prefixed("module.", AVERAGE) | {"n_averaged": torch.ones(1)}}, "model"),
        ({"state_dict": prefixed("model.", OWN) | prefixed("ema_model.", AVERAGE)}, "state_dict.model"),
    ],
)
def test_an_average_is_taken_unless_another_is_asked_for(content, key):
    model = network()
    load(chosen(content, model), model)
    assert equal(model, trained(1))
    load(chosen(content, model, key), model)
    assert equal(model, trained(0))


def test_a_wrapper_that_only_prepares_inputs_needs_no_weights():
    class Normalized(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = network()
            self.register_buffer("mean", torch.zeros(3))

    model = Normalized()
    load(chosen(OWN, model), model)
    assert equal(model.net, trained(0))


def test_tied_weights_are_saved_once():
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(3, 3), nn.Linear(3, 3)
            self.two.weight = self.one.weight

    state = Tied().state_dict()
    del state["two.weight"]
    assert chosen(state, Tied()).is_whole


def test_counters_from_before_torch_0_4_1_may_be_missing():
    assert chosen({name: value for name, value in OWN.items() if "tracked" not in name}, network()).is_whole


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.pop("3.bias"), r"lacks 3\.bias"),
        (lambda state: state.update({"7.weight": torch.ones(5, 8)}), r"7\.weight is \(5, 8\), not \(3, 8\)"),
        (lambda state: state.update({"8.weight": torch.ones(5, 8)}), r"has 8\.weight, which the model lacks"),
    ],
)
def test_what_does_not_fit_is_named(change, words):
    state, model = dict(OWN), network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    change(state)
    with pytest.raises(DoesNotFit, match=words):
        chosen({"state_dict": state}, model)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_weights_of_nothing_known_are_named():
    with pytest.raises(DoesNotFit, match="tensors in: generator"):
        chosen({"generator": {"a.b": torch.ones(1)}}, network())


def test_extra_weights_are_taken_where_that_is_said():
    assert chosen(OWN | {"8.weight": torch.ones(1)}, network(), strict=False).name == "the whole file"


def test_the_number_of_classes_is_read_off_the_checkpoint():
    assert [fit.other_classes for fit in fits(OWN, network(10))] == [3]
    assert [fit.other_classes for fit in fits(OWN, network(3))] == [None]
