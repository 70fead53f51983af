"""Rows of a Dask collection: is the fit that of one machine, whoever dies, for few bytes; are predictions lazy?"""

import os
import pickle
import signal

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from cyem import GaussianMixture, select, standard_errors

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")

N, D, K = 6000, 3, 3
NAMES = ["a", "b", "c"]
QUIET = {"dashboard_address": None, "silence_logs": 50}
# some steps on the way, of which none is at an end that rounding decides about
PLAIN = {"random_state": 0, "init_params": "random_from_data", "acceleration": None, "tol": 0.0, "max_iter": 6}

pytestmark = pytest.mark.filterwarnings("ignore:.*did not converge", "ignore:.*floor of variance", "ignore:Port 8787")


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    means = np.array([[0.0, 0, 0], [3, 1, 0], [-2, 2, 3]]) + 100
    return means[rng.integers(K, size=N)] + rng.normal(size=(N, D)) @ np.triu(np.full((D, D), 0.5))


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes with a thread each."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, **QUIET) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as client:
        yield client


def close(model, other, rtol=1e-12):
    for name in ("weights_", "means_", "covariances_", "lower_bound_"):
        a, b = np.asarray(getattr(model, name)), np.asarray(getattr(other, name))
        assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())
    assert model.n_iter_ == other.n_iter_


def same(model, other):
    for name in ("weights_", "means_", "covariances_", "lower_bound_", "n_iter_"):
        assert_array_equal(getattr(model, name), getattr(other, name))


def test_the_fit_is_that_of_one_machine(X, client):
    """And the same bits on two runs."""
    whole, A = GaussianMixture(K, **PLAIN).fit(X), da.from_array(X, chunks=(1700, 2))
    model = GaussianMixture(K, **PLAIN).fit(A)
    close(model, whole)
    same(model, GaussianMixture(K, **PLAIN).fit(A))
    for verb in ("score", "bic", "icl"):
        assert_allclose(getattr(whole, verb)(A), getattr(whole, verb)(X), rtol=1e-12)


def test_a_frame_with_weights_and_an_empty_partition(X, client):
    w = np.random.default_rng(1).integers(0, 3, N).astype(float)
    frame = pd.DataFrame(X, columns=NAMES)
    parts = [frame[:0], frame[:2500], frame[2500:]]
    F = dd.from_map(lambda i: parts[i], range(3), meta=frame[:0])  # divisions are not known, nor numbers of rows
    weights = dd.from_map(lambda i: pd.Series(w)[parts[i].index], range(3), meta=pd.Series(w[:0]))
    model = GaussianMixture(K, **PLAIN).fit(F, sample_weight=weights)
    close(model, GaussianMixture(K, **PLAIN).fit(frame, sample_weight=w))
    assert model.feature_names_in_.tolist() == NAMES
    assert_array_equal(model.predict(F).compute(), model.predict(frame))


def test_predictions_are_lazy(X, client):
    model, A = GaussianMixture(K, random_state=0).fit(X), da.from_array(X, chunks=(1000, 3))
    lazy = {verb: getattr(model, verb)(A) for verb in ("predict", "predict_proba", "score_samples", "uncertainty")}
    for verb, found in lazy.items():
        assert isinstance(found, da.Array)
        known = getattr(model, verb)(X)
        assert found.shape == known.shape and found.dtype == known.dtype
        assert_allclose(found.compute(), known, rtol=1e-9, atol=1e-13)


def test_what_else_is_asked(X, client):
    A = da.from_array(X, chunks=(2500, 3))
    model = GaussianMixture(K, random_state=0).fit(X)
    assert_allclose(standard_errors(model, A).means, standard_errors(model, X).means, rtol=1e-9)
    found = select(A, [1, 3], "full", random_state=0, progress=False)
    assert found.best_row.n_components == K
    assert found.best_row.bic == pytest.approx(select(X, [1, 3], "full", random_state=0).best_row.bic, rel=1e-6)


def test_bytes_of_a_pass(X, client, monkeypatch):
    """What the client is sent is less than twice the sums, k (1 + d + d (d + 1) / 2) numbers, of each partition."""
    k, d, parts, received = 16, 16, 4, []
    rows = np.random.default_rng(0).normal(size=(4000, d))
    gather = distributed.Client.gather

    def counted(self, futures, *arguments, **how):
        found = gather(self, futures, *arguments, **how)
        received.append(len(pickle.dumps(found, 5)))
        return found

    monkeypatch.setattr(distributed.Client, "gather", counted)
    iterations = 5
    how = PLAIN | {"max_iter": iterations, "means_init": rows[:k]}
    GaussianMixture(k, **how).fit(da.from_array(rows, chunks=(1000, d)))
    passes = received[-iterations:]
    assert len(passes) == iterations
    assert max(passes) < 2 * 8 * k * (1 + d + d * (d + 1) / 2) * parts


def test_a_worker_that_dies_costs_time_alone(X, client):
    A = da.from_array(X, chunks=(1500, 3))
    alone = GaussianMixture(K, **PLAIN).fit(A)

    client.wait_for_workers(2, timeout=100)
    pid = min(client.run(os.getpid).values())

    def kill(run, iteration, value):
        if iteration == 2:
            os.kill(pid, signal.SIGKILL)

    same(GaussianMixture(K, callback=kill, **PLAIN).fit(A), alone)


def test_a_client_that_ends_goes_on_from_its_checkpoint(X, client, tmp_path):
    """To the same bits; other partitions are other sums, and refused."""
    A, path = da.from_array(X, chunks=(1500, 3)), tmp_path / "fit.npz"

    def end(run, iteration, value):
        if iteration == 4:
            raise RuntimeError("the end")

    with pytest.raises(RuntimeError, match="the end"):
        GaussianMixture(K, callback=end, **PLAIN).fit(A, checkpoint=path, checkpoint_every=0)
    with pytest.raises(ValueError, match="of another fit: X was"):
        GaussianMixture(K, **PLAIN).fit(A.rechunk((3000, 3)), checkpoint=path)
    done = []
    found = GaussianMixture(K, callback=lambda run, iteration, _: done.append(iteration), **PLAIN)
    same(found.fit(A, checkpoint=path), GaussianMixture(K, **PLAIN).fit(A))
    assert done == [4, 5, 6] and not path.exists()


def test_without_a_client(X):
    """Partitions are computed here, one after the other."""
    with pytest.raises(ValueError):
        distributed.default_client()
    A = da.from_array(X, chunks=(1700, 2))
    model = GaussianMixture(K, **PLAIN).fit(A)
    close(model, GaussianMixture(K, **PLAIN).fit(X))
    assert_array_equal(model.predict(A), model.predict(X))


def test_bad_input(X, client):
    model = GaussianMixture(2, **PLAIN).fit(X)
    before = model.means_.copy()
    infinite = X.copy()
    infinite[4000, 1] = np.inf
    A = da.from_array(X, chunks=(1500, 3))
    frame = pd.DataFrame(X, columns=NAMES)
    other = [frame, frame.rename(columns={"a": "z"})]
    for bad, weights, message in (
        (da.from_array(infinite, chunks=(1500, 3)), None, r"partition 2: .*infinity in row 1000, column 1"),
        (A[:0], None, "0 sample|empty"),
        (A[:, 0], None, "1D array|2D"),
        (A, np.ones(N), "dask.array.from_array"),
        (A, da.ones(N, chunks=3000), "2 partitions, and X has 4"),
        (A, da.ones(N - 1, chunks=1500), r"partition 3: .*\(1499,\)"),
        (A, -da.ones(N, chunks=1500), r"partition \d: .*negative"),
        (A, da.zeros(N, chunks=1500), "positive weight"),
        (dd.from_map(lambda i: other[i], range(2), meta=frame[:0]), None, "partition 1.*'z'"),
    ):
        with pytest.raises(ValueError, match=f"(?s){message}"):
            model.fit(bad, sample_weight=weights)
    with pytest.raises(TypeError, match="workers of a cluster"):
        model.impute(A)
    with pytest.raises(TypeError, match=r"part\.compute"):
        model.partial_fit(A)
    assert_array_equal(model.means_, before)


def test_a_scheduler_that_is_gone(X):
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, **QUIET) as cluster:
        client = distributed.Client(cluster)

        def leave(run, iteration, value):
            if iteration == 2:
                cluster.close()

        with pytest.raises(OSError, match="is gone"):
            GaussianMixture(K, callback=leave, **PLAIN).fit(da.from_array(X, chunks=(1500, 3)))
        client.close()
