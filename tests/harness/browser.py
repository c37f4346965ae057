"""A headless Chromium, driven over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
import shutil
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

__all__ = ["Page", "browse", "chromium"]

START: Final = 60.0
_KEYS: Final = {"Enter": ("\r", 13), "Escape": ("", 27), "ArrowDown": ("", 40), "ArrowUp": ("", 38), "Tab": ("", 9)}


def chromium() -> str | None:
    """Where Chromium is, if it is installed."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Page:
    """One page. An error in its script, and anything that its policy blocks, is in `errors`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._session: str | None = None
        self.errors: list[str] = []

    def detach(self) -> None:
        """Ignore the browser's calls from now on."""
        self._session = None

    async def attach(self) -> None:
        """Open a page and follow what it reports."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")

    async def call(self, method: str, **parameters: Any) -> Any:
        """One command of the protocol."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        session = {} if self._session is None else {"sessionId": self._session}
        await self._socket.send_json({"id": number, "method": method, "params": parameters, **session})
        return await asyncio.wait_for(answer, START)

    async def read(self) -> None:
        """Read answers and events until the browser ends."""
        async for message in self._socket:
            self._take(message.json())

    def _take(self, message: dict[str, Any]) -> None:
        if answer := self._answers.pop(message.get("id", 0), None):
            if "error" in message:
                answer.set_exception(RuntimeError(message["error"]["message"]))
            else:
                answer.set_result(message["result"])
        elif message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(str(message["params"]["exceptionDetails"]))
        elif message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.errors.append(message["params"]["entry"]["text"])

    async def open(self, url: str, *, width: int = 1280, height: int = 860, dark: bool = False) -> None:
        """Show `url` in a window of this size."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def run(self, script: str) -> Any:
        """The value of an expression, awaited if it is a promise."""
        found = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"]["exception"].get("description"))
        return found["result"].get("value")

    async def until(self, script: str) -> None:
        """Wait until an expression is true."""
        async with asyncio.timeout(START):
            while True:
                try:
                    if await self.run(
                        "new Promise(done => { const look = () => { if (!document.hidden && (%s)) done(true);"
                        " else setTimeout(look, 20); }; look(); })" % script
                    ):
                        return
                except RuntimeError as error:  # the page was left while it looked
                    if "navigat" not in str(error) and "context" not in str(error):
                        raise

    async def click(self, selector: str) -> None:
        """Click the middle of an element, once it moves no more: what arrives meanwhile may push it away."""
        place = await self.run(
            f"(async () => {{ const e = document.querySelector({selector!r}); let last = []; for (;;) {{"
            " e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
            " const now = [b.x + b.width / 2, b.y + b.height / 2];"
            " if (now[0] === last[0] && now[1] === last[1]) return now;"
            " last = now; await new Promise(done => setTimeout(done, 50)); } })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    async def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            text, code = _KEYS.get(key, (key, ord(key[0])))
            for kind in ("keyDown", "keyUp"):
                more = {"text": text} if text and kind == "keyDown" else {}
                await self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **more)

    async def text(self, selector: str) -> list[str]:
        """The text of every element that matches."""
        found: list[str] = await self.run(f"[...document.querySelectorAll({selector!r})].map(e => e.innerText)")
        return found

    async def screenshot(self, file: Path) -> None:
        """Save what is seen."""
        shot = await self.call("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(shot["data"]))


@asynccontextmanager
async def browse(folder: Path) -> AsyncGenerator[Page]:
    """A page of a fresh browser, whose profile is in `folder`."""
    program = chromium()
    assert program is not None
    process = await asyncio.create_subprocess_exec(
        program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank",
        stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        address = await asyncio.wait_for(_address(process), START)
        rest = asyncio.create_task(_drain(process))
        async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
            page = Page(socket)
            reader = asyncio.create_task(page.read())
            await page.attach()
            yield page
            page.detach()
            await page.call("Browser.close")
            await reader
    finally:
        if process.returncode is None:
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.send_signal(signal.SIGKILL)
                await process.wait()
    await rest


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        if found := re.search(rb"ws://\S+", line):
            return found[0].decode()
    raise RuntimeError("Chromium did not start")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    async for _ in process.stderr:
        pass
