"""The report in a real browser: nothing goes wrong, nothing is fetched, the table sorts, the dark page is dark.

And the pages of the site, where CYEM_SITE says where they were built, as in `ci/docs`.

A headless Chromium is told what to do over its DevTools pipe. Skipped where there is none; `ci/browser` installs one.
"""

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import cyem

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PROGRAM = os.environ.get("CYEM_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium found: ci/browser installs one")

OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe"),
)
LAUNCH = (  # the browser reads orders on descriptor 3 and answers on 4
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
PATIENCE = 60  # seconds for one answer
HOSTILE = "<script>window.taken = true</script><img src=x onerror='window.taken = true'>"


class Browser:
    """One tab, and everything it reports."""

    def __init__(self, folder):
        theirs_in, self.orders = map(self._high, os.pipe())
        self.answers, theirs_out = map(self._high, os.pipe())
        command = [sys.executable, "-c", LAUNCH, str(theirs_in), str(theirs_out), PROGRAM]
        self.process = subprocess.Popen(
            [*command, *OPTIONS, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(theirs_in, theirs_out), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self.number, self.rest, self.session = 0, b"", None
        self.events = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    @staticmethod
    def _high(descriptor):
        """The same, out of the way of 3 and 4."""
        high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
        os.close(descriptor)
        return high

    def send(self, method, **parameters):
        """An order, and its result."""
        self.number += 1
        order = {"id": self.number, "method": method, "params": parameters}
        order |= {"sessionId": self.session} if self.session else {}
        os.write(self.orders, json.dumps(order).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _read(self):
        end = time.monotonic() + PATIENCE
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.answers], [], [], max(0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            part = os.read(self.answers, 1 << 16)
            assert part, "the browser has ended"
            self.rest += part
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def open(self, path):
        """Go to a page, and wait until all of it is there."""
        self.events.clear()
        self.send("Page.navigate", url=path.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())

    def ask(self, expression):
        """The value of some JavaScript."""
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    @property
    def complaints(self):
        """What would stand in the console."""
        kinds = "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"
        return [event["params"] for event in self.events if event["method"] in kinds]

    @property
    def requests(self):
        """What was fetched, but for what the page itself holds."""
        sent = [event["params"]["request"]["url"] for event in self.events
                if event["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith("data:")]

    def close(self):
        os.close(self.orders)  # which ends it
        os.close(self.answers)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def selection():
    """With rows that are not fitted, one for each structure."""
    X = np.random.default_rng(0).normal(size=(40, 3)) + np.repeat([[0, 0, 0], [9, 5, 0]], 20, axis=0)
    return cyem.select(X, [1, 2, 3, 99], ["full", "diag"], random_state=0), X


@pytest.fixture(scope="module")
def page(selection, tmp_path_factory):
    return cyem.report(*selection, tmp_path_factory.mktemp("page") / "report.html", title=HOSTILE)


def test_what_goes_wrong_is_noticed(browser, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text("<img src='https://example.invalid/a.png'><script>console.error('no'); undefined.x</script>")
    browser.open(path)
    assert len(browser.complaints) >= 2
    assert browser.requests == [path.as_uri(), "https://example.invalid/a.png"]


def test_nothing_goes_wrong_and_nothing_is_fetched(browser, page):
    browser.open(page)
    assert browser.complaints == []
    assert browser.requests == [page.as_uri()]
    assert browser.ask("document.readyState") == "complete"


def test_what_users_write_stays_text(browser, page):
    browser.open(page)
    assert browser.ask("document.querySelector('h1').textContent") == HOSTILE
    assert browser.ask("document.title") == HOSTILE
    assert browser.ask("window.taken") is None


def test_the_table_sorts(browser, page, selection):
    browser.open(page)
    rows = selection[0].rows
    table = "document.querySelector('table.sortable')"
    headings = browser.ask(f"[...{table}.tHead.rows[0].cells].map(cell => cell.textContent)")
    column = headings.index("BIC")
    read = f"[...{table}.tBodies[0].rows].map(row => row.cells[{column}]?.dataset.value ?? null)"
    click = f"{table}.tHead.rows[0].cells[{column}].querySelector('button').click()"
    fitted = [row.bic for row in rows if not row.reason]
    assert fitted != sorted(fitted)
    for state, expected in [("ascending", sorted(fitted)), ("descending", sorted(fitted, reverse=True))]:
        browser.ask(click)
        values = browser.ask(read)
        assert [float(value) for value in values[: len(fitted)]] == expected
        assert values[len(fitted) :] == [None] * (len(rows) - len(fitted))  # not fitted: last both ways
        assert browser.ask(f"{table}.tHead.rows[0].cells[{column}].getAttribute('aria-sort')") == state
    reasons = [row.reason for row in rows if row.reason]
    for name, last in [("components", []), ("log-likelihood", reasons), ("starts", reasons), ("seconds", reasons)]:
        column = headings.index(name)
        cells = f"[...{table}.tBodies[0].rows].map(row => row.cells[{column}]?.dataset.value || null)"
        for sign in (1, -1):
            browser.ask(f"{table}.tHead.rows[0].cells[{column}].querySelector('button').click()")
            values = browser.ask(cells)
            numbers = [sign * float(value) for value in values if value is not None]
            assert numbers == sorted(numbers)
            assert values[len(numbers) :] == [None] * len(last)
    text = headings.index("structure")
    browser.ask(f"{table}.tHead.rows[0].cells[{text}].querySelector('button').click()")
    names = browser.ask(f"[...{table}.tBodies[0].rows].map(row => row.cells[{text}].textContent)")
    assert names == sorted(row.covariance_type for row in rows)
    assert browser.ask(f"{table}.querySelectorAll('[aria-sort]').length") == 1


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_sticks_out(browser, page, width):
    browser.send("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
    browser.open(page)
    assert browser.ask("document.scrollingElement.scrollWidth") <= width
    browser.send("Emulation.clearDeviceMetricsOverride")


def test_print(browser, page):
    """On A4 in portrait with margins: dark ink and light pictures, also where screens are dark; no column cut off."""
    browser.send("Emulation.setDeviceMetricsOverride", width=718, height=1000, deviceScaleFactor=1, mobile=False)
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.send("Emulation.setEmulatedMedia", media="print", features=dark)
    browser.open(page)
    assert brightness(browser.ask("getComputedStyle(document.body).color")) < 50
    assert browser.ask("[...document.images].every(image => image.currentSrc === image.src)")
    assert browser.ask("document.scrollingElement.scrollWidth") <= 718
    assert browser.ask("Math.max(...[...document.querySelectorAll('td')].map(cell => cell.offsetWidth && "
                       "cell.getBoundingClientRect().right))") <= 718
    browser.send("Emulation.setEmulatedMedia", media="", features=[])
    browser.send("Emulation.clearDeviceMetricsOverride")


def test_pictures_can_be_read_on_a_phone(browser, page):
    """They are not squeezed into the width of the screen: they scroll."""
    browser.send("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=2, mobile=True)
    browser.open(page)
    assert min(browser.ask("[...document.images].map(image => image.width)")) > 500
    assert browser.ask("document.scrollingElement.scrollWidth") <= 390
    browser.send("Emulation.clearDeviceMetricsOverride")


def test_keys_are_enough(browser, page):
    """Tab reaches every heading that sorts, and Enter sorts."""
    browser.open(page)
    first = "document.querySelector('table.sortable button')"
    browser.ask(f"{first}.focus()")
    for name in ("keyDown", "keyUp"):
        browser.send("Input.dispatchKeyEvent", type=name, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert browser.ask("document.activeElement.textContent") == "structure"
    browser.send("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", text="\r",
                 windowsVirtualKeyCode=13)
    assert browser.ask("document.activeElement.parentElement.getAttribute('aria-sort')") == "ascending"
    assert browser.ask("[...document.querySelectorAll('.wide')].every(element => element.tabIndex === 0)")


def brightness(colour):
    """Of "rgb(r, g, b)", from 0 to 255."""
    return np.mean([float(value) for value in colour[4:-1].split(",")])


def test_light_and_dark(browser, page):
    style = "getComputedStyle(document.body)"
    figures = "[...document.images].map(image => image.currentSrc)"
    seen = {}
    for scheme in ("light", "dark"):
        browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        browser.open(page)
        paper, ink = browser.ask(f"{style}.backgroundColor"), browser.ask(f"{style}.color")
        seen[scheme] = browser.ask(figures)
        assert (brightness(paper) > brightness(ink)) == (scheme == "light")
        assert abs(brightness(paper) - brightness(ink)) > 150
        assert browser.ask("[...document.images].every(image => image.naturalWidth > 100 && image.alt)")
    browser.send("Emulation.setEmulatedMedia", features=[])
    assert len(seen["light"]) == len(seen["dark"])
    assert not set(seen["light"]) & set(seen["dark"])


SITE = os.environ.get("CYEM_SITE")
built = pytest.mark.skipif(SITE is None, reason="the site is asked where CYEM_SITE names its folder: ci/docs does")
# what reaches beyond the screen, and lies in nothing that scrolls
CUT_OFF = """[...document.querySelectorAll("article *")].filter(element => {
    const place = element.getBoundingClientRect();
    if (!place.width || place.right <= innerWidth + 1) return false;
    for (let above = element.parentElement; above.tagName !== "ARTICLE"; above = above.parentElement)
        if (getComputedStyle(above).overflowX !== "visible") return false;
    return true;
}).map(element => element.tagName + " " + element.textContent.slice(0, 40))"""


@built
def test_pages_of_the_site(browser):
    """On a screen and on a phone nothing is cut off, fetched from elsewhere, or complained of."""
    pages = [page for page in Path(SITE).rglob("*.html") if "_static" not in page.parts]
    assert len(pages) > 50
    for width, mobile in [(1280, False), (390, True)]:
        browser.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=mobile)
        for page in pages:
            browser.open(page)
            assert browser.ask("document.scrollingElement.scrollWidth") <= width, page
            assert browser.ask(CUT_OFF) == [], page
            assert browser.ask("[...document.images].every(image => image.naturalWidth)"), page
            assert browser.complaints == [], page
            assert [url for url in browser.requests if not url.startswith("file:")] == [], page
    browser.send("Emulation.clearDeviceMetricsOverride")


@built
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_site_is_light_and_dark(browser, scheme):
    browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.open(Path(SITE) / "index.html")
    style = "getComputedStyle(document.body)"
    paper, ink = (brightness(browser.ask(f"{style}.{what}")) for what in ("backgroundColor", "color"))
    browser.send("Emulation.setEmulatedMedia", features=[])
    assert abs(paper - ink) > 150 and (paper > ink) == (scheme == "light")


@built
def test_search_of_the_site_needs_no_network(browser):
    browser.send("Page.navigate", url=(Path(SITE) / "search.html").as_uri() + "?q=missing+values")
    found, end = None, time.monotonic() + PATIENCE
    while not (found and "finished" in found) and time.monotonic() < end:
        found = browser.ask("document.querySelector('#search-results')?.innerText")
    assert "Live with missing values" in found
