"""Models as files: a zip of arrays (NumPy's npz) and one JSON text. Reading one runs no code, unlike a pickle.

`metadata.json` holds the format and its version, the version of cyem, dtype and shape of every array, and what the
model is: its class, parameters and fitted attributes that are plain values; each array is a member `NAME.npy`. Of a
model that has a mixture in it, "parts" tells the same, by the name of the attribute; its arrays are members
`ATTRIBUTE.NAME.npy`. Arrays of text have the dtype U. Nothing is compressed, so that no member can grow beyond the
file, and a zip of the same model is the same bytes.
"""

import errno
import inspect
import json
import math
import numbers
import os
import re
import stat
import sys
import zipfile
from functools import partial
from reprlib import repr
from typing import NamedTuple

import numpy as np

from .. import files, threads
from ..families import state
from ..families.covariance import structure
from ..notices import warn
from ..version import __version__
from .history import Memo, Report


class Format(NamedTuple):
    """A kind of such files."""

    name: str
    version: int  # raised when older versions of cyem could not read the file
    parts: tuple  # of the metadata, besides the arrays
    word: str  # what errors call it


FORMAT = Format("cyem model", 1, ("parameters", "fitted"), "model")
METADATA = "metadata.json"
DTYPES = r"[<>][iuf][248]|\|[iub]1|[<>]U[1-9]\d{0,3}"
FLOATS = r"[<>]f[248]"
OBJECTS = partial(np.array, dtype=object)
KINDS = ("fit_report_", Report), ("feature_names_in_", OBJECTS)  # what lists in the text are as attributes


def save(model, path):
    """Write a fitted model to a file, which then holds this model or, if writing fails, what it held before.

    What is written can be loaded, and is then equal bit for bit; a model of which this cannot be said is an error. A
    file that is replaced keeps its permissions.

    Parameters that are neither plain values nor arrays of numbers (a random generator, a function) are left out with a
    warning: the loaded model has their defaults. This touches a later `fit`, not the fitted model. So are attributes
    that a user added, if they are neither; of those that are saved, tuples come back as lists, and NumPy's numbers as
    those of Python.

    A model of a subclass is not saved: it may have parameters, attributes and methods that `load` knows nothing of, so
    that another model would come back. Pickle it, or save a `GaussianMixture` made of its parameters.

    Parameters
    ----------
    model : GaussianMixture, StudentMixture, MixtureRegressor or MixtureClassifier
        Fitted.
    path : str or path
        File name, taken as it is; ".npz" is customary.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError, ValueError
        If it is of a subclass, or has attributes that do not fit together, or are not what a fit leaves: which ones.
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
    own = type(model)
    if "_saved" not in vars(own):
        base = next(cls.__name__ for cls in own.__mro__ if "_saved" in vars(cls))
        remedy = "" if own._parts else (
            f", or save a {base}.from_parameters(...) of its weights_, means_ and covariances_")
        raise TypeError(f"a {own.__name__} is not saved, as load would return a {base}: pickle it{remedy}.")
    arrays, classes = {}, {}
    metadata = _described(model, arrays, classes)
    # as `load` will do: what that refuses is not written
    restored(json.loads(json.dumps(metadata)), arrays, classes.get)
    files.write(path, lambda file: packed(file, FORMAT, metadata, arrays))


def packed(file, kind, metadata, arrays):
    """Write metadata and arrays {name: array} to an open file."""
    first = {"format": kind.name, "format_version": kind.version}
    text = json.dumps({**first, **metadata, "cyem_version": __version__, "arrays": {
        name: {"dtype": array.dtype.str, "shape": list(array.shape)} for name, array in arrays.items()}}, indent=1)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo(METADATA), text)
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _described(model, arrays, classes, prefix=""):
    """What metadata say of a model; its arrays go to `arrays`, and the classes of it and its parts to `classes`."""
    model._check_fitted()
    model._check_whole()
    classes[type(model).__name__] = type(model)
    own, fitted = {}, _fitted(vars(model))
    parts = {name: _described(fitted.pop(name), arrays, classes, f"{prefix}{name}.") for name in model._parts}
    said = {
        "class": type(model).__name__,
        "parameters": _plain(model.get_params(deep=False), own),
        "fitted": _plain(fitted, own),
    }
    arrays |= {prefix + name: array for name, array in own.items()}
    return said | {"parts": parts} if parts else said


def read(path, known):
    """The model in a file, of a class that `known` gives for its name; errors as `load` has them."""
    return unpacked(path, FORMAT, lambda metadata, arrays: restored(metadata, arrays, known))


def unpacked(path, kind, made=lambda *found: found):
    """What is made of the metadata and arrays of a file of a kind.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no such file, is truncated or damaged, or nothing can be made of it.
    """
    name, damaged = os.fspath(files.named(path)), f"it is no {kind.word} file, or truncated or damaged"
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):  # a device may have no end
            raise OSError(f"{name!r} is not a regular file: give the name of a file")
        try:
            with zipfile.ZipFile(file) as archive:
                return made(*_read(archive, status.st_size, kind, damaged))
        except OSError as error:
            if error.errno != errno.EINVAL:  # that of a seek to before the beginning, where a damaged directory points
                raise
            problem = damaged
        except (zipfile.BadZipFile, EOFError, RuntimeError):  # the last: packed in an unknown way, or lists too deep
            problem = damaged
        except (TypeError, ValueError) as error:
            problem = " ".join(str(error).split())
    raise ValueError(f"cannot load a {kind.word} from {name!r}: {problem}")


def _fitted(values):
    """Those values that have the name of a fitted attribute."""
    return {name: value for name, value in values.items()
            if name.isidentifier() and name.endswith("_") and not name.startswith("_")}


def _plain(values, arrays):
    """The values that JSON has; numeric arrays go to `arrays`."""
    plain = {}
    for name, value in values.items():
        if isinstance(value, np.ndarray) and re.fullmatch(DTYPES, value.dtype.str):
            arrays[name] = np.asarray(value, order="C")
            continue
        try:
            plain[name] = json.loads(json.dumps(_as_json(value)))
        except TypeError:
            warn(f"{name}={value!r} is not saved: the loaded model has the default, or no such attribute")
        except (ValueError, RecursionError) as error:  # a number too long for text, lists in themselves
            raise ValueError(f"{name} cannot be saved: {error}") from error
    return plain


def _as_json(value):
    """A value, or a nest of lists of values, as JSON has it."""
    if isinstance(value, np.generic | np.ndarray) and value.dtype.names is None:
        value = value.tolist()
    if isinstance(value, list | tuple | range):
        return [_as_json(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _as_json(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} is no plain value")


def _read(archive, size, kind, damaged):
    """Metadata and arrays of an archive of a kind in a file of this size; damaged: what to say of one that is."""
    members = {info.filename: info for info in archive.infolist()}
    if METADATA not in members:
        raise ValueError(f"it is no {kind.word} file: it has no metadata.json")
    for info in members.values():
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            raise ValueError(f"it is no {kind.word} file, or damaged: {info.filename!r} is not stored as it is")
    if sum(max(info.file_size, info.compress_size) for info in archive.infolist()) > size:
        raise ValueError(damaged)  # before memory for such members is asked for
    metadata = json.loads(archive.read(METADATA))
    if not isinstance(metadata, dict) or metadata.get("format") != kind.name:
        raise ValueError(f"it is no {kind.word} file: metadata.json is of another format")
    version = metadata.get("format_version")
    if version != kind.version:
        raise ValueError(
            f"its format version is {version!r}, written by cyem {metadata.get('cyem_version')}; cyem "
            f"{__version__} reads version {kind.version}: install a newer cyem"
        )
    for key in (*kind.parts, "arrays"):
        if not isinstance(metadata.get(key), dict):
            raise ValueError(f"damaged metadata: {key!r} is missing")
    arrays = {}
    for name, layout in metadata["arrays"].items():
        if f"{name}.npy" not in members or not isinstance(layout, dict):
            raise ValueError(f"damaged array {name!r}: it is missing")
        try:
            arrays[name] = _read_array(archive.read(members[f"{name}.npy"]), layout.get("dtype"), layout.get("shape"))
        except ValueError as error:
            raise ValueError(f"damaged array {name!r}: {error}") from error
    return metadata, arrays


def _read_array(data, dtype, shape):
    """The array in the bytes of a .npy member; its header, which needs parsing, is skipped for what the JSON says."""
    start = 10 + int.from_bytes(data[8:10], "little")
    if data[:8] != b"\x93NUMPY\x01\x00" or not isinstance(dtype, str) or not re.fullmatch(DTYPES, dtype):
        raise ValueError(f"dtype {dtype!r}")
    if not isinstance(shape, list) or not all(type(length) is int and length >= 0 for length in shape):
        raise ValueError(f"shape {shape!r}")
    if math.prod(shape) * np.dtype(dtype).itemsize != len(data) - start:
        raise ValueError(f"shape {shape!r} of {dtype!r} in {len(data)} bytes")
    if "U" in dtype and (np.frombuffer(data, f"{dtype[0]}u4", offset=start) > sys.maxunicode).any():
        raise ValueError("no text")
    return np.ndarray(shape, dtype, data, start).copy()


def restored(metadata, arrays, known):
    """The model that metadata and arrays describe, of a class that `known` gives for its name, if it is whole."""
    name = metadata.get("class")
    own = known(name) if isinstance(name, str) else None
    if own is None:
        raise ValueError(f"it holds a {name!r}, which cyem {__version__} does not know")
    for key in ("parameters", "fitted", "parts") if own._parts else ("parameters", "fitted"):
        if not isinstance(metadata.get(key), dict):
            raise ValueError(f"damaged metadata: {key!r} is missing")
    parts = {}
    for part in own._parts:
        if not isinstance(said := metadata["parts"].get(part), dict):
            raise ValueError(f"damaged metadata: {part!r} is missing")
        inner = [name for name in arrays if name.startswith(f"{part}.")]
        parts[part] = restored(said, {name[len(part) + 1 :]: arrays[name] for name in inner}, known)
        arrays = {name: array for name, array in arrays.items() if name not in inner}
    values = metadata["parameters"] | metadata["fitted"] | arrays | parts
    fitted = _fitted(values)
    parameters = {name: value for name, value in values.items() if name not in fitted}
    if unknown := parameters.keys() - inspect.signature(own).parameters.keys():
        raise ValueError(f"it has a parameter {min(unknown)!r}, which cyem {__version__} does not know")
    model = own(**parameters)
    for name, kind in (*KINDS, *own._kinds):
        if isinstance(fitted.get(name), list):
            fitted[name] = kind(fitted[name])
    vars(model).update(fitted)
    if not parts:
        model._memo = Memo()
    model._check_whole()
    return model


def check_whole(model):
    """Check that a mixture is whole: all that a fit leaves, and together what one fit leaves."""
    if (fitted_as := state.last_structure(model)) is not structure(model.covariance_type):
        raise ValueError(f"covariance_type={model.covariance_type!r} was set after a fit with {fitted_as.name!r}: set "
                         "that again, or fit.")
    every = "weights_", "means_", *(matrices := (model._matrices, "precisions_", "precisions_cholesky_"))
    for name in every:
        array = getattr(model, name, None)
        if name in vars(model) and not (isinstance(array, np.ndarray) and re.fullmatch(FLOATS, array.dtype.str)):
            kind = f"array of {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
            raise TypeError(f"The attribute {name!r} is a {kind}, expected an array of floats of 2, 4 or 8 bytes.")
    for name in matrices:
        _, means, _ = state.parameters(model, name)
    model._more()
    state.outcome(model)
    state.feature_names(model)
    threads.check(model.n_threads)
    if not isinstance(model.equal_weights, bool | np.bool_):  # the others are for `fit`, which checks them
        raise TypeError(f"equal_weights is {repr(model.equal_weights)}, expected a bool: set it back, or fit.")
    model._n_parameters()  # which depends on parameters that say what is free
    k, d = means.shape
    for name, expected in (("n_components", k), ("n_features_in_", d)):
        value = getattr(model, name, None)
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value != expected:
            raise ValueError(f"{name} is {repr(value)}, expected {expected}, as 'means_' has the shape {means.shape}: "
                             "set it back, or fit.")
    model._n_free(k)  # refuses what no fit can have been asked for
