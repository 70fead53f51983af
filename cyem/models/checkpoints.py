"""Where a long fit was, as a file: one that is killed goes on from there, and ends in the same bits as if left alone.

The file is of the form of a model file, and as safe: arrays and one JSON text, read without running anything. It says
of which fit it is: class, parameters, versions, instruction set and a digest of the data; of another it is refused.
"""

import hashlib
import math
import numbers
import os

import numpy as np

from .. import files, kernels
from ..em.kept import Keeper
from ..notices import warn
from ..rows import door
from ..version import __version__
from .persistence import Format, packed, unpacked

FORMAT = Format("cyem checkpoint", 1, ("of", "kept"), "checkpoint")
SILENT = {"verbose", "verbose_interval", "callback", "n_threads", "forget"}  # which change no bit
EVERY = 60.0  # seconds


class Checkpoint:
    """The file of one fit.

    Parameters
    ----------
    path : str or path
    every : float
        Seconds between two times that it is written.
    of : dict
        What it is of: `identity`.

    Raises
    ------
    TypeError, ValueError
        For other values; for a file that is no checkpoint, is cut short, or is of another fit: what differs.
    OSError
        Where it cannot be read, or written.
    """

    def __init__(self, path, every, of):
        if isinstance(every, bool) or not isinstance(every, numbers.Real) or not 0 <= every < math.inf:
            raise ValueError(f"checkpoint_every must be a number of seconds >= 0, got {every!r}.")
        self.path, self.of = files.named(path, "checkpoint"), of
        files.target(path)
        self.keeper = Keeper(self._write, every, self._read() if os.path.exists(path) else None)

    def _read(self):
        try:
            metadata, arrays = unpacked(self.path, FORMAT)
        except ValueError as error:
            raise ValueError(f"{error}. Give another name, or delete it to begin anew.") from error
        differences = [f"{name} was {there!r}, and is {self.of.get(name)!r}" for name, there in metadata["of"].items()
                       if there != self.of.get(name)]
        if differences:
            raise ValueError(f"the checkpoint {os.fspath(self.path)!r} is of another fit: {'; '.join(differences)}. "
                             "Give another name, or delete it to begin anew.")
        return expanded(metadata["kept"], arrays)

    def _write(self, kept):
        arrays = {}
        metadata = {"of": self.of, "kept": flattened(kept, arrays)}
        try:
            files.write(self.path, lambda file: packed(file, FORMAT, metadata, arrays))
        except OSError as error:
            warn(f"no checkpoint was written, and the fit goes on: {error}")

    def done(self):
        """Delete the file: the fit has ended."""
        if os.path.exists(self.path):
            os.unlink(self.path)


def flattened(value, arrays):
    """A nest of values as JSON has them; arrays go to `arrays`, and leave their names."""
    if isinstance(value, np.ndarray):
        arrays[f"a{len(arrays)}"] = value
        return {"array": f"a{len(arrays) - 1}"}
    if isinstance(value, dict):
        return {name: flattened(each, arrays) for name, each in value.items()}
    if isinstance(value, list):
        return [flattened(each, arrays) for each in value]
    return value


def expanded(value, arrays):
    """The opposite; ValueError for an array that is not there."""
    if isinstance(value, dict) and value.keys() == {"array"}:
        if value["array"] not in arrays:
            raise ValueError(f"the checkpoint is damaged: it has no array {value['array']!r}")
        return arrays[value["array"]]
    if isinstance(value, dict):
        return {name: expanded(each, arrays) for name, each in value.items()}
    if isinstance(value, list):
        return [expanded(each, arrays) for each in value]
    return value


def identity(model, X, weights, known):
    """What a fit is of, as plain text: two with the same end in the same bits."""
    own = {name: in_short(value) for name, value in model.get_params(deep=False).items() if name not in SILENT}
    seed = model.random_state
    own["random_state"] = int(seed) if isinstance(seed, numbers.Integral) else type(seed).__name__
    own["begins at the last fit"] = bool(model.warm_start and model.__sklearn_is_fitted__())
    rows = {"shape of X": list(X.shape), "type of X": X.dtype.str, **digests(X, weights),
            "labels": digest(known.components), "noise": digest(known.noise)}
    versions = {"cyem": __version__, "numpy": np.__version__, "instruction set": kernels.ISA}
    return {"class": type(model).__name__, **own, **rows, **versions}


def in_short(value):
    """A parameter as text: plain values by what they are, arrays by their digest, functions by name."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return digest(value)
    if isinstance(value, dict):
        return {str(name): in_short(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [in_short(each) for each in value]
    return f"{type(value).__module__}.{type(value).__qualname__} {getattr(value, '__qualname__', '')}"


def digests(X, weights):
    """What tells rows and their weights from others; of rows that are not in memory it takes a pass to see."""
    of_rows, of_weights = zip(*door.over(both, X, weights), strict=True)
    return {"X": joined(of_rows), "sample_weight": joined(of_weights)}


def joined(digests):
    """One for the digests of several pieces, which are all None or none is."""
    if len(digests) == 1 or digests[0] is None:
        return digests[0]
    return digest(np.frombuffer("".join(digests).encode(), np.uint8))


def both(X, weights):
    """Digests of some rows in memory, and of their weights."""
    return digest(X), digest(weights)


def digest(array):
    """The first digits of a digest of an array, or None."""
    if array is None:
        return None
    array = np.ascontiguousarray(array)
    found = hashlib.sha256(f"{array.shape} {array.dtype.str}".encode())
    if array.dtype.hasobject:
        found.update(repr(array.tolist()).encode())
    else:
        found.update(array.data.cast("B") if array.size else b"")
    return found.hexdigest()[:32]
