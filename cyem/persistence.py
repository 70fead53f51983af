"""Models as files: a zip of arrays (NumPy's npz) and one JSON text. Reading one runs no code, unlike a pickle.

`metadata.json` holds the format and its version, the class, the version of cyem, parameters, fitted attributes that are
plain values, and dtype and shape of every array; each array is a member `NAME.npy`. Nothing is compressed, so that no
member can grow beyond the file, and a zip of the same model is the same bytes.
"""

import json
import os
import re
import zipfile

import numpy as np

from . import __version__, files
from .covariance import structure
from .estimator import warn
from .gaussian import GaussianMixture, Memo, Report

FORMAT = "cyem model"
VERSION = 1  # raised when older versions of cyem could not read the file
METADATA = "metadata.json"


def save(model, path):
    """Write a fitted model to a file, which then holds this model or, if writing fails, what it held before.

    Parameters that are neither plain values nor arrays of numbers (a random generator, a function) are left out with a
    warning: the loaded model has their defaults. This touches a later `fit`, not the fitted model.

    Parameters
    ----------
    model : GaussianMixture
        Fitted.
    path : str or path
        File name, taken as it is; ".npz" is customary.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import cyem
    >>> model = cyem.GaussianMixture.from_parameters([1.0], [[0.0, 1.0]], [[[1.0, 0.0], [0.0, 2.0]]])
    >>> with TemporaryDirectory() as folder:
    ...     model.save(Path(folder, "model.npz"))
    ...     cyem.load(Path(folder, "model.npz")).means_
    array([[0., 1.]])
    """
    model._check_fitted()
    arrays = {}
    metadata = {
        "format": FORMAT,
        "format_version": VERSION,
        "class": type(model).__name__,
        "cyem_version": __version__,
        "parameters": _plain(model.get_params(deep=False), arrays),
        "fitted": _plain(_fitted(model), arrays),
        "arrays": {name: _layout(array) for name, array in arrays.items()},
    }
    files.write(path, lambda file: _fill(file, metadata, arrays))


def load(path):
    """Read a model from a file that `GaussianMixture.save` wrote.

    Parameters
    ----------
    path : str or path
        File name.

    Returns
    -------
    GaussianMixture
        Equal to the saved one, bit for bit.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no model file, is truncated or damaged, or was written by a version of cyem that knows more.

    Examples
    --------
    See `GaussianMixture.save`.
    """
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return _model(*_read(archive))
        except (zipfile.BadZipFile, EOFError, NotImplementedError):
            problem = "it is no model file, or truncated or damaged"
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
            problem = " ".join(str(error).split())
    raise ValueError(f"cannot load a model from {os.fspath(path)!r}: {problem}")


def _fitted(model):
    return {name: value for name, value in vars(model).items() if _is_fitted_name(name)}


def _is_fitted_name(name):
    return name.isidentifier() and name.endswith("_") and not name.startswith("_")


def _plain(values, arrays):
    """The values that JSON has; numeric arrays go to `arrays`."""
    plain = {}
    for name, value in values.items():
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            arrays[name] = np.asarray(value, order="C")
            continue
        try:
            plain[name] = json.loads(json.dumps(value, default=_item))
        except TypeError:
            warn(f"{name}={value!r} is not saved: the loaded model has the default")
    return plain


def _item(value):
    """A NumPy scalar or an array of text as JSON has it."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no plain value")


def _layout(array):
    return {"dtype": array.dtype.str, "shape": list(array.shape)}


def _fill(file, metadata, arrays):
    """Write the archive."""
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo(METADATA), json.dumps(metadata, indent=1))
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _read(archive):
    """Metadata and arrays."""
    members = {info.filename: info for info in archive.infolist()}
    if METADATA not in members:
        raise ValueError("it is no model file: it has no metadata.json")
    for info in members.values():
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            raise ValueError(f"it is no model file, or damaged: {info.filename!r} is not stored as it is")
    metadata = json.loads(archive.read(METADATA))
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise ValueError("it is no model file: metadata.json is of another format")
    version = metadata.get("format_version")
    if version != VERSION:
        raise ValueError(
            f"its format version is {version!r}, written by cyem {metadata.get('cyem_version')}; cyem "
            f"{__version__} reads version {VERSION}: install a newer cyem"
        )
    for key in ("parameters", "fitted", "arrays"):
        if not isinstance(metadata.get(key), dict):
            raise ValueError(f"damaged metadata: {key!r} is missing")
    arrays = {}
    for name, layout in metadata["arrays"].items():
        try:
            arrays[name] = _read_array(archive.read(members[f"{name}.npy"]), layout["dtype"], layout["shape"])
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"damaged array {name!r}: {error}") from error
    return metadata, arrays


def _read_array(data, dtype, shape):
    """The array in the bytes of a .npy member; its header, which needs parsing, is skipped for what the JSON says."""
    start = 10 + int.from_bytes(data[8:10], "little")
    if data[:8] != b"\x93NUMPY\x01\x00" or not re.fullmatch("[<>|][biuf][1248]", dtype):
        raise ValueError(f"dtype {dtype!r}")
    return np.frombuffer(data, dtype, offset=start).reshape(shape).copy()


def _model(metadata, arrays):
    """The model that metadata and arrays describe."""
    if metadata.get("class") != GaussianMixture.__name__:
        raise ValueError(f"it holds a {metadata.get('class')!r}, which cyem {__version__} does not know")
    values = metadata["parameters"] | metadata["fitted"] | arrays
    fitted = {name: values.pop(name) for name in list(values) if _is_fitted_name(name)}
    model = GaussianMixture(**values)
    model.fit_report_, model._memo = Report(fitted.pop("fit_report_", ())), Memo()
    names = fitted.pop("feature_names_in_", None)
    for name, value in fitted.items():
        setattr(model, name, value)
    k, d = model.n_components, fitted.get("n_features_in_", model.means_.shape[-1])
    square = structure(model.covariance_type).shape(k, d)
    expected = {"weights_": (k,), "means_": (k, d), "precisions_cholesky_": square}
    expected |= {name: square for name in ("covariances_", "precisions_") if name in fitted}
    for name, shape in expected.items():
        found = getattr(model, name)
        if found.shape != shape or found.dtype.kind != "f":
            raise ValueError(f"{name} has shape {found.shape} of {found.dtype}, expected {shape} of floats")
    if names is not None:
        model.feature_names_in_ = np.array(names, dtype=object)
    return model
