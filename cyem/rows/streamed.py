"""Rows that are not in one place in memory: what they have in common, wherever they are."""

from copy import copy, deepcopy

import numpy as np

from . import data


class Streamed:
    """Rows in pieces, over which passes are made by `map`.

    A subclass has `first` (names, width, dtype and whether there are weights), `survey`, `looked`, `map`, `held`,
    `double` and `blockwise`.
    """

    sample_weight = None  # one for all, or one for each row, beside those that rows come with
    seed = 0  # by which a part of the rows is drawn
    _dtype = None  # other than the first rows have

    def __len__(self):
        return self.survey.n

    @property
    def shape(self):
        return self.survey.n, self.width

    @property
    def width(self):
        return self.first.width

    @property
    def dtype(self):
        return self._dtype or self.first.dtype

    @property
    def column_names(self):
        """Names of the columns, or None."""
        return self.first.names

    def in_memory(self, name):
        """The rows in memory.

        Raises
        ------
        TypeError
            Where they have no place there.
        """
        array = self.held()
        if array is None:
            raise TypeError(f"{name} has rows that are {self.where}, and all are asked for here at once: give an array"
                            f"{self.instead.format(name)}.")
        return array

    # --- copies, which share what is known ---------------------------------------------------------------------------

    def _copy(self, **changes):
        new = copy(self)
        vars(new).update(changes)
        return new

    def weighted(self, sample_weight):
        """The same rows with weights, a number or one for each row (n,), or None for their own."""
        if sample_weight is None:
            return self
        weights = data.nonnegative(sample_weight, 1 if np.ndim(sample_weight) == 0 else None)
        return self._weighted(float(weights[0]) if np.ndim(sample_weight) == 0 else weights)

    def drawn_by(self, rng):
        """The same rows, of which the random part is one of its own; random numbers are where they were."""
        return self if rng is None else self.seeded(int(deepcopy(rng).integers(2**63)))

    def seeded(self, seed):
        """The same rows, of which the random part is drawn by another seed."""
        return self._copy(seed=seed, _part=None)

    # --- what a problem asks of rows before a family sees them -------------------------------------------------------

    def locate(self, one_unit):
        """Frame, variances in it, and whether these are ordinary."""
        return self.survey.locate(self.dtype, one_unit)

    @property
    def extremes(self):
        """Rows that reach as far as all of them."""
        return self.survey.extremes

    def rows(self, frame, n_threads):
        """Passes over them."""
        from .chunks import Chunks  # most fits are of arrays, and need not wait for it

        return Chunks(self, frame, n_threads)
