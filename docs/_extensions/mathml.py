"""Formulas as MathML, which browsers show by themselves: no script, no font, no network."""

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml


def inline(writer, node):
    """Write a formula that stands in a line."""
    writer.body.append(tex2mathml(node.astext()))
    raise SkipNode


def block(writer, node):
    """Write a formula that has lines of its own."""
    writer.body.append(f'<div class="formula">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise SkipNode


def setup(app):
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
