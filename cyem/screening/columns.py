"""One column by itself: its values in order of size, the step between them, and what of them is no measurement."""

import math

import numpy as np

from ..lazy import cached_property

FEW = 12  # different values: of a normal distribution rounded to them, the step is half a standard deviation
NEARLY = 0.95  # share of the rows from which on a column that holds one value in them tells next to nothing
NOISE = 16  # units in the last place: a difference within them is rounding of the computer
FINEST = 1e7  # steps in the range of a column: finer ones are no rounding that a mixture could meet
PARTS = tuple(range(1, 13))  # of the least gap, of which all gaps may be multiples
HELD = 5  # rows at least that make a value one that is held by many
SHARE = 0.005  # of the rows, at least
EXCESS = 5  # times what the neighbours of a value hold
EXCESS_AT_END = 2.5  # where it is the least or the largest value, as no density of measurements ends in its peak
WINDOW = 15  # rows to either side of a value, at least, that tell how many it would hold by chance
FAR = 0.5  # of the width of nine tenths of the rows: a value at such a distance from all others stands alone
RUN = 5  # rows in a part of a table, on average, whose rows are numbered
CHANCE = math.log(1e-7)  # log of a probability below which something is no chance, as many values are asked,
CHANCE_AT_END = math.log(1e-5)  # or two


class Column:
    """The observed values of a column, by size.

    Parameters
    ----------
    values : ndarray of shape (n,)
        NaN is left out.
    """

    def __init__(self, values):
        self.precision = np.finfo(values.dtype).eps
        values = np.sort(values.astype(np.float64, copy=False))
        self.values = values[: np.searchsorted(values, np.nan)]  # which is last
        self.n = len(self.values)

    @cached_property
    def noise(self):
        """The difference that two equal values may have from rounding in the computer."""
        return NOISE * self.precision * max(abs(self.values[0]), abs(self.values[-1])) if self.n else 0.0

    @cached_property
    def _runs(self):
        """The different values, and how many rows hold each."""
        places = np.flatnonzero(np.diff(self.values, prepend=-np.inf) > self.noise)
        return self.values[places], np.diff(places, append=self.n)

    @property
    def distinct(self):
        return self._runs[0]

    @property
    def counts(self):
        return self._runs[1]

    @property
    def constant(self):
        return self.n < 1 or self.values[-1] - self.values[0] <= self.noise

    @cached_property
    def top(self):
        """The value that most rows hold, and the share of these."""
        place = self.counts.argmax()
        return self.distinct[place], self.counts[place] / self.n

    @cached_property
    def step(self):
        """The step of which all differences between values are multiples; 0 where there is none."""
        gaps = np.diff(self.distinct)
        if not len(gaps):
            return 0.0
        least = gaps.min()
        if gaps.sum() > FINEST * least:
            return 0.0
        small = np.sort(gaps)[:64]  # which refuse nearly all that is no multiple
        for part in PARTS:
            if (step := _fits(small, least / part, self.noise)) and (step := _fits(gaps, step, self.noise)):
                return step if self.values[-1] - self.values[0] < FINEST * step else 0.0
        return 0.0

    def quantile(self, share):
        return self.values[round(share * (self.n - 1))]

    @property
    def nearly(self):
        """Whether nearly all rows hold one value."""
        return not self.constant and bool(self.top[1] >= NEARLY)

    @cached_property
    def few(self):
        """Whether it holds so few different values, for many rows, that it is a category, a score or coarsely rounded.

        Few are at most FEW, or where half of the rows lie within two steps.
        """
        if self.constant or self.nearly:
            return False
        if len(self.distinct) <= FEW and self.n >= 5 * len(self.distinct):
            return True
        within = self.quantile(0.75) - self.quantile(0.25)
        return bool(self.step and self.n >= 50 and 0 < within <= 2.5 * self.step)

    @cached_property
    def counter(self):
        """Whether it numbers the rows, in any order and with gaps: the probability of no value twice is below CHANCE.

        Values in steps, each of R possible ones alike, are all different with the product of 1 - i / R over the n rows;
        any other distribution makes that less probable.
        """
        if self.n < 10 or not self.step or len(self.distinct) < self.n:
            return False
        room = round((self.values[-1] - self.values[0]) / self.step) + 1
        return bool(np.log1p(-np.arange(self.n) / (room + 1)).sum() < CHANCE)

    @property
    def strange(self):
        """Whether it is no measurement, or hardly one."""
        return self.constant or self.nearly or self.few or self.counter

    @cached_property
    def repeated(self):
        """Values that far more rows hold than the values around them: pairs of a value and a number of rows."""
        values, counts, step = self.distinct, self.counts, self.step
        ends = np.cumsum(counts)
        far = FAR * (self.quantile(0.95) - self.quantile(0.05))
        found = []
        for i in np.flatnonzero(counts >= max(HELD, SHARE * self.n)).tolist():
            count, before = int(counts[i]), int(ends[i] - counts[i])
            # around it: as many rows to either side as it holds, and some steps at least
            rows = max(WINDOW, count)
            near = np.searchsorted(values, [values[i] - 3.5 * step, values[i] + 3.5 * step])
            low = min(np.searchsorted(ends, before - rows, "right"), near[0])
            high = max(np.searchsorted(ends, ends[i] + rows) + 1, near[1])
            around = np.concatenate([counts[low:i], counts[i + 1 : high]])
            at_end = i in (0, len(values) - 1)
            gap = abs(values[i] - values[1 if i == 0 else -2]) if at_end else 0.0
            if gap > far > 0:
                found.append((float(values[i]), count))
            elif count >= (EXCESS_AT_END if at_end else EXCESS) * (most := int(around.max(initial=1))):
                expected = max(most if at_end else around.mean(), 1.0)
                if log_tail(count, expected) < (CHANCE_AT_END if at_end else CHANCE):
                    found.append((float(values[i]), count))
        return found


def starts_over(values):
    """How often a column counts from its first value in steps of one, over and over; 0 where it does anything else."""
    steps = np.diff(values)
    restarts = np.flatnonzero(steps != 1) + 1
    if not len(restarts) or len(values) < RUN * (len(restarts) + 1) or (values[restarts] != values[0]).any():
        return 0
    return len(restarts) + 1


def log_tail(count, expected):
    """A bound (Chernoff) of the log of the probability that a Poisson number is `count`, above `expected`, or more."""
    return count - expected + count * math.log(expected / count) if count > expected else 0.0


def _fits(gaps, step, noise):
    """The step near `step` of which all gaps are multiples, but for noise; None where there is none."""
    for limit in (1.5, 10, 100, 1e4, math.inf):  # the step becomes more exact as longer gaps join
        part = gaps[gaps < limit * step]
        if len(part):
            step = part.sum() / np.rint(part / step).sum()
    rest = np.abs(gaps - step * np.rint(gaps / step))
    return float(step) if rest.max() <= 2 * noise + 1e-7 * step and 2 * noise < step / 4 else None
