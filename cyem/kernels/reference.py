"""The loops over samples and over matrices in plain NumPy: same names, same arguments, as few lines as it takes.

They hold arrays of size n x k x d, compute in the precision of what they are given (extended precision included) and
ignore the temporary memory and the number of threads. They are here to be read and to be compared with. M-steps have
their twins in cyem.families, and iterations of EM in cyem.em.driver.
"""

import math
from typing import Any, NamedTuple

import numpy as np

DENSITIES = ("triangular", "whitened", "diagonal", "spherical",
             "triangular t", "whitened t", "diagonal t", "spherical t")
POSTERIORS = ("soft", "hard")
MOMENTS = ("none", "scatter", "pooled", "squares", "norms")
LOWEST = -1e300  # stands for a log-density that is not a number or beyond the range


class Rows(NamedTuple):
    """Samples X (n, d) as they are seen in a frame (2, d), with weights (n,), or None for ones.

    whole, what all of them sum up to, saves compiled kernels work; here nothing has to be saved.
    """

    X: Any
    frame: Any
    weights: Any = None
    whole: Any = None

    @property
    def framed(self):
        """About the reference point frame[0], in units of 1 / frame[1]."""
        return (self.X - self.frame[0]) * self.frame[1]

    @property
    def weighted(self):
        """The weights, as numbers in any case."""
        return np.ones(len(self.X)) if self.weights is None else self.weights


class Density(NamedTuple):
    """A mixture density: its kind, means (k, d), factors U with Sigma^-1 = U U', and log-joint densities at the means.

    Where tails are heavy, constants are followed by degrees of freedom (k,). The background, a log-density that is the
    same everywhere, is the sum of the numbers that stand for it.
    """

    kind: str
    means: Any
    factors: Any
    constants: Any
    background: Any = None

    @property
    def tails(self):
        """Log-joint densities at the means, and degrees of freedom (k,) where tails are heavy, else None."""
        return np.split(self.constants, 2) if self.kind.endswith(" t") else (self.constants, None)


def distances(rows, density):
    """Squared Mahalanobis distances |U_k'(x - mean_k)|^2 of each sample and component: (n, k)."""
    x, (kind, means, factors, *_) = rows.framed, density
    triangle = kind.split()[0] in ("triangular", "whitened")
    found = np.empty((len(x), len(means)), np.result_type(x, factors))
    for k, U in enumerate(np.broadcast_to(factors, (len(means), *factors.shape[1:]))):
        y = (x - means[k]) @ np.triu(U) if triangle else (x - means[k]) * U[0]
        found[:, k] = (y * y).sum(axis=1)
    return found


def log_joint(rows, density):
    """constants_k - q / 2 of each sample and component, q their squared distance: (n, k).

    Where tails are heavy, constants are followed by degrees of freedom nu (k,), and it is the log-density of Student's
    t, constants_k - (nu + d) / 2 log(1 + q / nu).
    """
    q, (heights, nu) = distances(rows, density), density.tails
    if nu is None:
        return np.fmax(heights - q / 2, LOWEST)
    with np.errstate(invalid="ignore"):
        student = heights - (nu + rows.X.shape[1]) / 2 * np.log1p(q / nu)
    return np.fmax(np.where(np.isinf(nu), heights - q / 2, student), LOWEST)


def beside(joint, density):
    """Log-joint densities with those of the background, if there is one, as a last column."""
    if density.background is None:
        return joint
    return np.column_stack([joint, np.full(len(joint), density.background.sum())])


def soft(joint, cut=-np.inf):
    """Log-likelihood (n,) and responsibilities (n, k): the softmax, zero below exp(cut) times the largest."""
    top = joint.max(axis=1, keepdims=True)
    e = np.where(joint - top >= cut, np.exp(joint - top), 0)
    total = e.sum(axis=1, keepdims=True)
    return (top + np.log(total))[:, 0], e / total


def hard(joint, cut=-np.inf):
    """Log-joint density (n,) of the first best component, and responsibilities (n, k) that are all its own."""
    return joint.max(axis=1), np.eye(joint.shape[1])[joint.argmax(axis=1)]


def sums(z, resp, moments):
    """Masses (k,), first (k, d) and second moments of centred samples z (k, n, d) under resp (n, k), one vector."""
    rz = resp.T[:, :, None] * z
    scatter = rz.transpose(0, 2, 1) @ z
    second = dict(none=np.empty(0), scatter=scatter, pooled=scatter.sum(axis=0),
                  squares=np.diagonal(scatter, axis1=1, axis2=2), norms=np.trace(scatter, axis1=1, axis2=2))
    return np.concatenate([resp.sum(axis=0), rz.sum(axis=1).ravel(), second[MOMENTS[moments]].ravel()])


def sweep(rows, density, statistics, workspace=None, *, posterior, moments, cut=-np.inf, n_threads=1):
    """statistics <- log-likelihood, log of the largest responsibilities, and the sums about the means, all weighted.

    Where tails are heavy, responsibilities in the sums are multiplied by the samples' hidden weights u; then follow the
    masses without these, and sums of log u - u, both (k,). What the background takes comes last.
    """
    (w, d), k = (rows.weighted, rows.X.shape[1]), len(density.means)
    loglik, resp = (soft, hard)[posterior](beside(log_joint(rows, density), density), cut)
    statistics[:2] = w @ loglik, w @ np.log(resp.max(axis=1))
    resp, outside = resp[:, :k], w @ resp[:, k:]
    z, own = rows.framed - density.means[:, None], resp * w[:, None]
    _, nu = density.tails
    if nu is None:
        statistics[2:] = np.concatenate([sums(z, own, moments), outside])
    else:  # Peel & McLachlan (2000), equation 20: the mean of a sample's hidden weight, given the component
        u = (1 + d / nu) / (1 + distances(rows, density) / nu)
        hidden = [own.sum(axis=0), (own * (np.log(u) - u)).sum(axis=0)]
        statistics[2:] = np.concatenate([sums(z, own * u, moments), *hidden, outside])
    return resp.size, np.count_nonzero(own)


def tiles(n):
    """The number of tiles of 192 samples."""
    return -(-n // 192)


def sweep_pruned(rows, density, order, bounds, change, statistics, workspace=None, *, moments, cut=-np.inf,
                 n_threads=1):
    """The sums of a sweep, and as bounds the least distances of tiles of 192 samples themselves."""
    rows = Rows(rows.X[order], rows.frame, None if rows.weights is None else rows.weights[order])
    joint = log_joint(rows, density)
    for tile in range(len(bounds)):
        bounds[tile] = np.sqrt(2 * (density.constants - joint[tile * 192 : (tile + 1) * 192].max(axis=0)))
    return sweep(rows, density, statistics, posterior=0, moments=moments, cut=cut)


def accumulate(rows, means, resp, statistics, workspace=None, *, moments, n_threads=1):
    statistics[:2] = 0
    statistics[2:] = sums(rows.framed - means[:, None], resp * rows.weighted[:, None], moments)


def score_samples(rows, density, loglik, workspace=None, *, n_threads=1):
    loglik[:] = soft(beside(log_joint(rows, density), density))[0]


def responsibilities(rows, density, resp, workspace=None, *, n_threads=1):
    resp[:] = soft(beside(log_joint(rows, density), density))[1][:, : resp.shape[1]]


def labels(rows, density, label, workspace=None, *, n_threads=1):
    joint = log_joint(rows, density)
    label[:] = joint.argmax(axis=1)
    if density.background is not None:
        label[joint.max(axis=1) <= density.background.sum()] = -1


def partitions(rows, centres, scales, statistics, workspace=None, *, moments, n_threads=1, iterations=0, tol=0.0):
    """The same as `sweep`, each sample of the nearest of centres (runs, k, d) only, features times scales (d,).

    Centres move before, by k-means.
    """
    k, d = centres.shape[1:]
    for about, out in zip(centres, statistics, strict=True):
        density = Density("diagonal", about, scales[None, None], np.zeros(k))
        inertia = np.inf
        for _ in range(iterations):
            s = np.empty(2 + k + k * d)
            sweep(rows, density, s, posterior=POSTERIORS.index("hard"), moments=MOMENTS.index("none"))
            about += s[2 + k :].reshape(k, d) / np.where(s[2 : 2 + k] > 0, s[2 : 2 + k], 1)[:, None]
            before, inertia = inertia, -s[0]
            if inertia >= before * (1 - tol):
                break
        sweep(rows, density, out, posterior=POSTERIORS.index("hard"), moments=moments)


def precision_factors(A, U, scratch, definite):
    for k, a in enumerate(A):
        try:
            U[k] = np.linalg.inv(np.linalg.cholesky(a)).T
            definite[k] = 1
        except np.linalg.LinAlgError:
            definite[k] = 0


def upper_triangular(U):
    return not np.tril(U, -1).any() and (np.diagonal(U, axis1=1, axis2=2) > 0).all()


def exceeds(A, floor, scratch, definite):
    definite[:] = np.linalg.eigvalsh(A - floor[:, :, None] * np.eye(A.shape[1])).min(axis=1) > 0


def below(A, U, floor, scratch, found, *, part):
    diagonals = np.diagonal(A, axis1=1, axis2=2)
    exceeds(A, np.maximum(floor, part * diagonals), scratch, found)
    found[:] = 1 - found


def factors_of(values, root, vectors, done):
    """From the triangle L, lower, of rows Q L = (vectors / root) / sqrt(values)."""
    for j, rows in enumerate(vectors / root[:, None, :] / np.sqrt(values)[:, :, None]):
        L = np.linalg.qr(rows[:, ::-1])[1][::-1, ::-1]
        vectors[j] = (L * np.sign(np.diagonal(L))[:, None] / root[j]).T
    done[:] = 1


def seen(C, moments):
    """Covariance matrices C (k, d, d) as far as second moments see them, (k, numbers of one)."""
    variances = np.diagonal(C, axis1=1, axis2=2)
    kinds = dict(squares=variances, norms=variances.mean(axis=1, keepdims=True))
    return np.ascontiguousarray(kinds.get(MOMENTS[moments], C.reshape(len(C), -1)))


def widened(C, moments, d):
    """Matrices (..., d, d) that are seen so."""
    if MOMENTS[moments] in ("squares", "norms"):
        return C[..., None] * np.eye(d)
    return C.reshape(*C.shape[:-1], d, d)


def mergers(rows, shares, means, C, resp, losses, scratch=None, *, moments, near):
    k, d = means.shape
    C = widened(C, moments, d)
    w = rows.weighted
    total = w.sum(dtype=float)

    def entropic(share, C):
        variances = np.diagonal(C)
        volume = dict(squares=np.log(variances).sum(), norms=d * np.log(variances.mean()))
        return share * (np.log(share) - volume.get(MOMENTS[moments], np.linalg.slogdet(C)[1]) / 2)

    losses[:] = np.inf
    rest = np.log(np.maximum(1 - resp.astype(float), np.finfo(resp.dtype).eps ** 2))
    gaps = means[:, None] - means
    distances = np.array([[gap @ np.linalg.solve(A, gap) for gap in row] for A, row in zip(C, gaps, strict=True)])
    for i in range(k):
        losses[i, i] = total * np.log1p(-min(shares[i], 1 - 1e-12)) - w @ rest[:, i]
        distances[i, i] = np.inf
        for j in np.argsort(distances[i], kind="stable")[: min(near, k - 1)]:
            pair = shares[[i, j]]
            t = pair / pair.sum()
            both = t[0] * C[i] + t[1] * C[j] + t[0] * t[1] * np.outer(gaps[i, j], gaps[i, j])
            loss = entropic(pair[0], C[i]) + entropic(pair[1], C[j]) - entropic(pair.sum(), both)
            losses[i, j] = losses[j, i] = total * loss + 4 * np.log(2) * (w @ (resp[:, i] * resp[:, j]))


def power_of_two(sizes, dtype):
    mantissas, exponents = np.frexp(sizes)  # sizes = mantissas 2^exponents, mantissas in [1/2, 1) or zero
    most = np.finfo(dtype).maxexp - 4
    return np.ldexp(1.0, np.clip(exponents - ((mantissas < np.sqrt(0.5)) & (mantissas > 0)), -most, most))


def locate(X, weights, reference, units, variances, scratch=None, *, one_unit):
    x, w = X.astype(float), weights if len(weights) else np.ones(len(X))
    low, high = x.min(axis=0), x.max(axis=0)
    middle, size = (low / 2 + high / 2).astype(X.dtype).astype(float), high / 2 - low / 2
    rough = power_of_two(size, X.dtype)
    z = (x - middle) / rough
    mean = w @ z / w.sum()
    spread = np.where(size > 0, np.maximum(w @ z**2 / w.sum() - mean**2, 0), 0)
    reference[:] = (middle + mean * rough).astype(X.dtype)
    sizes = np.sqrt(spread) * rough
    sizes = np.where(sizes > 0, sizes, np.abs(reference))
    units[:] = power_of_two(np.full(len(sizes), sizes.max()) if one_unit else sizes, X.dtype)
    variances[:] = np.where(spread > 0, spread * (rough / units) * (rough / units), 1)
    info = np.finfo(X.dtype)
    least = 2.0 ** ((60 if X.dtype == np.float64 else 24) + 4 - info.maxexp)
    return bool((size <= info.max / 2).all() and ((sizes >= least) | (sizes == 0)).all() and (variances > 1e-280).all())


def ready(X):
    return bool(X.dtype in (np.float32, np.float64) and X.ndim == 2 and X.size > 0
                and X.flags.c_contiguous and X.flags.aligned and np.isfinite(X).all())


def all_finite(x):
    return bool(np.isfinite(x).all())


def eigh(A, values, vectors, scratch, done):
    values[:], columns = np.linalg.eigh(A)
    vectors[:] = columns.swapaxes(1, 2)
    done[:] = 1


def compose(values, vectors, A):
    A[:] = vectors.swapaxes(1, 2) @ (values[:, :, None] * vectors)


def draw(mass, u, otherwise):
    """The sample at which the running sum of mass (n,) passes the share u of its total; never one of mass zero."""
    massive = np.flatnonzero(mass)
    place = np.searchsorted(np.cumsum(mass[massive]), u * mass.sum(), side="right")
    return massive[min(place, len(massive) - 1)] if len(massive) else otherwise


def kmeans_plus_plus(y, weights, uniform, places):
    """places (k,) <- the rows of y (n, d) that are chosen, each the best of a few that are drawn."""
    nearest = np.inf
    for j in range(len(places)):
        mass = weights * nearest if j else weights
        picks = [draw(mass, u, places[0]) for u in (uniform[j] if j else uniform[0, :1])]
        trials = [np.minimum(nearest, ((y - y[pick]) ** 2).sum(axis=1)) for pick in picks]
        best = np.argmin([weights @ trial for trial in trials])
        places[j], nearest = picks[best], trials[best]


def whitening(S, floor, part):
    """W with S^-1 = W W' for a covariance matrix S, raised to diag(max(floor, part S_ii)) in every direction."""
    root = np.sqrt(np.maximum(floor, part * np.diagonal(S)))
    values, Q = np.linalg.eigh(S / root[:, None] / root)
    return Q / np.sqrt(np.maximum(values, 1)) / root[:, None]


def begin(rows, closed, looked, deviations, uniform, chosen, statistics, about, workspace=None, *, moments,
          n_threads=1):
    """Partitions by the nearest of samples that `kmeans_plus_plus` chooses, by turns in whitened features."""
    x, w = rows.framed, rows.weighted
    looked = looked if len(looked) else np.arange(len(x))
    seen = [x / deviations]
    if closed is not None:
        z = x - w @ x / w.sum()
        seen.insert(0, x @ whitening((z.T * w) @ z / w.sum(), closed.floor, closed.part))
    for r, places in enumerate(chosen):
        y = seen[r % len(seen)]
        kmeans_plus_plus(y[looked], w[looked], uniform[r], places)
        about[r] = x[looked[places]]
        q = ((y[:, None] - y[looked[places]]) ** 2).sum(axis=2)
        loglik, resp = hard(-q / 2)
        statistics[r, :2] = w @ loglik, 0
        statistics[r, 2:] = sums(x - about[r][:, None], resp * w[:, None], moments)


# --- rows of which a part is known ------------------------------------------------------------------------------------

EMITS = ("scatter", "pooled", "squares", "scores", "responsibilities", "completed")


def views(X, weights, w, means, S, nu, noise, prior, background=None, *, emit):
    """What `views.sweep` makes of rows X (n, d) with NaN, one by one and by the formulas of its docstring.

    weights (n,), nu (k,), noise (n, d) or (n, d, d), prior (n, k) and background (n,), log-densities: or None.
    S (k, d, d), or (k, d). emit: one of EMITS, or "norms".
    """
    (n, d), k = X.shape, len(w)
    S = S if S.ndim == 3 else S[:, :, None] * np.eye(d)
    total, scores, resp, filled = np.zeros(2), np.empty(n), np.empty((n, k)), np.empty((n, d))
    masses, shares, logs, first, second = np.zeros(k), np.zeros(k), np.zeros(k), np.zeros((k, d)), np.zeros((k, d, d))
    outside = 0.0
    for i, x in enumerate(X):
        o = np.flatnonzero(~np.isnan(x))
        m, joint, told = len(o), np.empty(k), []
        for j in range(k):
            N = 0 if noise is None else noise[i][np.ix_(o, o)] if noise.ndim == 3 else np.diag(noise[i, o])
            gap, T = x[o] - means[j, o], S[j][np.ix_(o, o)] + N
            K = np.linalg.solve(T, S[j][o]).T if m else np.zeros((d, 0))
            q = gap @ np.linalg.solve(T, gap) if m else 0.0
            log_det, u, hidden = np.linalg.slogdet(T)[1] if m else 0.0, 1.0, 0.0
            if nu is None or nu[j] == np.inf:
                joint[j] = -0.5 * (m * math.log(2 * math.pi) + log_det + q)
            else:
                a, u = (nu[j] + m) / 2, (nu[j] + m) / (nu[j] + q)
                joint[j] = (math.lgamma(a) - math.lgamma(nu[j] / 2) - m / 2 * math.log(nu[j] * math.pi) - log_det / 2
                            - a * math.log1p(q / nu[j]))
                hidden = sum((-1) ** s * (digamma(b) - math.log(b)) for s, b in enumerate([a, (nu[j] + d) / 2]))
            told.append((K @ gap, S[j] - K @ S[j][o], u, math.log(u) - u + hidden))
            joint[j] += math.log(w[j]) + (0 if prior is None else np.log(np.maximum(prior[i, j], 1e-300)))
        joint = joint if background is None else np.append(joint, background[i])
        scores[i] = joint.max() + math.log(np.exp(joint - joint.max()).sum())
        all_resp = np.exp(joint - scores[i])
        resp[i] = all_resp[:k]
        guess = sum(r * (mu + e) for r, mu, (e, *_) in zip(resp[i], means, told, strict=True))
        filled[i] = np.where(np.isnan(x), guess, x)
        weight = 1 if weights is None else weights[i]
        r = resp[i] * weight
        outside += weight * all_resp[k:].sum()
        total += weight * scores[i], weight * math.log(all_resp.max())
        for j, (e, C, u, log_u) in enumerate(told):
            masses[j] += r[j] * u
            shares[j] += r[j]
            logs[j] += r[j] * log_u
            first[j] += r[j] * u * e
            second[j] += r[j] * (u * np.outer(e, e) + C)
    if emit in ("scores", "responsibilities", "completed"):
        return {"scores": scores, "responsibilities": resp, "completed": filled}[emit]
    diagonals = np.diagonal(second, axis1=1, axis2=2)
    second = {"scatter": second, "pooled": second.sum(axis=0), "squares": diagonals,
              "norms": diagonals.sum(axis=1)}[emit]
    tails = [] if nu is None else [shares, logs]
    last = [] if background is None else [[outside]]
    return np.concatenate([total, masses, first.ravel(), second.ravel(), *tails, *last])


def digamma(x):
    """The derivative of log gamma, for x > 0: by its recurrence up to where the asymptotic series holds."""
    shift = 0.0
    while x < 30:
        shift -= 1 / x
        x += 1
    return shift + math.log(x) - 1 / (2 * x) - 1 / (12 * x**2) + 1 / (120 * x**4) - 1 / (252 * x**6)


def conditional_moments(X, reference, resp, stretch, constants, maps, spread, about, mean, variance, workspace=None, *,
                        n_threads=1):
    """Mean and variance of each of m features, of rows of which p others are known: `conditional`."""
    locations = constants + np.einsum("kmp,np->nkm", maps, X - reference)
    centre = (resp[:, :, None] * locations).sum(axis=1)
    mean[:] = centre + about
    if len(spread):
        own = spread * (stretch[:, :, None] if len(stretch) else 1)
        variance[:] = (resp[:, :, None] * (own + (locations - centre[:, None]) ** 2)).sum(axis=1)
