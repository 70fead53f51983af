"""One column: what shape and orientation say of one feature is nothing, so that two models are left of all structures.

The codes that begin with E have one variance for all components, those that begin with V one for each.
"""

import numpy as np
import pytest

import cyem
from cyem import GaussianMixture, select
from cyem.families.covariance import STRUCTURES, structure
from cyem.selection.select import Row, Selection

GROUPS = {volume: [s.code for s in STRUCTURES if s.code[0] == volume] for volume in "EV"}
GROUPS["E"].append("tied")
GROUPS["V"] += ["full", "diag", "spherical"]
ALL = [*GROUPS["E"], *GROUPS["V"]]


@pytest.fixture(scope="module")
def waiting(load):
    """The minutes between eruptions of Old Faithful, and weights."""
    X = load("faithful")[:, 1:]
    return X, np.random.default_rng(0).integers(0, 4, len(X))


def halves(X, n_components, random_state):
    """Responsibilities by the order of the samples."""
    return np.eye(n_components)[np.argsort(np.argsort(X[:, 0])) * n_components // len(X)]


def squares(matrices, name, k):
    """Covariances of a structure as k matrices."""
    return structure(name).full(matrices, k, 1).astype(np.float64)


def bits(model, X, w=None):
    """Everything that a fit says, but for the shapes of covariances."""
    matrices = [squares(getattr(model, name), model.covariance_type, len(model.means_))
                for name in ("covariances_", "precisions_", "precisions_cholesky_")]
    arrays = [model.weights_, model.means_, *matrices, model.score_samples(X), model.predict_proba(X)]
    numbers = [*model.lower_bounds_, model.lower_bound_, model.score(X, sample_weight=w), model.bic(X, w),
               model.aic(X, w), model.icl(X, w)]
    return [*(array.tobytes() for array in arrays), *map(float.hex, numbers), model.n_iter_, model.converged_,
            str(model.fit_report_)]


def same(models, X, w=None):
    """Whether all are one fit, each in the shapes of its own structure."""
    first, *others = models
    for model in models:
        k, d = model.means_.shape
        for name in ("covariances_", "precisions_", "precisions_cholesky_"):
            assert getattr(model, name).shape == structure(model.covariance_type).shape(k, d)
    for other in others:
        assert bits(other, X, w) == bits(first, X, w), other.covariance_type


STARTS = ["short_em", "kmeans", "k-means++", "random", "random_from_data", halves]


@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("how", [{"init_params": init} for init in STARTS] + [
    {"means_init": [[40], [60], [80]]}, {"search": "swap", "n_moves": 4}, {"acceleration": None, "max_iter": 7},
    {"equal_weights": True}, {"n_threads": 2, "n_init": 2}, {"reg_covar": 0.05},
], ids=lambda how: "-".join(getattr(value, "__name__", str(value)) for value in how.values()))
@pytest.mark.filterwarnings("ignore::cyem.ConvergenceWarning")
def test_fits_are_the_same_bits(waiting, group, dtype, how):
    X, w = waiting
    for weights in (None, w):
        models = [GaussianMixture(3, covariance_type=name, random_state=1, **how).fit(X.astype(dtype), None, weights)
                  for name in group]
        same(models, X.astype(dtype), weights)


@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
def test_from_precisions_and_from_the_last_fit(waiting, group):
    """Both in the shape of the structure."""
    X, _ = waiting
    models = []
    for name in group:
        begin = np.full(structure(name).shape(2, 1), 0.02)
        models.append(GaussianMixture(2, covariance_type=name, precisions_init=begin, random_state=0, max_iter=3,
                                      tol=1e-12, warm_start=True))
        with pytest.warns(cyem.ConvergenceWarning):
            models[-1].fit(X)
    same(models, X)
    before = models[0].lower_bound_
    same([model.set_params(max_iter=100).fit(X) for model in models], X)
    assert models[0].lower_bounds_[0] > before
    with pytest.raises(ValueError, match=r"should have the shape of \(2, 1, 1\), but got \(2,\)"):
        GaussianMixture(2, precisions_init=[1.0, 1.0]).fit(X)


@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
def test_what_follows_a_fit(waiting, group, tmp_path):
    """Standard errors, samples, files and the two halves of EM."""
    X, _ = waiting
    models = [GaussianMixture(2, covariance_type=name, random_state=0).fit(X) for name in group]
    path = tmp_path / "model.npz"
    for model in models:
        model.save(path)
        assert bits(cyem.load(path), X) == bits(model, X)
    errors = []
    for model in models:
        found = cyem.standard_errors(model, X)
        covariances = squares(found.covariances, model.covariance_type, 2)
        errors.append([part.tobytes() for part in (found.weights, found.means, covariances)])
    samples = [model.sample(5, random_state=0)[0].tobytes() for model in models]
    resp = halves(X, 2, None)
    steps = [cyem.m_step(X, resp, name) for name in group]
    parameters = [squares(step.covariances, step.covariance_type, 2).tobytes() for step in steps]
    ends = [cyem.e_step(X, step)[1] for step in steps]
    for each in (errors, samples, parameters, ends):
        assert all(one == each[0] for one in each)


def rows(selection):
    """The rows as text, but for the names of their structures; {name: rows}."""
    names = dict.fromkeys(row.covariance_type for row in selection.rows)
    return {name: str([row._replace(covariance_type="") for row in selection.rows if row.covariance_type == name])
            for name in names}


@pytest.mark.parametrize("settings", [{"n_jobs": 1}, {"n_jobs": 3}, {"criterion": "cv", "n_jobs": 2},
                                      {"criterion": lambda row, model: -model.score(np.array([[60.0]]))},
                                      {"equal_weights": True}, {"init_params": "kmeans"}])
def test_a_selection_fits_each_model_once(waiting, settings):
    X, _ = waiting
    X, totals = X[::2], set()
    selection = select(X, range(1, 5), ALL, random_state=0,
                       progress=lambda done, total, seconds: totals.add(total), **settings)
    assert totals == {2 * 4 * 2}  # both ways through four numbers of components of two models
    texts = rows(selection)
    for volume, group in GROUPS.items():
        assert len({texts[name] for name in group}) == 1, volume
    for model, row in zip(selection.models, selection.rows, strict=True):
        assert (model.n_components, model.covariance_type) == row[:2]
        assert row.log_likelihood == pytest.approx(len(X) * model.score(X), rel=1e-12)
    for k in range(1, 5):
        same([model for model in selection.models if model.n_components == k and model.covariance_type in GROUPS["E"]],
             X)
        same([model for model in selection.models if model.n_components == k and model.covariance_type in GROUPS["V"]],
             X)
    assert selection.nesting_violations == ()
    assert selection.best_.covariance_type == selection.best_row.covariance_type


def test_the_order_of_names_chooses_the_name_alone(waiting):
    X, w = waiting
    found = [select(X, [1, 2, 3], names, sample_weight=w, random_state=0)
             for names in (["full", "EEV"], ["EII", "VEI"], ["diag", "tied", "spherical"])]
    for selection in found:
        assert selection.best_.covariance_type == selection.best_row.covariance_type
        k, d = selection.best_.means_.shape
        assert selection.best_.covariances_.shape == structure(selection.best_.covariance_type).shape(k, d)
    values = [{(row.n_components, row.covariance_type[0] in "Et"): row.bic.hex() for row in selection.rows}
              for selection in found]
    assert values[0] == values[1] == values[2]


def test_what_cannot_be_fitted_is_so_by_all_its_names():
    X = np.repeat([0.0, 1, 3], 5)[:, None]
    for row in select(X, [1, 2, 3], ALL, random_state=0).rows:
        least = 2 * row.n_components if row.covariance_type in GROUPS["V"] else row.n_components + 1
        assert (row.reason == "") == (least <= 3), row
        if row.reason:
            assert row.reason.startswith(f"{row.covariance_type} needs {least} different samples")


def test_precisions_in_the_shape_of_one_structure(waiting):
    """A start in the shape of some structures refuses the others, even where these come first."""
    X, _ = waiting
    selection = select(X, 2, ["spherical", "full", "VEV", "diag", "tied"], precisions_init=[[[0.02]], [[0.02]]],
                       random_state=0)
    fitted = {row.covariance_type: row for row in selection.rows if not row.reason}
    assert list(fitted) == ["full", "VEV"]
    assert fitted["full"]._replace(covariance_type="VEV") == fitted["VEV"]
    assert selection.rows[0].reason == "The parameter 'spherical precision' should have the shape of (2,), but got " \
                                       "(2, 1, 1)"


@pytest.mark.parametrize("d", [1, 2])
def test_nesting_goes_by_the_model(d):
    def violations(*rows):
        models = [GaussianMixture.from_parameters(np.full(k, 1 / k), np.zeros((k, d)), np.ones(k), "spherical")
                  for k, *_ in rows]
        found = Selection(tuple(Row(*row) for row in rows), tuple(models)).nesting_violations
        return [(each.special.covariance_type, each.general.covariance_type) for each in found]

    cases = violations((2, "tied", -9.0), (2, "spherical", -9.5))
    assert cases == ([("tied", "spherical")] if d == 1 else [])
    assert violations((2, "VVV", -9.0), (3, "VII", -9.5)) == ([("VVV", "VII")] if d == 1 else [])
    assert violations((2, "VII", -9.0), (2, "VVV", -9.0), (2, "EEV", -9.5), (2, "EVI", -9.5)) == []
    assert violations((2, "EII", -9.0), (2, "EEE", -9.5)) == ([("EII", "EEE")] if d == 2 else [])
