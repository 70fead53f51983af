"""A look at the data: silent on clean data, and names what is there, whatever the order of rows and the units."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cyem
from cyem import GaussianMixture, cli, examine, report, select
from cyem.cli import output
from cyem.models.history import INTERRUPTED

RNG = np.random.default_rng(0)


def mixture(seed):
    """One to five normal clusters in one to six dimensions, together or apart, some of them rounded."""
    rng = np.random.default_rng(seed)
    k, d, n = 1 + seed % 5, int(rng.integers(1, 7)), int(rng.choice([100, 300, 1000]))
    labels = rng.permutation(np.arange(n) % k)
    X = rng.normal(0, rng.choice([1.0, 3.0, 8.0]), (k, d))[labels] + rng.choice([0.0, 50.0])
    axes = rng.normal(size=(k, d, d)) / np.sqrt(d) + np.eye(d)
    X += np.einsum("nd,nde->ne", rng.normal(size=(n, d)), axes[labels])
    return np.rint(X * 10) / 10 if seed % 2 else X


SETS = {f"mixture {seed}": mixture(seed) for seed in range(20)}


@pytest.mark.parametrize("name", SETS)
def test_clean_data_need_no_attention(name):
    findings = examine(SETS[name])
    assert len(findings) == 0 and "nothing" in str(findings)


@pytest.mark.parametrize("name", ["iris", "faithful", "galaxies", "acidity", "nclus", "precip"])
def test_clean_real_data_need_no_attention(load, name):
    assert str(examine(load(name))).endswith("nothing that needs attention")


@pytest.mark.parametrize("name", SETS)
def test_determined_columns_are_named(name):
    """A copy, another unit, rounded or not, and a sum, beside the columns of any data."""
    X = SETS[name]
    d, x = X.shape[1], X[:, -1]
    step = 0.01 * x.std()
    share = np.random.default_rng(1).normal(size=len(X))
    for added, others in (
        (x, {d - 1}),
        (1.8 * x + 32, {d - 1}),
        (np.rint((1.8 * x + 32) / step) * step, {d - 1}),
        (x.astype(np.float32), {d - 1}),
    ):
        [finding] = examine(np.column_stack([X, added]))
        assert (finding.kind, set(finding.columns)) == ("relation", {d, *others})
    [finding] = examine(np.column_stack([X, share, 100 - X.sum(axis=1) - share]))
    assert (finding.kind, set(finding.columns)) == ("relation", set(range(d + 2)))
    assert finding.said.endswith("= 100") and set(finding.numbers["coefficients"]) == {1.0}


def shares():
    return (np.random.default_rng(0).dirichlet([2, 3, 4], 300) * 100).round(1)


TEMPERATURE = np.concatenate([RNG.normal(5, 3, 150), RNG.normal(20, 3, 150)])
WEIGHT = RNG.normal(70, 12, 300)
NOISE = RNG.normal(size=300)


@pytest.mark.parametrize(("frame", "said"), [
    ({"a": NOISE, "b": WEIGHT, "c": NOISE}, "c is a again"),
    ({"celsius": TEMPERATURE.round(1), "x": NOISE, "fahrenheit": (1.8 * TEMPERATURE + 32).round(1)},
     "fahrenheit = 1.8 celsius + 32"),
    ({"celsius": TEMPERATURE.round(0), "fahrenheit": (1.8 * TEMPERATURE + 32).round(0)},
     "fahrenheit = 1.8 celsius + 32"),
    ({"kg": WEIGHT.round(1), "pounds": (WEIGHT / 0.45359237).round(1)}, "kg = 0.4536 pounds"),
    ({"kg": WEIGHT, "pounds": WEIGHT / 0.45359237}, "kg = 0.45359237 pounds"),
    (dict(zip(["sand", "silt", "clay"], shares().T, strict=True)), "clay + sand + silt = 100"),
    ({"a": NOISE, "b": WEIGHT, "both of them": NOISE + WEIGHT}, "'both of them' = a + b"),
    ({"a": NOISE, "b": -NOISE}, "b = -a"),
    ({"a": WEIGHT, "b": np.log(WEIGHT)}, "b grows with a in every row"),
    ({"a": WEIGHT, "b": 1 / WEIGHT}, "b falls with a in every row"),
])
def test_relations_are_told(frame, said):
    found = examine(pd.DataFrame(frame))
    assert [finding.said for finding in found] == [said]


def test_relations_are_minimal():
    """Of three columns that hang together, and two others: no column is named that does not belong to it."""
    a, b, c = np.random.default_rng(0).normal(size=(3, 200))
    frame = pd.DataFrame({"a": a, "b": b, "c": c, "difference": a - b, "twice": 2 * c})
    assert [set(finding.columns) for finding in examine(frame)] == [{"c", "twice"}, {"a", "b", "difference"}]


def test_near_relations_are_none():
    """What rounding does not explain is no relation, however strong the correlation."""
    x, e = np.random.default_rng(0).normal(size=(2, 500))
    assert len(examine(np.column_stack([x, x + 0.01 * e]).round(4))) == 0
    assert len(examine(np.column_stack([x, x + 0.0001 * e]))) == 1


def test_a_relation_survives_typing_errors():
    X = np.column_stack([TEMPERATURE, 1.8 * TEMPERATURE + 32])
    X[7, 1] = 5000
    found = examine(X)
    assert found.of("relation")[0].rows == (7,) and found.of("odd rows")[0].rows == (7,)


@pytest.mark.parametrize(("column", "kind", "words"), [
    (np.full(300, 3.3), "constant", "the same value in every row of x"),
    (np.r_[np.zeros(290), NOISE[:10]], "nearly constant", "x (0 in 96.7% of the rows)"),
    (np.r_[np.zeros(120), RNG.normal(10, 2, 180)], "repeated value", "x is 0 in 120 of 300 rows"),
    (np.minimum(RNG.normal(40, 8, 300), 50).round(1), "repeated value", "x is 50 in "),
    (np.r_[np.full(9, 999.0), RNG.integers(20, 70, 291)], "repeated value", "x is 999 in 9 of 300 rows"),
    (RNG.integers(1, 6, 300), "few values", "x holds 5 different values only, 1, 2, 3, 4 and 5"),
    (np.arange(300), "counter", "x numbers the rows, from 0 to 299"),
    (np.tile(np.arange(1, 51), 6), "counter", "x numbers the rows of 6 parts of the table, from 1 to 50"),
    (np.delete(RNG.permutation(310), range(10)) + 1, "counter", "x numbers the rows, from "),
    (np.exp(RNG.normal(size=300)), "skew", "skewed: x, which takes 1 component instead of "),
    (100 - np.exp(RNG.normal(size=300)), "skew", " - x"),
    (RNG.exponential(size=300), "skew", "as square roots"),
])
def test_columns_are_described(column, kind, words):
    [finding] = examine(pd.DataFrame({"x": column, "y": RNG.normal(size=300)}))
    assert (finding.kind, finding.columns) == (kind, ("x",))
    assert words in finding.said and finding.advice


def test_heavy_tails_are_told_from_groups():
    x = np.random.default_rng(0).standard_t(3, (2000, 2))
    [finding] = examine(x)
    assert (finding.kind, finding.columns) == ("heavy tails", (0, 1))
    assert all(2 < freedom < 4 for freedom in finding.numbers["degrees_of_freedom"])
    assert len(examine(np.random.default_rng(0).random((2000, 1)))) == 0  # uniform: neither skewed nor heavy


@pytest.mark.parametrize("error", [
    {(8, 0): 10, (101, 2): 10},  # a decimal point forgotten
    {(8, 0): 0.1, (101, 1): 10},
    {(8, 3): 100, (101, 0): 0.1},
])
def test_typing_errors_are_found(load, error):
    X = load("iris").copy()
    for place, factor in error.items():
        X[place] *= factor
    [finding] = examine(X)
    assert (finding.kind, finding.rows) == ("odd rows", (8, 101))
    assert finding.numbers["columns"] == [(column,) for _, column in error]


def test_rows_that_break_the_pattern_are_found():
    """Each value is ordinary, and the row is not."""
    x = np.random.default_rng(0).normal(size=500)
    X = np.column_stack([x, x + 0.1 * np.random.default_rng(1).normal(size=500)])
    X[3] = 1.5, -1.5
    [finding] = examine(X)
    assert (finding.kind, finding.rows, finding.columns) == ("odd rows", (3,), ())


def test_a_small_group_far_away_is_no_error():
    rng = np.random.default_rng(0)
    group = 12 / np.sqrt(10) + 0.2 * rng.normal(size=(20, 10))
    assert len(examine(np.concatenate([rng.normal(size=(1000, 10)), group]))) == 0


def test_duplicates_are_told_from_rounding():
    X = np.random.default_rng(0).normal(size=(300, 2))
    [finding] = examine(np.concatenate([X, X[[4, 9]]]))
    assert (finding.kind, finding.rows) == ("duplicates", (300, 301))
    rounded = np.random.default_rng(0).normal(size=(2000, 2)).round(1)
    assert len(np.unique(rounded, axis=0)) < 1800 and len(examine(rounded)) == 0


def test_few_rows_and_weights():
    X = np.random.default_rng(0).normal(size=(9, 4))
    [finding] = examine(X)
    assert finding.kind == "few rows"
    assert finding.numbers == {"rows": 9, "parameters": {"full": {"components": 1, "parameters": 14}}}
    X = np.random.default_rng(0).normal(size=(200, 2))
    assert examine(X, n_components=range(1, 33), covariance_types="all").kinds == ()
    [finding] = examine(X, n_components=range(1, 41), covariance_types=["full", "diag"])
    assert finding.numbers["parameters"] == {"full": {"components": 34, "parameters": 203}}
    [finding] = examine(X, np.full(200, 1 / 200))
    assert (finding.kind, finding.numbers["rows"]) == ("weights", 200) and "sum to 1," in finding.said
    for weights in (None, np.ones(200), np.full(200, 7), RNG.random(200), RNG.integers(1, 100, 200)):
        assert len(examine(X, weights)) == 0


def test_a_column_of_which_little_was_observed():
    X = np.random.default_rng(0).normal(size=(200, 2))
    X[4:, 1] = np.nan
    finding, gaps = examine(X, n_components=2)
    assert (finding.kind, finding.columns, gaps.kind) == ("few values observed", (1,), "missing")
    assert "column 1 was observed in 4 rows, no more than the 4 means and variances of 2 components" in finding.said
    assert examine(X, n_components=1).kinds == ("missing",)
    names = examine(X, n_components=range(1, 4)).of("few values observed")[0].numbers
    assert names == {"observed": [4], "components": [2]}


def test_rows_without_weight_are_not_there():
    X = np.random.default_rng(0).normal(size=(200, 2))
    X[5], X[50] = 1000, -1000
    assert examine(X)[0].rows == (5, 50)
    assert examine(X, np.arange(200) != 5)[0].rows == (50,)


def test_missing_values_are_counted_and_the_rest_is_looked_at():
    X = np.column_stack([TEMPERATURE, NOISE, 1.8 * TEMPERATURE + 32, np.full(300, np.nan)])
    X[::10, 0], X[3, 1] = np.nan, np.nan
    found = examine(X[:, :3])
    assert found.kinds == ("missing", "relation")
    assert (found[0].columns, found[0].numbers) == ((0, 1), {"missing": [30, 1], "complete_rows": 269})
    assert examine(X).of("missing")[0].numbers["complete_rows"] == 0
    with pytest.raises(ValueError, match="X contains infinity in row 1, column 0"):
        examine([[1.0], [np.inf]])


def messy():
    rng = np.random.default_rng(3)
    X = np.concatenate([rng.normal(20, 2, (200, 4)), rng.normal(40, 2, (300, 4))]).round(2)
    X = np.column_stack([X, 2 * X[:, 0] + 5, np.exp(rng.normal(size=500)), rng.integers(0, 3, 500), np.arange(500),
                         np.where(rng.random(500) < 0.1, 0, X[:, 1])])
    X[77, 2], X[300] = 900, X[301]
    return X


def test_neither_order_nor_units_matter():
    X = messy()
    found = examine(X)
    assert set(found.kinds) == {"relation", "skew", "few values", "repeated value", "odd rows",
                                "duplicates"}
    order = np.random.default_rng(0).permutation(500)
    for other in (examine(X[order]), examine(X * 0.45359237 ** np.arange(1, 10)), examine(np.asfortranarray(X))):
        assert [finding[:2] for finding in other] == [finding[:2] for finding in found]
    again = examine(X[order])
    assert [sorted(order[list(finding.rows)]) for finding in again] == [sorted(finding.rows) for finding in found]
    assert [finding.said for finding in again if not finding.rows] == [
        finding.said for finding in found if not finding.rows]


def test_many_rows_are_looked_at_in_part_and_counted_in_full():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150_000, 5))
    X[:30_000, 1] = 0
    X[:, 3] = 3 * X[:, 0] + 1
    X[:, 4] = rng.permutation(150_000)
    X[123_456, 2] = 99
    found = examine(X)
    assert found.kinds == ("counter", "relation", "repeated value", "odd rows")
    assert found.of("repeated value")[0].numbers["counts"] == [[30_000]]
    assert found.of("odd rows")[0].rows == (123_456,)
    order = rng.permutation(150_000)
    assert [str(finding) for finding in examine(X[order]) if not finding.rows] == [
        str(finding) for finding in found if not finding.rows]


@pytest.mark.parametrize("n", range(1, 13))
def test_tiny_data(n):
    rng = np.random.default_rng(n)
    for X in (rng.normal(size=(n, 1)), rng.normal(size=(n, 3)), np.zeros((n, 2)), rng.integers(0, 2, (n, 2))):
        assert examine(X).n == n


@pytest.mark.parametrize(("arguments", "said"), [
    ({"n_components": 0}, "n_components=0"),
    ({"n_components": [1.5]}, "n_components"),
    ({"covariance_types": "round"}, "round"),
    ({"sample_weight": [-1.0] * 9}, "sample_weight"),
    ({"sample_weight": [1.0]}, "sample_weight"),
])
def test_bad_input(arguments, said):
    with pytest.raises((TypeError, ValueError), match=re.escape(said)):
        examine(np.random.default_rng(0).normal(size=(9, 1)), **arguments)


def test_a_sequence_of_findings():
    found = examine(messy())
    assert len(found) == len(list(found)) and found[0] in found and found[-1] is list(found)[-1]
    assert found.of("skew") == tuple(finding for finding in found if finding.kind == "skew")
    assert "skew" not in found.without("skew").kinds and len(found.without("skew")) == len(found) - 1


def test_findings_are_plain_values():
    kinds = set()
    for X, weights in ((messy(), None), (np.random.default_rng(0).standard_t(2, (2000, 2)), np.full(2000, 1 / 2000)),
                       (np.column_stack([np.arange(20), np.zeros(20), np.r_[1.0, np.zeros(19)], [np.nan] * 20]), None)):
        found = examine(X, weights)
        kinds.update(found.kinds)
        again = json.loads(json.dumps(output.finite([finding._asdict() for finding in found])))
        assert [finding["kind"] for finding in again] == [finding.kind for finding in found]
    assert len(kinds) >= 11


def test_words_fit_a_terminal_and_command_nothing():
    names = ["\x1b[31mred\x07" * 20, "<script>alert('1')</script>", "x\ny", "", "width of the leaf in the second year"]
    X = np.column_stack([messy()[:, [4, 0, 5, 6]], np.full(500, 2)])
    found = examine(pd.DataFrame(X, columns=names))
    assert {"relation", "skew", "few values", "constant"} <= set(found.kinds)
    assert all(len(line) <= 80 and line.isprintable() for line in str(found).splitlines())
    assert "<script" in str(found) and "<script" not in found._repr_html_() and "<li>" in found._repr_html_()
    assert "<ul>" not in examine(mixture(0))._repr_html_()


def test_select_and_report_tell_it(tmp_path):
    frame = pd.DataFrame({"celsius": TEMPERATURE, "noise": NOISE, "fahrenheit": 1.8 * TEMPERATURE + 32})
    selection = select(frame, [1, 2], "diag", random_state=0)
    [finding] = selection.findings
    assert selection.table.splitlines()[-1] == f"- {finding}" == f"- {finding.said}: {finding.advice}"
    assert finding.said in selection._repr_html_()
    assert selection.pick("aic").findings is selection.findings
    page = cyem.report(selection, frame, tmp_path / "page.html", figures=False).read_text()
    assert finding.said in page
    page = cyem.report(selection.best_, frame, tmp_path / "page.html", figures=False).read_text()
    assert finding.said in page
    assert select(mixture(0), [1], "full", random_state=0).findings.kinds == ()


def test_the_remedy_is_not_told_to_those_who_take_it():
    X = np.random.default_rng(0).standard_t(3, (2000, 1))
    assert select(X, 1, "full", random_state=0).findings.kinds == ("heavy tails",)
    assert select(X, 1, "full", family="student", random_state=0).findings.kinds == ()


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """``run("examine", "table.csv")``: exit code, standard output, standard error, beside a table that pandas wrote."""
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"celsius": TEMPERATURE, "noise": NOISE, "fahrenheit": 1.8 * TEMPERATURE + 32})
    frame.to_csv("table.csv")
    frame.to_csv("named.csv", index_label="Unnamed: 0")
    frame[::-1].to_csv("reversed.csv")

    def run(*arguments):
        return cli.main(list(arguments)), *capsys.readouterr()

    return run


@pytest.mark.parametrize("file", ["table.csv", "named.csv"])
def test_the_index_of_a_frame_is_set_aside(run, file):
    code, out, err = run("examine", file)
    assert code == 0 and out.splitlines() == [
        "300 rows of 3 columns: 1 finding",
        "- fahrenheit = 1.8 celsius + 32: leave one of them out, such as fahrenheit"]
    assert "(numbers the rows) (--columns keeps them)" in err and err.count("\n") == 1
    code, out, err = run("examine", file, "--columns", "1-4")
    assert err == "" and out.startswith("300 rows of 4 columns: 2 findings")
    assert "numbers the rows, from 0 to 299" in out
    assert run("fit", file, "--drop", "fahrenheit", "-o", "model.npz")[0] == 0
    assert list(cyem.load("model.npz").feature_names_in_) == ["celsius", "noise"]
    code, out, err = run("predict", "model.npz", file)
    assert code == 0 and len(out.splitlines()) == 301


def test_only_an_index_is_set_aside(run):
    assert run("examine", "reversed.csv")[1].startswith("300 rows of 3 columns: 1 finding")
    pd.read_csv("table.csv").rename(columns={"Unnamed: 0": "no"}).to_csv("told.csv", index=False)
    assert run("examine", "told.csv")[1].startswith("300 rows of 4 columns: 2 findings")
    assert run("examine", "table.csv", "--drop", "1")[2] == ""


def test_rows_are_called_by_their_index(tmp_path):
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.normal(size=(100, 2)), columns=["x", "y"], index=[f"P{i}" for i in range(100)])
    frame.loc["P7", "y"] = 80
    [finding] = examine(frame)
    assert finding.rows == ("P7",) and "row P7 (y 80)" in str(finding)
    assert examine(frame.to_numpy())[0].rows == (7,) == examine(frame.reset_index(drop=True))[0].rows
    assert examine(frame.iloc[::-1])[0].rows == ("P7",)
    later = frame.set_axis(range(1000, 1100))
    assert examine(later)[0].rows == (1007,) and "row 1007" in str(examine(later))
    assert "row P7" in select(frame, [1], covariance_types="diag").table
    page = report(GaussianMixture(1).fit(frame), frame, tmp_path / "page.html", figures=False)
    assert "row P7 (y 80)" in page.read_text()
    twins = pd.concat([frame, frame.loc[["P3", "P4"]].rename(lambda name: name + "b")])
    assert examine(twins).of("duplicates")[0].rows == ("P3b", "P4b")
    pairs = frame.set_axis(pd.MultiIndex.from_product([["a", "b"], range(50)]))
    assert examine(pairs)[0].rows == (("a", 7),) and "row ('a', 7)" in str(examine(pairs))
    weights = np.arange(100) % 2
    assert examine(frame, weights)[0].rows == ("P7",)
    frame.loc["P9", "x"] = np.inf
    with pytest.raises(ValueError, match=r"infinity in row 9 \('P9'\), column 0 \('x'\), counted from 0"):
        examine(frame)


def test_commands_tell_it(run):
    said = "fahrenheit = 1.8 celsius + 32"
    for command in (("examine", "table.csv"),
                    ("select", "table.csv", "--components", "1", "--structures", "diag"),
                    ("fit", "table.csv", "--structure", "diag", "-o", "model.npz")):
        assert said in run(*command)[1]
        [finding] = json.loads(run(*command, "--json")[1])["findings"]
        assert (finding["kind"], finding["said"]) == ("relation", said)
    assert said in run("report", "table.csv", "--components", "1", "--structures", "diag", "-o", "page.html")[1]
    assert said in Path("page.html").read_text()
    assert "(VII)" in run("examine", "table.csv", "--columns", "2-3", "--components", "90", "--structures", "all")[1]


def test_gaps_of_a_file_are_told(run):
    frame = pd.DataFrame({"a": NOISE, "b": WEIGHT})
    frame.iloc[3, 0] = frame.iloc[[7, 9], 1] = np.nan
    frame.to_csv("gaps.csv", index=False)
    code, out, err = run("examine", "gaps.csv")
    assert (code, err) == (0, "") and "3 values missing (1 in a and 2 in b), 297 rows complete" in out
    assert run("fit", "gaps.csv", "-o", "model.npz")[0] == 0
    Path("wrong.csv").write_text("a,b\n1,3\n2,x\n")
    code, out, err = run("examine", "wrong.csv")
    assert (code, out) == (2, "") and "'x' is not a number" in err


def test_ctrl_c_in_a_fit_ends_the_look(monkeypatch):
    """A fit that was interrupted has an answer all the same; the look goes on to no other."""

    def fit(self, X, **_):
        self.fit_report_, self.lower_bound_ = (INTERRUPTED,), 0.0
        return self

    monkeypatch.setattr(GaussianMixture, "fit", fit)
    with pytest.raises(KeyboardInterrupt):
        examine(np.exp(RNG.normal(size=(300, 1))))
