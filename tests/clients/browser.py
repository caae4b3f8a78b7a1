"""Drives Chromium by the DevTools protocol over a pipe, which takes no package but Debian's `chromium`.

A page is used as a person uses it: by clicks at a place, by keys, by looking. https://chromedevtools.github.io/
devtools-protocol/ has the methods.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_SECONDS: Final = 30.0

FLAGS: Final = (
    "--headless",
    "--no-sandbox",  # which root may not have; the only pages that are opened are this repository's
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)

WITH_PIPES: Final = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
"""Starts a program that is told by file descriptor 3, and tells by 4."""


def program() -> str | None:
    """Where Chromium is, if it is there."""
    return next((path for path in map(shutil.which, PROGRAMS) if path), None)


class Failed(AssertionError):
    """The browser refused something, or a script of the page's failed."""


class Browser:
    """A browser that runs, and everything it has told."""

    def __init__(self, commands: int, told: int) -> None:
        self.events: list[dict[str, Any]] = []
        self._commands = commands
        self._told = told
        self._rest = b""
        self._last = 0

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Have the browser do something, and return what it answers."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters} | (
            {"sessionId": session} if session else {}
        )
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        for answer in self._messages():
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise Failed(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)
        raise Failed(f"{method}: the browser has ended")

    def _messages(self) -> Iterator[dict[str, Any]]:
        while True:
            message, end, rest = self._rest.partition(b"\0")
            if end:
                self._rest = rest
                yield json.loads(message)
                continue
            if not select.select([self._told], [], [], PATIENCE_SECONDS)[0]:
                raise Failed("The browser does not answer.")
            read = os.read(self._told, 1 << 20)
            if not read:
                return
            self._rest += read

    @contextmanager
    def page(self) -> Iterator[Page]:
        """A page in a window of its own, without a past; nothing may fail in it."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context, width=1000, height=3000)
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, context, attached["sessionId"])
        page.call("Page.enable")
        page.call("Runtime.enable")
        yield page
        self.call("Target.disposeBrowserContext", browserContextId=context)
        failures = [event["params"] for event in self.events if event["method"] == "Runtime.exceptionThrown"]
        self.events.clear()
        assert failures == []


class Page:
    """One page."""

    def __init__(self, browser: Browser, context: str, session: str) -> None:
        self._browser = browser
        self._context = context
        self._session = session

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **parameters)

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def read(self, script: str) -> Any:
        """What an expression of JavaScript is, a promise's result included."""
        told = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in told:
            raise Failed(f"{script}: {told['exceptionDetails'].get('exception', {}).get('description')}")
        return told["result"].get("value")

    def until(self, script: str) -> Any:
        """Wait until an expression is true, and return what it is; it may fail while the page is not there yet."""

        def look() -> Any:
            try:
                return self.read(script)
            except Failed as error:
                failures.append(str(error))
                return None

        failures: list[str] = []
        if not (seen := wait_for(look)):
            shown = self.read("document.body.innerText")
            raise Failed(f"not within {PATIENCE_SECONDS:.0f} s: {script}; {failures[-1:]}; the page shows {shown!r}")
        return seen

    def events(self, method: str) -> list[dict[str, Any]]:
        """What the browser has told of a kind since the page was opened."""
        return [event for event in self._browser.events if event["method"] == method]

    def downloads_to(self, folder: Path) -> None:
        """Keep what is downloaded in a folder."""
        self._browser.call(
            "Browser.setDownloadBehavior", behavior="allow", browserContextId=self._context, downloadPath=str(folder)
        )

    def click(self, selector: str) -> None:
        """Click at the middle of an element, whatever is there."""
        place = self.until(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); if (!e) return null;"
            " e.scrollIntoView({block: 'nearest'}); const r = e.getBoundingClientRect();"
            " return r.width ? [r.x + r.width / 2, r.y + r.height / 2] : null })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def write(self, selector: str, text: str) -> None:
        """Click into a field, and write over what is there."""
        self.click(selector)
        self.read(f"document.querySelector({json.dumps(selector)}).select()")
        self.call("Input.insertText", text=text)

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press a key, and let it go."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text)


def wait_for(look: Callable[[], Any]) -> Any:
    """Look again and again until what is seen is true, and return it, or what is seen when patience is at its end."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return seen


@contextmanager
def started(profile: Path) -> Iterator[Browser]:
    """Run a browser with an empty profile of its own."""
    path = program()
    assert path
    ours, theirs = os.pipe(), os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (ours[0], theirs[1])]
    command = [
        sys.executable,
        "-c",
        WITH_PIPES,
        *map(str, high),
        path,
        *FLAGS,
        f"--user-data-dir={profile}",
        "about:blank",
    ]
    process = subprocess.Popen(  # noqa: S603
        command,
        pass_fds=high,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(profile)},
    )
    for end in (ours[0], theirs[1], *high):
        os.close(end)
    try:
        browser = Browser(ours[1], theirs[0])
        yield browser
        browser.call("Browser.close")
    finally:
        for end in (ours[1], theirs[0]):
            os.close(end)
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
