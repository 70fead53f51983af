"""How sure: standard errors, bootstraps, tests of the number of components, stability, merging.

How one fit works is not known here; fits are made by the estimators of `cyem.models`.
"""
