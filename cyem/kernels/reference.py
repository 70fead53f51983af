"""The kernels in plain NumPy: same names, same arguments, as few lines as say what is meant.

They hold arrays of size n x k x d, compute in the precision of what they are given (extended precision included) and
ignore the temporary memory and the number of threads. They are here to be read and to be compared with.
"""

import math

import numpy as np

DENSITIES = ("triangular", "whitened", "diagonal", "spherical",
             "triangular t", "whitened t", "diagonal t", "spherical t")
POSTERIORS = ("soft", "hard")
MOMENTS = ("none", "scatter", "pooled", "squares", "norms")
TIES = ("free", "equal", "proportional", "isochoric", "one shape", "proportional shapes", "axes", "axes isochoric")
UNUSUAL, ORDINARY, HELD = range(3)  # outcomes of an M-step
LOWEST = -1e300  # stands for a log-density that is not a number or beyond the range


def framed(X, frame):
    """Samples (n, d) about the reference point frame[0], in units of 1 / frame[1]."""
    return (X - frame[0]) * frame[1]


def distances(X, frame, means, factors, density):
    """Squared Mahalanobis distances |U_k'(x - mean_k)|^2 of each sample and component: (n, k)."""
    x = framed(X, frame)
    triangle = DENSITIES[density].split()[0] in ("triangular", "whitened")
    found = np.empty((len(X), len(means)), np.result_type(X, factors))
    for k, U in enumerate(np.broadcast_to(factors, (len(means), *factors.shape[1:]))):
        y = (x - means[k]) @ np.triu(U) if triangle else (x - means[k]) * U[0]
        found[:, k] = (y * y).sum(axis=1)
    return found


def tails(constants, density):
    """Log-joint densities at the means, and degrees of freedom (k,) where tails are heavy, else None."""
    return np.split(constants, 2) if DENSITIES[density].endswith(" t") else (constants, None)


def log_joint(X, frame, means, factors, constants, density):
    """constants_k - q / 2 of each sample and component, q their squared distance: (n, k).

    Where tails are heavy, constants are followed by degrees of freedom nu (k,), and it is the log-density of Student's
    t, constants_k - (nu + d) / 2 log(1 + q / nu).
    """
    q, (heights, nu) = distances(X, frame, means, factors, density), tails(constants, density)
    if nu is None:
        return np.fmax(heights - q / 2, LOWEST)
    with np.errstate(invalid="ignore"):
        student = heights - (nu + X.shape[1]) / 2 * np.log1p(q / nu)
    return np.fmax(np.where(np.isinf(nu), heights - q / 2, student), LOWEST)


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


def sweep(X, weights, frame, means, factors, constants, statistics, workspace=None, *, whole=None,
          density, posterior, moments, cut=-np.inf, n_threads=1):
    """statistics <- log-likelihood, log of the largest responsibilities, and the sums about the means, all weighted.

    Where tails are heavy, responsibilities in the sums are multiplied by the samples' hidden weights u; then follow the
    masses without these, and sums of log u - u, both (k,).

    whole saves compiled kernels work; here nothing has to be saved.
    """
    w = weights if len(weights) else np.ones(len(X))
    loglik, resp = (soft, hard)[posterior](log_joint(X, frame, means, factors, constants, density), cut)
    statistics[:2] = w @ loglik, w @ np.log(resp.max(axis=1))
    z, own = framed(X, frame) - means[:, None], resp * w[:, None]
    _, nu = tails(constants, density)
    if nu is None:
        statistics[2:] = sums(z, own, moments)
    else:  # Peel & McLachlan (2000), equation 20: the mean of a sample's hidden weight, given the component
        u = (1 + X.shape[1] / nu) / (1 + distances(X, frame, means, factors, density) / nu)
        hidden = [own.sum(axis=0), (own * (np.log(u) - u)).sum(axis=0)]
        statistics[2:] = np.concatenate([sums(z, own * u, moments), *hidden])
    return resp.size, np.count_nonzero(own)


def tiles(n):
    """The number of tiles of 192 samples."""
    return -(-n // 192)


def sweep_pruned(X, weights, frame, means, factors, constants, order, bounds, change, statistics, workspace=None, *,
                 whole=None, density, moments, cut=-np.inf, n_threads=1):
    """The sums of a sweep, and as bounds the least distances of tiles of 192 samples themselves."""
    rows = X[order]
    joint = log_joint(rows, frame, means, factors, constants, density)
    for tile in range(len(bounds)):
        bounds[tile] = np.sqrt(2 * (constants - joint[tile * 192 : (tile + 1) * 192].max(axis=0)))
    return sweep(rows, weights[order] if len(weights) else weights, frame, means, factors, constants, statistics,
                 density=density, posterior=0, moments=moments, cut=cut)


def accumulate(X, weights, frame, means, resp, statistics, workspace=None, *, moments, n_threads=1):
    w = weights if len(weights) else np.ones(len(X))
    statistics[:2] = 0
    statistics[2:] = sums(framed(X, frame) - means[:, None], resp * w[:, None], moments)


def score_samples(X, frame, means, factors, constants, loglik, workspace=None, *, density, n_threads=1):
    loglik[:] = soft(log_joint(X, frame, means, factors, constants, density))[0]


def responsibilities(X, frame, means, factors, constants, resp, workspace=None, *, density, n_threads=1):
    resp[:] = soft(log_joint(X, frame, means, factors, constants, density))[1]


def labels(X, frame, means, factors, constants, label, workspace=None, *, density, n_threads=1):
    label[:] = log_joint(X, frame, means, factors, constants, density).argmax(axis=1)


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


def matrices_shape(k, d, moments):
    return dict(scatter=(k, d, d), pooled=(1, d, d), squares=(k, d), norms=(k, 1))[MOMENTS[moments]]


def parts(block, k, d, moments):
    """Weights (k,), means (k, d), constants (k,), covariances and factors, views of one vector; its end is scratch."""
    weights, means, constants, matrices = np.split(block[: -k * (d + 1)], np.cumsum([k, k * d, k]))
    return weights, means.reshape(k, d), constants, *matrices.reshape(2, *matrices_shape(k, d, moments))


def empty_block(k, d, moments):
    return np.zeros(3 * k + 2 * k * d + 2 * np.prod(matrices_shape(k, d, moments)))


def pack(block, weights, means, covariances, factors, moments):
    """All parameters in one vector; the constants are log w_k + log det Sigma_k^(-1/2) - d/2 log(2 pi)."""
    d = means.shape[1]
    matrices = MOMENTS[moments] in ("scatter", "pooled")
    diagonals = np.diagonal(factors, axis1=1, axis2=2) if matrices else np.broadcast_to(factors, means.shape)
    constants = np.log(weights) + np.log(diagonals).sum(axis=1) - d / 2 * np.log(2 * np.pi)
    parameters = np.concatenate([part.ravel() for part in (weights, means, constants, covariances, factors)])
    block[: len(parameters)] = parameters


def axes_of(S):
    weights = 1 + 0.6180339887498949 * np.arange(len(S)) % 1
    return np.linalg.eigh(np.tensordot(weights / np.trace(S, axis1=1, axis2=2), S, 1))[1]


def common_axes(S, masses, isochoric, Q):
    def along(Q):
        v = np.diagonal(Q.T @ S @ Q, axis1=1, axis2=2)
        v = tie(v, masses, TIES.index("isochoric")) if isochoric else v
        return v, masses @ np.log(v).sum(axis=1) / masses.sum()

    steps = 100 if Q is None else 3
    if Q is None:
        each = np.linalg.eigh(np.concatenate([np.tensordot(masses, S, 1)[None], S]))[1]
        Q = min(each, key=lambda Q: along(Q)[1])
    before = np.inf
    for _ in range(steps):
        v, cost = along(Q)
        if not before - cost > 1e-10:
            break
        before = cost
        for p in range(len(Q)):
            for q in range(p + 1, len(Q)):
                B = Q.T @ S @ Q
                x = masses / v[:, p] - masses / v[:, q]
                t = np.arctan2(-x @ B[:, p, q], x @ (B[:, q, q] - B[:, p, p]) / 2) / 2
                Q = Q.copy()
                Q[:, [p, q]] = Q[:, [p, q]] @ np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
    return (Q * along(Q)[0][:, None, :]) @ Q.T


def tie(S, masses, ties, Q=None):
    """The most likely covariances S (k, d, d) or variances (k, d) with ties, given those of the components.

    Axes in common are those of a few steps from Q on, where it is given.
    """
    share, d = masses / masses.sum(), S.shape[-1]
    square = S.ndim == 3
    kind = TIES[ties]
    if kind == "equal":
        return np.repeat(share[None] @ S.reshape(len(S), -1), len(S), axis=0).reshape(S.shape)
    if kind == "isochoric":
        volumes = (np.linalg.det(S) if square else S.prod(axis=1)) ** (1 / d)
        return (S.T * (share @ volumes / volumes)).T
    if kind in ("axes", "axes isochoric"):
        return common_axes(S, masses, kind == "axes isochoric", Q) if len(S) > 1 else S
    if kind in ("one shape", "proportional shapes"):
        values, Q = np.linalg.eigh(S)
        values = tie(values, masses, TIES.index("equal" if kind == "one shape" else "proportional"))
        return (Q * values[:, None, :]) @ Q.transpose(0, 2, 1)
    if kind == "proportional":
        volumes = np.ones(len(S))
        for _ in range(100):
            C = np.tensordot(share / volumes, S, 1)
            volumes = (np.trace(np.linalg.solve(C, S), axis1=1, axis2=2) / d) if square else (S / C).mean(axis=1)
        return (volumes * np.repeat(C[None], len(S), axis=0).T).T
    return S


def raised(S, least):
    """The most likely covariances that are at least diag(least) in every direction, and their factors."""
    root = np.sqrt(least)
    values, Q = np.linalg.eigh(S / root[:, None] / root)
    values, U = np.maximum(values, 1), (Q.T * root)[None]
    S = U[0].T @ (values[:, None] * U[0])
    factors_of(values[None], root[None], U, np.empty(1))
    return S, U[0]


def m_step(statistics, about, floor, current, block, *, moments, ties, part, equal_weights=False, n_threads=1):
    k, d = about.shape
    masses, first, second = np.split(statistics[2:], [k, k + k * d])
    if not (masses > 1e-12 * masses.sum()).all():
        return UNUSUAL
    shift, own = first.reshape(k, d) / masses[:, None], 1 / masses[:, None, None]
    outer = shift[:, :, None] * shift[:, None, :]
    kind = MOMENTS[moments]
    if kind == "scatter":
        S = second.reshape(k, d, d) * own - outer
    elif kind == "pooled":
        S = (second.reshape(1, d, d) - np.tensordot(masses, outer, 1)) / masses.sum()
    elif kind == "squares":
        S = second.reshape(k, d) * own[:, 0] - shift**2
    else:
        S = (second.reshape(k, 1) * own[:, 0] - (shift**2).sum(axis=1, keepdims=True)) / d
    if not np.isfinite(S).all():
        return UNUSUAL
    free = TIES[ties] == "free"
    if not free:
        if not ((np.diagonal(S, axis1=1, axis2=2) if S.ndim == 3 else S) > 0).all():
            return UNUSUAL
        search = len(current) and TIES[ties].startswith("axes")
        S = tie(S, masses, ties, axes_of(parts(current, k, d, moments)[3]) if search else None)
        if not np.isfinite(S).all():
            return UNUSUAL
    if kind in ("scatter", "pooled"):
        least = np.maximum(floor, part * np.diagonal(S, axis1=1, axis2=2))
        held = ~(np.linalg.eigvalsh(S - least[:, :, None] * np.eye(d)) > 0).all(axis=1)
        U = np.empty_like(S)
        precision_factors(S, U, None, np.empty(len(S)))
        if free:
            for j in np.flatnonzero(held):
                S[j], U[j] = raised(S[j], least[j])
    else:
        held = ~(floor < S).all(axis=1)
        S = np.maximum(S, floor)
        U = 1 / np.sqrt(S)
    if held.any() and not free:
        return UNUSUAL
    pack(block, np.full(k, 1 / k) if equal_weights else masses / masses.sum(), about + shift, S, U, moments)
    block[-k:] = np.where(held, HELD, ORDINARY)
    return HELD if held.any() else ORDINARY


def coordinates(block, scale, x, *, k, moments):
    x[:] = vector(block, scale, k, moments)


def vector(block, scale, k, moments):
    """Log-weights, means / scale, logarithms of the diagonals of factors and what is beside these, relative to them."""
    d = len(scale)
    weights, means, _, _, U = parts(block, k, d, moments)
    if MOMENTS[moments] in ("scatter", "pooled"):
        U = U * scale[:, None]
        diagonal = np.diagonal(U, axis1=1, axis2=2)
        rest = (U / diagonal[:, None, :])[(slice(None), *np.triu_indices(d, 1))]
    else:
        diagonal, rest = U * scale[: U.shape[1]], np.empty(0)
    return np.concatenate([np.log(weights), (means / scale).ravel(), np.log(diagonal).ravel(), rest.ravel()])


def at(x, scale, block, *, k, moments):
    d = len(scale)
    shape = matrices_shape(k, d, moments)
    matrices = len(shape) == 3
    weights, means, diagonal, rest = np.split(x, np.cumsum([k, k * d, np.prod(shape) // (d if matrices else 1)]))
    weights = np.exp(weights - weights.max())
    if matrices:
        U = np.broadcast_to(np.eye(d), shape).copy()
        U[(slice(None), *np.triu_indices(d, 1))] = rest.reshape(len(U), -1)
        U = U * np.exp(diagonal).reshape(-1, 1, d) / scale[:, None]
        L = np.linalg.inv(U)
        covariances = L.transpose(0, 2, 1) @ L
    else:
        U = np.exp(diagonal).reshape(shape) / scale[: shape[1]]
        covariances = U**-2
    pack(block, weights / weights.sum(), means.reshape(k, d) * scale, covariances, U, moments)


def measure(X, weights, frame, block, statistics, about, density, moments, cut):
    """The pass at the parameters of a block; the mean log-likelihood."""
    k, d = about.shape
    _, means, constants, _, U = parts(block, k, d, moments)
    about[:] = means.astype(X.dtype)
    U = U if U.ndim == 3 else U[:, None, :]
    sweep(X, weights, frame, about, U.astype(X.dtype), constants, statistics, density=density, posterior=0,
          moments=moments, cut=cut)
    return statistics[0] / statistics[2 : 2 + k].sum()


def climb(X, weights, frame, statistics, about, values, done, floor, workspace=None, *, whole=None, density,
          moments, ties, part, equal_weights, cut, tol, n_threads=1, at_once=1):
    k, d = about.shape[1:]
    kinds = dict(moments=moments, ties=ties, part=part, equal_weights=equal_weights)
    for r, sums in enumerate(statistics):
        block = empty_block(k, d, moments)
        done[r] = 0
        for i in range(values.shape[1]):
            if m_step(sums, about[r], floor, block if i else block[:0], block, **kinds) != ORDINARY:
                done[r] = -1
                break
            values[r, i] = measure(X, weights, frame, block, sums, about[r], density, moments, cut)
            done[r] += 1
            if i > 1:
                last, gain = np.diff(values[r, i - 2 : i + 1])
                if gain * gain <= tol * (last - gain):
                    break


def partitions(X, weights, frame, centres, scales, constants, statistics, workspace=None, *, moments, n_threads=1):
    for about, sums in zip(centres, statistics, strict=True):
        sweep(X, weights, frame, about, np.broadcast_to(scales, (len(about), 1, len(scales))), constants, sums,
              density=DENSITIES.index("diagonal"), posterior=POSTERIORS.index("hard"), moments=moments)


OUTCOMES = ("goes on", "converged", "out of the ordinary", "lost")
LOSS = 32


def all_exceed(block, floor, part, k, d, moments):
    """Whether all components of a block are above the floor."""
    *_, S, U = parts(block, k, d, moments)
    if S.ndim == 2:
        return bool((floor < S).all())
    found = np.empty(len(S))
    below(S, U, floor, None, found, part=part)
    return not found.any()


def converged(state, gain, value, rate, tol, resolution):
    """Aitken's projection from the slowest of the last three rates is small, twice; or gains drown in rounding."""
    _, before, *rates, known, near = state[:7]
    shrunk = gain / before if gain > 0 and before > 0 else 0.0 if gain > 0 and known == 0 else np.inf
    rates = [*rates[1:], max(rate, shrunk)]
    state[1:6] = gain, *rates, min(known + 1, 3)
    noise = resolution * max(1, abs(value))
    if gain <= noise and not (known == 0 and gain < -noise):
        return True
    slowest = max(rates)
    state[6] = near + 1 if known >= 2 and slowest < 1 and gain * slowest <= tol * (1 - slowest) else 0
    return state[6] == 2


def ascend(X, weights, frame, blocks, statistics, about, state, values, floor, scale, workspace=None, *, whole=None,
           density, moments, ties, curved, part, equal_weights, cut, mass, tol, resolution, walk, n_threads=1):
    """state: iterations, gain, three rates, how many are known, near, longest, paved, value at the point before."""
    k, d = about.shape
    kinds = dict(moments=moments, ties=ties, part=part, equal_weights=equal_weights)
    value = statistics[0] / mass
    for i in range(len(values)):
        point, after, target, there, about_there = (a.copy() for a in (*blocks[[0, 0, 0]], statistics, about))
        if m_step(statistics, about, floor, point, after, **kinds) != ORDINARY:
            return i, 2, state[1]
        leaps, end, new = state[0] >= walk, False, -np.inf
        state[0] += 1
        if leaps and state[8]:
            x = [vector(block, scale, k, moments) for block in (blocks[1], point, after)]
            r, step = np.diff(x, axis=0)
            v = step - r
            moving = r @ r > 0 and v @ v > 0
            end = converged(state, value - state[9], value, step @ step / (r @ r) if moving else 0, tol, resolution)
            a = np.sqrt(r @ r / (v @ v)) if moving else 0
            longest = max(4, state[7])
            if min(a, longest) > 1 and not end:
                a, bounded = min(a, longest), a >= longest
                at(x[0] + 2 * a * r + a**2 * v, scale, target, k=k, moments=moments)
                if curved:  # what is nearest in the structure: the M-step of what samples of the target would sum up to
                    w, means, _, S, _ = parts(target, k, d, moments)
                    sums = np.concatenate([np.zeros(2), w, np.zeros(k * d), (S.T * w).T.ravel()])
                    found = m_step(sums, means.copy(), floor, after, target, **kinds) == ORDINARY
                else:
                    found = all_exceed(target, floor, part, k, d, moments)
                if found:
                    measure(X, weights, frame, target, there, about_there, density, moments, cut)
                    new = there[0] / mass
                    state[7] = longest * (4 if bounded else 1) if new >= value else max(4, longest / 4)
        if new >= value:
            blocks[0], statistics[:], about[:], state[8] = target, there, about_there, 0
        else:
            measure(X, weights, frame, after, statistics, about, density, moments, cut)
            new = statistics[0] / mass
            if not new >= value - LOSS * resolution * max(1, abs(value)):
                state[1] = new - value
                return i, 3, state[1]
            end = end if leaps else converged(state, new - value, new, 0, tol, resolution)
            blocks[:], state[8:] = (after, point), (1, value)
        value = values[i] = new
        if end:
            return i + 1, 1, state[1]
    return len(values), 0, state[1]


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


def sum_up(w, C, moments):
    """What samples of Gaussians of weights w (k,) and covariance matrices C (k, d, d) sum up to about their means."""
    scatter = w[:, None, None] * C
    second = dict(scatter=scatter, pooled=scatter.sum(axis=0), squares=np.diagonal(scatter, axis1=1, axis2=2),
                  norms=np.trace(scatter, axis1=1, axis2=2))
    return np.concatenate([np.zeros(2), w, np.zeros(w.size * C.shape[1]), second[MOMENTS[moments]].ravel()])


def splits(X, weights, frame, resp, means, C, which, gains, shares, halves, matrices, floor, workspace=None, *, density,
           moments, part, cut, tol, trial, iterations, owned, enough, least, at_once=1):
    d = X.shape[1]
    C = widened(C, moments, d)
    w = weights if len(weights) else np.ones(len(X), X.dtype)
    kinds, closed = dict(density=density, moments=moments, cut=cut), dict(ties=0, part=part, equal_weights=False)
    for j in which:
        gains[j] = -np.inf
        rows = np.flatnonzero(resp[:, j] > owned)
        own = resp[rows, j] * w[rows]
        mass = own.sum(dtype=float)
        if mass < 2 * (least * d + 1):
            continue
        thin = slice(None, None, max(1, len(rows) // (enough * (d + 1))))
        samples = X[rows[thin]], own[thin], frame
        alone, about = sum_up(np.ones(1), C[j : j + 1], moments), means[j : j + 1].copy()
        block = empty_block(1, d, moments)
        if m_step(alone, about, floor, block[:0], block, moments=moments, **closed) != ORDINARY:
            continue
        before = measure(*samples, block, alone, about, **kinds)
        values, Q = np.linalg.eigh(C[j])
        step = 0.8 * np.sqrt(values[-1]) * Q[:, -1]
        half = C[j] - np.outer(step, step)
        starts = [([1 / 2, 1 / 2], [means[j] - step, means[j] + step], [half, half]),  # its halves
                  ([2 / 3, 1 / 3], [means[j], means[j]], [C[j] / 2, 2 * C[j]])]  # its core and its shell
        sums = np.array([sum_up(np.array(shares), np.array(C), moments) for shares, _, C in starts])
        abouts = np.array([means for _, means, _ in starts])
        for length in (trial, iterations):  # from both, and from the better one
            values, done = np.empty((len(sums), length)), np.zeros(len(sums), int)
            climb(*samples, sums, abouts, values, done, floor, tol=tol, **kinds, **closed)
            ends = [values[i, last - 1] if last > 0 else -np.inf for i, last in enumerate(done)]
            best = int(np.argmax(ends))
            sums, abouts = sums[[best]], abouts[[best]]
        if max(ends) == -np.inf:
            continue
        block = empty_block(2, d, moments)
        if m_step(sums[0], abouts[0], floor, block[:0], block, moments=moments, **closed) != ORDINARY:
            continue
        shares[j], halves[j], _, A, _ = parts(block, 2, d, moments)
        matrices[j] = seen(A if A.ndim == 3 else A[:, :, None] * np.eye(d), moments)
        gains[j] = mass * (max(ends) - before) if shares[j].min() * mass >= least * d + 1 else -np.inf


def mergers(shares, means, C, resp, weights, losses, scratch=None, *, moments, near):
    k, d = means.shape
    C = widened(C, moments, d)
    w = weights if len(weights) else np.ones(len(resp))
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


def begin(X, weights, frame, looked, deviations, floor, uniform, chosen, statistics, about, workspace=None, *, whitens,
          part, moments, n_threads=1):
    x, w = framed(X, frame), weights if len(weights) else np.ones(len(X))
    looked = looked if len(looked) else np.arange(len(X))
    metrics = np.diag(1 / deviations)[None]
    if whitens:
        d, scatter = len(deviations), MOMENTS.index("scatter")
        whole = np.concatenate([np.zeros(2), sums(x[None], w[:, None], scatter)])
        block = empty_block(1, d, scatter)
        m_step(whole, np.zeros((1, d)), floor, (), block, moments=scatter, ties=TIES.index("free"), part=part)
        metrics = np.concatenate([parts(block, 1, d, scatter)[4], metrics])
    for r, places in enumerate(chosen):
        kmeans_plus_plus((x @ metrics[r % len(metrics)])[looked], w[looked], uniform[r], places)
        about[r] = x[looked[places]]
        sweep(X, weights, frame, about[r], metrics[None, r % len(metrics)], np.zeros(len(places)), statistics[r],
              density=DENSITIES.index("whitened"), posterior=POSTERIORS.index("hard"), moments=moments)


# --- rows of which a part is known ------------------------------------------------------------------------------------

EMITS = ("scatter", "pooled", "squares", "scores", "responsibilities", "completed")


def views(X, weights, w, means, S, nu, noise, prior, *, emit):
    """What `views.sweep` makes of rows X (n, d) with NaN, one by one and by the formulas of its docstring.

    weights (n,), nu (k,), noise (n, d) or (n, d, d) and prior (n, k): or None. S (k, d, d), or (k, d). emit: one of
    EMITS, or "norms".
    """
    (n, d), k = X.shape, len(w)
    S = S if S.ndim == 3 else S[:, :, None] * np.eye(d)
    total, scores, resp, filled = np.zeros(2), np.empty(n), np.empty((n, k)), np.empty((n, d))
    masses, shares, logs, first, second = np.zeros(k), np.zeros(k), np.zeros(k), np.zeros((k, d)), np.zeros((k, d, d))
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
        scores[i] = joint.max() + math.log(np.exp(joint - joint.max()).sum())
        resp[i] = np.exp(joint - scores[i])
        guess = sum(r * (mu + e) for r, mu, (e, *_) in zip(resp[i], means, told, strict=True))
        filled[i] = np.where(np.isnan(x), guess, x)
        r = resp[i] * (1 if weights is None else weights[i])
        total += r.sum() * scores[i], r.sum() * math.log(resp[i].max())
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
    return np.concatenate([total, masses, first.ravel(), second.ravel(), *tails])


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
