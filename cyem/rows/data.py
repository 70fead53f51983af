"""The only door for user data: what comes in as array, frame or list goes on as a matrix the kernels can read."""

import numbers

import numpy as np

from ..kernels import linalg

BLOCK = 1 << 16  # values searched for NaN and infinity at a time: the search needs no memory


def samples(X, *, name="X"):
    """The samples as a matrix of finite numbers.

    Parameters
    ----------
    X : array-like or frame (pandas, polars, pyarrow) of shape (n, d)
        Anything that NumPy, or the frame itself, turns into numbers.
    name : str
        What error messages call it.

    Returns
    -------
    ndarray of shape (n, d)
        C-contiguous, aligned, in native byte order; float32 where X is float32, else float64. It is X itself where X
        already is that (also read-only or memory-mapped), and one copy otherwise.

    Raises
    ------
    TypeError
        For sparse matrices, dates and records, and objects that are no numbers.
    ValueError
        For any other shape than (n >= 1, d >= 1), complex numbers, text that is no number, NaN and infinity.

    Examples
    --------
    >>> samples([[1, 2], [3, 4]])
    array([[1., 2.],
           [3., 4.]])
    """
    if _ready(X):
        return X
    array = _matrix(X, name)
    if (place := _first_not_finite(array)) is not None:
        _refuse(array, place, X, name)
    return array


def observed(X, *, name="X"):
    """The same, but for values that are missing: these are NaN.

    Anything that stands for a missing value in X is: NaN, None, NA of pandas, null of polars and pyarrow, what is
    masked.

    Returns
    -------
    X : ndarray of shape (n, d)
    complete : bool
        Whether nothing is missing.

    Raises
    ------
    TypeError, ValueError
        As `samples`, but not for what is missing.

    Examples
    --------
    >>> observed([[1, None], [3, 4]])
    (array([[ 1., nan],
           [ 3.,  4.]]), False)
    """
    if _ready(X):
        return X, True
    array = _matrix(X, name)
    if _first_not_finite(array) is None:
        return array, True
    if (place := _first_not_finite(array, missing=True)) is not None:
        _refuse(array, place, X, name)
    return array, False


def columns_without_values(X, names=None):
    """Raise ValueError where a column has nothing but missing values."""
    empty = np.flatnonzero(np.isnan(X).all(axis=0))
    if len(empty):
        labels = ", ".join(str(j) if names is None else f"{j} ({names[j]!r})" for j in empty.tolist())
        raise ValueError(f"X has no observed value at all in columns {labels}, counted from 0: leave these out.")


def _matrix(X, name):
    """The samples as the kernels read them, also where they are no finite numbers."""
    if hasattr(type(X), "in_memory"):  # rows that are somewhere else
        return X.in_memory(name)
    _refuse_models(X, name)
    array = _frame(X, name) if _column_names(X) is not None else _array(X, name)
    if array.ndim == 1:
        raise ValueError(
            f"Expected a 2D array, but {name} is a 1D array of shape {array.shape}. Reshape your data: "
            f"{name}.reshape(-1, 1) if it has a single feature, {name}.reshape(1, -1) if it is a single sample."
        )
    if array.ndim != 2:
        raise ValueError(
            f"Expected a 2D array (samples x features), but {name} is {type(X).__name__} with {array.ndim} dimensions"
            f"{'' if array.ndim else ': are the arguments in the order in which they are asked for?'}"
        )
    for size, what in zip(array.shape, ("sample(s)", "feature(s)"), strict=True):
        if size == 0:
            raise ValueError(f"{name} has 0 {what} (shape={array.shape}) while a minimum of 1 is required.")
    return _contiguous(array, name)


def _refuse_models(X, name):
    """Raise TypeError where a model, or what was made of one, is in the place of samples."""
    kind = type(X)
    if hasattr(kind, "fit") or (kind.__module__.startswith("cyem.") and _column_names(X) is None):
        raise TypeError(f"{name} is a {kind.__name__}, and must be samples, an array or frame of shape (samples, "
                        "features): are the arguments in the order in which they are asked for?")


def _refuse(array, place, X, name):
    """Raise ValueError for a value at a place of the flattened array."""
    row, column = divmod(place, array.shape[1])
    names, value = feature_names(X), array[row, column]
    column_name = "" if names is None else f" ({names[column]!r})"
    kind = "Missing values are not supported here" if np.isnan(value) else "Infinite values are not supported"
    raise ValueError(f"{_not_finite(name, value)} in row {_called(row, X)}, column {column}{column_name}, counted from "
                     f"0. {kind}: remove or replace them.")


def _ready(X):
    """Whether X is an array to which nothing has to be done."""
    return type(X) is np.ndarray and linalg.ready(X)


def as_bytes(X):
    """Each row of X (n, d) as one item (n,), the same where rows are equal, as `numpy.unique` takes them.

    Where that is asked for rows, it compares them number by number, and makes a TypeError of Ctrl-C.
    """
    return (np.ascontiguousarray(X) + 0.0).view(np.dtype((np.void, X.itemsize * X.shape[1]))).ravel()  # -0 is 0


def finite(array):
    """Whether there is no NaN and no infinity in a contiguous array that the kernels read."""
    return linalg.all_finite(array.reshape(-1))


def counted(X, sample_weight, frame=None):
    """Samples of positive weight, and these weights: what a fit takes.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        As `samples` gives it.
    sample_weight, frame : as `weights` takes them

    Returns
    -------
    X : ndarray
    weights : ndarray or None
    kept : tuple of n and the rows that are kept, or None where these are all
    """
    if hasattr(type(X), "weighted"):  # rows that are somewhere else, with their weights
        return X.weighted(sample_weight), None, None
    found = weights(sample_weight, len(X), frame)
    if found is None or found.all():
        return X, found, None
    rows = np.flatnonzero(found)
    return X[rows], found[rows], (len(X), rows)


def weights(sample_weight, n, frame=None):
    """The weights of n samples, or None where every sample counts once.

    Parameters
    ----------
    sample_weight : None, number or array-like of shape (n,)
        How often each sample counts, >= 0; a number counts for all of them.
    n : int
        Number of samples.
    frame : optional
        Where the samples come from, which may have names of rows.

    Returns
    -------
    None or ndarray of shape (n,), contiguous float64
        None also where all weights are 1, so that these two take the same path.

    Raises
    ------
    TypeError, ValueError
        For weights that are no numbers, negative, NaN, infinite, all zero, or not n of them in one dimension.

    Examples
    --------
    >>> weights([2, 0, 1], 3)
    array([2., 0., 1.])
    >>> weights(None, 3) is None
    True
    """
    if sample_weight is None:
        return None
    array = nonnegative(sample_weight, n, frame)
    with np.errstate(over="ignore"):
        total = array.sum()
    if not 0 < total < np.inf:
        raise ValueError(f"sample_weight sums to {total}: at least one must be non-zero, and their sum finite.")
    return None if (array == 1).all() else array


def nonnegative(sample_weight, n=None, frame=None):
    """Weights of n samples, or of any number, each of which is a finite number >= 0: contiguous float64 (n,).

    Raises
    ------
    TypeError, ValueError
        As `weights`, but for what these sum to.
    """
    given = sample_weight
    if isinstance(sample_weight, numbers.Real):
        sample_weight = np.full(n, sample_weight, dtype=np.float64)
    array = _array(sample_weight, "sample_weight")
    if array.ndim != 1:
        raise ValueError(
            f"Sample weights must be 1D array or scalar, but sample_weight has shape {array.shape}: "
            f"give one weight for each {'sample' if n is None else f'of the {n} samples'}."
        )
    if n is not None and len(array) != n:
        raise ValueError(f"sample_weight.shape == {array.shape}, expected {(n,)}: one weight for each sample of X.")
    array = _contiguous(array, "sample_weight").astype(np.float64, copy=False)
    if (place := _first_not_finite(array)) is not None:
        raise ValueError(
            f"{_not_finite('sample_weight', array[place])} at index {_called(place, frame, given)}. Give such a sample "
            "a finite weight >= 0."
        )
    if len(array) and array[place := int(array.argmin())] < 0:
        raise ValueError(f"sample_weight must not be negative, but is {array[place]} at index "
                         f"{_called(place, frame, given)}: 0 leaves a sample out.")
    return array


def noise(given, X, frame=None):
    """Variances (n, d) or covariances (n, d, d) of errors of measurement of samples X, checked.

    frame: where these come from, which may have names of rows.

    Raises
    ------
    TypeError, ValueError
        For another shape, and for a row whose covariance is none: not finite where X was observed, not symmetric, or
        with a negative variance in some direction.

    Examples
    --------
    >>> noise([[0.1, 0.2]], np.ones((1, 2)))
    array([[0.1, 0.2]])
    """
    array = _contiguous(_array(given, "noise"), "noise").astype(np.float64, copy=False)
    n, d = X.shape
    if array.shape not in ((n, d), (n, d, d)):
        raise ValueError(f"noise must have shape {(n, d)} (variances of each value) or {(n, d, d)} (a covariance "
                         f"matrix for each row), got {array.shape}.")
    seen = ~np.isnan(X)
    array = np.where(seen if array.ndim == 2 else seen[:, :, None] & seen[:, None], array, 0.0)
    wrong = ~np.isfinite(array).reshape(n, -1).all(axis=1)
    if not wrong.any():
        if array.ndim == 2:
            wrong = (array < 0).any(axis=1)
        else:
            size = np.abs(array).max(axis=(1, 2), initial=0)
            wrong = np.abs(array - array.swapaxes(1, 2)).max(axis=(1, 2)) > 1e-9 * size
            if not wrong.any():
                units = np.sqrt(np.maximum(np.diagonal(array, axis1=1, axis2=2), 0))
                units[units == 0] = 1.0
                least = np.linalg.eigvalsh(array / units[:, :, None] / units[:, None])[:, 0]
                wrong = least < -1e-9
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"noise of row {_called(row, frame, given)}, counted from 0, is no covariance: it must be "
                         "finite where X was observed, symmetric, and nowhere negative. Got "
                         f"{array[row].tolist()}.")
    return array


def components(labels, n, k, background=False, frame=None):
    """What is known of the components of n samples, as factors of the weights (n, k), or (n, k + 1) with a background.

    Parameters
    ----------
    labels : array-like of shape (n,), (n, k) or (n, k + 1)
        Components from 0 to k - 1, and -1 where nothing is known; or factors, 0 for what is impossible.
    background : bool
        Whether samples may be of no component: factors then have a last column for that.
    frame : optional
        Where the samples come from, which may have names of rows.

    Raises
    ------
    TypeError, ValueError
        For another shape, labels out of range, negative factors, and rows that may come from no component.

    Examples
    --------
    >>> components([1, -1], 2, 2)
    array([[0., 1.],
           [1., 1.]])
    """
    array = _array(labels, "labels")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"labels must be numbers of components from 0 to n_components - 1 = {k - 1}, or -1 for a row "
                        f"of which nothing is known, not {words(array)}")
    if array.shape == (n,):
        whole = array.astype(np.float64)
        wrong = ~((whole == np.rint(whole)) & (whole >= -1) & (whole < k))
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(f"labels must be integers from 0 to n_components - 1 = {k - 1}, or -1 for a row of which "
                             f"nothing is known; row {_called(row, frame, labels)}, counted from 0, has "
                             f"{array[row].item()!r}.")
        return np.where(whole[:, None] < 0, 1.0, whole[:, None] == np.arange(k + background))
    if array.shape != (n, k + background):
        raise ValueError(f"labels must have shape {(n,)} (components) or {(n, k + background)} (how possible each "
                         f"component is{', and, last, the background' * background}) for {n} samples and "
                         f"n_components={k}, got {array.shape}.")
    array = array.astype(np.float64)
    wrong = ~(np.isfinite(array) & (array >= 0)).all(axis=1) | ~(array > 0).any(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"labels of row {_called(row, frame, labels)}, counted from 0, are {array[row].tolist()}: "
                         "they must be >= 0, finite, and leave at least one component possible.")
    return array


def words(array):
    """What is said of an array that is none of numbers: some of what is in it, and how to number it if it is text."""
    some = ", ".join(map(repr, dict.fromkeys(array.ravel()[:50].tolist())))
    some = some if len(some) < 80 else f"{some[:80]} ..."
    remedy = "; numpy.unique(labels, return_inverse=True)[1] numbers words" if array.dtype.kind in "US" else ""
    return f"{array.dtype} such as {some}{remedy}."


def every_component_possible(components):
    """Raise ValueError where some component is that of no sample, by what is known of them (n, k), or None."""
    if components is not None and not components.any(axis=0).all():
        none = int(components.any(axis=0).argmin())
        raise ValueError(f"labels leave component {none} without any sample of positive weight that may come from it: "
                         "ask for fewer components, or leave more labels open (-1).")


def feature_names(X):
    """The names of the columns of a frame, or None where there are none or they are not text.

    Returns
    -------
    ndarray of shape (d,) and dtype object, or None

    Raises
    ------
    TypeError
        Where only some of the names are text.

    Examples
    --------
    >>> feature_names([[1.0, 2.0]]) is None
    True
    """
    if type(X) is np.ndarray:
        return None
    names = _column_names(X)
    types = {type(name).__name__ for name in names or ()}
    if "str" not in types:
        return None
    if len(types) > 1:
        raise TypeError(
            "Feature names are only supported if all input features have string names, but the columns of X are named "
            f"by {sorted(types)}: convert them all, for example X.columns = X.columns.astype(str)."
        )
    return np.array(names, dtype=object)


def row_names(X):
    """What the rows of a frame are called: its index, unless this counts them from 0.

    Returns
    -------
    list of length n, or None

    Examples
    --------
    >>> row_names([[1.0, 2.0]]) is None
    True
    """
    if hasattr(type(X), "iloc"):  # pandas, and those that follow it
        names = X.index.tolist()
        return None if names == list(range(len(names))) else names
    return getattr(X, "row_names", None) if hasattr(type(X), "row_names") else None


def _called(row, *frames):
    """A row in a sentence: its number, and what the first of some frames that has names of rows calls it."""
    names = next((names for names in map(row_names, frames) if names is not None), None)
    return f"{row}" if names is None or row >= len(names) else f"{row} ({names[row]!r})"


def _column_names(X):
    """The labels of the columns of a frame as a list; None where X is no frame."""
    # asked of the type: attributes of a frame may be its columns
    for attribute in ("column_names", "columns"):
        if hasattr(type(X), attribute):
            names = getattr(X, attribute)
            return None if names is None else list(names)
    return None


def _frame(X, name):
    """The values of a frame: its own block where it has one, else gathered column by column, which is one copy."""
    if hasattr(type(X), "iloc"):  # pandas, and those that follow it
        types = set(X.dtypes)
        if len(types) == 1 and isinstance(own := types.pop(), np.dtype) and own.kind != "O":
            return _array(np.asarray(X), name)
    columns = _columns(X)
    single = all(np.asarray(column[:0]).dtype == np.float32 for column in columns)
    values = np.empty((X.shape[0], len(columns)), np.float32 if single else np.float64)
    for j, (label, column) in enumerate(zip(_column_names(X), columns, strict=True)):
        column_name = f"column {label!r} of {name}"
        values[:, j] = _contiguous(_array(column, column_name), column_name, X)
    return values


def _columns(X):
    """The columns of a frame."""
    if hasattr(type(X), "iloc"):
        return [column for _, column in X.items()]
    return list(X.itercolumns() if hasattr(X, "column_names") else X.iter_columns())  # pyarrow, polars


def columns_of_numbers(X):
    """The labels of the columns of a frame that can be read as numbers, or None where X is no frame."""
    names = _column_names(X)
    if names is None:
        return None
    found = []
    for label, column in zip(names, _columns(X), strict=True):
        try:
            _contiguous(_array(column, label), label)
        except (TypeError, ValueError):
            continue
        found.append(label)
    return found


def _array(values, name):
    """Values as an ndarray of a type that converts to real numbers; no copy if there is a way."""
    if hasattr(type(values), "nnz"):
        raise TypeError(f"Sparse data is not supported: {name} is a {type(values).__name__}; use {name}.toarray().")
    if hasattr(type(values), "filled") and values.mask.any():  # of a masked array, what is hidden is missing
        values = values.astype(np.float64).filled(np.nan)
    dtype = getattr(values, "dtype", None)
    if hasattr(dtype, "na_value") and dtype.kind in "biuf":  # a type of pandas, whose NA NumPy does not know
        values = values.to_numpy(dtype=np.float64, na_value=np.nan)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} cannot be converted to an array of numbers: {error}") from error
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} has dtype {array.dtype}; give real and imaginary parts.")
    if array.dtype.kind in "mMV":
        raise TypeError(f"{name} must be numeric, but has dtype {array.dtype}: convert it to numbers first.")
    return array


def _contiguous(array, name, frame=None):
    """The array as the kernels read it: float32 or float64, C-contiguous, aligned, native; no copy where it is that."""
    dtype = np.float32 if array.dtype.kind == "f" and array.dtype.itemsize == 4 else np.float64
    try:
        with np.errstate(over="ignore"):  # a long double beyond float64 is reported as infinite
            return np.require(array, dtype, ["C", "A"])
    except (TypeError, ValueError, OverflowError):
        return _one_by_one(array, name, frame)


def _one_by_one(array, name, frame):
    """Numbers of an array of objects or text, NA of pandas as NaN; an error names the first that is none.

    frame: where the array comes from, which may have names of rows.
    """
    if not array.ndim:
        raise TypeError(f"{name} must hold numbers, got {array.item()!r}")
    numbers = np.empty(array.shape)
    for place, value in np.ndenumerate(array):
        try:
            numbers[place] = np.nan if type(value).__name__ == "NAType" else value
        except (TypeError, ValueError, OverflowError) as error:
            where = f"row {_called(place[0], frame)}" + "".join(f", column {i}" for i in place[1:])
            gap = ": where nothing is there, write NaN or None" if isinstance(value, str) and not value.strip() else ""
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{name} must hold numbers only: {error} in {where}, counted from 0{gap}") from error
    return numbers


def _first_not_finite(array, missing=False):
    """The flat index of the first NaN, unless values may be missing, or infinity of a C-contiguous array, or None."""
    flat = array.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        block = flat[start : start + BLOCK]
        if not linalg.all_finite(block) and (wrong := np.isinf(block) if missing else ~np.isfinite(block)).any():
            return start + int(wrong.argmax())
    return None


def _not_finite(name, value):
    return f"Input {name} contains {'NaN' if np.isnan(value) else 'infinity'}"
