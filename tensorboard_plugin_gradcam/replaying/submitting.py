"""Starting a replay's shares on a cluster, through submitit (https://github.com/facebookincubator/submitit)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tensorboard_plugin_gradcam.installing import missing
from tensorboard_plugin_gradcam.replaying import places
from tensorboard_plugin_gradcam.replaying.parts import FOLDER
from tensorboard_plugin_gradcam.replaying.run import replay, run_directory

JOBS = "jobs"  # within the parts' folder: what the jobs print


def submit_replay(
    shares: int,
    *arguments: Any,
    cluster: str = "slurm",
    cluster_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> list[str]:
    """Submit the shares of a replay as one array of jobs, and return their ids without waiting for them.

    The last job to finish writes the log. If jobs are lost, repeat the call or run `replay` to finish them.

    Args:
        shares: number of jobs.
        arguments: arguments of `replay`: the model, checkpoints, images and logdir, as strings.
        cluster: "slurm", or "local" for processes on this machine.
        cluster_options: options of submitit's executor, such as ``{"slurm_partition": "gpu", "timeout_min": 120}``.
        options: keyword arguments of `replay`.

    Raises:
        ImportError: submitit is not installed.
        ValueError: `shares` is less than 1.
    """
    if shares < 1:
        raise ValueError(f"expected at least 1 share, got {shares}")
    try:
        import submitit
    except ImportError as error:
        raise missing("submitting a replay", error.name, "slurm") from error
    folder = places.join(run_directory(places.text_of(arguments[3])), FOLDER, JOBS)
    executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
    executor.update_parameters(**({"name": "gradcam-replay"} | dict(cluster_options or {})))
    with executor.batch():
        jobs = [executor.submit(replay, *arguments, shard=(index, shares), **options) for index in range(shares)]
    return [str(job.job_id) for job in jobs]
