"""Chromium without a window, spoken to through a pipe: what a reader's browser does with a page."""

from __future__ import annotations

from base64 import b64decode
import json
import os
from pathlib import Path
import select
import shutil
import subprocess
import tempfile
import time
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def found() -> str | None:
    """The browser of this machine, if it has one."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    """One tab. What it loads, complains of and raises is kept in `events`."""

    def __init__(self) -> None:
        path = found()
        assert path is not None
        self.folder = tempfile.mkdtemp()
        self.events: list[dict[str, Any]] = []
        self.answers: dict[int, dict[str, Any]] = {}
        self.asked, self.rest, self.session = 0, b"", ""
        their_in, self.out = os.pipe()
        self.back, their_out = os.pipe()
        # Chromium reads commands from 3 and answers on 4, whatever the numbers are here.
        command = (
            f'exec "$0" --headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --disable-extensions '
            f"--disable-background-networking --disable-component-update --remote-debugging-pipe "
            f'--user-data-dir="{self.folder}" about:blank 3<&{their_in} 4>&{their_out}'
        )
        # bash, because dash knows no numbers of two digits here.
        self.process = subprocess.Popen(
            ["bash", "-c", command, path],
            pass_fds=(their_in, their_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(their_in)
        os.close(their_out)
        targets = self.ask("Target.getTargets")["targetInfos"]
        tab = next(one["targetId"] for one in targets if one["type"] == "page")
        self.session = self.ask("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.ask(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.session = ""
            self.ask("Browser.close")
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self.out)
            os.close(self.back)
            shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, method: str, **given: Any) -> dict[str, Any]:
        """Give a command and wait for its answer."""
        self.asked += 1
        message = {"id": self.asked, "method": method, "params": given}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        self.read(lambda: self.asked in self.answers)
        answer = self.answers.pop(self.asked)
        assert "error" not in answer, answer
        return answer["result"]

    def read(self, done: Any, seconds: float = 60) -> None:
        """Take what the browser says, until something is so."""
        until = time.monotonic() + seconds
        while not done():
            left = until - time.monotonic()
            assert left > 0, "the browser did not answer"
            if not select.select([self.back], [], [], left)[0]:
                continue
            part = os.read(self.back, 1 << 20)
            assert part, "the browser ended"
            *whole, self.rest = (self.rest + part).split(b"\0")
            for one in map(json.loads, whole):
                if "id" in one:
                    self.answers[one["id"]] = one
                else:
                    self.events.append(one)

    def open(self, page: Path) -> None:
        """Open a page, and wait until it is loaded."""
        self.events.clear()
        self.ask("Page.navigate", url=page.as_uri())
        self.read(lambda: any(one["method"] == "Page.loadEventFired" for one in self.events))

    def value(self, script: str) -> Any:
        """What an expression comes to in the page."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def look(self, *, width: int = 1280, height: int = 900, scheme: str = "light", media: str = "screen") -> None:
        """Choose the size of the window, the colours that the reader prefers, and screen or print."""
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", media=media, features=features)

    def key(self, name: str, code: int) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)

    def picture(self, path: Path) -> None:
        """Take a picture of the whole page."""
        taken = self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(b64decode(taken["data"]))

    def paper(self, path: Path) -> None:
        """Print the page, without the backgrounds, as browsers do."""
        self.ask("Emulation.setEmulatedMedia", media="")
        path.write_bytes(b64decode(self.ask("Page.printToPDF", printBackground=False, preferCSSPageSize=True)["data"]))

    def requests(self) -> list[str]:
        """What the page asked for, besides itself."""
        asked = [one["params"]["request"]["url"] for one in self.events if one["method"] == "Network.requestWillBeSent"]
        return [url for url in asked[1:] if not url.startswith("data:")]

    def complaints(self) -> list[str]:
        """What stands in the console: errors, warnings, exceptions."""
        kinds = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        return [json.dumps(one["params"]) for one in self.events if one["method"] in kinds]
