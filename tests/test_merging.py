"""Merging components into clusters by entropy."""

import os
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.cluster.hierarchy import cut_tree, dendrogram, is_valid_linkage
from sklearn.metrics import adjusted_rand_score

from cyem import GaussianMixture, merge
from cyem.inference.merging import elbow


@pytest.fixture(scope="module")
def X():
    """Two clusters, of which one is a cross that takes two components."""
    rng = np.random.default_rng(0)
    cross = np.concatenate([rng.normal(0, [3, 0.3], (200, 2)), rng.normal(0, [0.3, 3], (200, 2))])
    return np.concatenate([cross, rng.normal([12, 12], 1, (150, 2)), rng.normal([12, -12], 1, (150, 2))])


@pytest.fixture(scope="module")
def model(X):
    return GaussianMixture(6, n_init=3, random_state=3).fit(X)


def entropy(resp, w=None):
    terms = -np.where(resp > 0, resp * np.log(np.where(resp > 0, resp, 1)), 0).sum(axis=1)
    return terms.sum() if w is None else w @ terms


@pytest.mark.parametrize("weighted", [False, True])
def test_every_step_is_the_best(X, model, weighted):
    """Of all pairs of clusters, the one merged leaves the least entropy: by trying all."""
    w = np.random.default_rng(1).uniform(0, 2, len(X)) if weighted else None
    merging = merge(model, X, sample_weight=w)
    resp = model.predict_proba(X)
    assert merging.entropies[0] == pytest.approx(entropy(resp, w))
    for k in range(6, 1, -1):
        resp = merging.responsibilities(k)
        tried = []
        for i in range(k):
            for j in range(i):
                left = np.delete(resp, [i, j], axis=1)
                tried.append(entropy(np.column_stack([left, resp[:, i] + resp[:, j]]), w))
        after = merging.steps[6 - k]
        assert after.n_clusters == k - 1
        assert after.entropy == pytest.approx(min(tried), abs=1e-9)
        assert after.entropy == pytest.approx(entropy(merging.responsibilities(k - 1), w), abs=1e-9)


def test_faithful(load):
    """R's mclust (6.0.0, clustCombi of EEE with three components) merges two of them, and leaves an entropy of 0.49.

    mclust's fit is stopped earlier, at 42.31 and 0.4948.
    """
    X = load("faithful")
    merging = merge(GaussianMixture(3, covariance_type="EEE", n_init=3, random_state=0).fit(X), X)
    assert_allclose(merging.entropies, [42.312, 0.495, 0], atol=0.5)
    assert merging.suggestion == 2
    assert adjusted_rand_score(merging.labels(2), X[:, 0] > 3) > 0.98


def test_faithful_in_five(load):
    """Pairs, entropies and elbow of clustCombi of R's mclust (6.0.0) for VVV with five components.

    It takes the responsibilities from before its last M-step, which is 0.25 of the entropy.
    """
    w = np.array([0.206797938450333, 0.0522356605286569, 0.0818308641017731, 0.290862823326183, 0.368272713593054])
    means = [[4.16129072647867, 84.5327543679], [2.302885336024, 50.0639554555594], [3.722407685236, 69.3435488600143],
             [1.96612247921631, 54.8880709835856], [4.42732837689379, 79.1842371540252]]
    entries = [(0.187525147302088, 1.33533950693807, 26.3167286695925),
               (0.0939345313667394, 0.887505112496127, 12.4259820813666),
               (0.497848755573379, 2.66424765537215, 20.1137421453921),
               (0.0354883724737037, 0.407087161621734, 31.8244632037474),
               (0.0895322256309677, 0.422966795064352, 16.2769442911553)]
    covariances = [[[a, b], [b, c]] for a, b, c in entries]
    merging = merge(GaussianMixture.from_parameters(w / w.sum(), means, covariances), load("faithful"))
    assert [step.pair for step in merging.steps] == [(0, 4), (2, 5), (1, 3), (6, 7)]
    assert_allclose(merging.entropies, [95.716523585, 42.8397891384, 19.4407752584, 4.8622182055, 0], atol=0.25)
    assert merging.suggestion == 4


def test_the_truth(X, model):
    """Whatever components the cross is made of, at three clusters it is one."""
    assert adjusted_rand_score(merge(model, X).labels(3), np.repeat([0, 1, 2], [400, 150, 150])) == 1


def test_partitions(X, model):
    merging = merge(model, X)
    assert_allclose(merging.responsibilities(6), model.predict_proba(X))
    assert_array_equal(merging.labels(6), model.predict(X))
    assert merging.groups(1) == ((0, 1, 2, 3, 4, 5),)
    assert not merging.labels(1).any()
    for k in range(1, 7):
        groups, finer = merging.groups(k), merging.groups(min(k + 1, 6))
        assert sorted(sum(groups, ())) == list(range(6))
        assert [group[0] for group in groups] == sorted(group[0] for group in groups)
        assert all(any(set(small) <= set(group) for group in groups) for small in finer)
        assert_allclose(merging.responsibilities(k).sum(axis=1), 1)


def test_heights_make_a_dendrogram(X, model):
    merging = merge(model, X)
    assert (np.diff(merging.heights) >= 0).all()
    assert_allclose(merging.heights, merging.entropies[0] - merging.entropies[1:])
    assert merging.entropies[-1] == 0
    assert is_valid_linkage(merging.linkage)
    assert sorted(dendrogram(merging.linkage, no_plot=True)["leaves"]) == list(range(6))
    components = cut_tree(merging.linkage, 3).ravel()
    groups = merging.groups(3)
    assert {tuple(np.flatnonzero(components == c)) for c in range(3)} == set(groups)


def test_elbow():
    """Where two lines meet that go through all points; none for two points."""
    assert elbow(np.array([50.0, 40, 30, 20, 1, 0.5, 0])) == 3
    assert elbow(np.array([30.0, 20, 10, 0, 0])) == 2
    assert elbow(np.array([9.0, 1, 0])) == 2
    assert elbow(np.array([9.0, 0])) is None


def test_clusters_that_are_apart_are_left_apart():
    """Where no sample is in doubt the entropies are zero, and their elbow is rounding."""
    X = np.concatenate([np.random.default_rng(0).normal(c, 1, (50, 2)) for c in (0, 50, 100)])
    model = GaussianMixture(3, init_params=np.repeat([0, 1, 2], 50)).fit(X)
    merging = merge(model, X)
    assert merging.suggestion is None
    assert "elbow" not in str(merging)


@pytest.mark.parametrize("seed", range(10))
def test_nothing_to_merge(seed):
    """Of three groups, two of them four standard deviations apart, there is little entropy, and its elbow is noise."""
    rng = np.random.default_rng(seed)
    X = np.concatenate([rng.normal(centre, 1, (100, 1)) for centre in (0, 4, 9)])
    assert merge(GaussianMixture(3, covariance_type="tied", random_state=0).fit(X), X).suggestion is None


def test_one_component(X):
    merging = merge(GaussianMixture(1).fit(X), X)
    assert merging.steps == () and merging.linkage.shape == (0, 4) and merging.suggestion is None
    assert not merging.labels(1).any()


def test_a_table(X, model):
    lines = str(merge(model, X)).splitlines()
    assert lines[0].split() == ["clusters", "entropy", "merged"]
    assert [int(line.split()[0]) for line in lines[1:-1]] == [6, 5, 4, 3, 2, 1]
    assert lines[-1].startswith("elbow of the entropy: ")


@pytest.mark.parametrize("n_clusters", [0, 7, -1, 2.5, "2"])
def test_a_number_that_there_is_not(X, model, n_clusters):
    with pytest.raises(ValueError, match=r"n_clusters=.* from 1 to the number of components, 6"):
        merge(model, X).labels(n_clusters)


def test_a_whole_number_of_any_type(X, model):
    assert_array_equal(merge(model, X).labels(2.0), merge(model, X).labels(np.int8(2)))


def test_bad_input(X, model):
    with pytest.raises(TypeError, match=r"model is a int.*fitted GaussianMixture"):
        merge(3, X)
    with pytest.raises(ValueError, match="fitted"):
        merge(GaussianMixture(2), X)
    with pytest.raises(ValueError, match="sample_weight"):
        merge(model, X, sample_weight=[1, 2])


def test_threads_of_blas_change_no_bit():
    """As those of the kernels do not: a product of long vectors is summed in as many parts as BLAS has threads."""
    code = """
import numpy as np
from cyem import GaussianMixture, merge
X = np.random.default_rng(0).normal(size=(100_003, 1))
model = GaussianMixture.from_parameters([0.3, 0.3, 0.4], [[-1.0], [0.0], [1.0]], [[[1.0]], [[0.5]], [[2.0]]])
print(merge(model, X).entropies.tobytes().hex())
"""
    found = {subprocess.run([sys.executable, "-P", "-c", code], env=os.environ | {"OPENBLAS_NUM_THREADS": threads},
                            capture_output=True, check=True).stdout for threads in "12"}
    assert len(found) == 1
