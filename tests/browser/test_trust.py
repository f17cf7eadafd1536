"""The tab on a stranger's log and on a failing server: nothing runs, what is good is shown, what is not is said."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Frame, Page, Response, expect

from tests.browser.rest import patient
from tests.browser.tab import TILE, go_to, hash_of
from tests.trust.faults import MAPS
from tests.trust.hostile import RUNS, TEXTS, write_all
from tests.trust.test_faults import data_server_of
from tests.viewer.eventlog import write_run
from tests.viewer.server import ROOT, Server, tensorboard

# Ten megabytes are cut by the server, and tested there.
SHOWN = TEXTS | {"long": TEXTS["long"][:20_000]}
PAGE = "data/plugin_entry.html?name=gradcam"  # the tab without TensorBoard around it, which takes a tenth of the time
READY = "[data-testid=tile-canvas][data-ready=true]"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    logdir = tmp_path_factory.mktemp("hostile")
    write_all(logdir, SHOWN)
    # The data server can't read pictures of runs with quotes or backslashes in their names; the routes' tests use both.
    with tensorboard(logdir, "false") as server:
        runs = len(list(logdir.rglob("events*"))) - 1
        server.wait(lambda server: len(server.get("series").json["runs"]) >= runs)
        yield server


class Witness:
    """What a page did that it must not do, and every answer that it got."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.crimes: list[str] = []
        self.answers: list[Response] = []
        page.on("dialog", lambda dialog: (self.crimes.append(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda error: self.crimes.append(str(error)))
        page.on("console", self._listen)
        page.on("response", lambda answer: self.answers.append(answer))
        page.on("popup", lambda popup: self.crimes.append(popup.url))

    def _listen(self, message: ConsoleMessage) -> None:
        # A picture that is none is an answer of 415, which Chromium reports itself.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.crimes.append(message.text)

    def check(self) -> None:
        """Nothing ran, nothing became markup, and every answer had the headers that keep it so."""
        assert self.crimes == []
        for frame in self.page.frames:
            assert frame.evaluate("document.title") in ("TensorBoard", "Grad-CAM", "")
            assert frame.locator("[onerror], [onmouseover], [onload], img[src=x], a[href^=javascript]").count() == 0
        assert len(self.answers) > 5
        for answer in self.answers:
            headers = answer.headers
            assert headers.get("x-content-type-options") == "nosniff", answer.url
            if ROOT in answer.url or headers.get("content-type", "").startswith("text/html"):
                assert "default-src" in headers.get("content-security-policy", ""), answer.url
            assert answer.status in (200, 304, 404, 415), answer.url


@pytest.fixture
def witness(chromium: Browser) -> Iterator[Witness]:
    page = patient(chromium.new_page(viewport={"width": 1400, "height": 900}))
    yield Witness(page)
    page.close()


def shows(page: Page, server: Server, runs: list[str], tags: list[str], path: str = PAGE) -> Frame:
    """Open the tab on these runs and series, wherever it stands."""
    chosen = {name: ",".join(quote(one, safe="") for one in many) for name, many in (("runs", runs), ("tags", tags))}
    page.goto("about:blank")
    page.goto(f"http://{server.host}:{server.port}/{path}{hash_of({'view': 'grid', **chosen})}")
    if path == PAGE:
        return page.main_frame
    frame = page.wait_for_selector("iframe").content_frame()
    assert frame
    return frame


@pytest.mark.parametrize("name", [name for name in SHOWN if name != "long"])
def test_hostile_texts_are_shown_as_texts(witness: Witness, hostile: Server, name: str) -> None:
    run, text = RUNS[name], SHOWN[name]
    (tags,) = ([tag["tag"] for tag in one["tags"]] for one in hostile.get("series").json["runs"] if one["run"] == run)
    frame = shows(witness.page, hostile, [run, f"{run}/good"], [*tags, "good"], "" if name == "html" else PAGE)
    frame.wait_for_selector(f"[data-tag=good][data-sample='3']{READY}")
    texts = set(frame.evaluate("[...document.querySelectorAll('*')].map((it) => it.textContent)"))
    assert {run, f"{run}/good"} <= texts
    assert text in texts or "at most 1000 characters" in frame.get_by_role("alert").first.inner_text()
    witness.check()


def test_names_of_any_length_and_pictures_that_are_none(witness: Witness, hostile: Server) -> None:
    runs = ["pictures", f"{RUNS['long']}/good", RUNS["long"]]
    frame = shows(witness.page, hostile, runs, ["pictures", "good"])
    frame.wait_for_selector(f"[data-run=pictures][data-tag=good][data-sample='3']{READY}")
    frame.wait_for_selector(f"[data-run='{runs[1]}'][data-tag=good][data-sample='3']{READY}")
    for words in ("something else", "more than a browser can take", "checksum mismatch"):
        frame.get_by_text(words).first.wait_for(state="attached")
    witness.check()


def test_what_can_not_be_read_is_said_and_its_neighbours_are_drawn(witness: Witness, hostile: Server) -> None:
    frame = shows(witness.page, hostile, ["tensors", "good"], ["number", "contradiction", "good"])
    frame.wait_for_selector(f"[data-tag=good][data-sample='3']{READY}")
    frame.get_by_text("expected a record with a format version, got none").first.wait_for()
    frame.get_by_text("TensorBoard can't read this data").first.wait_for()
    witness.check()


def test_a_damaged_step_is_marked_and_its_neighbour_is_shown_for_it(page: Page, tmp_path: Path) -> None:
    write_run(tmp_path / "run", [0, 10, 20])
    write_run(tmp_path / "whole", [0, 10, 20])
    file = next((tmp_path / "run").iterdir())
    data = bytearray(file.read_bytes())
    data[-100] ^= 1  # within the last maps
    file.write_bytes(data)
    with tensorboard(tmp_path) as server:
        server.wait(lambda it: it.get("maps", run="run", **MAPS).packet[0]["corrupt"] != [])
        frame = shows(page, server, ["run", "whole"], ["val"])
        damage = frame.get_by_text("Maps of step 20 can't be read: checksum mismatch")
        expect(damage).to_be_visible(timeout=60_000)
        frame.wait_for_selector(TILE.format(sample=3, step=10))
        frame.get_by_text("step 20 can't be read · map of step 10").first.wait_for()


def test_a_dead_data_server_leaves_the_open_tab_alone(page: Page, tmp_path: Path) -> None:
    write_run(tmp_path / "run", [0, 10, 20])
    with tensorboard(tmp_path) as server:
        server.wait_for(tmp_path)
        page.goto(f"http://{server.host}:{server.port}/#gradcam")
        frame = page.wait_for_selector("iframe").content_frame()
        assert frame
        frame.wait_for_selector(TILE.format(sample=3, step=20))
        os.kill(data_server_of(server), signal.SIGKILL)
        server.wait(lambda it: it.get("series").status == 503)
        page.locator("button.reload-button").click()
        go_to(frame, 10)
        frame.wait_for_selector(TILE.format(sample=3, step=10))
        expect(frame.locator(READY)).to_have_count(4)
        page.goto(f"http://{server.host}:{server.port}/data/plugin_entry.html?name=gradcam")
        expect(page.get_by_role("alert")).to_contain_text("restart TensorBoard")
