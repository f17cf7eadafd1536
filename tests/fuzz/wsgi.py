"""The real TensorBoardWSGI in this process, and requests without end for it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tensorboard import program
from tensorboard.backend import application
from tensorboard.backend.event_processing import data_ingester
from tensorboard.plugins.core import core_plugin
from werkzeug.test import Client

from tensorboard_plugin_gradcam.viewer.loader import GradCAMLoader
from tests.viewer.eventlog import write_run

ROOT = "/data/plugin/gradcam"
ALLOWED = frozenset({200, 400, 404, 405, 415, 503})  # the last where a request would take too much processor


def client(logdir: Path) -> Client:
    """Load a log directory once and return a client of TensorBoard's own WSGI application."""
    tensorboard = program.TensorBoard(plugins=[core_plugin.CorePluginLoader(), GradCAMLoader()])
    tensorboard.configure(
        argv=["tensorboard", "--logdir", str(logdir), "--load_fast", "false", "--reload_interval", "0"]
    )
    ingester = data_ingester.LocalDataIngester(tensorboard.flags)
    ingester.start()
    ingester.deprecated_multiplexer.AddRunsFromDirectory(str(logdir))
    ingester.deprecated_multiplexer.Reload()
    return Client(
        application.TensorBoardWSGIApp(
            tensorboard.flags,
            tensorboard.plugin_loaders,
            ingester.data_provider,
            tensorboard.assets_zip_provider,
            ingester.deprecated_multiplexer,
        )
    )


def write_log(logdir: Path) -> list[str]:
    """Write runs to ask for, and return the digests that they have."""
    write_run(logdir / "train", list(range(30)), layers=("layer3", "layer4"))
    write_run(logdir / "ünï/<b>", [5, 6], tag="a&b=c", notes=("<b>1 left out</b>", "é\x01"))
    write_run(logdir, [0])
    import numpy as np

    from tensorboard_plugin_gradcam import add_gradcam
    from tensorboard_plugin_gradcam.records import digest_of_pixels

    random = np.random.default_rng(1)
    for step in (0, 1, 2, 1):  # the last one is added, with a method of its own
        add_gradcam(
            logdir / "added", "val", random.integers(0, 256, (12, 8, 8), np.uint8), random.random((12, 3, 3)), step,
            layer="layer4", method="hires_cam" if step == 1 else "grad_cam", labels=np.arange(12) % 2,
            predictions=np.arange(12) % 3, numbers={"sureness": random.random(12), "ü?&": random.random(12)},
            mode="add" if step == 1 else None, masks=np.ones((12, 8, 8), np.uint8),
        )  # fmt: skip

    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    return [digest_of_pixels(pixels)]


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]


_NASTY = [
    "", "0", "-1", "1,2,3", "1e9", "nan", "inf", "-0", "1.5", "99999999999999999999", "0x10", "١٢", "1,,2", "1," * 50,
    "../../etc/passwd", "..%2f..%2f", "/etc/passwd", "C:\\windows", "\x00", "a\x00b", "\ud7ff", "\U0010ffff", "<b>",
    "' OR 1=1 --", "{{7*7}}", "%", "%zz", "&", "=", "#", "?", "\r\nSet-Cookie: x=1", "x" * 3000, "١", " ", "+", "None",
]  # fmt: skip
_NAMES = [
    "run", "run", "tag", "method", "layer", "name", "samples", "step", "after", "digest", "region", "by",
    "class", "x", "",
]  # fmt: skip
_METHODS = ["GET"] * 12 + ["HEAD", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get", "BREW"]
_HEADERS: list[dict[str, str]] = [
    {},
    {"Accept-Encoding": "gzip"},
    {"Accept-Encoding": "gzip;q=0"},
    {"Accept-Encoding": "*, br"},
    {"Range": "bytes=0-10"},
    {"If-None-Match": "*"},
    {"Host": "evil.example"},
    {"Content-Type": "multipart/form-data; boundary=x"},
]


def requests(seed: int, digests: list[str]) -> Iterator[Asked]:
    """Yield requests: good ones, good ones with something wrong, and nonsense."""
    rng = random.Random(seed)
    good = {
        "run": ["train", ".", "ünï/<b>", "added", "added"],
        "tag": ["val", "a&b=c"],
        "method": ["grad_cam", "grad_cam", "hires_cam"],
        "name": ["sureness", "ü?&"],
        "layer": ["layer3", "layer4"],
        "samples": ["0", "1,3", "0,1,2,3"],
        "step": ["0", "7", "-3", "1000.5"],
        "after": ["-1", "10"],
        "region": ["0,0,0.5,0.5", "0.25,0,1,1", "0,0,1,1,0.25,0.25,0.75,0.75"],
        "by": ["label", "prediction"],
        "class": ["0", "1"],
        "digest": digests,
    }
    needs = {
        "series": [],
        "predictions": ["run", "tag", "after"],
        "maps": ["run", "tag", "method", "layer", "samples", "step"],
        "numbers": ["run", "tag", "name", "after"],
        "findings": ["run", "run", "tag", "method", "layer"],
        "atlas": ["run", "tag", "method", "layer", "step", "by"],
        "behind": ["run", "tag", "method", "layer", "step", "region", "by", "class"],
        "cohort": ["run", "digest"],
        "image": ["run", "digest"],
        "index.js": [],
        "static/index.js": [],
    }
    routes = [*needs, "static/../plugin.py", "static/%2e%2e/%2e%2e/setup.py", "static//etc/passwd", "static/\x00", "x"]
    while True:
        route = rng.choice(routes)
        query = [(name, rng.choice(good[name])) for name in needs.get(route, []) if rng.random() < 0.95]
        while rng.random() < 0.35:
            query.insert(rng.randint(0, len(query)), (rng.choice(_NAMES), rng.choice(_NASTY)))
        text = "&".join(f"{_quoted(rng, name)}={_quoted(rng, value)}" for name, value in query)
        yield Asked(rng.choice(_METHODS), f"{ROOT}/{route}?{text}", rng.choice(_HEADERS))


def _quoted(rng: random.Random, text: str) -> str:
    """Quote a part of a query, mostly; a stranger need not."""
    return quote(text, safe="") if rng.random() < 0.9 else text.replace("#", "%23")


def fault(client: Client, asked: Asked, secrets: tuple[str, ...]) -> str | None:
    """Send a request and return what is wrong with the answer, if anything is."""
    answer = client.open(asked.path, method=asked.method, headers=asked.headers)
    body = answer.get_data()
    if answer.status_code not in ALLOWED:
        return f"status {answer.status_code}"
    if answer.headers.get("X-Content-Type-Options") != "nosniff":
        return "no nosniff"
    own = not asked.path.startswith(f"{ROOT}/x?")  # TensorBoard itself answers for routes that we don't have
    if own and "'none'" not in answer.headers.get("Content-Security-Policy", ""):
        return "no Content-Security-Policy"
    if answer.headers.get("Set-Cookie"):
        return "a header of the client's making"
    if answer.headers["Content-Type"].startswith("text/html"):
        return "HTML"
    if answer.status_code != 200 and any(secret.encode() in body for secret in secrets):
        return "a path of the server"
    return None
