"""Ctrl-C: the best so far, usable and said to be that; nothing, where there is nothing yet."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import cyem
from cyem import GaussianMixture
from cyem.em.problem import Problem
from cyem.reporting import pictures


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, 1, (100, 2)), rng.normal(2, 1, (100, 2))])


@pytest.fixture
def press(monkeypatch):
    """``press(7)``: Ctrl-C in the place of the seventh pass over the samples from now on."""
    sweep = Problem.sweep

    def press(number):
        left = [number]

        def impatient(self, parameters):
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            return sweep(self, parameters)

        monkeypatch.setattr(Problem, "sweep", impatient)
        monkeypatch.setattr(Problem, "ascent", lambda self, point, **how: None)  # one pass after the other

    return press


LABELS = np.repeat([0, 1], 100)


def test_the_best_so_far(X, press):
    settings = {"init_params": LABELS, "acceleration": None, "tol": 0}
    with pytest.warns(cyem.ConvergenceWarning):
        after_five = GaussianMixture(2, max_iter=5, **settings).fit(X)
    press(7)  # the start is the first pass, so that five iterations are done
    with pytest.warns(cyem.ConvergenceWarning, match=r"interrupted: .* best so far \(iteration 5\)") as told:
        model = GaussianMixture(2, max_iter=1000, **settings).fit(X)
    assert len(told) == 1 and told[0].filename == __file__
    assert (model.converged_, model.n_iter_) == (False, 5)
    assert model.means_.tobytes() == after_five.means_.tobytes()
    assert model.lower_bound_ == pytest.approx(model.score(X), rel=1e-12)
    assert model.fit_report_[-1] == "interrupted: this is the best so far"


def test_an_earlier_run_may_be_the_best(X):
    runs = []

    def start(X, k, random_state):
        runs.append(None)
        if len(runs) == 2:
            raise KeyboardInterrupt
        return LABELS

    alone = GaussianMixture(2, init_params=LABELS).fit(X)
    with pytest.warns(cyem.ConvergenceWarning, match="interrupted"):
        model = GaussianMixture(2, init_params=start, n_init=5, random_state=0).fit(X)
    assert model.converged_  # which the first run has
    assert model.means_.tobytes() == alone.means_.tobytes()


def test_before_there_is_anything(X, press):
    model = GaussianMixture(2, init_params=LABELS)
    press(1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    with pytest.raises(cyem.NotFittedError):
        model.predict(X)


def test_a_fitted_model_stays_what_it_was(X, press):
    model = GaussianMixture(2, init_params=LABELS).fit(X)
    before = model.means_.copy()
    press(1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X[::-1] * 3)
    assert (model.means_ == before).all()


def test_where_nothing_can_be_raised(X, tmp_path, monkeypatch):
    """As in callbacks of matplotlib: it comes again, and there is no page."""
    class Last:
        def __del__(self):
            raise KeyboardInterrupt

    def draw(*_):
        Last()
        time.sleep(60)

    pytest.importorskip("matplotlib")
    monkeypatch.setattr(pictures, "_image", draw)
    with pytest.raises(KeyboardInterrupt):
        cyem.report(GaussianMixture(2, random_state=0).fit(X), X, tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_a_real_one():
    """A fit without end, in a process of its own."""
    program = (
        "import numpy as np, cyem, warnings; warnings.simplefilter('ignore')\n"
        "X = np.random.default_rng(0).normal(size=(20000, 3))\n"
        "model = cyem.GaussianMixture(9, tol=0, max_iter=10**9, acceleration=None, verbose=1, verbose_interval=1,\n"
        "                             init_params='random', random_state=0)\n"
        "print(np.isfinite(model.fit(X).means_).all(), model.n_iter_ < 10**9, len(model.predict(X)))"
    )
    with subprocess.Popen([sys.executable, "-u", "-c", program], stdout=subprocess.PIPE, text=True) as process:
        while "Iteration 3" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert out.splitlines()[-1] == "True True 20000"


def test_a_bootstrap_ends_as_a_whole(X, press):
    """Ctrl-C in the midst of one fit of many, which it does not merely shorten."""
    model = GaussianMixture(2, init_params=LABELS).fit(X)
    press(200)
    with pytest.warns(UserWarning, match=r"interrupted after \d+ of 1000 replicates"):
        found = cyem.stability(model, X, n_bootstrap=1000, random_state=0)
    assert 2 <= len(found.ari) < 200


WITHIN = 0.15  # seconds; a machine that does something else meanwhile gets more, see `interrupted`
LONG = {
    "seeds": "X = rng.normal(size=(100_000, 8)); run = lambda: GaussianMixture(512, random_state=0).fit(X)",
    "passes": "X = rng.normal(size=(200_000, 16)); run = lambda: GaussianMixture(\n"
              "    64, init_params='random_from_data', tol=0, max_iter=10**6, random_state=0).fit(X)",
    "matrices": "X = rng.normal(size=(3000, 500)); run = lambda: GaussianMixture(\n"
                "    4, init_params='random_from_data', tol=0, max_iter=10**6, random_state=0).fit(X)",
    "scores": "X = rng.normal(size=(2_000_000, 8)); model = GaussianMixture(\n"
              "    64, init_params='random_from_data', max_iter=1, random_state=0).fit(X[:5000])\n"
              "run = lambda: [model.predict_proba(X) for _ in range(10**6)]",
    "select": "X = rng.normal(size=(20_000, 6))\n"
              "run = lambda: cyem.select(X, n_components=range(1, 30), progress=False)",
    "bootstrap": "X = rng.normal(size=(500, 3)); model = GaussianMixture(3, random_state=0).fit(X)\n"
                 "run = lambda: cyem.stability(model, X, n_bootstrap=100_000, progress=False)",
}


def interrupted(program, delay):
    """Seconds from Ctrl-C to the end of the call, less those that the process waited for a core."""
    program = (
        "import time, warnings, numpy as np, cyem; from cyem import GaussianMixture\n"
        "warnings.simplefilter('ignore'); rng = np.random.default_rng(0)\n"
        f"{program}\nprint('begins', flush=True)\n"
        "try:\n    run()\nexcept KeyboardInterrupt:\n    pass\nprint('ends', flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begins\n"
        time.sleep(delay)
        pressed = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "ends\n"
        took = time.monotonic() - pressed
        process.wait(timeout=60)
    return took


@pytest.mark.parametrize("what", LONG)
def test_within_a_moment(what):
    """Wherever a long call is, it ends soon after Ctrl-C: the best of three, for the machine may have been busy."""
    waits = []
    for delay in (0.3, 1.0, 2.0):
        waits.append(interrupted(LONG[what], delay))
        if waits[-1] < WITHIN:
            return
    raise AssertionError(f"ended {min(waits):.2f} s after Ctrl-C")


def test_the_numbers_are_those_of_an_undisturbed_run_after_a_signal_that_is_none():
    """Handlers that raise nothing, and that compute something themselves, change nothing."""
    program = (
        "import signal, time, numpy as np; from cyem import GaussianMixture\n"
        "rng = np.random.default_rng(0); X = rng.normal(size=(20_000, 5)); calls, end = [], time.time() + 30\n"
        "fit = lambda: GaussianMixture(12, random_state=0, max_iter=20, tol=0).fit(X).means_.tobytes()\n"
        "import warnings; warnings.simplefilter('ignore'); alone = fit()\n"
        "again = lambda: signal.setitimer(signal.ITIMER_REAL, 0.02)\n"
        "def handler(*_):\n"
        "    calls.append(GaussianMixture(2, random_state=1).fit(X[:500]).score(X[:5000]))\n"
        "    again()  # not before: on a busy machine handlers would interrupt handlers without end\n"
        "signal.signal(signal.SIGALRM, handler)\n"
        "handler()  # imports what NumPy imports late: signals in the midst of an import are its own affair\n"
        "while len(calls) < 20 and time.time() < end: assert fit() == alone\n"
        "signal.signal(signal.SIGALRM, signal.SIG_IGN); print(len(calls), len(set(calls)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    calls, results = map(int, done.stdout.split())
    assert calls > 3 and results == 1
# --- where several threads or processes are at work ---

EVERYWHERE = """
import sys
from cyem.workers import Workers

def ends_at(step):
    left = [step]

    def trace(frame, event, argument):
        frame.f_trace_opcodes = True
        if event == "opcode":
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
        return trace

    sys._getframe().f_trace_opcodes = True  # CPython 3.12 tells of instructions only where that is set before
    sys.settrace(trace)
    try:
        with Workers(2) as workers:
            dict(workers.run({i: int for i in range(4)}, {0: [], 1: [], 2: [0], 3: [1, 2]}))
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(None)
    return left[0] <= 0

step = 1
while ends_at(step):
    step += 1
print(step)
"""


def test_wherever_it_comes_no_lock_stays_held():
    """KeyboardInterrupt at each single step of the main thread, also inside the standard library."""
    done = subprocess.run([sys.executable, "-P", "-c", EVERYWHERE], capture_output=True, text=True, timeout=120)
    assert (done.stderr, done.returncode) == ("", 0)
    assert int(done.stdout) > 100


SCRIPT = """
import signal, sys
import numpy as np
import cyem

def tell(done, total, seconds):
    if done == 1:
        print("works", flush=True)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    X = np.random.default_rng(0).normal(size=(200, 2))
    print("begins", flush=True)
    try:
        {call}
    except KeyboardInterrupt:
        pass
    print("ends", flush=True)
"""
BOOTSTRAP = ("cyem.stability(cyem.GaussianMixture(2, tol=1e-3, random_state=0), X, n_bootstrap=100_000, n_jobs=2, "
             "random_state=0, progress=tell)")
SELECT = "cyem.select(X, range(1, 100), 'all', n_jobs=2, random_state=0)"


def started(tmp_path, call):
    """A process in a group of its own, which has begun with a call."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(call=call))
    process = subprocess.Popen([sys.executable, "-P", "-W", "ignore", script], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout.readline() == "begins\n"
    return process


def all_gone(group):
    """Whether no process of a group runs any more, within seconds: one that waits to be reaped does not."""
    for _ in range(100):
        listed = subprocess.run(["ps", "-e", "-o", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
        if not any(line.split()[0] == str(group) and "Z" not in line for line in listed.splitlines()):
            return True
        time.sleep(0.05)
    os.killpg(group, signal.SIGKILL)
    return False


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no groups of processes on this system")
@pytest.mark.parametrize("call", [BOOTSTRAP, SELECT], ids=["bootstrap", "select"])
def test_workers_end_with_the_call(tmp_path, call):
    """As from a terminal, where all processes get the signal: at random moments, from the first on."""
    moments = random.Random(0)
    for _ in range(3):
        with started(tmp_path, call) as process:
            time.sleep(moments.uniform(0, 1.5))
            os.killpg(process.pid, signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert (out.split()[-1], err, process.returncode) == ("ends", "", 0)
        assert all_gone(process.pid)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no groups of processes on this system")
def test_no_worker_outlives_its_parent(tmp_path):
    with started(tmp_path, BOOTSTRAP) as process:
        assert process.stdout.readline() == "works\n"
        process.kill()
        process.communicate(timeout=60)
    assert all_gone(process.pid)
