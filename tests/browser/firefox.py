"""Firefox, driven by the protocol that it speaks itself, WebDriver BiDi."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE_S = 60


class WebSocket:
    """The client's side of RFC 6455, for texts."""

    def __init__(self, port: int, path: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self._read(1)
        assert b" 101 " in head, head

    def send(self, text: str) -> None:
        data, mask = text.encode(), os.urandom(4)
        size = len(data)
        length = (
            bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size) if size < 65536
            else b"\xff" + struct.pack(">Q", size)
        )  # fmt: skip
        self._socket.sendall(b"\x81" + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data)))

    def receive(self) -> str:
        whole = b""
        while True:
            first, size = self._read(2)
            size &= 0x7F
            if size == 126:
                (size,) = struct.unpack(">H", self._read(2))
            elif size == 127:
                (size,) = struct.unpack(">Q", self._read(8))
            data = self._read(size)
            if first & 0x0F in (0, 1):  # neither a ping nor a farewell
                whole += data
                if first & 0x80:
                    return whole.decode()

    def close(self) -> None:
        self._socket.close()

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                raise ConnectionError("Firefox hung up")
            data += part
        return data


class Firefox:
    """A window, and scripts in it."""

    def __init__(self, port: int) -> None:
        self._web = WebSocket(port, "/session")
        self._ids = itertools.count(1)
        self.errors: list[str] = []
        self._ask("session.new", capabilities={})
        self._ask("session.subscribe", events=["log.entryAdded"])
        self._window = self._ask("browsingContext.getTree")["contexts"][0]["context"]

    def resize(self, width: int, height: int) -> None:
        self._ask("browsingContext.setViewport", context=self._window, viewport={"width": width, "height": height})

    def open(self, url: str) -> None:
        self._ask("browsingContext.navigate", context=self._window, url=url, wait="complete")

    def frame(self) -> str:
        """The context of the page's frame, once there is one."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            children = self._ask("browsingContext.getTree", root=self._window)["contexts"][0]["children"]
            if children:
                return str(children[0]["context"])
            time.sleep(0.2)
        raise TimeoutError("expected a frame in the page, got none")

    def run(self, script: str, context: str) -> Any:
        """What an expression gives, by way of JSON; promises are waited for."""
        answer = self._ask(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({script})))()",
            target={"context": context},
            awaitPromise=True,
        )
        if answer["type"] == "exception":
            raise AssertionError(answer["exceptionDetails"]["text"])
        text = answer["result"].get("value")
        return None if text is None else json.loads(text)

    def until(self, script: str, context: str) -> Any:
        """What an expression gives, once that is something."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if found := self.run(script, context):
                return found
            time.sleep(0.2)
        raise TimeoutError(f"never came: {script}")

    def key(self, key: str, context: str) -> None:
        pressed = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        source = {"type": "key", "id": "keyboard", "actions": pressed}
        self._ask("input.performActions", context=context, actions=[source])

    def close(self) -> None:
        self._web.close()

    def _ask(self, method: str, **params: Any) -> Any:
        number = next(self._ids)
        self._web.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            said = json.loads(self._web.receive())
            if said.get("method") == "log.entryAdded" and said["params"]["level"] == "error":
                self.errors.append(said["params"]["text"])
            if said.get("id") == number:
                if said["type"] == "error":
                    raise AssertionError(f"{method}: {said['error']}: {said['message']}")
                return said["result"]


@contextmanager
def firefox(executable: str, profile: Path) -> Iterator[Firefox]:
    """Start a headless Firefox with a fresh profile."""
    command = [executable, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stderr
            ports = (re.search(r"WebDriver BiDi listening on ws://[^:]+:(\d+)", line) for line in process.stderr)
            port = next(match for match in ports if match)
            browser = Firefox(int(port[1]))
            yield browser
            browser.close()
        finally:
            process.terminate()
            process.wait(30)
