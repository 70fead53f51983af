"""Formulas: densities, the sums they need, M-steps, constraints, numbers of parameters.

Here: covariance structures (`covariance/`), mixtures as sets of normal distributions (`Gaussian`), and what derives
from these: t distributions (`Student`), what is believed (`Posterior`) or held (`Held`), a `Background`; what the
attributes of a fitted mixture must be (`state`). Nothing here knows rows, threads or files.
"""
