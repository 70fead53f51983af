"""
Few rows: tell what is known of shapes
======================================

Where a component has hardly more rows than its covariance matrix has numbers, the likelihood follows chance, and where
it has fewer, it grows for ever as the component collapses. Beside a prior it does neither.
"""

import numpy as np

from cyem import GaussianMixture

rng = np.random.default_rng(1)
centres = rng.normal(0, 3, (3, 4))
widths = rng.uniform(0.7, 1.4, 3)


def draw(n):
    """Rows of three groups, and the group of each."""
    group = np.repeat(range(3), n // 3)
    return rng.normal(centres[group], widths[group, None]), group


X, _ = draw(30)
new, _ = draw(3000)

# %%
# Thirty rows of four features, for three covariance matrices of ten numbers each. Which model describes *new* rows
# best?
#
# ``prior="weak"`` leaves everything to the data: it is the conjugate prior of Fraley & Raftery (2007), as in mclust,
# scaled by the covariances of all rows. Each covariance matrix counts only a few rows of it, enough that it
# cannot collapse. If you know how wide groups are, such as from the errors of an instrument, say so: here variances of
# about 1, which shall count as much as 22 rows.

rows = 22
told = {"dof": rows - 4 - 2, "scale": np.full(4, 1.0 * rows)}
for name, settings in [
    ("no prior", {}),
    ("weak", {"prior": "weak"}),
    ("told", {"prior": told}),
    ("tied, no prior", {"covariance_type": "tied"}),
    ("VII, no prior", {"covariance_type": "VII"}),
]:
    model = GaussianMixture(3, random_state=0, **settings).fit(X)
    print(f"{name:>14}: score of new rows {model.score(new):6.2f}   {model.fit_report_}")

# %%
# What is known helps most, and a structure with fewer parameters nearly as much. A weak prior is against collapse,
# and not a cure for too many parameters.
#
# What it consists of
# -------------------
#
# A normal distribution for each mean, which counts as ``shrinkage`` rows at ``mean``, and an inverse Wishart for
# covariances, of ``dof`` degrees of freedom and ``scale``; what a dict leaves out is as in ``"weak"``. What EM climbs,
# and ``lower_bound_`` tells, is the likelihood and this density; ``score``, ``bic`` and the other criteria are of the
# likelihood alone.

model = GaussianMixture(3, prior=told, random_state=0).fit(X)
print(f"lower bound {model.lower_bound_:.2f}, score {model.score(X):.2f}")
