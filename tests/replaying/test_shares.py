"""Which share of the work a process does."""

from __future__ import annotations

import pytest

from tensorboard_plugin_gradcam.replaying.shares import Share, part, parts_of_samples, share_of


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "0/1"),
        ({"RANK": "2", "WORLD_SIZE": "4"}, "2/4"),
        ({"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "5"}, "3/5"),
        ({"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MIN": "1"}, "2/3"),
        (
            {
                "SLURM_ARRAY_TASK_ID": "14",
                "SLURM_ARRAY_TASK_COUNT": "3",
                "SLURM_ARRAY_TASK_MIN": "10",
                "SLURM_ARRAY_TASK_STEP": "2",
            },
            "2/3",
        ),
        ({"SLURM_PROCID": "1", "SLURM_NTASKS": "2"}, "1/2"),
        ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "8"}, "1/8"),
        ({"PMI_RANK": "1", "PMI_SIZE": "8"}, "1/8"),
        ({"JOB_COMPLETION_INDEX": "6", "JOB_COMPLETIONS": "7"}, "6/7"),
        ({"RANK": "0", "WORLD_SIZE": "1", "SLURM_PROCID": "1", "SLURM_NTASKS": "2"}, "1/2"),
        ({"RANK": "x", "WORLD_SIZE": "4"}, "0/1"),
    ],
)
def test_launchers_tell_the_share(environment, expected):
    assert str(share_of(environment=environment)) == expected


def test_what_is_asked_for_comes_before_what_a_launcher_says():
    assert str(share_of("1/3", {"RANK": "0", "WORLD_SIZE": "2"})) == "1/3"


@pytest.mark.parametrize("shard", ["3/3", "1", "-1/2", (2, 2), "a/b"])
def test_a_share_that_is_none_is_an_error(shard):
    with pytest.raises(ValueError, match="expected"):
        share_of(shard)


def test_shares_make_up_the_whole_without_padding():
    units = list(range(11))
    assert sorted(unit for index in range(4) for unit in Share(index, 4).of(units)) == units


@pytest.mark.parametrize(("count", "parts"), [(10, 3), (2, 2), (7, 1)])
def test_parts_of_samples_make_up_the_whole(count, parts):
    assert [one for index in range(parts) for one in part(count, index, parts)] == list(range(count))


def test_samples_are_cut_where_there_are_more_shares_than_checkpoints():
    assert [parts_of_samples(3, shares) for shares in (1, 3, 4, 8)] == [1, 1, 2, 3]
