"""Ctrl-C: the best so far, usable and said to be that; nothing, where there is nothing yet."""

import signal
import subprocess
import sys

import numpy as np
import pytest

import cyem
from cyem import GaussianMixture
from cyem.mixture import Mixture


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, 1, (100, 2)), rng.normal(2, 1, (100, 2))])


@pytest.fixture
def press(monkeypatch):
    """``press(7)``: Ctrl-C in the place of the seventh pass over the samples from now on."""
    sweep = Mixture.sweep

    def press(number):
        left = [number]

        def impatient(self, parameters):
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            return sweep(self, parameters)

        monkeypatch.setattr(Mixture, "sweep", impatient)
        monkeypatch.setattr(Mixture, "ascent", lambda self, point, **how: None)  # one pass after the other

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
