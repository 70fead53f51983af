"""Attributes that somebody set by hand: what fits together is used, all else is named in an error before it is used."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture as Theirs

import cyem
from cyem import GaussianMixture, NotFittedError
from cyem.families.covariance import NAMES, structure

K, D = 3, 4
X = np.random.default_rng(0).normal(size=(20, D))
EVALUATED = ("weights_", "means_", "precisions_cholesky_")
DESCRIBED = ("weights_", "means_", "covariances_")
MATRICES = ("precisions_cholesky_", "covariances_")


def mixture(name, k=K, d=D):
    """A mixture that the structure allows: one matrix, of which there are several where there may be."""
    shape = structure(name)
    A = np.eye(d) + (0.2 if shape.density in ("triangular", "whitened") else 0)
    covariances = shape.condensed(np.repeat(A[None], k, axis=0))
    means = np.arange(k * d, dtype=float).reshape(k, d) % 3
    return GaussianMixture.from_parameters(np.full(k, 1 / k), means, covariances, name)


def misshapen(array):
    """Arrays of the same numbers, or some of them, in every other shape that one comes upon by mistake."""
    found = [array[None], array[..., None], array[:1], array[:-1], np.concatenate([array, array]), array.ravel(),
             array[0], array[:0], array.T, array[..., :1], array[..., :-1], np.float64(1), np.ones((K, D, D, D)),
             np.ones((D, K)), np.ones(D), np.ones(K), np.ones((K, K)), np.ones((1, 1, 1)), np.eye(D), np.eye(D)[None]]
    return [bad for bad in found if bad.shape != array.shape]


def untyped(array):
    """Things that are no array of real numbers."""
    return [array.astype(object), array + 1j, array.astype(str), array.astype("datetime64[s]"), None, "text", {}, {1.0},
            [[1.0], [1.0, 2.0]], array.astype([("value", float)]), lambda: array]


def with_number(array, value):
    bad = array.copy()
    bad[(-1,) * bad.ndim] = value
    return bad


def impossible(name, array):
    """The right shape, with numbers that no mixture has."""
    bad = [with_number(array, np.nan)]
    if name != "covariances_":  # those of a fit are infinite where its dtype ends
        bad += [with_number(array, np.inf), with_number(array, -np.inf), with_number(array.astype("f4"), np.nan)]
        if np.finfo(np.longdouble).max > np.finfo(np.float64).max:
            bad.append(with_number(array.astype(np.longdouble), np.finfo(np.longdouble).max))
    if name == "weights_":
        bad += [array * 2, array - 1 / K, with_number(array, -0.1), np.r_[1.5, -0.5, 0], np.zeros(K)]
    if name == "precisions_cholesky_":
        bad += [array * 0, with_number(array, 0)]
    return bad


VERBS = {
    "predict": lambda model: model.predict(X),
    "predict_proba": lambda model: model.predict_proba(X),
    "score_samples": lambda model: model.score_samples(X.astype(np.float32)),
    "one row": lambda model: model.predict(X[:1]),
    "bic": lambda model: model.bic(X),
    "sample": lambda model: model.sample(3),
    "warm start": lambda model: model.set_params(warm_start=True, max_iter=1).fit(X),
    "merge": lambda model: cyem.merge(model, X),
    "stability": lambda model: cyem.stability(model, X, n_bootstrap=2),
}
TELLING = {
    "summary": lambda model: model.summary(),
    "notebook": lambda model: model._repr_html_(),
    "standard errors": lambda model: cyem.standard_errors(model, X),
    "report": lambda model: cyem.report(model, X, "never written", figures=False),
}


def refused(call, model, name, error=(ValueError, TypeError)):
    """The error names the attribute, and the model is as it was."""
    before = dict(vars(model))
    with pytest.raises(error, match=name) as caught:
        call(model)
    assert len(str(caught.value)) > 40
    after = {key: value for key, value in vars(model).items() if key not in ("warm_start", "max_iter")}
    assert after.keys() == before.keys() - {"warm_start", "max_iter"}
    assert all(value is before[key] for key, value in after.items())


@pytest.mark.parametrize("name", EVALUATED)
@pytest.mark.parametrize("kind", sorted(NAMES))
def test_no_kernel_sees_what_does_not_fit(kind, name):
    model = mixture(kind)
    model.predict(X)  # so that there is something to remember
    array = getattr(model, name)
    for bad in (*misshapen(array), *untyped(array), *impossible(name, array)):
        for call in VERBS.values():
            changed = copy.copy(model)
            setattr(changed, name, bad)
            refused(call, changed, name)  # where the weights are too few for the means, both are named
    for call in VERBS.values():
        changed = copy.copy(model)
        delattr(changed, name)
        refused(call, changed, name, NotFittedError)


@pytest.mark.parametrize("name", DESCRIBED)
@pytest.mark.parametrize("kind", sorted(NAMES))
def test_nothing_is_told_of_what_does_not_fit(kind, name):
    model = mixture(kind)
    array = getattr(model, name)
    for bad in (*misshapen(array), *untyped(array), *impossible(name, array)):
        for call in TELLING.values():
            changed = copy.copy(model)
            setattr(changed, name, bad)
            refused(call, changed, name)
    for call in TELLING.values():
        changed = copy.copy(model)
        delattr(changed, name)
        refused(call, changed, name, NotFittedError)


@pytest.mark.parametrize("display", ["MixtureDisplay", "UncertaintyDisplay"])
@pytest.mark.parametrize("name", DESCRIBED)
def test_nothing_is_drawn_of_what_does_not_fit(name, display):
    pytest.importorskip("matplotlib")
    from cyem import plotting

    model = mixture("full")
    for bad in (*misshapen(getattr(model, name)), None):
        changed = copy.copy(model)
        setattr(changed, name, bad)
        refused(lambda model: getattr(plotting, display).from_estimator(model, X), changed, name)


@pytest.mark.parametrize("name, bad", [
    ("converged_", "yes"), ("n_iter_", 1.5), ("lower_bound_", None), ("lower_bounds_", np.ones(3)),
    ("lower_bounds_", ["a"]), ("fit_report_", None), ("fit_report_", [1]),
    ("feature_names_in_", ["a"]), ("feature_names_in_", [1, 2, 3, 4]), ("feature_names_in_", 7),
])  # fmt: skip
def test_how_the_fit_ended(name, bad):
    model = mixture("diag")
    setattr(model, name, bad)
    for call in (TELLING["summary"], TELLING["notebook"]):
        refused(call, model, name)
    if name != "feature_names_in_":
        delattr(model, name)
        for call in (TELLING["summary"], TELLING["notebook"]):
            refused(call, model, name, NotFittedError)


def test_the_message():
    model = mixture("full")
    model.precisions_cholesky_ = np.eye(D)[None]
    with pytest.raises(ValueError) as caught:
        model.predict(X)
    assert str(caught.value) == (
        "The attribute 'precisions_cholesky_' has the shape (1, 4, 4), expected (3, 4, 4), as 'means_' has the shape "
        "(3, 4) and covariance_type='full': set what fits together, or fit."
    )


@pytest.mark.parametrize("kind", sorted(NAMES))
def test_any_array_of_numbers_will_do(kind):
    """Lists, other types, byte orders and layouts, by hand on an estimator that was never fitted."""
    model = mixture(kind)
    expected = model.score_samples(X)
    forms = {
        "list": lambda a: a.tolist(),
        "big-endian": lambda a: a.astype(">f8"),
        "Fortran": np.asfortranarray,
        "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
        "long": lambda a: a.astype(np.longdouble),
        "unaligned": lambda a: np.frombuffer(b"x" + a.tobytes(), offset=1).reshape(a.shape),
        "read-only": lambda a: np.broadcast_to(a, a.shape),
    }
    for form in forms.values():
        made = GaussianMixture(covariance_type=kind)
        for name in EVALUATED:
            setattr(made, name, form(getattr(model, name)))
        assert_array_equal(made.score_samples(X), expected)
        assert_array_equal(made.sample(5, random_state=0)[0], model.sample(5, random_state=0)[0])
        copied = pickle.loads(pickle.dumps(made))
        assert_array_equal(copied.score_samples(X), expected)
    made.means_ = (model.means_ + 0.0).astype(int)
    assert_array_equal(made.score_samples(X), expected)
    made.precisions_cholesky_ = model.precisions_cholesky_.astype("f4")
    assert_allclose(made.score_samples(X), expected, rtol=1e-5)


@pytest.mark.parametrize("kind", sorted(NAMES))
def test_signs_of_factors_do_not_matter(kind):
    model = mixture(kind)
    expected = model.score_samples(X), model.sample(5, random_state=0)[0]
    model.precisions_cholesky_ = -model.precisions_cholesky_
    assert_allclose(model.score_samples(X), expected[0], rtol=1e-12)
    assert_allclose(model.sample(5, random_state=0)[0], expected[1], rtol=1e-12)


@pytest.mark.parametrize("kind", ["full", "VVV", "EEV", "tied", "EEE"])
@pytest.mark.parametrize("turned", ["lower", "square"])
def test_any_factor_of_the_precisions_will_do(kind, turned):
    """precisions = U U' has other solutions than an upper triangle, such as what numpy.linalg.cholesky gives."""
    rng = np.random.default_rng(1)
    shape = structure(kind).shape(K, D)
    lower = np.tril(rng.normal(size=shape)) + 2 * np.eye(D)
    factors = lower if turned == "lower" else lower @ np.linalg.qr(rng.normal(size=(D, D)))[0]
    ours = GaussianMixture(K, covariance_type=kind)
    ours.weights_, ours.means_ = np.array([0.2, 0.3, 0.5]), rng.normal(size=(K, D))
    ours.precisions_cholesky_ = factors.copy()
    covariances = np.linalg.inv(np.broadcast_to(lower @ lower.swapaxes(-1, -2), (K, D, D)))
    parts = zip(ours.weights_, ours.means_, covariances, strict=True)
    expected = np.log(sum(w * multivariate_normal(m, C).pdf(X) for w, m, C in parts))
    assert_allclose(ours.score_samples(X), expected, rtol=1e-9)
    assert_array_equal(ours.precisions_cholesky_, factors)  # as they were set
    if kind in ("full", "tied") and turned == "lower":
        theirs = Theirs(K, covariance_type=kind)
        for name in EVALUATED:
            setattr(theirs, name, getattr(ours, name))
        assert_allclose(ours.score_samples(X), theirs.score_samples(X), rtol=1e-9)
    drawn, _ = ours.sample(20_000, random_state=0)
    mean = ours.weights_ @ ours.means_
    spread = np.einsum("k,kij->ij", ours.weights_, covariances) + np.cov(ours.means_.T, aweights=ours.weights_, ddof=0)
    assert_allclose(drawn.mean(axis=0), mean, atol=6 * np.sqrt(np.diag(spread).max() / 20_000))
    assert_allclose(np.cov(drawn.T), spread, atol=12 * np.diag(spread).max() / np.sqrt(20_000))


def test_what_is_remembered_has_a_shape_and_a_type():
    """The same bytes in another shape, or of another type, are another mixture."""
    model = mixture("diag")
    before = model.score_samples(X)
    for name in EVALUATED:
        kept = getattr(model, name)
        setattr(model, name, kept.reshape(1, -1))
        with pytest.raises(ValueError, match="expected"):
            model.score_samples(X)
        setattr(model, name, kept)
    assert_array_equal(model.score_samples(X), before)
    model.means_ = model.means_.view(np.int64)
    assert_array_equal(model.score_samples(X), pickle.loads(pickle.dumps(model)).score_samples(X))
    assert (model.score_samples(X) != before).all()


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_one_row_is_evaluated_by_what_the_attributes_are_now(kind):
    """It has a path of its own, which remembers more; copies and pickles begin anew."""
    model, row = mixture(kind), X[:1]
    for change in (None, "set", "in place", "copy"):
        if change == "set":
            model.means_ = model.means_ + 1
        elif change == "in place":
            model.precisions_cholesky_ *= 2
        elif change == "copy":
            model = copy.copy(model)
            model.weights_ = np.array([0.2, 0.2, 0.6])
        for score in ("score_samples", "predict_proba", "predict"):
            several = getattr(model, score)(np.repeat(row, 2, axis=0))[:1]
            for other in (model, pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
                assert_allclose(getattr(other, score)(row), several, rtol=1e-12, atol=1e-15)
                assert getattr(other, score)(row).dtype == several.dtype


def test_a_number_of_components_for_the_next_fit():
    """`set_params` says what the next fit shall do; until then the mixture is what it was."""
    model = mixture("full")
    before = model.predict(X), model.sample(3, random_state=0)[0], model.bic(X)
    model.set_params(n_components=7)
    after = model.predict(X), model.sample(3, random_state=0)[0], model.bic(X)
    for one, other in zip(before, after, strict=True):
        assert_array_equal(one, other)
    with pytest.raises(ValueError, match="3 components, and n_components=7"):
        cyem.stability(model, X, n_bootstrap=2)


@pytest.mark.parametrize("before", sorted(NAMES))
@pytest.mark.parametrize("d", [1, 2, 4])
def test_a_structure_for_the_next_fit(before, d):
    """Another structure either has factors of the same kind, or they cannot be read: also where shapes are the same."""
    rng = np.random.default_rng(2)
    data = np.concatenate([rng.normal(size=(30, d)), rng.normal(9, 2, size=(30, d))])
    model = GaussianMixture(2, covariance_type=before, random_state=0).fit(data)
    scores = model.score_samples(data)
    for after in NAMES:
        changed = copy.copy(model).set_params(covariance_type=after)
        if structure(before).density == structure(after).density:
            assert_array_equal(changed.score_samples(data), scores)
        else:
            for call in (lambda: changed.score_samples(data), changed.sample, changed.summary):  # noqa: B023
                with pytest.raises(ValueError, match="covariance_type"):
                    call()
    refit = changed.fit(data)  # which does not go on from the last fit
    assert refit.score(data) == pytest.approx(refit.lower_bound_)


def test_weights_that_almost_sum_to_one():
    """Within the rounding that is allowed everything works, sampling too."""
    model = GaussianMixture.from_parameters([0.5 + 4e-7, 0.5 + 4e-7], [[0.0], [9.0]], [1.0, 1.0], "spherical")
    assert np.bincount(model.sample(1000, random_state=0)[1]).min() > 400


def test_what_a_mixture_that_was_not_fitted_cannot_tell():
    model = GaussianMixture(2)
    model.weights_, model.means_, model.precisions_cholesky_ = np.full(2, 0.5), np.zeros((2, 1)), np.ones((2, 1, 1))
    assert model.predict([[0.0]]) == 0
    with pytest.raises(NotFittedError, match=r"has no attribute 'covariances_': fit it, or make it by from_parameters"):
        model.summary()


def test_features_that_the_means_do_not_have():
    model = mixture("full")
    model.predict(X)
    model.n_features_in_ = 5
    with pytest.raises(ValueError, match="X has 5 features, but means_ has 4"):
        model.predict(np.zeros((2, 5)))  # the mixture of before is remembered
    del model.n_features_in_
    with pytest.raises(ValueError, match="X has 5 features, but means_ has 4"):
        cyem.standard_errors(model, np.zeros((2, 5)))
