"""What stands between single backticks in docstrings: a link where it is a public name, code where it is not."""

from docutils import nodes
from sphinx.addnodes import pending_xref

import cyem
from cyem import plotting


def full(name):
    """The whole name of something public, or None."""
    first, *rest = name.removeprefix("cyem.").removeprefix("plotting.").split(".")
    for module in (cyem, plotting):
        if first in module.__all__ and all(hasattr(getattr(module, first), part) for part in rest[:1]):
            return ".".join([module.__name__, first, *rest])
    return None


def role(_, rawtext, text, line, inliner, options=None, content=()):
    """The default role of the site."""
    code = nodes.literal(rawtext, text, classes=["code"])
    target = full(text.removesuffix("()"))
    if target is None:
        return [code], []
    env = inliner.document.settings.env
    link = pending_xref(rawtext, code, refdomain="py", reftype="obj", reftarget=target, refdoc=env.docname)
    link["refwarn"] = True
    return [link], []


def setup(app):
    """Called by Sphinx."""
    app.add_role("name", role)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
