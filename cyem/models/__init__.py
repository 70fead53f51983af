"""What a user calls: estimators with their parameters, defaults, docstrings, errors, fitted attributes, verbs, files.

Nothing here knows tiles or passes; how a fit goes is decided in `cyem.em`.
"""
