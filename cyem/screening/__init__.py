"""A look at the data before any model is chosen: what of them a mixture would take for something that it is not.

Stands between `models`, whose mixtures of one column tell a skewed cloud from several, and `selection`, the report and
the command line, which tell what was found. Of a search over models nothing is known here.
"""
