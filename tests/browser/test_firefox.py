"""The tab in Firefox, in one walk: the first screen, the colours, scrubbing, focus, the trail, the grid."""

from __future__ import annotations

import base64
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tensorboard_plugin_gradcam.heatmap import overlay
from tensorboard_plugin_gradcam.reader import read_gradcam
from tests.browser.firefox import firefox
from tests.browser.tab import Rich
from tests.viewer.server import Server

pytestmark = pytest.mark.slow

TILE = (
    "document.querySelector(`[data-testid=tile-canvas][data-run={run}][data-sample='{sample}'][data-step='{step}']"
    "[data-ready=true]`)"
)
PIXELS = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done({tile}.toDataURL()))))"


def test_the_tab_shows_the_same_in_firefox(rich: Server, rich_log: Rich, tmp_path: Path) -> None:
    executable = shutil.which("firefox-esr") or shutil.which("firefox")
    if executable is None:
        pytest.skip("there is no Firefox on the path (Debian: apt-get install firefox-esr)")
    last, (log, sample) = Rich.STEPS[-1], (read_gradcam(rich_log.logdir), 2)
    with firefox(executable, tmp_path) as browser:
        browser.resize(1400, 900)
        browser.open(f"http://{rich.host}:{rich.port}/#gradcam")
        tab = browser.frame()
        for run in ("clean", "shortcut"):
            browser.until(f"!!{TILE.format(run=run, sample=sample, step=last)}", tab)
        assert browser.run("!!document.querySelector('[data-testid=compare]')", tab), "two runs open side by side"

        tile = TILE.format(run="clean", sample=sample, step=last)
        url = browser.run(PIXELS.format(tile=tile), tab)
        drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")).astype(int)
        moment = log.maps["clean", "val", "grad_cam", "layer4"][last]
        assert moment.cohort
        image = log.image("clean", moment.cohort.samples[sample].image)
        times = len(drawn) // len(image)
        expected = overlay(image, moment.record.blocks[0].dequantised()[sample])
        apart = np.abs(drawn[times // 2 :: times, times // 2 :: times] - expected).max(axis=2)
        assert (apart <= 4).mean() > 0.98, "the heat has the colours of Python's"

        browser.run("document.querySelector('[data-strip=\"2\"] [data-testid=tile]').click()", tab)
        browser.until("!!document.querySelector('.focus [data-testid=focus-canvas][data-ready=true]')", tab)
        browser.until("document.querySelectorAll('[data-testid=filmstrip] canvas').length > 5", tab)
        browser.key("t", tab)
        browser.until("!!document.querySelector('.pictures > .picture [data-testid=trail]')", tab)
        browser.key("\ue012", tab)  # the left arrow
        browser.until(f"!!{TILE.format(run='clean', sample=sample, step=Rich.STEPS[-2])}", tab)
        browser.key("v", tab)
        browser.until("!!document.querySelector('[data-testid=ab]')", tab)
        browser.run("(parent.location.hash = '#gradcam&p.gradcam.view=grid', 0)", tab)
        browser.until("document.querySelectorAll('.grid .tile').length >= 12", tab)
        sideways = browser.run("document.documentElement.scrollWidth - innerWidth", tab)
        assert sideways <= 0, "nothing is cut"
        assert not browser.errors
