"""User data in every shape: the same matrix out, without needless copies, or an error that says what to do."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from cyem.rows import data
from cyem.rows.data import feature_names, samples, weights

A = np.arange(12.0).reshape(4, 3) / 7


def is_ready(array):
    return array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative and array.dtype.kind == "f"


# --- samples: what goes in ---


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_array_that_is_ready_is_not_copied(dtype):
    X = A.astype(dtype)
    assert samples(X) is X


def test_a_read_only_array_is_not_copied():
    X = A.copy()
    X.flags.writeable = False
    assert samples(X) is X


def test_a_memory_mapped_array_is_not_copied(tmp_path):
    np.save(tmp_path / "x.npy", A)
    X = np.load(tmp_path / "x.npy", mmap_mode="r")
    got = samples(X)
    assert np.shares_memory(got, X)
    assert not got.flags.writeable
    assert type(got) is np.ndarray


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "arrange",
    [
        np.asfortranarray,
        lambda X: np.repeat(X, 2, axis=1)[:, ::2],
        lambda X: X[::-1][::-1],
        lambda X: X.astype(X.dtype.newbyteorder()),
        lambda X: np.frombuffer(b"." + X.tobytes(), X.dtype, offset=1).reshape(X.shape),
        lambda X: np.ma.array(X, mask=False),
    ],
    ids=["Fortran", "strided", "reversed twice", "byte order", "unaligned", "masked nowhere"],
)
def test_layouts(arrange, dtype):
    X = A.astype(dtype)
    got = samples(arrange(X))
    assert is_ready(got)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, X)


@pytest.mark.parametrize("dtype", ["f2", "g", "i1", "i4", "i8", "u2", "?", "O", "U25", "S25"])
def test_other_numbers_become_float64(dtype):
    X = np.array([[0, 1], [1, 0]]).astype(dtype)
    got = samples(X)
    assert is_ready(got)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, [[0, 1], [1, 0]])


def test_nested_lists():
    np.testing.assert_array_equal(samples([[1, 2.5], (3, 4)]), [[1, 2.5], [3, 4]])


@pytest.mark.parametrize("value", [1e-300, 5e-324, 1e300, -1.7e308])
def test_all_finite_values_are_valid(value):
    X = np.full((1000, 3), value)  # their sum overflows
    assert samples(X) is X


def test_the_largest_float32_are_valid():
    X = np.full((1000, 3), np.finfo(np.float32).max)
    assert samples(X) is X


def test_a_ready_array_needs_no_memory():
    X = np.zeros((200_000, 10))
    tracemalloc.start()
    samples(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.size // 8  # the booleans of the whole array would be X.size bytes


# --- frames ---


def frames(library, columns):
    """A frame of the library with these columns; the test is skipped where the library is missing."""
    module = pytest.importorskip(library)
    return module.table(columns) if library == "pyarrow" else module.DataFrame(columns)


LIBRARIES = ["pandas", "polars", "pyarrow"]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("columns", "dtype"),
    [
        ({"a": np.array([1.5, 2]), "b": np.array([3, 4.5])}, np.float64),
        ({"a": np.array([1.5, 2], np.float32), "b": np.array([3, 4.5], np.float32)}, np.float32),
        ({"a": np.array([1.5, 2], np.float32), "b": np.array([3, 4.5])}, np.float64),
        ({"a": np.array([1, 2]), "b": np.array([3, 4.5], np.float32)}, np.float64),
        ({"a": np.array([1, 2]), "b": np.array([3, 4])}, np.float64),
        ({"a": np.array([True, False]), "b": np.array([3, 4])}, np.float64),
    ],
    ids=["double", "single", "both", "integer and single", "integer", "boolean"],
)
def test_frames(library, columns, dtype):
    got = samples(frames(library, columns))
    assert is_ready(got)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, np.column_stack(list(columns.values())))


def test_a_pandas_frame_around_an_array_is_not_copied():
    pandas = pytest.importorskip("pandas")
    assert np.shares_memory(samples(pandas.DataFrame(A, copy=False)), A)


def test_pandas_columns_of_one_name():
    pandas = pytest.importorskip("pandas")
    frame = pandas.concat([pandas.Series([1, 2], name="a"), pandas.Series([3.5, 4], name="a")], axis=1)
    np.testing.assert_array_equal(samples(frame), [[1, 3.5], [2, 4]])


def test_columns_named_like_attributes():
    frame = frames("pandas", {"columns": [1, 2], "dtype": [3.5, 4], "nnz": [5, 6], "column_names": [7, 8]})
    np.testing.assert_array_equal(samples(frame), [[1, 3.5, 5, 7], [2, 4, 6, 8]])
    assert list(feature_names(frame)) == ["columns", "dtype", "nnz", "column_names"]


@pytest.mark.parametrize(("given", "wanted"), [("Int64", np.float64), ("Float32", np.float32), ("boolean", np.float64)])
def test_nullable_pandas_types(given, wanted):
    frame = frames("pandas", {"a": [1, 0], "b": [0, 1]}).astype(given)
    got = samples(frame)
    assert got.dtype == wanted
    np.testing.assert_array_equal(got, [[1, 0], [0, 1]])


@pytest.mark.parametrize("given", ["category", "Sparse[float64]"])
def test_other_pandas_types(given):
    frame = frames("pandas", {"a": [1.0, 0], "b": [0.0, 1]}).astype(given)
    np.testing.assert_array_equal(samples(frame), [[1, 0], [0, 1]])


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("column", [[1, None], [1.5, None], [True, None]])
def test_missing_values_in_frames(library, column):
    frame = frames(library, {"full": [1, 2], "holes": column})
    if library == "pandas":
        frame = frame.convert_dtypes()
    with pytest.raises(ValueError, match=r"Input X contains NaN in row 1, column 1 \('holes'\)"):
        samples(frame)


@pytest.mark.parametrize("library", LIBRARIES)
def test_frames_with_text(library):
    frame = frames(library, {"good": [1, 2], "bad": ["red", "white"]})
    with pytest.raises(ValueError, match=r"column 'bad' of X must hold numbers only.*red"):
        samples(frame)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_with_dates(library):
    frame = frames(library, {"good": [1, 2], "day": np.array(["2020-01-01", "2021-01-01"], "M8[ms]")})
    with pytest.raises(TypeError, match=r"column 'day' of X must be numeric.*datetime64"):
        samples(frame)


def test_frames_without_columns():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match=r"X has 0 feature\(s\) \(shape=\(3, 0\)\)"):
        samples(pandas.DataFrame(index=range(3)))


# --- samples: what does not go in ---


def sparse():
    return pytest.importorskip("scipy.sparse").csr_array(np.eye(3))


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.arange(3.0), ValueError, r"1D array of shape \(3,\). Reshape your data"),
        (np.zeros((2, 2, 2)), ValueError, "2D array .* X is ndarray with 3 dimensions"),
        (3.0, ValueError, "2D array .* X is float with 0 dimensions"),
        (None, ValueError, "2D array .* X is NoneType"),
        ("wine.csv", ValueError, "2D array .* X is str"),
        (np.zeros((0, 3)), ValueError, r"0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of 1 is required"),
        (np.zeros((3, 0)), ValueError, r"0 feature\(s\) \(shape=\(3, 0\)\) while a minimum of 1 is required"),
        ([[1, 2], [3]], ValueError, "X cannot be converted to an array of numbers"),
        ([[1, 2j]], ValueError, "Complex data not supported: X"),
        ([["a", "b"]], ValueError, "X must hold numbers only: .*'a'"),
        ([[1, {}]], TypeError, "X must hold numbers only: .* argument must be a string.* number, not 'dict'"),
        ([[1, 1j, {}]], TypeError, "X must hold numbers only: .*'complex'"),
        ([[10**400]], ValueError, "X must hold numbers only: int too large"),
        (np.zeros((2, 2), "M8[s]"), TypeError, "X must be numeric, but has dtype datetime64"),
        (np.zeros((2, 2), "m8[s]"), TypeError, "X must be numeric, but has dtype timedelta64"),
        (np.zeros((2, 2), [("a", float)]), TypeError, "X must be numeric, but has dtype"),
        (sparse, TypeError, r"Sparse data is not supported: X is a csr_array; use X.toarray\(\)"),
        (np.ma.array(A, mask=A > 1.5), ValueError, "Input X contains NaN in row 3, column 2"),
        (np.full((2, 2), np.longdouble("1e400")), ValueError, "Input X contains infinity in row 0, column 0"),
    ],
)
def test_bad_samples(X, error, message):
    with pytest.raises(error, match=message):
        samples(X() if callable(X) else X)


def test_the_argument_is_named():
    with pytest.raises(ValueError, match=r"means_init is a 1D array.*means_init.reshape"):
        samples([1.0], name="means_init")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")])
@pytest.mark.parametrize("place", [0, 4, data.BLOCK - 1, data.BLOCK, 3 * data.BLOCK - 1])
def test_the_first_value_that_is_not_finite_is_named(place, value, word, dtype):
    X = np.full((data.BLOCK, 3), -value, dtype)
    X.flat[:place] = 1
    X.flat[place] = value
    kind = "Missing" if word == "NaN" else "Infinite"
    message = f"X contains {word} in row {place // 3}, column {place % 3}, counted from 0. {kind} values are not "
    with pytest.raises(ValueError, match=message):
        samples(X)


# --- weights ---


@pytest.mark.parametrize("ones", [None, 1, 1.0, True, [1, 1, 1], np.ones(3, np.float32)])
def test_no_weights(ones):
    assert weights(ones, 3) is None


@pytest.mark.parametrize(
    "given",
    [[2, 0, 1], (2.0, 0, 1), np.array([2, 0, 1], np.float32), np.array([2, 9, 0, 9, 1])[::2], np.array([2, 0, 1], "O")],
)
def test_weights(given):
    got = weights(given, 3)
    assert is_ready(got)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, [2, 0, 1])


def test_weights_that_are_ready_are_not_copied():
    w = np.array([2.0, 0, 1])
    w.flags.writeable = False
    assert weights(w, 3) is w


@pytest.mark.parametrize("scalar", [2, 2.0, np.float32(2), np.int8(2)])
def test_a_weight_for_all(scalar):
    np.testing.assert_array_equal(weights(scalar, 3), [2, 2, 2])


def test_logical_weights():
    np.testing.assert_array_equal(weights(np.array([True, False]), 2), [1, 0])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_series_of_weights(library):
    series = pytest.importorskip(library).Series([2, 0, 1])
    np.testing.assert_array_equal(weights(series, 3), [2, 0, 1])


def test_labels_named_like_attributes():
    pandas = pytest.importorskip("pandas")
    index = ["nnz", "filled", "itercolumns"]
    np.testing.assert_array_equal(weights(pandas.Series([2, 0, 1], index), 3), [2, 0, 1])
    np.testing.assert_array_equal(samples(pandas.DataFrame({"a": [2, 0, 1], "b": [1.5, 1, 1]}, index))[:, 0], [2, 0, 1])


def test_missing_weights():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="sample_weight contains NaN at index 1"):
        weights(pandas.Series([2, None, 1], dtype="Int64"), 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1, -2, -3], r"sample_weight must not be negative, but is -3.0 at index 2"),
        (-1, "sample_weight must not be negative, but is -1.0"),
        ([1, np.nan, 1], "sample_weight contains NaN at index 1"),
        ([1, 1, np.inf], "sample_weight contains infinity at index 2"),
        ([0, 0, 0], "sample_weight sums to 0.0: at least one must be non-zero"),
        (0, "sample_weight sums to 0.0"),
        ([1e308, 1e308, 1e308], "sample_weight sums to inf"),
        ([1, 1], r"sample_weight.shape == \(2,\), expected \(3,\)"),
        ([[1], [1], [1]], r"must be 1D array or scalar, but sample_weight has shape \(3, 1\)"),
        (["a", "b", "c"], "sample_weight must hold numbers only: .*'a'"),
        ([1j, 1, 1], "Complex data not supported: sample_weight"),
    ],
)
def test_bad_weights(given, message):
    with pytest.raises(ValueError, match=message):
        weights(given, 3)


# --- feature names ---


@pytest.mark.parametrize("library", LIBRARIES)
def test_names_of_frames(library):
    got = feature_names(frames(library, {"b": [1], "a": [2]}))
    assert got.dtype == object
    assert list(got) == ["b", "a"]


@pytest.mark.parametrize("columns", [[0, 1], [("a", 0), ("a", 1)], [1.5, 2]])
def test_names_that_are_no_text_do_not_count(columns):
    pandas = pytest.importorskip("pandas")
    assert feature_names(pandas.DataFrame([[1, 2]], columns=columns)) is None


def test_names_of_mixed_types():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(TypeError, match=r"only supported if all input features have string names.*\['int', 'str'\]"):
        feature_names(pandas.DataFrame([[1, 2]], columns=["a", 1]))


@pytest.mark.parametrize("X", [A, [[1, 2]], np.rec.array([(1, 2)], names="columns,b"), "columns"])
def test_no_names(X):
    assert feature_names(X) is None


def test_frames_are_not_imported():
    code = "import sys, cyem.rows.data; print({'pandas', 'polars', 'pyarrow', 'scipy', 'sklearn'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
