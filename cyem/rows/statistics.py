"""Sufficient statistics of a pass: what an M-step needs, and nothing that grows with the number of samples."""

import numpy as np

TINY = np.finfo(np.float64).tiny


class Statistics:
    """Weighted sums over samples, about given means, in one float64 vector with named views.

    Sums add: the statistics of two sets of samples about the same means are `a + b`; `a * 0.5` half forgets them. What
    does not belong together is not added: other sums, other means, other coordinates.

    Parameters
    ----------
    buffer : ndarray
        The vector: log-likelihood, log of the largest responsibilities, masses, first and second moments.
    about : ndarray of shape (k, d)
        The means that the moments are about.
    frame : Frame, optional
        The coordinates of moments and means.
    unit : float
        What weights are in units of, a power of two; what is added may have others.

    Attributes
    ----------
    log_likelihood : float
        Weighted sum over samples of their log-density.
    log_classification : float
        Weighted sum of the log of each sample's largest responsibility.
    masses : ndarray of shape (k,)
        Sum of weights times responsibilities.
    first : ndarray of shape (k, d)
    means : ndarray of shape (k, d)
        Of each component; where it has no mass, what the moments are about.
    second : ndarray
        Its length depends on the kind of second moment.
    """

    __slots__ = ("about", "buffer", "frame", "unit")

    def __init__(self, buffer, about, frame=None, unit=1.0):
        self.buffer = buffer
        self.about = about
        self.frame = frame
        self.unit = unit

    @property
    def log_likelihood(self):
        return float(self.buffer[0])

    @property
    def log_classification(self):
        return float(self.buffer[1])

    @property
    def masses(self):
        return self.buffer[2 : 2 + len(self.about)]

    @property
    def shares(self):
        """Sum of weights times responsibilities (k,), whatever samples count for."""
        return self.masses

    @property
    def total(self):
        """Sum of weights."""
        return self.shares.sum()

    @property
    def first(self):
        start = 2 + len(self.about)
        return self.buffer[start : start + self.about.size].reshape(self.about.shape)

    @property
    def means(self):
        return self.about + self.first / np.maximum(self.masses, TINY)[:, None]  # first is zero where there is no mass

    @property
    def second(self):
        return self.buffer[2 + len(self.about) + self.about.size :]

    def __add__(self, other):
        if type(self) is not type(other) or self.buffer.shape != other.buffer.shape:
            raise ValueError("These statistics are of different kinds; only sums of the same things add.")
        if not same(self.frame, other.frame):
            raise ValueError("These statistics are in different coordinates; only sums in one frame add.")
        if self.about is not other.about and not np.array_equal(self.about, other.about):
            raise ValueError("These statistics are about different means; only sums about the same means add.")
        unit = max(self.unit, other.unit)
        buffer = self.buffer * (self.unit / unit) + other.buffer * (other.unit / unit)
        return type(self)(buffer, self.about, self.frame, unit)

    def copy(self):
        return type(self)(self.buffer.copy(), self.about.copy(), self.frame, self.unit)

    def shifted(self, about, moments):
        """The same sums about other means (k, d); moments: the kind of second ones."""
        e = about - self.about
        # sum r (y - e)(y - e)' = sum r y y' - f e' - e f' + n e e', y what is about the old means
        second = self.second - crossed(self.first - self.masses[:, None] * e / 2, e, moments)
        return self._with(self.first - self.masses[:, None] * e, second, about, self.frame)

    def inside(self, frame, moments):
        """The same sums in the coordinates of another frame; of norms all units are the same."""
        ratio = self.frame.units / frame.units
        d, second = len(ratio), self.second
        if moments in ("scatter", "pooled"):
            second = (second.reshape(-1, d, d) * (ratio * ratio[:, None])).ravel()
        else:
            second = (second.reshape(len(self.about), -1) * (ratio if moments == "squares" else ratio[:1]) ** 2).ravel()
        return self._with(self.first * ratio, second, frame.enter(self.frame.leave(self.about)), frame)

    def as_one(self, moments):
        """Sums of all components as one, about their common mean."""
        mean = self.masses @ self.means / max(self.masses.sum(), TINY)
        s = self.shifted(np.broadcast_to(mean, self.about.shape), moments)
        second = s.second if moments == "pooled" else s.second.reshape(len(s.about), -1).sum(axis=0)
        sums = [s.buffer[:2], [s.masses.sum()], s.first.sum(axis=0), second]
        return Statistics(np.concatenate(sums), mean[None], s.frame, s.unit)

    def _with(self, first, second, about, frame):
        """The same but for other moments, about other means, in another frame."""
        flat = 2 + len(self.about) + self.about.size
        buffer = np.concatenate([self.buffer[: 2 + len(self.about)], first.ravel(), second,
                                 self.buffer[flat + len(second) :]])
        return type(self)(buffer, about, frame, self.unit)

    def __mul__(self, factor):
        return type(self)(self.buffer * factor, self.about, self.frame, self.unit)


def same(frame, other):
    """Whether two frames, each a tuple of arrays or None, are equal."""
    return frame is other or (None not in (frame, other)
                              and all(np.array_equal(a, b) for a, b in zip(frame, other, strict=True)))


def crossed(a, b, moments):
    """sum_k a_k b_k' + b_k a_k' of vectors (k, d), as far as second moments of a kind hold it, in one vector."""
    if moments == "scatter":
        half = a[:, :, None] * b[:, None, :]
        return (half + half.swapaxes(1, 2)).ravel()
    if moments == "pooled":
        half = a.T @ b
        return (half + half.T).ravel()
    return (2 * a * b).ravel() if moments == "squares" else 2 * (a * b).sum(axis=1)


class Weighed(Statistics):
    """Sums in which each responsibility is multiplied by what the component lets the sample count for, u.

    Attributes
    ----------
    masses, first, second : ndarray
        As those of `Statistics`, of responsibilities times u.
    shares : ndarray of shape (k,)
        Sums of weights times responsibilities.
    logs : ndarray of shape (k,)
        The same of log u - u.
    """

    __slots__ = ()

    @property
    def second(self):
        return super().second[: -2 * len(self.about)]

    @property
    def shares(self):
        return self.buffer[-2 * len(self.about) : -len(self.about)]

    @property
    def logs(self):
        return self.buffer[-len(self.about) :]


class Beside(Statistics):
    """Sums of samples some of which may be of no component.

    Attributes
    ----------
    outside : float
        Sum of weights times probabilities of the background.
    """

    __slots__ = ()

    @property
    def second(self):
        return super().second[:-1]

    @property
    def outside(self):
        return float(self.buffer[-1])

    @property
    def total(self):
        return self.masses.sum() + self.outside


def kind_of(k, heavy, beside):
    """What a pass gives, and how many sums that is more than those of every pass.

    heavy, beside: whether the k components have heavy tails, and whether there is a background.
    """
    return (Weighed, 2 * k) if heavy else (Beside, 1) if beside else (Statistics, 0)
