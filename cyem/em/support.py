"""What data can support: which of several mixtures is the best, where the likelihood alone would be misled.

Where covariances differ, the likelihood has maxima without meaning: a component on a few samples that happen to lie
close together, or on a line (McLachlan & Peel 2000, section 3.10). A contest is therefore judged by the likelihood and a
weak prior of the covariances, that of Fraley & Raftery (2007), counted as much as one sample: its log density divided by
its degrees of freedom. Such a penalty, - (tr(S Sigma^-1) + log |Sigma|) of the order of one sample for each component,
keeps the likelihood bounded and changes nothing as samples grow in number (Ciuperca, Ridolfi & Idier 2003; Chen & Tan
2009, Journal of Multivariate Analysis 100, 1367-1383). The whole density, worth 2 d samples, prefers on iris a mixture
that is 6 nats less likely. What wins goes on to the maximum of the likelihood: no parameter is shrunk.
"""

import numpy as np

from ..notices import listed

SPANNED = 2  # times the samples that span the volume of a component are few


class Support:
    """Judges mixtures of k components of one problem.

    Parameters
    ----------
    problem : Problem
    k : int
    """

    def __init__(self, problem, k):
        self.prior = problem.weak_prior(k, shrinkage=0.0)
        self.scale = 1 / (self.prior.dof * rows(problem.samples))

    def worth(self, value, parameters):
        """The mean log-likelihood of parameters, less what the data would have to bear out by themselves."""
        return value + self.scale * self.prior.penalty(parameters)


def rows(samples):
    """How many samples of equal weight tell as much."""
    w = samples.weights
    return samples.mass**2 / float((w * w).sum(dtype=np.float64)) if len(w) else len(samples.X)


def few(problem, weights):
    """The components (weights (k,)) that have too few samples to tell of the covariances of their own."""
    own = problem.structure.own_samples(len(problem.family.floor))
    return np.flatnonzero(weights * rows(problem.samples) < SPANNED * own) if own > 1 else np.empty(0, np.intp)


def remarks(problem, parameters):
    """What is to be said of a fit that hangs on few samples: one line, or none."""
    where = few(problem, parameters.weights)
    if not len(where):
        return []
    sizes = parameters.weights[where] * rows(problem.samples)
    return [f"hardly any samples to tell of a component: {listed(where)}, of weight {sizes.min():.3g} in samples "
            "at least"]
