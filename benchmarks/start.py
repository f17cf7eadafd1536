"""What the plugin adds to TensorBoard's start: loading it, measured in fresh interpreters, with and without."""

from __future__ import annotations

import statistics
import subprocess
import sys

from benchmarks.figures import record_all

CODE = """
import time
from tensorboard import default
from tensorboard.plugins import base_plugin
began = time.perf_counter()
{work}
print((time.perf_counter() - began) * 1000)
"""
LOAD = """
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard_plugin_gradcam.viewer.loader import GradCAMLoader
provider = data_provider.MultiplexerDataProvider(plugin_event_multiplexer.EventMultiplexer(), "")
plugin = GradCAMLoader().load(base_plugin.TBContext(data_provider=provider))
assert plugin is not None and plugin.get_plugin_apps()
"""
PROVIDER = LOAD.splitlines()[1] + "\n" + LOAD.splitlines()[3]  # what TensorBoard itself needs anyway


def milliseconds(work: str) -> float:
    answer = subprocess.run([sys.executable, "-c", CODE.format(work=work)], capture_output=True, text=True, check=True)
    return float(answer.stdout.split()[-1])


def main() -> None:
    """Print the medians of nine pairs."""
    pairs = [(milliseconds(LOAD), milliseconds(PROVIDER)) for _ in range(9)]
    added = [with_it - without for with_it, without in pairs]
    record_all("start/added", added, "ms")
    print(f"added at start: {statistics.median(added):.1f} ms ({min(added):.1f} to {max(added):.1f})")


if __name__ == "__main__":
    main()
