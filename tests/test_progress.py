"""Progress: silent where nobody looks and on short work, with the time left where somebody waits."""

import os
import pty
import subprocess
import sys
import termios
import types

import numpy as np
import pytest

from cyem import GaussianMixture, select
from cyem.show import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set: ``clock(3.0)``."""
    now = [0.0]
    monkeypatch.setattr(progress, "perf_counter", lambda: now[0])
    return lambda seconds: now.__setitem__(0, seconds)


@pytest.fixture
def plain(monkeypatch):
    """Neither tqdm nor rich is installed."""
    for name in ("tqdm", "tqdm.auto", "rich", "rich.console", "rich.progress"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(progress, "_is_terminal", lambda: True)


def run(clock, shown, times):
    """Tell of one more piece at each time."""
    with progress.shown(shown, len(times), "fits") as tell:
        for i, seconds in enumerate(times):
            clock(seconds)
            tell(i + 1)


def test_a_line_takes_the_place_of_the_last_one(clock, plain, terminal, capsys):
    run(clock, None, [0.5, 2.0, 3.0, 100.0])
    drawn = capsys.readouterr().err.split("\r\x1b[K")
    assert drawn == [
        "",
        "2 of 4 fits, 2 s, about 2 s left",
        "3 of 4 fits, 3 s, about 1 s left",
        "4 of 4 fits, 100 s, about 0 s left",
        "",
    ]


def test_nobody_looks(clock, plain, capsys):
    run(clock, None, [2.0, 3.0])
    assert capsys.readouterr().err == ""


def test_asked_for_where_lines_cannot_move(clock, plain, capsys):
    run(clock, True, [2.0, 3.0, 60.0, 61.0])
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["1 of 4 fits, 2 s, about 6 s left", "3 of 4 fits, 60 s, about 20 s left"]


def test_not_wanted(clock, terminal, capsys):
    run(clock, False, [2.0, 300.0])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("seconds", "text"), [(30.0, "30 s"), (119.6, "2 min 0 s"), (600.4, "10 min 0 s")])
def test_time_left(seconds, text):
    assert progress.left(1, 2, seconds) == text


def test_what_it_must_be():
    with pytest.raises(TypeError, match="progress='yes' must be True, False, None or a function"):
        run(None, "yes", [])


def drawn(code, terminal=True):
    """What a program writes on its standard error, which is a terminal or not."""
    ours, theirs = pty.openpty() if terminal else os.pipe()
    if terminal:
        termios.tcsetwinsize(theirs, (24, 80))
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=theirs, check=True, timeout=120)
    os.write(theirs, b"|")
    text = b""
    while not text.endswith(b"|"):
        text += os.read(ours, 10_000)
    os.close(ours)
    os.close(theirs)
    return text[:-1].decode()


@pytest.mark.parametrize("terminal", [False, True])
def test_of_a_selection_on_a_terminal_only(terminal):
    text = drawn(
        "import sys; sys.modules['tqdm'] = sys.modules['rich'] = None\n"
        "import numpy as np, cyem, cyem.show.progress as progress; progress.QUIET = 0\n"
        "cyem.select(np.random.default_rng(0).normal(size=(50, 1)), [1, 2], 'full')",
        terminal,
    )
    assert (" left" in text) == terminal
    assert text.endswith("\r\x1b[K") if terminal else text == ""  # gone in the end


@pytest.mark.parametrize(("library", "other"), [("tqdm", "rich"), ("rich", "tqdm")])
def test_libraries_draw_where_they_are_installed(library, other):
    pytest.importorskip(library)
    text = drawn(
        f"import sys, time; sys.modules[{other!r}] = None\n"
        "import cyem.show.progress as progress; progress.QUIET = 0\n"
        "with progress.shown(None, 4, 'fits') as tell:\n"
        "    for i in range(4): time.sleep(0.15); tell(i + 1)"
    )
    assert "3/4" in text and "fits" in text
    assert " of 4 fits" not in text  # not our own line


def test_select_tells_a_function():
    calls = []
    X = np.random.default_rng(0).normal(size=(50, 2))
    select(X, [1, 2], "full", progress=lambda *call: calls.append(call))
    assert calls[-1][0] == calls[-1][1] >= 2
    assert [seconds for *_, seconds in calls] == sorted(seconds for *_, seconds in calls)


def test_a_fit_tells_a_function():
    calls = []
    X = np.random.default_rng(0).normal(size=(50, 2)) * 1e-3  # the likelihood is that outside of any frame
    model = GaussianMixture(2, n_init=2, random_state=0, callback=lambda *call: calls.append(call)).fit(X)
    runs = [[call[1:] for call in calls if call[0] == run] for run in range(2)]
    assert all([iteration for iteration, _ in run] == list(range(1, len(run) + 1)) for run in runs)
    np.testing.assert_allclose(model.lower_bounds_, max((np.array(run)[:, 1] for run in runs), key=max), rtol=1e-12)


def test_what_a_function_raises_ends_a_fit():
    def impatient(run, iteration, value):
        raise StopIteration

    X = np.random.default_rng(0).normal(size=(50, 2))
    with pytest.raises(StopIteration):
        GaussianMixture(2, callback=impatient).fit(X)
    with pytest.raises(ValueError, match="'callback' parameter of GaussianMixture must be a function"):
        GaussianMixture(2, callback=3).fit(X)


def test_in_a_notebook_a_bar_is_gone_in_the_end(clock, monkeypatch, capsys):
    """Also where tqdm and rich are there, of which the one asks for more and the other leaves lines."""
    shown = []

    class Handle:
        def update(self, content, raw):
            shown.append(content)

    def display(content, raw, display_id):
        shown.append(content)
        return Handle()

    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))
    run(clock, None, [0.5, 2.0, 2.1, 100.0])
    assert [content["text/plain"] for content in shown] == [
        "2 of 4 fits, 2 s, about 2 s left", "4 of 4 fits, 100 s, about 0 s left", ""]
    assert shown[0]["text/html"] == ('<div><progress value="2" max="4"></progress> 2 of 4 fits, 2 s, about 2 s left'
                                     '</div>')
    assert shown[-1]["text/html"] == "" and capsys.readouterr().err == ""
    shown.clear()
    run(clock, None, [0.1, 0.2])
    assert shown == []
