"""The figures of a report, drawn by cyem.plotting for light and for dark pages, as parts of the page."""

import base64
import io

from ..estimator import warn
from ..markup import element

LIGHT, DARK = ("default", "#ffffff"), ("dark_background", "#14181d")  # with the backgrounds of page.html
CURVES = ("criterion",)  # lines stay lines; figures of samples become pixels
DOTS = 110  # of these per inch
CAPTIONS = {
    "criterion": "The criterion over the number of components, a curve for each structure: the lowest point is best.",
    "mixture": "The samples and the components of the chosen model, feature by feature.",
    "uncertainty": "Where it is uncertain to which component a sample belongs.",
}


def drawn(selection, model, X):
    """Figures by name, as HTML; none, with a warning, where matplotlib is not installed."""
    try:
        from .. import plotting
    except ImportError as error:
        warn(f"the report has no figures: {error}")
        return {}
    draw = {"mixture": lambda place: plotting.MixtureDisplay.from_estimator(model, X, ax=place)}
    if len(model.weights_) > 1:
        draw["uncertainty"] = lambda place: plotting.UncertaintyDisplay.from_estimator(model, X, ax=place)
    if selection is not None:
        draw["criterion"] = lambda place: plotting.CriterionDisplay.from_selection(selection, ax=place)
    return {name: _figure(name, way) for name, way in draw.items()}


def _figure(name, draw):
    form = "svg" if name in CURVES else "png"
    light, dark = (_image(form, draw, *style) for style in (LIGHT, DARK))
    picture = element(
        "picture",
        element("source", srcset=dark, media="(prefers-color-scheme: dark)"),
        element("img", src=light, alt=CAPTIONS[name]),
    )
    return element("figure", picture, element("figcaption", CAPTIONS[name]))


def _image(form, draw, style, paper):
    """A figure as the address of its own content."""
    import matplotlib
    import matplotlib.style
    from matplotlib.figure import Figure

    settings = {"figure.facecolor": paper, "axes.facecolor": paper, "savefig.facecolor": paper, "svg.hashsalt": "cyem"}
    kind = {"svg": "svg+xml"}.get(form, form)
    content = io.BytesIO()
    with matplotlib.style.context(style), matplotlib.rc_context(settings):
        place = Figure(layout="constrained")
        draw(place)
        place.savefig(content, format=form, dpi=DOTS, metadata={"Date": None} if form == "svg" else None)
    return f"data:image/{kind};base64,{base64.b64encode(content.getvalue()).decode()}"
