"""Every public name of cyem as users call it: for type checkers (`ci/types`), and run by `test_types.py`.

A function such as `floats` says what type an array has, to a checker, and asserts it where this runs.
"""

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, assert_type

import matplotlib
import numpy as np
from numpy.typing import NDArray

from cyem import (
    ConvergenceWarning,
    GaussianMixture,
    MixtureClassifier,
    MixtureRegressor,
    NotFittedError,
    StudentMixture,
    __version__,
    config_context,
    e_step,
    elsewhere,
    examine,
    get_config,
    get_include,
    likelihood_ratio_test,
    load,
    m_step,
    merge,
    report,
    scan,
    select,
    set_config,
    show_config,
    stability,
    standard_errors,
)
from cyem.embed import Scorer, addresses


def floats(*arrays: NDArray[np.float64]) -> None:
    assert all(array.dtype == np.float64 for array in arrays)


def singles(*arrays: NDArray[np.floating[Any]]) -> None:
    """Of single precision, where data are so."""
    assert all(array.dtype == np.float32 for array in arrays)


def integers(*arrays: NDArray[np.intp]) -> None:
    assert all(array.dtype == np.intp for array in arrays)


def booleans(*arrays: NDArray[np.bool_]) -> None:
    assert all(array.dtype == np.bool_ for array in arrays)


def numbers(*values: float) -> None:
    assert all(isinstance(value, float) for value in values)


def texts(*values: str) -> None:
    assert all(isinstance(value, str) for value in values)


def counts(*values: int) -> None:
    assert all(isinstance(value, int) for value in values)


def told(run: int, iteration: int, value: float) -> None:
    assert iteration > 0


def any_start(X: NDArray[Any], n_components: int, random_state: np.random.Generator) -> NDArray[np.intp]:
    return random_state.integers(n_components, size=len(X), dtype=np.intp)


def chunks() -> Iterator[NDArray[np.float64]]:
    yield X[:150]
    yield X[150:]


rng = np.random.default_rng(0)
X = np.concatenate([rng.normal(-3, 1, (150, 2)), rng.normal(3, 1, (150, 2))])
y = X[:, 0] + X[:, 1]
single = X.astype(np.float32)
weights = np.ones(len(X))
gaps = X.copy()
gaps[0, 0] = np.nan
temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)

texts(__version__, get_include())
assert_type(show_config("dict"), dict[str, Any])
set_config(**get_config())
with config_context(n_threads=1):
    assert_type(get_config(), dict[str, Any])

# --- mixtures ----------------------------------------------------------------------------------------------------

model = GaussianMixture(
    2, covariance_type="VVV", tol=1e-6, reg_covar=1e-6, max_iter=100, equal_weights=False, n_init=1,
    init_params="kmeans", weights_init=[0.5, 0.5], means_init=None, precisions_init=None, held="weights", prior=None,
    background=False, acceleration="squarem", search=None, n_moves=5, time_budget=None, forget=None, random_state=0,
    warm_start=False, verbose=0, verbose_interval=10, callback=told, n_threads=1,
)
assert_type(model.fit(X, None, weights, labels=None, noise=None, checkpoint=None), GaussianMixture)
GaussianMixture(2, init_params=any_start, prior={"shrinkage": 0.01}, random_state=rng).fit(X.tolist())
GaussianMixture(2, held={"means": [0]}, means_init=X[[0, -1]]).fit(X)
model = GaussianMixture(2, random_state=np.random.RandomState(0)).fit(single)
singles(model.weights_, model.means_, model.covariances_, model.precisions_, model.precisions_cholesky_)
singles(model.predict_proba(single), model.score_samples(single), model.uncertainty(single))
model = GaussianMixture(2, random_state=0).fit(X)
assert_type(model.converged_, bool)
assert_type(model.lower_bounds_, list[float])
counts(model.n_iter_, model.n_features_in_, model.n_components)
numbers(model.lower_bound_, model.n_samples_seen_, model.tol)
texts(*model.fit_report_, *model.fit_report_.troubles, model.summary(), model.summary(X), model.covariance_type)
integers(model.predict(X), model.fit_predict(X), model.predict(gaps), model.predict(X, noise=np.full_like(X, 0.1)))
numbers(model.score(X), model.bic(X), model.aic(X, weights), model.icl(X), model.cdf(0.0, 0), model.quantile(0.5, 1))
floats(model.cdf([0.0, 1.0], 0), model.quantile(np.array([0.1, 0.9]), 0), model.modes(), model.outlyingness(X))
booleans(model.outliers(X, level=0.05))
drawn, components = model.sample(10, random_state=0)
floats(drawn)
integers(components)
assert model.impute(gaps).shape == X.shape and model.impute(gaps, 2, random_state=0).ndim == 3
filled, uncertain = model.impute(gaps, return_cov=True)
floats(uncertain)
assert_type(model.partial_fit(X), GaussianMixture)
counts(model.n_steps_)
assert_type(model.set_params(tol=1e-4), GaussianMixture)
assert_type(model.get_params(), dict[str, Any])
assert_type(model.marginal([0]), GaussianMixture)
assert_type(model.condition({0: 1.0}), GaussianMixture)

given = model.predict_conditional(X[:, :1], features=1, known=0)
floats(given.mean(), given.variance(), given.std(), given.covariance(), *given.mean_and_std(), given.quantile(0.5))
floats(given.cdf(0.0), given.log_density([0.0]), given.weights, given.means, given.covariances, given.stretch)
integers(given.group)
floats(given.degrees_of_freedom)
counts(len(given), *given.features)

outside = GaussianMixture(2, background=True, random_state=0).fit(X)
numbers(outside.background_weight_, outside.background_log_density_)
floats(outside.background_box_)

known = GaussianMixture.from_parameters([0.5, 0.5], [[-3.0], [3.0]], [1.0, 1.0], "spherical")
known.export_c(folder / "model.c", "mixture", "float32")
scorer = known.compiled()
assert_type(scorer, Scorer)
counts(scorer.address, scorer.n_components, scorer.n_features_in, addresses["log_density"])
floats(scorer.score_samples([[0.0]]), scorer.predict_proba([[0.0]]))
integers(scorer.predict([[0.0]]))

student = StudentMixture(2, degrees_of_freedom="shared", random_state=0).fit(X)
assert_type(student, StudentMixture)
floats(student.degrees_of_freedom_, student.means_.astype(np.float64))
assert student.scales_.shape == student.covariances_.shape
assert_type(StudentMixture.from_parameters([1.0], [[0.0]], [1.0], 3.0, "spherical"), StudentMixture)

try:
    GaussianMixture(2).predict(X)
except NotFittedError as error:
    texts(str(error))
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    GaussianMixture(2, max_iter=1, random_state=0).fit(X)

model.save(folder / "model.npz")
again = load(folder / "model.npz")
assert isinstance(again, GaussianMixture)
assert_type(again.means_.shape, tuple[Any, ...])

rows = scan(chunks, columns=None, weights=None, memory=0)
assert_type(GaussianMixture(2, random_state=0).fit(rows), GaussianMixture)
GaussianMixture(2, random_state=0).fit(chunks)
parts = [X[:100], X[100:]]
held = elsewhere(lambda function: [function(i, part) for i, part in enumerate(parts)])
assert_type(GaussianMixture(2, random_state=0).fit(held), GaussianMixture)
np.save(folder / "rows.npy", X)
GaussianMixture(2, random_state=0).fit(folder / "rows.npy").predict(rows)

# --- predictions by mixtures -------------------------------------------------------------------------------------

regressor = MixtureRegressor(2, random_state=0).fit(X[:, :1], y, weights)
floats(regressor.predict(X[:, :1]), *regressor.predict(X[:, :1], return_std=True))
floats(regressor.predict_quantiles(X[:, :1], [0.1, 0.9]), regressor.conditional(X[:, :1]).mean())
numbers(regressor.score(X[:, :1], y))
counts(regressor.n_outputs_, regressor.n_iter_)
assert_type(regressor.one_target_, bool)
assert_type(regressor.mixture_, GaussianMixture)

classes = np.repeat(["left", "right"], 150)
classifier = MixtureClassifier([1, 2], covariance_type=["full", "tied"], unlabelled="?", random_state=0).fit(X, classes)
floats(classifier.predict_proba(X), classifier.predict_log_proba(X), classifier.decision_function(X))
floats(classifier.priors_)
integers(classifier.component_classes_)
assert (classifier.predict(X) == classes).mean() > 0.9 and len(classifier.classes_) == 2
numbers(classifier.score(X, classes), classifier.brier_score(X, classes), classifier.log_likelihood_, classifier.bic_)
assert_type(classifier.chosen_, list[tuple[int, str]])
held_out = classifier.cross_validated(X, classes, 3, random_state=0)
numbers(held_out.error, held_out.brier, held_out.error_standard_error, held_out.brier_standard_error)
floats(held_out.probabilities)
assert len(held_out.predicted) == len(X)

# --- before, beside and after a fit ------------------------------------------------------------------------------

findings = examine(X, weights, n_components=range(1, 4), covariance_types=["full"])
counts(len(findings), findings.n, findings.d)
texts(findings.heading, *findings.text, *findings.kinds, *findings.lines)
for finding in findings:
    texts(finding.kind, finding.said, finding.advice)
    assert finding.columns or finding.rows or finding.numbers
assert findings[:0] == findings.of("skew") and not findings.without("skew").determined([0, 1])

selection = select(X, [1, 2], ("full", "tied"), criterion="icl", n_init=1, random_state=0, progress=False, tol=1e-5)
assert_type(selection.best_, GaussianMixture)
assert_type(selection.models, tuple[GaussianMixture | None, ...])
counts(selection.best_row.n_components, selection.verdict.n_groups)
texts(selection.best_row.title, selection.table, selection.choice)
texts(selection.verdict.kind, selection.verdict.headline, selection.verdict.next_step, *selection.verdict.reasons)
integers(selection.verdict.group_of)
numbers(*selection.values("bic"), selection.answers()[0].value, *(row.log_likelihood for row in selection.rows))
assert_type(selection.pick(lambda row, model: row.bic + model.n_components).best_, GaussianMixture)
assert not selection.nesting_violations and not selection.interrupted and not selection.aside
assert len(selection.findings) == 0
for row in selection.rows:
    numbers(row.bic, row.aic, row.aicc, row.icl, row.nec, row.entropy, row.seconds)
    counts(row.n_components, row.n_iter, row.n_starts_at_optimum, row.converged, row.spurious)
    texts(row.covariance_type, row.reason, *row.report)
    assert row.cv is None and row.n_parameters is not None
assert_type(select(X, 2, "full", family="student", random_state=0).best_, StudentMixture)

test = likelihood_ratio_test(X, 1, "tied", n_bootstrap=3, n_init=1, random_state=0, progress=lambda *_: None)
numbers(test.statistic, test.p_value)
floats(test.replicates)
assert_type(test.stopped, bool)

best = selection.best_
came_back = stability(best, X, n_bootstrap=3, random_state=0)
floats(came_back.ari, came_back.jaccard, came_back.dissolved)
assert len(came_back.sizes) == best.n_components

errors = standard_errors(GaussianMixture(2, tol=1e-9, random_state=0).fit(X), X, "sandwich")
floats(errors.weights, errors.means, errors.covariances, *errors.intervals(0.9).means)
singular = errors.missing_information is None or errors.missing_information.any()
texts(errors.method, errors.summary(level=0.9))
assert errors.estimates.means.shape == (2, 2) and not singular

merging = merge(GaussianMixture(3, random_state=0).fit(X), X)
floats(merging.entropies, merging.heights, merging.linkage, merging.responsibilities(2))
integers(merging.labels(2))
assert_type(merging.groups(2), tuple[tuple[int, ...], ...])
assert_type(merging.suggestion, int | None)
counts(*merging.steps[0].pair)

for table in selection, test, came_back, errors, merging, findings:
    frame = table.to_frame()
named = GaussianMixture().fit(selection.to_frame()[["bic", "aic"]])
texts(*named.feature_names_in_)

responsibilities, log_likelihood = e_step(X, m_step(X, best.predict_proba(X), "tied", reg_covar=1e-6))
numbers(log_likelihood)
e_step(X[:, :1], ([0.5, 0.5], [[-1.0], [1.0]], [1.0, 1.0], "spherical"))
assert responsibilities.shape == (len(X), best.n_components)

assert_type(report(selection, X, folder / "report.html", title="Two groups", figures=False), Path)

# --- pictures ----------------------------------------------------------------------------------------------------

matplotlib.use("agg")
import cyem.plotting as pictures  # noqa: E402

display = pictures.MixtureDisplay.from_estimator(best, X, features=[0, 1])
assert_type(display.plot(), pictures.MixtureDisplay)
assert_type(pictures.CriterionDisplay.from_selection(selection, criterion="bic"), pictures.CriterionDisplay)
pictures.ResponsibilitiesDisplay.from_estimator(best, X).ax_.set_title("of all samples")
pictures.UncertaintyDisplay.from_estimator(student, X).figure_.savefig(folder / "uncertainty.png")
assert pictures.TraceDisplay.from_estimator(model).axes_.shape == (2,)
pictures.StabilityDisplay.from_stability(came_back).ax_.set_xlabel("")
pictures.StabilityDisplay(ari=came_back.ari, jaccard=came_back.jaccard).plot()
pictures.MergingDisplay.from_merging(merging)
assert pictures.ProjectionDisplay.from_estimator(best, X).directions.shape[1] == 2
