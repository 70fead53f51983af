"""What a mixture is chosen by: formulas of its log-likelihood, its size and its responsibilities. Smaller is better."""

import math

import numpy as np

from .sweep import Evaluator

BLOCK = 1 << 14  # samples at a time: memory does not grow with their number
TITLES = {
    "bic": "BIC",
    "aic": "AIC",
    "aicc": "AICc",
    "icl": "ICL",
    "nec": "NEC",
    "entropy": "entropy",
    "cv": "CV",  # -2 times the log-likelihood of samples left out
}
CRITERIA = tuple(TITLES)
UNDEFINED = {
    "aicc": "needs more samples than parameters + 1",
    "nec": "needs a log-likelihood above that of a single component of the same structure",
    "cv": "is computed only when asked for, by criterion='cv', and needs every part of the samples to be fitted",
}


def measures(k, p, n, log_likelihood, single, classification, entropy):
    """Every criterion that one pass over the samples gives.

    Parameters
    ----------
    k, p : int
        Number of components, and of free parameters.
    n : float
        Number of samples, or the sum of their weights.
    log_likelihood, single : float
        L of all samples together, and L_1, that of a single component of the same structure.
    classification, entropy : float
        Sum over samples of log max_k r_k, and of -sum_k r_k log r_k, with r the responsibilities.

    Returns
    -------
    dict of float
        bic = p log n - 2 L (Schwarz 1978); aic = 2 p - 2 L (Akaike 1974); aicc = aic + 2 p (p + 1) / (n - p - 1)
        (Hurvich & Tsai 1989); icl = bic - 2 sum log max r (Biernacki, Celeux & Govaert 2000, with the partition that
        mclust takes); nec = entropy / (L - L_1), one for a single component (Biernacki, Celeux & Govaert 1999);
        entropy. NaN where one is not defined: see UNDEFINED.

    Examples
    --------
    >>> measures(2, 5, 50, -100.0, -150.0, -1.0, 2.0)["nec"]
    0.04
    """
    bic, aic = p * math.log(n) - 2 * log_likelihood, 2 * p - 2 * log_likelihood
    gain = log_likelihood - single
    nec = entropy / gain if gain > 0 else math.nan
    return {
        "bic": bic,
        "aic": aic,
        "aicc": aic + 2 * p * (p + 1) / (n - p - 1) if n > p + 1 else math.nan,
        "icl": bic - 2 * classification,
        "nec": 1.0 if k == 1 else nec,
        "entropy": entropy,
    }


def entropy(samples, density):
    """Sum over samples of -sum_k r_k log r_k, with r the responsibilities under a density.

    Parameters
    ----------
    samples : Samples
    density : Density

    Returns
    -------
    float
    """
    total, evaluator = 0.0, Evaluator(samples.frame, density, samples.coordinates)
    for begin in range(0, len(samples.X), BLOCK):
        rows = slice(begin, begin + BLOCK)
        resp = evaluator.responsibilities(samples.X[rows], samples.n_threads).astype(np.float64, copy=False)
        terms = resp * np.log(np.maximum(resp, np.finfo(np.float64).tiny))
        # sums, not products of vectors: BLAS would wake threads of its own, which then spin through the next passes
        total -= (terms * samples.weights[rows, None] if len(samples.weights) else terms).sum()
    return float(total * samples.total / samples.mass)


def title(criterion):
    """What people call a criterion: one of CRITERIA, a function, or what already is a title."""
    if isinstance(criterion, str):
        return TITLES.get(criterion, criterion)
    name = getattr(criterion, "__name__", "")
    return name if name.isidentifier() else "criterion"
