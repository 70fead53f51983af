"""Many iterations in one call, where family and rows have compiled kernels for them."""

import numpy as np

from ..families.gaussian import block_size
from ..kernels import arguments
from ..rows.samples import CONVERGED, LOST, STATE, operations
from . import driver

TOGETHER = 10**8  # operations (some 50 ms) that iterations in one call may take


def size(family, k, d):
    """Length of a block of parameters."""
    return block_size(family, k, d) + family.noisy


class Ascent:
    """EM from a point, many iterations in one call as long as these are ordinary: what `driver.Ascent` does.

    Attributes
    ----------
    stride : int
        Iterations at a time, so that Ctrl-C does not wait for long.
    gain : float
        Of the last update.
    lost : bool
        Whether the next one would lose likelihood; the point is that before it.
    """

    lost = False

    def __init__(self, problem, point, done, tol, walk):
        k, d = point.parameters.means.shape
        blocks, state = np.empty((2, size(problem.family, k, d))), np.zeros(STATE)
        blocks[0], state[0] = problem.family.packed(point.parameters), done
        self._begin(problem, point.statistics.copy(), blocks, state, tol, walk)

    @classmethod
    def at(cls, problem, *where):
        """One that goes on: statistics, blocks and state of another, tol and walk."""
        self = cls.__new__(cls)
        self._begin(problem, *where)
        return self

    def _begin(self, problem, statistics, blocks, state, tol, walk):
        k, d = statistics.about.shape
        self.problem, self.statistics, self.blocks = problem, statistics, blocks
        self.ascent = arguments.Ascent(
            blocks, statistics.buffer, statistics.about, state, problem.family.scale,
            problem.structure.curved, problem.samples.mass, tol, problem.resolution, walk,
        )
        self.stride = min(driver.STRIDE, 1 + TOGETHER // operations(len(problem.samples.X), k, d))
        self.gain = np.inf

    def go(self, iterations):
        """So many iterations at most: the values after each, and whether this is the end.

        Fewer come back, without an end, where something out of the ordinary is to happen.
        """
        problem, values = self.problem, np.empty(iterations)
        done, outcome, self.gain = problem.samples.ascend(self.ascent, values, problem.family.engine,
                                                          problem.structure)
        self.lost = outcome == LOST
        return values[:done].tolist(), outcome == CONVERGED

    @property
    def point(self):
        """Where it is."""
        s = self.statistics
        parameters = self.problem.family.unpack(self.blocks[0].copy(), *s.about.shape)
        if self.lost:  # the statistics are those beyond
            return driver.look(self.problem, parameters)
        return driver.Point(parameters, s.copy(), self.problem.value(s))
