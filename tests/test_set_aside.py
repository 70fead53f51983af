"""Columns that others determine tell nothing new, and a value that many rows hold is a group of its own."""

import numpy as np
import pandas as pd
import pytest

import cyem
from cyem import merge, scan, select, stability, standard_errors
from cyem.plotting import MixtureDisplay, UncertaintyDisplay

GRID = dict(n_components=range(1, 5), random_state=0)


def two(seed=0, n=60):
    """Two groups in one column, and a column that tells nothing."""
    rng = np.random.default_rng(seed)
    z = np.concatenate([rng.normal(0, 1, n), rng.normal(9, 1, n)])
    return np.column_stack([z, rng.normal(size=2 * n)])


ADDED = {
    "copy": lambda X: X[:, 0],
    "unit": lambda X: 2.20462 * X[:, 0],
    "rounded": lambda X: (1.8 * X[:, 0] + 32).round(1),
    "sum": lambda X: X[:, 0] + X[:, 1],
    "difference": lambda X: 100 - 3 * X[:, 0] - 2 * X[:, 1],
}


@pytest.mark.parametrize("added", ADDED)
def test_what_others_determine_changes_nothing(added):
    X = two()
    Y = np.column_stack([X, ADDED[added](X)])
    plain, more = select(X, **GRID), select(Y, **GRID)
    assert more.aside == (2,)
    assert "set aside, as others determine it: column 2" in more.table
    assert [row[:8] for row in plain.rows] == [row[:8] for row in more.rows]
    assert (plain.best_.predict(X) == more.best_.predict(Y)).all()
    assert (more.best_.predict(X) == more.best_.predict(Y)).all()  # with or without it


def test_all_that_is_asked_of_the_model_leaves_them_out():
    """Also where the column that is set aside comes before those that are used."""
    X = two()
    full = pd.DataFrame({"a": X[:, 0], "b": 2.20462 * X[:, 0], "c": X[:, 1]})
    model = select(full, **GRID).best_
    used = full[model.feature_names_in_]
    assert list(used) == ["a", "c"]
    for ask in (
        lambda X: str(stability(model, X, n_bootstrap=3, random_state=0)),
        lambda X: str(standard_errors(model, X, method="bootstrap", n_bootstrap=3, random_state=0)),
        lambda X: str(merge(model, X)),
        lambda X: model.summary(X),
        lambda X: model.outlyingness(X).tolist(),
        lambda X: UncertaintyDisplay.from_estimator(model, X).points.tolist(),
        lambda X: MixtureDisplay.from_estimator(model, X).points.tolist(),
    ):
        assert ask(full) == ask(used)
    for rows, said in ((full, r"columns=\['a', 'c'\]"), (full.to_numpy(), r"columns \[0, 2\] only")):
        with pytest.raises(ValueError, match=said):
            model.predict(scan(lambda rows=rows: iter([rows])))
    assert (model.predict(scan(lambda: iter([used]))) == model.predict(full)).all()


def test_names_and_files(tmp_path):
    X = two()
    frame = pd.DataFrame({"celsius": X[:, 0], "other": X[:, 1], "fahrenheit": 1.8 * X[:, 0] + 32})
    selection = select(frame, **GRID)
    assert selection.aside == ("fahrenheit",)
    model = selection.best_
    assert model.feature_names_in_.tolist() == ["celsius", "other"]
    model.save(tmp_path / "model")
    loaded = cyem.load(tmp_path / "model")
    assert (loaded.predict(frame) == model.predict(frame[["celsius", "other"]])).all()
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["celsius", "fahrenheit"]])
    with pytest.raises(ValueError, match="4 features"), pytest.warns(UserWarning, match="feature names"):
        model.predict(np.ones((3, 4)))
    again = model.fit(frame)
    assert again.means_.shape[1] == 3  # a fit is to what it is given


def test_shares_of_a_whole():
    rng = np.random.default_rng(1)
    shares = np.concatenate([rng.dirichlet([50, 30, 20], 80), rng.dirichlet([20, 30, 50], 80)]) * 100
    selection = select(shares, **GRID)
    assert "set aside, as others determine it: column 2" in selection.table
    assert selection.best_row[:2] == select(shares[:, :2], **GRID).best_row[:2]


def test_a_relation_that_some_rows_break_tells_something():
    X = two(n=300)
    wrong = 2 * X[:, 0]
    wrong[5] += 40
    assert select(np.column_stack([X, wrong]), n_components=[1, 2], random_state=0).aside == ()


@pytest.mark.parametrize("seed", range(2))
def test_a_value_that_many_rows_hold_is_a_group(seed):
    rng = np.random.default_rng(seed)
    z = np.concatenate([np.zeros(400), rng.normal(10, 2, 600)])
    selection = select(z[:, None], n_components=range(1, 6), random_state=0)
    assert selection.best_row[:2] == (2, "full")
    assert not selection.best_row.spurious
    assert sorted(np.bincount(selection.best_.predict(z[:, None]))) == [400, 600]
    assert (selection.verdict.kind, selection.verdict.n_groups) == ("separate groups", 2)


def test_such_a_value_in_one_of_several_columns():
    rng = np.random.default_rng(4)
    X = rng.normal([10, 0], 1, (500, 2))
    X[:200, 0] = 0
    selection = select(X, n_components=range(1, 5), covariance_types=["full", "diag"], random_state=0)
    assert selection.best_row.n_components == 2
    assert not selection.best_row.spurious


def test_a_few_rows_at_one_point_are_still_chance():
    rng = np.random.default_rng(5)
    X = np.concatenate([rng.normal(size=(200, 2)), np.full((5, 2), 0.5)])
    assert select(X, n_components=range(1, 5), random_state=0).best_row.n_components == 1
