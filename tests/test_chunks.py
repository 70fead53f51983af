"""Rows that are read again for each pass: does where they come from, and how they are cut, change nothing?"""

import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from cyem import (
    GaussianMixture,
    MixtureClassifier,
    MixtureRegressor,
    StudentMixture,
    examine,
    likelihood_ratio_test,
    report,
    scan,
    select,
    stability,
    standard_errors,
)
from cyem.plotting import MixtureDisplay, UncertaintyDisplay
from cyem.rows import scan as scans

N, D, K = 4000, 3, 3
NAMES = ["a", "b", "c"]
FITTED = ("weights_", "means_", "covariances_", "lower_bound_")
# some steps on the way, of which none is at an end that rounding decides about
PLAIN = {"random_state": 0, "init_params": "random_from_data", "acceleration": None, "tol": 0.0, "max_iter": 6}

pytestmark = pytest.mark.filterwarnings("ignore:.*did not converge")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of as few rows as may be, 1,536, so that 4,000 rows are three."""
    monkeypatch.setattr(scans, "BLOCK", 1)


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    means = np.array([[0.0, 0, 0], [4, 1, 0], [-3, 3, 5]]) + 100
    X = means[rng.integers(K, size=N)] + rng.normal(size=(N, D)) @ np.triu(np.full((D, D), 0.5))
    X.flags.writeable = False
    return X


@pytest.fixture(scope="module")
def start(X):
    return {"weights_init": np.full(K, 1 / K), "means_init": X[[0, 10, 20]], "precisions_init": None}


def cut(X, size, weights=None):
    """A function that gives X in chunks of so many rows."""

    def chunks():
        for begin in range(0, len(X), size):
            rows = slice(begin, begin + size)
            yield X[rows] if weights is None else (X[rows], weights[rows])

    return chunks


def numbers(model):
    return [np.asarray(getattr(model, name)) for name in FITTED]


def same(model, other):
    for a, b in zip(numbers(model), numbers(other), strict=True):
        assert_array_equal(a, b)
    assert model.n_iter_ == other.n_iter_


def close(model, other, rtol=1e-12):
    """To rounding of a sum, which plain EM from one start does not enlarge."""
    for a, b in zip(numbers(model), numbers(other), strict=True):
        assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())
    assert model.n_iter_ == other.n_iter_


# --- cuts and sources ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 191, 192, 1000])
def test_how_rows_are_cut_changes_no_bit(X, size):
    whole = GaussianMixture(K, random_state=0).fit(scan(cut(X, N), memory=0))
    same(GaussianMixture(K, random_state=0).fit(scan(cut(X, size), memory=0)), whole)


@pytest.mark.parametrize("structure", ["full", "tied", "diag", "spherical", "EEV", "VVE"])
def test_the_fit_is_that_in_memory(X, structure):
    how = {**PLAIN, "covariance_type": structure}
    close(GaussianMixture(K, **how).fit(scan(cut(X, 1000), memory=0)), GaussianMixture(K, **how).fit(X), 1e-11)


@pytest.mark.parametrize("init", ["short_em", "kmeans", "k-means++", "random", "random_from_data"])
def test_so_is_the_start(X, init):
    """As long as the random part has place for all rows."""
    how = dict(random_state=3, init_params=init)
    chunked, whole = GaussianMixture(K, **how).fit(scan(cut(X, 1000), memory=0)), GaussianMixture(K, **how).fit(X)
    assert_allclose(chunked.lower_bound_, whole.lower_bound_, rtol=1e-9)  # both within tol of one maximum
    # of runs that end at one maximum, rounding says which is the best: components may be numbered otherwise
    assert_allclose(np.sort(chunked.means_, axis=0), np.sort(whole.means_, axis=0), rtol=1e-5)


def test_starts_look_at_a_random_part(X, monkeypatch):
    """Which does not depend on the cuts either, and is another for another random_state."""
    monkeypatch.setattr(scans, "PART", 1)
    many = np.tile(X, (3, 1))  # 12,000 rows: 2,000 are looked at
    parts = [scan(cut(many, size), memory=0).drawn_by(np.random.default_rng(seed)).looked[0]
             for size, seed in ((1000, 0), (77, 0), (1000, 1))]
    assert_array_equal(parts[0], parts[1])
    assert abs(len(parts[0]) - 2000) < 200 and not np.array_equal(parts[0][:50], parts[2][:50])
    same(GaussianMixture(K, random_state=0).fit(scan(cut(many, 77), memory=0)),
         GaussianMixture(K, random_state=0).fit(scan(cut(many, 5000), memory=0)))


def sources(X, folder):
    """The same rows in every kind of source: {name: X}."""
    table = pa.table({name: X[:, j] for j, name in enumerate(NAMES)})
    np.save(folder / "x.npy", X)
    pq.write_table(table, folder / "x.parquet", row_group_size=700)
    pa.feather.write_feather(table, folder / "x.arrow", compression="uncompressed", chunksize=900)
    (folder / "parts").mkdir()
    files = [folder / "parts" / f"{i}.parquet" for i in range(2)]
    for file, part in zip(files, (table[:1500], table[1500:]), strict=True):
        pq.write_table(part, file)
    return {
        ".npy": str(folder / "x.npy"),
        "path": folder / "x.npy",
        "memory map": np.load(folder / "x.npy", mmap_mode="r"),
        "part of a memory map": np.load(folder / "x.npy", mmap_mode="r")[:N],
        "Parquet": folder / "x.parquet",
        "Arrow IPC": folder / "x.arrow",
        "folder": folder / "parts",
        "list": [str(file) for file in files],
        "data set": pa.dataset.dataset(folder / "parts"),
        "table as a data set": pa.dataset.dataset(table),
        "chunks": cut(X, 999),
        "frames": cut(pd.DataFrame(X, columns=NAMES), 999),
        "polars": cut(pl.DataFrame(X, schema=NAMES), 999),
        "record batches": lambda: iter(table.to_batches(max_chunksize=500)),
        "stream": ArrowStream(table),
    }


class ArrowStream:
    """An object of some library that speaks Arrow."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


def test_sources_change_no_bit(X, tmp_path):
    whole = GaussianMixture(K, random_state=0).fit(scan(cut(X, N), memory=0))
    for name, source in sources(X, tmp_path).items():
        model = GaussianMixture(K, random_state=0).fit(scan(source, memory=0))
        same(model, whole)
        assert_array_equal(model.predict(source if "path" in name else scan(source)), whole.predict(X), err_msg=name)
        if name not in (".npy", "path", "memory map", "part of a memory map", "chunks"):
            assert model.feature_names_in_.tolist() == NAMES, name


def test_a_relation_of_duckdb(X):
    duckdb = pytest.importorskip("duckdb")
    rows = pa.table({name: X[:, j] for j, name in enumerate(NAMES)} | {"w": np.arange(N) % 3.0})  # noqa: F841
    relation = duckdb.sql("select * from rows")
    model = GaussianMixture(K, random_state=0).fit(scan(relation, columns=NAMES, weights="w", memory=0))
    same(model, GaussianMixture(K, random_state=0).fit(scan(cut(X, N), memory=0), sample_weight=np.arange(N) % 3.0))
    relation = duckdb.sql("select a, b, c from rows")
    assert_array_equal(model.predict(relation), model.predict(pd.DataFrame(X, columns=NAMES)))


def test_small_sources_are_arrays(X, tmp_path):
    """Where memory has a place for them they are taken as they would be by hand, also what can be read once."""
    whole = GaussianMixture(K, random_state=0).fit(X)
    for name, source in sources(X, tmp_path).items():
        same(GaussianMixture(K, random_state=0).fit(source), whole)
        assert whole.bic(X) == pytest.approx(GaussianMixture(K, random_state=0).fit(scan(source)).bic(source)), name
    reader = pa.table({name: X[:, j] for j, name in enumerate(NAMES)}).to_reader(300)
    same(GaussianMixture(K, random_state=0).fit(reader), whole)
    same(GaussianMixture(K, random_state=0).fit(cut(X, 100)()), whole)


def test_what_memory_holds_is_asked_again_by_its_names(X, tmp_path):
    """As rows that it does not hold, and as a frame: twice, as what was read first is no file any more."""
    frame = pd.DataFrame(X, columns=NAMES)
    frame.to_parquet(tmp_path / "X.parquet")
    model = GaussianMixture(K, random_state=0).fit(frame)
    rows = scan(tmp_path / "X.parquet")
    for _ in range(2):
        assert_array_equal(model.uncertainty(rows), model.uncertainty(frame))
        assert model.icl(rows) == model.icl(frame)
        assert_allclose(standard_errors(model, rows).means, standard_errors(model, frame).means, rtol=1e-12)
        assert_array_equal(GaussianMixture(K, random_state=0).fit_predict(rows), model.predict(frame))
    with pytest.raises(ValueError, match="feature names should match"):
        model.icl(scan(tmp_path / "X.parquet", columns=["c", "b", "a"]))


def test_whatever_takes_rows_takes_their_source(X, tmp_path):
    """A path, or a function, where they have room in memory."""
    X = X[:200]
    np.save(tmp_path / "X.npy", X)
    y, model = X[:, 0] > 100, GaussianMixture(2, random_state=0).fit(X)
    answers = {
        "examine": lambda rows: examine(rows).text,
        "outlyingness": model.outlyingness,
        "summary": model.summary,
        "select": lambda rows: [row[:8] for row in select(rows, 1, "diag", random_state=0).rows],
        "ratio": lambda rows: likelihood_ratio_test(rows, 1, "diag", n_bootstrap=3, random_state=0).statistic,
        "stream": lambda rows: GaussianMixture(2, random_state=0).partial_fit(rows).partial_fit(rows).means_,
        "classifier": lambda rows: MixtureClassifier().fit(rows, y).predict_proba(rows),
        "errors": lambda rows: MixtureClassifier().cross_validated(rows, y, 3, random_state=0).error,
        "regressor": lambda rows: MixtureRegressor(1).fit(rows, y).predict(rows),
        "report": lambda rows: report(model, rows, tmp_path / "page.html", figures=False).read_text(),
        "picture": lambda rows: MixtureDisplay.from_estimator(model, rows, features=[0, 1]).points,
        "map": lambda rows: UncertaintyDisplay.from_estimator(model, rows).points,
    }
    for i, (name, answer) in enumerate(answers.items()):
        source = cut(X, 100) if i % 2 else str(tmp_path / "X.npy")
        assert_array_equal(answer(source), answer(X), err_msg=name)


def test_a_summary_counts_rows_that_are_read_block_by_block(X):
    model, w = GaussianMixture(2, random_state=0).fit(X), 1.0 + np.arange(N) % 2
    assert "4000" in str(model.summary(scan(cut(X, 500), memory=0))).split("\n")[5]
    assert "6000" in str(model.summary(scan(cut(X, 500, w), memory=0))).split("\n")[5]


def test_columns_by_name(X, tmp_path):
    table = pa.table({"id": [str(i) for i in range(N)], "w": np.arange(N) % 2.0, "c": X[:, 2], "a": X[:, 0]})
    pq.write_table(table, tmp_path / "x.parquet")
    model = GaussianMixture(K, random_state=0).fit(scan(tmp_path / "x.parquet", columns=["a", "c"], weights="w"))
    assert model.feature_names_in_.tolist() == ["a", "c"]
    close(model, GaussianMixture(K, random_state=0).fit(X[1::2][:, [0, 2]]), 1e-9)


@pytest.mark.parametrize("name", [None, "w"])
def test_the_index_of_a_frame_is_no_feature_in_a_file_either(X, tmp_path, name):
    pd.DataFrame(X, columns=NAMES, index=pd.Index(np.arange(N)[::-1] * 3 + 1, name=name)).to_parquet(tmp_path / "x.pq")
    assert scan(tmp_path / "x.pq").column_names.tolist() == NAMES
    if name is not None:  # but it can be asked for
        assert scan(tmp_path / "x.pq", columns=["w", "a"]).width == 2
        assert scan(tmp_path / "x.pq", weights="w").column_names.tolist() == NAMES


def test_a_function_may_write_every_chunk_to_one_array(X):
    def chunks():
        chunk = np.empty((500, D))
        for begin in range(0, N, 500):
            chunk[:] = X[begin : begin + 500]
            yield chunk

    same(GaussianMixture(K, random_state=0).fit(scan(chunks, memory=0)),
         GaussianMixture(K, random_state=0).fit(scan(cut(X, N), memory=0)))


# --- what rows may be ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["beside", "in chunks", "a number"])
def test_weights(X, given):
    w = np.random.default_rng(1).integers(0, 4, N).astype(float) if given != "a number" else np.full(N, 2.0)
    whole, chunked = GaussianMixture(K, **PLAIN), GaussianMixture(K, **PLAIN)
    whole.fit(X, sample_weight=w)
    if given == "in chunks":
        source = scan(cut(X, 321, w))
        chunked.fit(source)
        assert_allclose(chunked.score(source), whole.score(X, sample_weight=w), rtol=1e-12)
        assert_allclose(chunked.icl(source), whole.icl(X, sample_weight=w), rtol=1e-12)
    else:
        chunked.fit(scan(cut(X, 321), memory=0), sample_weight=w if given == "beside" else 2.0)
        assert_allclose(chunked.bic(cut(X, 321), sample_weight=w), whole.bic(X, sample_weight=w), rtol=1e-12)
    close(chunked, whole, 1e-11)


def test_single_precision(X):
    single = X.astype(np.float32)
    chunked = GaussianMixture(K, **PLAIN).fit(scan(cut(single, 333), memory=0))
    whole = GaussianMixture(K, **PLAIN).fit(single)
    assert chunked.means_.dtype == np.float32
    close(chunked, whole, 1e-5)
    assert chunked.score_samples(cut(single, 100)).dtype == np.float32


def test_student(X):
    rng = np.random.default_rng(2)
    heavy = X + rng.standard_t(3, X.shape)
    chunked = StudentMixture(2, **PLAIN).fit(scan(cut(heavy, 700), memory=0))
    whole = StudentMixture(2, **PLAIN).fit(heavy)
    assert_allclose(chunked.lower_bound_, whole.lower_bound_, rtol=1e-11)
    assert_allclose(chunked.means_, whole.means_, rtol=1e-9)


def test_missing_values(X):
    gappy = np.array(X)
    gappy[np.random.default_rng(3).random(X.shape) < 0.1] = np.nan
    gappy[1536:3072] = X[1536:3072]  # a block without
    chunked = GaussianMixture(K, **PLAIN).fit(scan(cut(gappy, 700), memory=0))
    whole = GaussianMixture(K, **PLAIN).fit(gappy)
    close(chunked, whole, 1e-10)
    assert_allclose(chunked.score(cut(gappy, 700)), whole.score(gappy), rtol=1e-12)
    assert_array_equal(chunked.predict(cut(gappy, 700)), whole.predict(gappy))


def test_far_from_the_origin_and_of_other_sizes(X):
    """Frames are found from blocks as from all rows."""
    for scale in ([1e-200, 1.0, 1e200], [1e-3, 1e9, 1.0]):
        chunked = GaussianMixture(K, **PLAIN).fit(scan(cut(X * scale, 700), memory=0))
        whole = GaussianMixture(K, **PLAIN).fit(X * scale)
        assert_allclose(chunked.means_, whole.means_, rtol=1e-12)
        assert_allclose(chunked.lower_bound_, whole.lower_bound_, rtol=1e-11)


# --- what is asked of a fitted mixture -------------------------------------------------------------------------------


def test_verbs(X):
    model, source = GaussianMixture(K, random_state=0).fit(X), scan(cut(X, 450), memory=0)
    assert_array_equal(model.predict(source), model.predict(X))
    assert_allclose(model.predict_proba(source), model.predict_proba(X), rtol=1e-12)
    assert_allclose(model.score_samples(source), model.score_samples(X), rtol=1e-12)
    assert_allclose(model.uncertainty(source), model.uncertainty(X), rtol=1e-9, atol=1e-15)
    for verb in ("score", "bic", "aic", "icl"):
        assert_allclose(getattr(model, verb)(source), getattr(model, verb)(X), rtol=1e-12)
    for method in ("observed", "sandwich"):
        chunked, whole = (standard_errors(model, rows, method) for rows in (source, X))
        assert_allclose(chunked.means, whole.means, rtol=1e-9)
    assert_array_equal(stability(model, source, n_bootstrap=2, random_state=0, progress=False).ari,
                       stability(model, X, n_bootstrap=2, random_state=0, progress=False).ari)
    # one read is enough to score
    reader = pa.table({name: X[:, j] for j, name in enumerate(NAMES)}).to_reader(300)
    with pytest.warns(UserWarning, match="feature names"):
        assert_array_equal(model.predict(scan(reader, memory=0)), model.predict(X))


def test_responsibilities_to_start_from(X):
    labels = np.arange(N) % K
    how = {**PLAIN, "init_params": labels}
    close(GaussianMixture(K, **how).fit(scan(cut(X, 450), memory=0)), GaussianMixture(K, **how).fit(X))


def test_responsibilities_of_rows_with_gaps(X):
    """These start from complete rows in memory, which are a part."""
    gappy = np.where(np.arange(N)[:, None] % 5 + np.arange(D) == 4, np.nan, X)
    with pytest.raises(ValueError, match=r"init_params.*not in memory"):
        GaussianMixture(K, init_params=np.arange(N) % K).fit(scan(cut(gappy, 450), memory=0))

    def labels(rows, k, random_state):
        return np.arange(len(rows)) % k

    how = {**PLAIN, "init_params": labels, "max_iter": 2}
    assert_allclose(GaussianMixture(K, **how).fit(scan(cut(gappy, 450), memory=0)).means_,
                    GaussianMixture(K, **how).fit(gappy).means_, rtol=1e-10)


def test_select(X):
    source = scan(cut(X, 450), memory=0)
    how = dict(n_components=[1, 3, 4], covariance_types=["full", "EEI"], random_state=0, progress=False)
    chunked, whole = (select(rows, **how) for rows in (source, X))
    assert (chunked.best_row.n_components, chunked.best_row.covariance_type) == (K, whole.best_row.covariance_type)
    for row, other in zip(chunked.rows, whole.rows, strict=True):
        if other.n_components <= K:  # beyond, there are many maxima
            assert_allclose(row.bic, other.bic, rtol=1e-6)
            assert_allclose(row.entropy, other.entropy, rtol=1e-3, atol=1e-6)
    assert chunked.verdict.headline == whole.verdict.headline
    with pytest.raises(ValueError, match=r"cv.*block by block"):
        select(source, 2, criterion="cv")


# --- memory and threads ----------------------------------------------------------------------------------------------

PEAK = r"""
import re, sys
import numpy as np
from cyem import GaussianMixture, scan
first = np.load(sys.argv[1], mmap_mode="r")[:1000].copy()
how = dict(means_init=first[:2], max_iter=3, n_threads=1)
GaussianMixture(2, **how).fit(first).score(first)
def peak():  # of this process alone: that of getrusage is also that of what started it
    return int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1])
before = peak()
source = scan(sys.argv[1], memory=0)
GaussianMixture(2, **how).fit(source).score(source)
print(peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_memory_is_a_few_blocks(tmp_path):
    """Of 8 MB each, where the file has 96 of them."""
    path = str(tmp_path / "x.npy")
    X = np.lib.format.open_memmap(path, "w+", shape=(3 << 19, 8))
    rng = np.random.default_rng(0)
    for begin in range(0, len(X), 1 << 18):
        X[begin : begin + (1 << 18)] = rng.random((1 << 18, 8), np.float32)
    del X
    command = [sys.executable, "-W", "ignore", "-c", PEAK, path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 72 * 1024  # kilobytes


def test_reading_threads_end(X):
    """Also after an error, and after Ctrl-C, which leave the model as it was."""
    model = GaussianMixture(K, random_state=0).fit(X)
    before = numbers(model)
    untold = len(sys._current_frames()) - threading.active_count()  # of who runs the tests

    def broken(error):
        def chunks():
            yield X[:2000]
            raise error

        return chunks

    for error in (OSError("the disk is gone"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            model.fit(broken(error))
    for a, b in zip(numbers(model), before, strict=True):
        assert_array_equal(a, b)
    for block in scan(cut(X, 10), memory=0).blocks():
        assert len(block.X)
        break
    deadline = time.monotonic() + 20
    while any(frame.f_globals["__name__"].startswith("cyem") for frame in sys._current_frames().values()) \
            or len(sys._current_frames()) - threading.active_count() > untold:
        assert time.monotonic() < deadline
        time.sleep(0.01)


# --- bad input -------------------------------------------------------------------------------------------------------


def changing(*sizes):
    """A function whose chunks are another number of rows each time."""
    left = list(sizes)
    return lambda: iter([np.random.default_rng(0).normal(size=(left.pop(0) if len(left) > 1 else left[0], D))])


def bad():
    X = np.random.default_rng(0).normal(size=(40, D))
    infinite = X.copy()
    infinite[7, 1] = np.inf
    frame = pd.DataFrame(X, columns=NAMES)
    yield "width", lambda: iter([X, X[:, :2]]), ValueError, "row 40 .*2 features.*3"
    yield "names", lambda: iter([frame, frame.rename(columns={"a": "z"})]), ValueError, "'z'.*'a'"
    yield "no names", lambda: iter([frame, X]), ValueError, "named nothing"
    yield "type", lambda: iter([X, X.astype(np.float32)]), ValueError, "float32.*float64"
    yield "infinity", lambda: iter([X, infinite]), ValueError, "chunk 1.*row 40 .*infinity in row 7, column 1"
    yield "text", lambda: iter([[["a", "b"]]]), ValueError, "chunk 0"
    yield "one dimension", lambda: iter([X[0]]), ValueError, "chunk 0.*1D"
    yield "empty", lambda: iter([]), ValueError, "empty"
    yield "nothing in chunks", lambda: iter([X[:0]]), ValueError, "empty"
    yield "some weights", lambda: iter([(X, np.ones(40)), X]), ValueError, "no weights"
    yield "other weights", lambda: iter([(X, np.ones(39))]), ValueError, r"chunk 0.*\(39,\).*\(40,\)"
    yield "negative weights", lambda: iter([(X, np.full(40, -1.0))]), ValueError, "chunk 0.*negative"
    yield "weights of zero", lambda: iter([(X, np.zeros(40))]), ValueError, "positive weight"
    yield "triple", lambda: iter([(X, X, X)]), ValueError, "tuple of 3"
    yield "no iterator", lambda: 3, TypeError, "function without arguments"
    yield "arguments", lambda a: iter([X]), TypeError, "function without arguments"
    yield "column without values", lambda: iter([np.where([1, 0, 1], X, np.nan)]), ValueError, "columns 1"
    yield "shrinks", scan(changing(40, 40, 30), memory=0), ValueError, "had 40 rows .* 30"
    yield "grows", scan(changing(40, 40, 50), memory=0), ValueError, "had 40 rows .* 50"
    yield "once", scan(iter([X]), memory=0), ValueError, "only once.*function"
    yield "missing file", "nowhere.npy", FileNotFoundError, "nowhere"
    yield "missing data", "nowhere.parquet", FileNotFoundError, "nowhere"
    yield "other file", __file__, ValueError, r"\.npy"


@pytest.mark.parametrize(("source", "error", "message"), [pytest.param(*case, id=name) for name, *case in bad()])
def test_bad_sources(X, source, error, message):
    model = GaussianMixture(2, random_state=0).fit(X)
    before = numbers(model)
    with pytest.raises(error, match=f"(?s){message}"):
        model.fit(source)
    for a, b in zip(numbers(model), before, strict=True):
        assert_array_equal(a, b)


def test_bad_files(X, tmp_path):
    np.save(tmp_path / "x.npy", X)
    whole = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:-100])
    (tmp_path / "none.npy").write_bytes(b"text")
    np.save(tmp_path / "turned.npy", np.asfortranarray(X))
    np.save(tmp_path / "words.npy", np.array([["a"]]))
    (tmp_path / "none.parquet").write_bytes(b"text")
    infinite = X.copy()
    infinite[2500, 1] = -np.inf
    pq.write_table(pa.table({name: infinite[:, j] for j, name in enumerate(NAMES)}), tmp_path / "infinite.parquet",
                   row_group_size=1000)
    pq.write_table(pa.table({"a": X[:, 0], "b": ["x"] * N}), tmp_path / "text.parquet")
    (tmp_path / "mixed").mkdir()
    (tmp_path / "mixed" / "a.parquet").write_bytes(b"")
    (tmp_path / "mixed" / "b.csv").write_bytes(b"")
    for name, message in {
        "cut.npy": "cut short", "none.npy": "no .npy file", "turned.npy": "column by column",
        "words.npy": "matrix of numbers", "none.parquet": "cannot be read",
        "infinite.parquet": r"row group 2.*row 2000 .*row 500, column 1 \('b'\)",
        "text.parquet": "'b'", "mixed": "all of one kind",
    }.items():
        with pytest.raises(ValueError, match=f"(?s){message}"):
            GaussianMixture(2).fit(tmp_path / name)
    with pytest.raises(ValueError, match="no column 'z'"):
        scan(tmp_path / "text.parquet", columns=["z"])
    with pytest.raises(TypeError, match="list of names"):
        scan(tmp_path / "text.parquet", columns="a")
    with pytest.raises(TypeError, match="none to choose from"):
        scan(tmp_path / "x.npy", columns=["a"])
    with pytest.raises(TypeError, match="no source"):
        scan(X)


def test_columns_of_text(X, tmp_path):
    """Errors say what to choose instead."""
    table = pa.table({"a": X[:, 0], "town": ["x"] * N, "b": X[:, 1], "when": pd.date_range("2020", periods=N)})
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"column 'town'.*numbers: scan\(X, columns=\['a', 'b'\]\)\."):
        GaussianMixture(2).fit(tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"column 'town'.*numbers: X\[\['a', 'b'\]\] in each chunk\."):
        GaussianMixture(2).fit(lambda: iter([table.to_pandas()]))
    with pytest.raises(TypeError, match=r"column 'when'.*numbers: scan\(X, columns=\['a'\]\)\."):
        GaussianMixture(2).fit(scan(tmp_path / "x.parquet", columns=["a", "when"]))


def test_a_scan_says_what_it_is(X, tmp_path):
    np.save(tmp_path / "x.npy", X)
    source = scan(tmp_path / "x.npy", memory=0)
    assert repr(source) == f"Scan(the file {str(tmp_path / 'x.npy')!r}: rows not yet counted, columns not yet seen)"
    GaussianMixture(2, max_iter=1).fit(source)
    assert repr(source).endswith(": 4,000 rows, 3 columns, float64, in blocks of 1,536 rows)")
    frame = pa.table(dict.fromkeys("abcdefg", X[:, 0]))
    pq.write_table(frame, tmp_path / "x.parquet")
    assert repr(scan(tmp_path / "x.parquet")).endswith("rows not yet counted, 7 columns (a, b, c, d, e, ...))")
    assert repr(scan(cut(X, 10))).startswith("Scan(the function chunks: rows not yet")


def test_bad_use(X):
    source, model = scan(cut(X, 500), memory=0), GaussianMixture(2, random_state=0).fit(X)
    with pytest.raises(ValueError, match=r"sample_weight.shape == \(5,\)"):
        GaussianMixture(2).fit(source, sample_weight=np.ones(5))
    with pytest.raises(ValueError, match=r"sample_weight.shape == \(5000,\)"):
        GaussianMixture(2).fit(source, sample_weight=np.ones(5000))
    with pytest.raises(ValueError, match="give one of them"):
        GaussianMixture(2).fit(scan(cut(X, 500, np.ones(N)), memory=0), sample_weight=np.ones(N))
    with pytest.raises(TypeError, match="block by block"):
        GaussianMixture(2).fit(source, labels=np.zeros(N, int))
    with pytest.raises(TypeError, match="block by block"):
        model.impute(source)
    with pytest.raises(TypeError, match="noise"):
        model.predict(source, noise=np.ones((N, D)))
    with pytest.raises(ValueError, match=r"2 features.*3 features"):
        model.predict(cut(X[:, :2], 100))
    with pytest.raises(ValueError, match="n_components = 50"):
        GaussianMixture(50).fit(scan(cut(X[:40], 10), memory=0))


MISSING = """
import sys
import cyem
sys.modules["pyarrow"] = sys.modules["pyarrow.dataset"] = None
try:
    cyem.scan(sys.argv[1])
except ImportError as error:
    print(error)
"""


def test_a_library_that_is_missing(tmp_path):
    """Is named, with what installs it."""
    (tmp_path / "x.parquet").touch()
    command = [sys.executable, "-c", MISSING, str(tmp_path / "x.parquet")]
    assert "cyem[files]" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
