"""Findings other than hot spots, each from a log that was made to have it, and one that was not."""

import json
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from sklearn.cluster import SpectralClustering
from sklearn.metrics import adjusted_rand_score, silhouette_samples

from tensorboard_plugin_gradcam.findings import (
    Observations,
    Source,
    Summary,
    changes,
    find,
    no_hot_spot,
    strategies,
    timeline,
)
from tensorboard_plugin_gradcam.findings.changes import largest_p
from tensorboard_plugin_gradcam.findings.statistics import jump_sizes
from tensorboard_plugin_gradcam.findings.strategies import silhouette
from tests.findings.plants import BIRTH, STEPS, planted

NAMES = tuple(map(str, range(60)))
LABELS = (np.arange(60) % 2).astype(np.int32)


def source(steps, run="run", **known):
    summary = Summary()
    for step, maps in enumerate(steps):
        summary.add(Observations(step, maps, LABELS, known.get("predictions"), known.get("probabilities"),
                                 truths=known.get("truths"), identities=NAMES))  # fmt: skip
    return Source(run, "val", "grad_cam", "layer4", summary)


def kinds(findings):
    return [finding.kind for finding in findings]


def random_maps(seed=0):
    return np.random.default_rng(seed).gamma(0.5, size=(60, 7, 7))


def test_two_ways_of_recognising_a_class_are_told_apart_where_accuracy_differs():
    random = np.random.default_rng(0)
    maps = 0.05 * random.random((60, 7, 7))
    maps[:, 4:6, 4:6] += random.random((60, 2, 2))
    rare = np.flatnonzero(LABELS == 1)[:7]
    maps[rare] = 0.05 * random.random((7, 7, 7))
    maps[rare, :2, :2] += random.random((7, 2, 2))
    predictions = LABELS.copy()
    predictions[rare] = 0
    found = [one for one in find([source([maps], predictions=predictions)]) if one.kind == "strategy"]
    assert [set(one.samples) for one in found] == [{str(index) for index in rare}]
    assert found[0].numbers["accuracy"] == 0
    assert found[0].numbers["other_accuracy"] == 1


def test_clusters_and_silhouettes_are_those_of_scikit_learn():
    random = np.random.default_rng(1)
    truth = np.repeat([0, 1, 2], 20)
    shares = 0.02 * random.random((60, 49))
    for index, cluster in enumerate(truth):
        shares[index, 7 * cluster : 7 * cluster + 6] += random.random(6)
    shares = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    found = strategies(shares)
    alike = np.sqrt(shares.astype(float)) @ np.sqrt(shares.astype(float)).T
    theirs = SpectralClustering(3, affinity="precomputed", random_state=0).fit_predict(alike)
    assert found.count == 3
    assert adjusted_rand_score(found.clusters, theirs) == 1
    distances = np.sqrt(np.maximum(1 - alike, 0))
    np.fill_diagonal(distances, 0)
    expected = silhouette_samples(distances, found.clusters, metric="precomputed")
    np.testing.assert_allclose(silhouette(distances, found.clusters), expected, atol=1e-9)


def test_changes_are_found_at_their_steps_and_noise_has_none():
    random = np.random.default_rng(2)
    series = random.normal(0, 0.1, size=(3, 60))
    series[0, 20:] += 1
    series[0, 40:] -= 2
    found = changes(series)
    assert [(change.row, change.at) for change in found] == [(0, 20), (0, 40)]
    assert found[1].before == pytest.approx(series[0, 20:40].mean())
    assert found[1].after < -0.8
    false = sum(bool(changes(random.normal(size=(11, 30)), seed=seed)) for seed in range(100))
    assert false <= 4  # 1 in 100 is expected


def test_the_bound_on_a_jump_is_above_its_share_of_all_permutations():
    random = np.random.default_rng(0)
    for values in ([0, 0, 0, 0, 1, 1, 1, 1.0], random.normal(size=7), [0, 0, 0, 0, 0, 0, 5.0]):
        size = jump_sizes(np.array([values])).max()
        every = np.array(list(permutations(values)))
        true = (jump_sizes(every).max(axis=1) >= size - 1e-9).mean()
        assert largest_p(np.array(values), size) >= true
    step = np.repeat([0.0, 1.0], 50) + random.normal(0, 0.02, 100)
    assert largest_p(step, jump_sizes(step[None]).max()) < 1e-6


def test_a_series_with_gaps_changes_at_its_own_steps():
    series = np.full((1, 40), np.nan)
    series[0, ::2] = [0.0] * 10 + [1.0] * 10
    assert [change.at for change in changes(series)] == [20]


def test_evidence_that_leaves_the_marked_region_is_told_with_the_accuracy():
    truths = np.zeros((60, 28, 28), np.float32)
    truths[:, 8:20, 8:20] = 1
    steps = []
    for step in range(16):
        maps = 0.1 * random_maps(step)
        maps[:, 3, 3] += 5 if step < 8 else 0
        steps.append(maps)
    found = [one for one in find([source(steps, truths=truths, predictions=LABELS)]) if one.kind == "change"]
    assert [(one.step, one.group) for one in found] == [(8, None)]
    assert found[0].sentence().startswith("At step 8 the evidence inside the marked region of all classes fell from 0.")


def test_the_same_map_for_every_picture_is_told_and_since_when():
    one = np.random.default_rng(0).random((1, 7, 7))
    steps = [random_maps(0), one + 0.001 * random_maps(1), one + 0.001 * random_maps(2)]
    found = find([source(steps)])
    assert kinds(found) == ["same_map"]
    assert found[0].since == 1


def test_flat_maps_are_the_same_for_every_picture_but_not_those_of_one_cell():
    (found,) = find([source([np.ones((60, 7, 7)), np.arange(1, 61)[:, None, None] * np.ones((60, 7, 7))])])
    assert (found.kind, found.effect, found.since) == ("same_map", 1, None)
    assert find([source([random_maps()[:, :1, :1]])]) == []
    half = random_maps()
    half[::2] = 1
    assert find([source([half])]) == []


def test_a_place_that_all_look_at_is_told_before_that_the_maps_are_the_same():
    maps = np.random.default_rng(0).uniform(0.9, 1, (16, 7, 7))
    maps[:, 0, 0] = np.where(np.arange(16) < 12, 60, 20)  # of twelve, more than half of the evidence
    summary = Summary()
    summary.add(Observations(0, maps, LABELS[:16], identities=NAMES[:16]))
    found = find([Source("run", "val", "grad_cam", "layer4", summary)])
    assert kinds(found) == ["hot_spot_everywhere", "same_map"]


def test_classes_whose_maps_are_dead_are_told():
    maps = random_maps()
    maps[(LABELS == 1) & (np.arange(60) > 10)] = -1
    found = find([source([random_maps(), maps])])
    assert [(one.kind, one.group, one.since, one.of) for one in found] == [("dead_maps", 1, 1, 30)]


def test_wrong_and_sure_and_outside_is_told_of_enough_samples():
    truths = np.zeros((60, 28, 28), np.float32)
    truths[:, 14:, 14:] = 1
    maps = 0.01 * random_maps()
    maps[:, 5, 5] += 1
    maps[:12, 5, 5], maps[:12, 0, 3] = 0, 1
    predictions = LABELS.copy()
    predictions[:12] = 1 - predictions[:12]
    known = {"truths": truths, "predictions": predictions}
    found = find([source([maps], probabilities=np.full(60, 0.95, np.float32), **known)])
    assert set(next(one for one in found if one.kind == "sure_and_outside").samples) == set(map(str, range(12)))
    unsure = find([source([maps], probabilities=np.full(60, 0.6, np.float32), **known)])
    assert "sure_and_outside" not in kinds(unsure)


def test_runs_that_agree_and_look_elsewhere_are_told_for_each_class():
    first, second = 0.05 * random_maps(0), 0.05 * random_maps(1)
    first[LABELS == 1, 1, 1] += 5
    second[LABELS == 1, 5, 5] += 5
    first[LABELS == 0, 3, 3] += 5
    second[LABELS == 0, 3, 3] += 5
    found = find([source([first], "a", predictions=LABELS), source([second], "b", predictions=LABELS)])
    differ = [one for one in found if one.kind == "runs_differ"]
    assert [(one.run, one.other, one.group) for one in differ] == [("a", "b", 1)]


def test_a_finding_is_json():
    for finding in find([planted()[0]]):
        text = json.dumps(finding.to_json(("cat", "dog")), allow_nan=False)
        assert json.loads(text)["sentence"] == finding.sentence(("cat", "dog"))


def test_the_timeline_flags_the_step_of_the_change():
    truths = np.zeros((120, 28, 28), np.float32)
    truths[:, :4, :4] = 1
    shown = timeline(planted(share=1, everyone=True, truths=truths)[0].summary)
    assert shown["step"].tolist() == [10 * step for step in range(12)]
    assert shown["flag"].nonzero()[0].tolist() == [5]
    assert shown["inside"][4] < 0.1 < 0.5 < shown["inside"][5]


def test_a_new_step_adds_to_the_summary_what_reading_all_again_gives():
    whole = planted()[0].summary
    again = Summary()
    for step in range(3):
        again.add(Observations(step, random_maps(step), LABELS, identities=NAMES))
    assert len(again.steps) == 3
    assert np.isnan(again.series(0, "moved")[0])
    assert again.series(0, "moved")[1] > 0
    assert len(whole.steps) == 12


def test_samples_that_change_places_between_steps_are_joined_by_their_names():
    summary, maps = Summary(), random_maps()
    order = np.random.default_rng(0).permutation(60)
    summary.add(Observations(0, maps, LABELS, identities=NAMES))
    summary.add(Observations(1, maps[order], LABELS[order], identities=tuple(NAMES[index] for index in order)))
    assert summary.series(-1, "moved")[1] == pytest.approx(0, abs=1e-3)


def noise(marked):
    return np.random.default_rng(0).integers(0, 255, (len(marked), 32, 32)).astype(np.float32)


def with_mark(marked):
    pictures = noise(marked)
    pictures[marked, :5, :5] = 255 * np.eye(5)
    return pictures


@pytest.mark.parametrize(
    ("share", "pictures", "kind"),
    [
        (0.12, with_mark, "hot_spot"),
        (0.12, noise, "spatial_bias"),  # as clean networks look at corners
        (0.12, None, "spatial_bias"),
        (0.3, noise, "spatial_bias"),
        (0.3, None, "hot_spot"),
        (0.8, noise, "hot_spot"),
    ],
)
def test_a_place_is_a_hot_spot_where_pictures_look_alike_or_most_of_the_class_looks_at_it(share, pictures, kind):
    made, _ = planted(count=400, share=share, pictures=pictures)
    assert kinds(find([made])) == [kind]


def test_a_network_that_is_no_better_than_chance_has_habits_unless_pictures_look_alike():
    untrained = {"count": 400, "share": 0.8, "right": 0.0}
    assert kinds(find([planted(**untrained, pictures=noise)[0]])) == ["spatial_bias"]
    assert kinds(find([planted(**untrained, pictures=with_mark)[0]])) == ["hot_spot"]


def test_what_is_left_again_is_told_in_the_past_with_its_samples():
    made, marked = planted(count=200, share=0.8, until=STEPS - 2, pictures=noise)
    (left,) = find([made])
    assert (left.kind, left.until) == ("spatial_bias", 10 * (STEPS - 3))
    assert {f"sample {index}" for index in np.flatnonzero(marked)} <= set(left.samples)
    assert left.sentence() == (
        f"{left.count} of 100 samples of class 1 looked at the upper left corner from step {10 * BIRTH} to step 90; "
        f"{left.numbers['other_hits']:.0f} of 100 of other classes did; the pictures do not look alike there "
        f"({left.numbers['alike']:.2f})"
    )
    (marked_once,) = find([planted(count=200, share=0.8, until=STEPS - 2, pictures=with_mark)[0]])
    assert marked_once.kind == "hot_spot"
    assert "looked at" in marked_once.sentence()
    assert "there they look alike" in marked_once.sentence()


def test_spatial_biases_come_last_and_break_no_rule():
    strong, weak = planted(count=400, share=0.8)[0], planted(1, count=400, share=0.12)[0]
    assert kinds(find([replace(weak, run="a"), replace(strong, run="b", tag="other")])) == ["hot_spot", "spatial_bias"]
    assert no_hot_spot(weak).kept
    assert not no_hot_spot(strong).kept
