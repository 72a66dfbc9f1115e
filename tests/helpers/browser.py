"""A headless Chromium spoken to over a pipe in its DevTools protocol: no driver, no library, no port, no network."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ADVICE = "no Chromium here: apt-get install chromium, or name one in ONSHELL_BROWSER=/path/to/it"
OPTIONS = (
    *("--headless=new", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check", "--disable-gpu"),
    *("--disable-extensions", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb", "--mute-audio"),
)
MOVED = """import fcntl, os, sys
told, tells = (fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3])
for number, at in ((told, 3), (tells, 4)):
    os.dup2(number, at)
os.execvp(sys.argv[3], sys.argv[3:])
"""
"""What becomes the browser: it finds the protocol's pipes at the file descriptors 3 and 4."""

KEYS = {"Enter": (13, "\r"), " ": (32, " "), "Tab": (9, ""), "Escape": (27, "")}
PATIENCE = 120.0


def executable() -> str | None:
    """Return the browser to use: that of ONSHELL_BROWSER if it is a path, else one on the search path, else None."""
    asked = os.environ.get("ONSHELL_BROWSER", "")
    names = (asked,) if os.sep in asked else NAMES
    return next((found for name in names if (found := shutil.which(name))), None)


class Browser:
    """One Chromium with a profile of its own, and the pages opened in it."""

    def __init__(self, program: str):
        self.profile = tempfile.TemporaryDirectory(prefix="onshell-browser-", ignore_cleanup_errors=True)
        told, self._to = os.pipe()
        self._from, tells = os.pipe()
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        wrapped = [sys.executable, "-c", MOVED, str(told), str(tells), program, *OPTIONS, *sandbox]
        self.process = subprocess.Popen(
            [*wrapped, f"--user-data-dir={self.profile.name}", "about:blank"],
            pass_fds=(told, tells), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(told)
        os.close(tells)
        self._selector = DefaultSelector()
        self._selector.register(self._from, EVENT_READ)
        self._buffer, self._number, self._waiting = b"", 0, deque()
        self.listeners: dict[str, Callable[[dict], None]] = {}

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Return the answer to one command; events that come before it go to the pages that they are of."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        os.write(self._to, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._tell(answer)

    def until(self, ready: Callable[[], bool]) -> None:
        """Take events until `ready`."""
        while not ready():
            self._tell(self._next())

    def _tell(self, event: dict) -> None:
        listener = self.listeners.get(event.get("sessionId", ""))
        if listener:
            listener(event)

    def _next(self) -> dict:
        while not self._waiting:
            assert self._selector.select(PATIENCE), f"the browser said nothing for {PATIENCE:.0f} s"
            chunk = os.read(self._from, 1 << 20)
            assert chunk, "the browser is gone"
            *whole, self._buffer = (self._buffer + chunk).split(b"\0")
            self._waiting.extend(map(json.loads, whole))
        return self._waiting.popleft()

    def open(self, path: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> "Page":
        """Return the page in the file `path`, loaded, in a window of that size and colour scheme."""
        return Page(self, path, width, height, dark)

    def close(self) -> None:
        """End the browser."""
        with contextlib.suppress(AssertionError, OSError):
            self.call("Browser.close")
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._selector.close()
        os.close(self._to)
        os.close(self._from)
        self.profile.cleanup()


class Page:
    """A page in a window of its own: what it asked for, what it complained of, and what can be done to it."""

    def __init__(self, browser: Browser, path: Path, width: int, height: int, dark: bool):
        self.browser = browser
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.loaded = False
        self.context = browser.call("Target.createBrowserContext")["browserContextId"]
        target = browser.call("Target.createTarget", url="about:blank", browserContextId=self.context)["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.listeners[self.session] = self._hear
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.resize(width, height)
        self.prefer(dark=dark)
        self.call("Page.navigate", url=path.resolve().as_uri())
        browser.until(lambda: self.loaded)
        self.address = path.resolve().as_uri()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to one command to this page."""
        return self.browser.call(method, self.session, **parameters)

    def _hear(self, event: dict) -> None:
        method, told = event["method"], event["params"]
        if method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(told["exceptionDetails"].get("exception", told["exceptionDetails"])))
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.complaints.append(str(told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.complaints.append(told["entry"]["text"])

    @property
    def fetched(self) -> list[str]:
        """Return the addresses that were asked for besides the page itself and what it carries in itself."""
        return [url for url in self.requests if url != self.address and not url.startswith("data:")]

    def resize(self, width: int, height: int) -> None:
        """Make the window that large, as a phone's below 600 pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def prefer(self, *, dark: bool, media: str = "") -> None:
        """Tell the page what the reader's system prefers, and whether it is on paper (`media` = print)."""
        wish = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", media=media, features=wish)

    def value(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def click(self, selector: str) -> None:
        """Press the mouse in the middle of an element, which is scrolled into sight."""
        name = json.dumps(selector)
        script = f"""(() => {{ const one = document.querySelector({name});
            one.scrollIntoView({{block: "center", inline: "center", behavior: "instant"}});
            const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2] }})()"""
        x, y = self.value(script)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        """Press and release a key of KEYS."""
        code, text = KEYS[key]
        common = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", **common, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def picture(self, *, whole: bool = True) -> bytes:
        """Return a PNG of the page, all of it or what is in the window."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"])

    def close(self) -> None:
        """Close the page, and forget what it stored."""
        self.browser.listeners.pop(self.session)
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)


@contextlib.contextmanager
def started() -> Iterator[Browser]:
    """Yield a browser; without one the test is skipped, or fails where ONSHELL_BROWSER says that there must be one."""
    program = executable()
    if program is None:
        (pytest.fail if os.environ.get("ONSHELL_BROWSER") else pytest.skip)(ADVICE)
    browser = Browser(program)
    try:
        yield browser
    finally:
        browser.close()
