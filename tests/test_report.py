"""The report as a file: what it says is true, whole and safe. `test_browser.py` opens it."""

import base64
import re
import sys
import warnings
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import cyem
from cyem import GaussianMixture, cli, report, select
from cyem.reporting import pictures

NASTY = "<script>alert('1')</script> & \"x\""


class Page(HTMLParser):
    """Text by element, attributes, tables."""

    def __init__(self, path):
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.open, self.elements, self.addresses = [], [], []
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        self.elements.append([tag, dict(attributes), ""])
        if tag not in ("meta", "link", "img", "source"):
            self.open.append(self.elements[-1])
        self.addresses += [value for name, value in attributes if name in ("src", "href", "srcset")]

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        for element in self.open:
            element[2] += data

    def texts(self, tag):
        return [text for name, _, text in self.elements if name == tag]

    @property
    def text(self):
        return self.texts("main")[0]


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        np.concatenate([rng.normal(0, 1, (120, 2)), rng.normal([6, -6], [0.5, 2], (60, 2))]), columns=["length", NASTY]
    )


@pytest.fixture(scope="module")
def selection(X):
    return select(X, [1, 2, 3, 999], ["full", "diag"], random_state=7)


@pytest.fixture(scope="module")
def page(selection, X, tmp_path_factory):
    return Page(report(selection, X, tmp_path_factory.mktemp("page") / "report.html", title=NASTY))


def test_what_users_write_is_text(page):
    assert page.texts("title") == page.texts("h1") == [NASTY]
    assert NASTY in page.texts("th")  # the name of a feature
    assert len(page.texts("script")) == 1


def test_nothing_comes_from_elsewhere(page):
    assert page.addresses and all(address.startswith("data:") for address in page.addresses)
    policy = next(attributes["content"] for _, attributes, _ in page.elements if "http-equiv" in attributes)
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "http:" not in page.text and "https:" not in page.text


def test_the_table_is_that_of_the_selection(page, selection):
    assert page.texts("tr").count("") == 0
    values = [attributes.get("data-value") for _, attributes, _ in page.elements]
    for row in selection.rows:
        if row.reason:
            assert f"not fitted: {row.reason}" in page.texts("td")
        else:
            assert {repr(row.log_likelihood), repr(row.bic), repr(row.aic), repr(row.icl)} <= set(values)
    best = [text for tag, attributes, text in page.elements if tag == "tr" and attributes.get("class") == "best"]
    assert len(best) == 1 and f"{selection.best_row.bic:,.2f}" in best[0]


def test_the_answer_in_words(page, selection, X):
    best = selection.best_row
    headline = selection.verdict.headline
    assert headline[1:] in page.text
    assert all(reason in page.text for reason in (*selection.verdict.reasons, f"Next: {selection.verdict.next_step}"))
    others = sorted(row.bic for row in selection.rows if not row.reason and row is not best)
    assert f"{others[0] - best.bic:,.1f} behind" in page.text
    certain = np.mean(selection.best_.predict_proba(X).max(axis=1) > 0.9)
    assert f"{certain:.0%} of the rows belong to one component with a probability above 90%" in page.text
    assert "180 rows of 2 features" in page.text
    for weight in selection.best_.weights_:
        assert f"{weight:.1%}" in page.texts("td")
    small = int(np.argmin(selection.best_.weights_))
    said = next(text for text in page.texts("tr") if text.startswith(f"component {small}"))
    mean = (X["length"].mean(), X["length"].std(ddof=0))
    assert f"length high ({(selection.best_.means_[small, 0] - mean[0]) / mean[1]:+.1f} sd)" in said


def test_what_to_be_careful_about(page, selection, X, tmp_path):
    cautions = page.texts("li")
    assert "Not fitted, as the table explains: 2 of the 8 models." in cautions
    chosen = selection.best_row.n_components
    cautions = Page(report(select(X, [1, chosen], "full"), X, tmp_path / "narrow.html", figures=False)).texts("li")
    assert any(f"{chosen}, is the largest tried" in text for text in cautions)
    assert any("No seed was given" in text for text in cautions)
    with pytest.warns(cyem.ConvergenceWarning):
        stopped = GaussianMixture(3, max_iter=1, random_state=0).fit(X)
    assert Page(report(stopped, X, tmp_path / "stopped.html", figures=False)).texts("li") == [
        "The fit was stopped before it was done: raise max_iter."
    ]


def test_ranges_of_shares(X, page, selection, tmp_path):
    """Those of `standard_errors`; none where these say that the samples do not tell."""
    low, high = cyem.standard_errors(selection.best_, X).intervals().weights
    for share, *ends in zip(selection.best_.weights_, low, high, strict=True):
        assert "{:.1%} ({:.1%} to {:.1%})".format(share, *ends) in page.texts("td")
    elsewhere = GaussianMixture.from_parameters([0.5, 0.5], [[0, 0], [1, 1]], [[1, 1]] * 2, "diag")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        unknown = Page(report(elsewhere, X.to_numpy(), tmp_path / "page.html", figures=False))
    assert "50.0%" in unknown.texts("td") and "In brackets" not in unknown.text


def test_names_of_one_model_are_one_model(X, tmp_path):
    """With one feature the 14 structures are two: of equal and of variable width. No model competes with itself."""
    x = X[["length"]].to_numpy()
    selection = select(x, [1, 2], "all", random_state=0)
    page = Page(report(selection, x, tmp_path / "page.html", figures=False))
    best = selection.best_row
    gap = min(row.bic for row in selection.rows if row.n_parameters != best.n_parameters) - best.bic
    assert f"{gap:,.1f} behind" in page.text
    assert not any("As good as" in text and f"{best.n_components} components (E" in text and gap > 2
                   for text in page.texts("li"))


def test_a_search_is_no_caution(X, tmp_path):
    model = GaussianMixture(2, search="swap", n_moves=3, random_state=0).fit(X)
    assert model.fit_report_[-1].startswith("search: ")
    page = Page(report(model, X, tmp_path / "page.html", figures=False))
    assert page.texts("li") == ["Nothing out of the ordinary happened."]


def test_the_code_makes_it_again(page, selection, X, tmp_path, monkeypatch):
    """What the report says to run gives the same model."""
    code = page.texts("code")[0]
    monkeypatch.chdir(tmp_path)
    assert "random_state=7" in code
    told = {"X": X}
    exec(re.sub(r"cyem\.report\(.*", "", code), told)
    assert told["fitted"].best_.means_.tobytes() == selection.best_.means_.tobytes()
    assert [row[:2] for row in told["fitted"].rows] == [row[:2] for row in selection.rows]


@pytest.mark.parametrize("settings", [
    {"criterion": "icl", "n_init": 1, "random_state": 3}, {"n_init": 2}, {"criterion": lambda row, model: row.aic},
])
def test_the_code_names_what_is_not_the_default_of_select(X, tmp_path, settings):
    code = Page(report(select(X, 2, "full", **settings), X, tmp_path / "p.html", figures=False)).texts("code")[0]
    call = re.search(r"cyem.select\(X, \[2\], \['full'\](.*)\)", code)[1]
    own = {name: value for name, value in settings.items() if name != "n_init" or value == 1}
    assert call == "".join(f", {name}={value!r}" if name != "criterion" or isinstance(value, str)
                           else ", criterion=criterion" for name, value in sorted(own.items(), key=lambda item: (
                               item[0] == "criterion", item[0])))


def test_a_criterion_of_ones_own_is_a_column(X, tmp_path):
    def depth(row, model):
        return row.n_components / 100

    selection = select(X, [1, 2], "full", depth, random_state=0)
    page = Page(report(selection, X, tmp_path / "p.html", figures=False))
    assert "smallest depth: 0.0100. Next is 2 components (full), 0.0100 behind." in page.text
    assert "depth" in page.texts("th") and {"0.0100", "0.0200"} <= set(page.texts("td"))


def test_a_constant_feature_is_named(X, tmp_path):
    wide = X.assign(flat=1.0)
    with pytest.warns(UserWarning, match="flat"):
        selection = select(wide, [1, 2], "spherical", random_state=0)
    assert any("The data: the same value in every row of flat" in text for text in
               Page(report(selection, wide, tmp_path / "p.html", figures=False)).texts("li"))


def test_spurious_models_are_no_competitors(X, tmp_path):
    """Their likelihood is beyond all measure: no evidence is counted against them."""
    narrow = X.assign(**{NASTY: 0.0})
    with pytest.warns(UserWarning, match="same value"):
        selection = select(narrow, 1, ["spherical", "diag"], random_state=0)
    assert [row.spurious for row in selection.rows] == [False, True]
    page = Page(report(selection, narrow, tmp_path / "p.html", figures=False))
    assert "the only one that can be trusted" in page.text and "behind" not in page.text


def test_of_a_model(X, tmp_path):
    model = GaussianMixture(2, covariance_type="VEV", random_state=0).fit(X)
    path = report(model, X, tmp_path / "model.html", figures=False)
    page = Page(path)
    assert path == tmp_path / "model.html"
    assert "A mixture of 2 components was fitted" in page.text
    assert "cyem.GaussianMixture(n_components=2, covariance_type='VEV', random_state=0).fit(X)" in page.text
    assert "All models compared" not in page.text
    assert page.texts("figure") == []


def test_of_one_group_and_one_feature(tmp_path):
    X = np.random.default_rng(0).normal(size=(100, 1))
    page = Page(report(select(X, [1], "full", random_state=0), X, tmp_path / "one.html", figures=False))
    assert "Cannot tell: only one component was tried." in page.text and "No other model was fitted" in page.text
    assert "How sure it is which row belongs where" not in page.text


def test_weights_count(X, tmp_path):
    weights = np.arange(len(X)) % 3 + 1.0
    model = GaussianMixture(2, random_state=0).fit(X, sample_weight=weights)
    page = Page(report(model, X, tmp_path / "page.html", sample_weight=weights, figures=False))
    certain = np.average(model.predict_proba(X).max(axis=1) > 0.9, weights=weights)
    assert f"{certain:.0%} of the rows" in page.text and "weighted" in page.text
    assert ".fit(X, sample_weight=sample_weight)" in page.text


def test_figures_are_light_and_dark_and_have_words(page):
    images = [attributes for tag, attributes, _ in page.elements if tag == "img"]
    dark = [attributes for tag, attributes, _ in page.elements if tag == "source"]
    assert len(images) == len(dark) == 3
    assert all(image["alt"] for image in images)
    for image, other in zip(images, dark, strict=True):
        assert image["src"] != other["srcset"]
        kind, _, content = image["src"].partition(";base64,")
        start = b"<?xml" if kind == "data:image/svg+xml" else b"\x89PNG"
        assert base64.b64decode(content).startswith(start)


def test_figures_of_one_group_and_one_feature(tmp_path):
    X = np.random.default_rng(0).normal(size=(100, 1))
    page = Page(report(GaussianMixture().fit(X), X, tmp_path / "one.html"))
    assert len(page.texts("figure")) == 1 and page.texts("figcaption")[0].startswith("The histogram of the samples")


def test_rows_with_gaps(X, selection, tmp_path):
    """They count, and it is said where; figures say what they show of them."""
    gappy = X.mask(np.random.default_rng(0).random(X.shape) < 0.2)
    gone = gappy.isna().to_numpy()
    found = select(gappy, [1, 2], "full", random_state=7)
    page = Page(report(found, gappy, tmp_path / "gaps.html"))
    assert f"180 rows of 2 features, with {gone.sum()} missing values in {gone.any(axis=1).sum()} of" in page.text
    assert re.search(r"component \d\d+\.\d% \(\d+\.\d% to \d+\.\d%\)", "".join(page.texts("tr")))  # shares
    captions = page.texts("figcaption")
    assert sum("samples of which both features were observed" in caption for caption in captions) == 2
    complete = Page(report(found, X, tmp_path / "whole.html"))
    assert "missing values" not in complete.text.replace("The data: ", "").split("What to be careful")[0]
    assert not any("both features were observed" in caption for caption in complete.texts("figcaption"))
    one = gappy[["length"]]
    page = Page(report(GaussianMixture(2, random_state=0).fit(one), one, tmp_path / "one.html"))
    assert "the histogram is of what was observed" in page.texts("figcaption")[0]


def test_without_matplotlib(selection, X, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("cyem.plotting")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(cyem, "plotting", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.warns(UserWarning, match=r"no figures: .*matplotlib"):
        page = Page(report(selection, X, tmp_path / "plain.html"))
    assert page.texts("figure") == [] and "All models compared" in page.text


@pytest.mark.parametrize("fitted", [None, "model", 3])
def test_of_something_else(fitted, X, tmp_path):
    with pytest.raises(TypeError, match="must be a fitted GaussianMixture or StudentMixture, or a Selection of these"):
        report(fitted, X, tmp_path / "page.html")


def test_bad_input_writes_nothing(selection, X, tmp_path):
    path = tmp_path / "page.html"
    with pytest.raises(cyem.NotFittedError):
        report(GaussianMixture(), X, path)
    with pytest.raises(ValueError, match="features"):
        report(selection, X.to_numpy()[:, :1], path)
    with pytest.raises(ValueError, match="sample_weight"):
        report(selection, X, path, sample_weight=[1.0])
    assert not path.exists()
    with pytest.raises(OSError, match="nowhere"):
        report(selection, X, tmp_path / "nowhere" / "page.html", figures=False)


def test_the_file_is_looked_at_before_the_work(selection, X, tmp_path, monkeypatch):
    monkeypatch.setattr("cyem.reporting.sections.Facts", None)
    for path in (tmp_path, tmp_path / "nowhere" / "page.html"):
        with pytest.raises(OSError, match=re.escape(str(path))):
            report(selection, X, path)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_fails_leaves_the_page_as_it_was(selection, X, tmp_path, monkeypatch, error):
    def fail(*_):
        raise error

    path = tmp_path / "page.html"
    path.write_text("old")
    monkeypatch.setattr("cyem.reporting.sections.again", fail)
    with pytest.raises(error):
        report(selection, X, path, figures=False)
    assert path.read_text() == "old" and [*tmp_path.iterdir()] == [path]


def test_text_that_is_not_utf_8(selection, X, tmp_path):
    title = "T\udcff"  # as in file names with other bytes
    page = Page(report(selection, X, tmp_path / "page.html", title=title, command=title, figures=False))
    assert page.texts("h1") == [r"T\udcff"] and r"T\udcff" in page.texts("code")


@pytest.fixture
def table(X, tmp_path, monkeypatch):
    """points.csv in the working folder."""
    monkeypatch.chdir(tmp_path)
    X.set_axis(["length", "width"], axis=1).to_csv("points.csv", index=False)
    return tmp_path


def test_command(table, capsys, monkeypatch):
    monkeypatch.setattr("cyem.reporting.pictures.drawn", lambda *_: {})  # which takes most of the time
    arguments = ["report", "points.csv", "--components", "1-3", "--structures", "full", "-o", "page.html"]
    assert cli.main(arguments) == 0
    out, err = capsys.readouterr()
    assert out.startswith("page.html: best by bic (smaller is better): 2 components, full") and err == ""
    page = Page(table / "page.html")
    assert page.texts("h1") == ["Mixture of points.csv"]
    assert page.texts("code")[0] == "cyem " + " ".join(arguments)
    assert {"length", "width"} <= set(page.texts("th"))
    assert cli.main([*arguments, "--title", "Mine", "--json"]) == 0
    assert Page(table / "page.html").texts("h1") == ["Mine"]


STARTS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


def test_pictures_number_features_as_the_text_does(table, capsys, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "cyem.plotting.MixtureDisplay.plot", lambda display, ax: drawn.append(list(display.components.names))
    )
    np.savetxt("plain.txt", np.random.default_rng(0).normal(size=(50, 2)))
    assert cli.main(["fit", "plain.txt", "-o", "model", "--plot-model", "plain.svg"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and "  feature 0 " in out and "  feature 1 " in out
    assert drawn == [["feature 0", "feature 1"]]


def test_pictures_of_the_command_line(table, capsys):
    arguments = ["--structures", "full", "--plot", "curves.png", "--plot-model", "model.pdf"]
    assert cli.main(["select", "points.csv", "--components", "1-2", *arguments]) == 0
    assert cli.main(["fit", "points.csv", "--columns", "1", "-o", "model", "--plot-model", "fit.svg"]) == 0
    assert capsys.readouterr().err == ""
    for name in ("curves.png", "model.pdf", "fit.svg"):
        assert (table / name).read_bytes().startswith(STARTS[name[-3:]])


def test_components_are_told_from_their_nearest_neighbour(tmp_path):
    """In units of the features, each by its own words: apart in the mean, in the spread only, in hardly anything."""
    means = [[0.0, 50.0], [0.0, 50.0], [9000.0, 50.0], [9001.0, 50.0]]
    model = GaussianMixture.from_parameters([0.4, 0.3, 0.2, 0.1], means, [1.0, 25.0, 1.0, 1.0], "spherical")
    X = pd.DataFrame(model.sample(200, random_state=0)[0], columns=["mass", "age"])
    model.feature_names_in_ = np.array(list(X), dtype=object)
    told = Page(report(model, X, tmp_path / "report.html", figures=False)).texts("tr")
    said = {j: next(line for line in told if line.startswith(f"component {j}")) for j in range(4)}
    assert "component 1: spread of mass 1.0, there 5.0" in said[0]
    assert "component 0: spread of mass 5.0, there 1.0" in said[1]
    assert "component 3: mass 9,000.0, there 9,001.0" in said[2]
    words = [line.split("%", 1)[1] for line in said.values()]
    assert len(set(words)) == 4


def test_twins_are_told_apart(tmp_path):
    """Components that differ in nothing that one could name are still not described by the same words."""
    means = [[0.0, 0.0], [0.001, 0.0], [0.002, 0.0], [0.0, 0.003]]
    model = GaussianMixture.from_parameters([0.25] * 4, means, [1.0] * 4, "spherical")
    X, _ = model.sample(100, random_state=0)
    told = Page(report(model, X, tmp_path / "report.html", figures=False)).texts("tr")
    words = [line.split("%", 1)[1] for line in told if re.match(r"component \d\d", line)]
    assert len(words) == len(set(words)) == 4


def test_progress_of_figures(X, selection, tmp_path):
    seen = []
    report(selection, X, tmp_path / "report.html", progress=lambda *told: seen.append(told[:2]))
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("d, projected", [(6, False), (7, True)])
def test_many_features_are_seen_in_a_projection(d, projected, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "_figure", lambda draw, caption, form: caption)
    X = np.random.default_rng(0).normal(size=(100, d)) + 5 * (np.arange(100) % 2)[:, None]
    page = Page(report(GaussianMixture(2, random_state=0).fit(X), X, tmp_path / "report.html"))
    assert ("The plane in which the components differ most" in page.text) == projected
