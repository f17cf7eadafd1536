"""The page's parts: what it holds, what it lets run, and how large it is."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from pathlib import Path

import pytest

from tensorboard_plugin_gradcam import export
from tensorboard_plugin_gradcam.cli import main
from tests.viewer.eventlog import write_run


def parts(page: Path) -> dict[int, bytes]:
    found = re.findall(r'<script type="text/plain" id="gradcam-(\d+)">([\w+/=]*)</script>', page.read_text())
    return {int(part): base64.b64decode(text) for part, text in found}


def index(page: Path) -> list[dict[str, object]]:
    return list(json.loads(zlib.decompress(parts(page)[0])))


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    write_run(tmp_path / "log" / "</script>", [0, 10, 20])
    write_run(tmp_path / "log" / "second", [0, 10, 20])
    return tmp_path / "log"


def test_the_page_holds_an_answer_for_every_question_of_the_tab(logdir: Path, tmp_path: Path) -> None:
    page = export(logdir, tmp_path / "page.html")
    found = [(str(one["route"]), json.dumps(one["query"])) for one in index(page)]
    assert len(found) == len(set(found))
    count = {route: sum(one == route for one, _ in found) for route, _ in found}
    assert count == {
        "series": 1, "predictions": 2, "maps": 2, "cohort": 2, "image": 2, "findings": 3, "atlas": 4,
    }  # fmt: skip


def test_no_script_but_the_viewer_may_run_and_nothing_may_be_asked_for(logdir: Path, tmp_path: Path) -> None:
    text = export(logdir, tmp_path / "page.html").read_text()
    (script,) = re.findall(r'<script type="module">(.*?)</script>', text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy
    assert "connect-src" not in policy
    assert len(re.findall("<script", text)) == len(parts(tmp_path / "page.html")) + 1


def test_the_command_writes_a_part_of_the_log(logdir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert main(["export", str(logdir), "-o", str(page), "--run", "second", "--max-steps", "2"]) == 0
    assert "page.html: " in capsys.readouterr().out
    series = next(one for one in index(page) if one["route"] == "series")
    assert [run["run"] for run in json.loads(zlib.decompress(parts(page)[series["part"]]))["runs"]] == ["second"]


def test_what_stands_there_stays_until_the_new_page_is_whole(
    logdir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    page.write_text("before")
    assert main(["export", str(logdir), "-o", str(page), "--run", "nothing"]) == 2
    assert "expected runs among '</script>', 'second'" in capsys.readouterr().err
    assert [file.name for file in tmp_path.glob("*page*")] == ["page.html"]
    assert page.read_text() == "before"
