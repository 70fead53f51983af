"""Volume and shape: the most likely variances along given axes, for each way to tie those of the components.

Each function takes sample variances s (k, d) along the axes of the components, the masses of these (k,), the least
variances that are allowed (k or 1, d), all positive, and the current variances (k, d) along any axes, or None: a search
begins in their proportions. It returns the variances v (k, d), nowhere below the least, that minimise `cost`, and which
components (k,) are held by the least.
"""

import numpy as np

GAIN = 1e-12  # in the cost, at which a search has arrived
THIN = 1e-6  # part of the least that is as good as nothing: the inverse bounds how much wider flat components can get
STEPS = 100  # the most steps of one search
FEW = 3  # the most of one that begins at the current parameters: the next M-step goes on with it


def patience(current):
    """The most steps of a search. One for the M-step need not arrive: any gain will do for EM to climb."""
    return STEPS if current is None else FEW


def cost(s, masses, v):
    """-2 times the expected log-likelihood per unit of mass, but for a constant."""
    return masses @ (np.log(v) + s / v).sum(axis=1) / masses.sum()


def free(s, masses, least, current=None):
    """Volume and shape variable."""
    return np.maximum(s, least), (s <= least).any(axis=1)


def equal(s, masses, least, current=None):
    """Volume and shape equal."""
    v = np.maximum(masses @ s / masses.sum(), least.max(axis=0))
    return np.repeat(v[None], len(s), axis=0), np.repeat((v <= least).any(axis=1), len(s) // len(least))


def proportional(s, masses, least, current=None):
    """Volume variable, shape equal: v_kj = volume_k shape_j, each the best given the other in turn.

    Celeux & Govaert (1995), model [lambda_k B]. The cost is convex in the logarithms, so that there is one minimum. If
    it is below the floor, both halves of a step respect that from there on; they may stop short where it binds both.
    """
    share = masses / masses.sum()

    def step(volume, least):
        shape = np.maximum((share / volume) @ s, (least / volume[:, None]).max(axis=0))
        volume = np.maximum((s / shape).mean(axis=1), (least / shape).max(axis=1))
        v = volume[:, None] * shape
        return volume, v, cost(s, masses, v)

    begin = (np.maximum(s, least) if current is None else current).mean(axis=1)
    v, _ = settle(step, begin, THIN * least, patience(current))
    if (v > least).all():
        return v, np.zeros(len(s), bool)
    starts = [v * np.maximum((least / v).max(axis=1), 1)[:, None], *([] if current is None else [current])]
    v, _ = min((settle(step, start.mean(axis=1), least) for start in starts), key=lambda found: found[1])
    return v, (v <= least * (1 + 1e-9)).any(axis=1)


def settle(step, volume, least, steps=STEPS):
    """The outcome and its cost after steps from volumes to better ones, until they gain nothing."""
    before = np.inf
    for _ in range(steps):
        volume, outcome, now = step(volume, least)
        if before - now <= GAIN:
            break
        before = now
    return outcome, now


def isochoric(s, masses, least, current=None):
    """Volume equal, shape variable: each component's s, scaled to the weighted mean of their volumes.

    Celeux & Govaert (1995), model [lambda B_k]. At the floor v_kj = max(s_kj / m_k, least_kj), where the multipliers
    m_k of the volumes have a mean of one.
    """
    share = masses / masses.sum()
    low, log_s = np.log(least), np.log(np.maximum(s, THIN * least))
    volumes = log_s.mean(axis=1)
    volume = np.log(share @ np.exp(volumes))
    log_v = log_s + (volume - volumes)[:, None]
    if (log_v < low).any():
        d = s.shape[1]
        count = np.arange(1, d + 1)  # of variances above the floor: those with the most room
        room = np.sort(log_s - low)[:, ::-1].cumsum(axis=1) + low.sum(axis=1, keepdims=True)
        volume = max(volume, low.mean(axis=1).max())
        for _ in range(STEPS):  # Newton's method, on the logarithm of their mean: convex, falling, and nearly straight
            log_m = (room - d * volume) / count
            m = np.exp(log_m.max(axis=1))
            mean = share @ m
            if mean - 1 <= GAIN:
                break
            volume += np.log(mean) * mean / (share @ (m * d / count[log_m.argmax(axis=1)]))
        log_v = np.maximum(log_s - np.log(m)[:, None], low)
    v = np.exp(log_v)
    return v, (v <= least * (1 + 1e-9)).any(axis=1)


# by the letters for volume and shape; a round component has a single variance
VARIANCES = {"EI": equal, "VI": free, "EE": equal, "VE": proportional, "EV": isochoric, "VV": free}
