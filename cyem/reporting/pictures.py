"""The figures of a report, drawn by cyem.plotting for light and for dark pages, as parts of the page."""

import base64
import io

import numpy as np

from ..notices import warn
from ..show.markup import element
from ..show.progress import shown
from ..workers import ctrl_c_is_heard

LIGHT, DARK = ("default", "#ffffff"), ("dark_background", "#14181d")  # with the backgrounds of page.html
CURVES = ("criterion",)  # lines stay lines; figures of samples become pixels
DOTS = 110  # of these per inch
FEATURES = 6  # that a page has room for
CAPTIONS = {
    "criterion": "The criterion over the number of components, a curve for each structure: the lowest point is best.",
    "mixture": "Each feature against each other one. Below the diagonal the samples, in the colour of their component, "
    "and ellipses around each component; above it how densely the mixture fills the plane, with the centres; on it the "
    "histogram of each feature, under the curves of the components and of the whole.",
    "projection": "The plane in which the components differ most: its axes are made of all features, and named by "
    "those that they go with.",
    "uncertainty": "Where it is uncertain to which component a sample belongs.",
}
GAPS = {  # what is added where values are missing, by whether there are several features
    (True, "mixture"): " Values are missing: points are the samples of which both features were observed, histograms "
    "are of what was observed.",
    (True, "uncertainty"): " Points are the samples of which both features were observed; the shares are of all.",
    (False, "mixture"): " Values are missing: the histogram is of what was observed.",
    (False, "uncertainty"): " Values are missing: the shares are of all samples.",
}


def drawn(selection, model, X, weights, progress=None):
    """Figures by name, as HTML; none, with a warning, where matplotlib is not installed."""
    try:
        from .. import plotting
    except ImportError as error:
        warn(f"the report has no figures: {error}")
        return {}
    telling = plotting.geometry.Components.of(model).telling(FEATURES)
    draw = {
        "mixture": lambda place: plotting.MixtureDisplay.from_estimator(
            model, X, features=telling, sample_weight=weights, ax=place
        )
    }
    if len(model.means_) > 1:
        draw["uncertainty"] = lambda place: plotting.UncertaintyDisplay.from_estimator(
            model, X, sample_weight=weights, ax=place
        )
        if len(telling) < X.shape[1]:
            draw["projection"] = lambda place: plotting.ProjectionDisplay.from_estimator(model, X, ax=place)
    captions = dict(CAPTIONS)
    if X.shape[1] == 1:
        captions["mixture"] = "The histogram of the samples, under the curves of the components and of the whole."
    if len(telling) < X.shape[1]:
        captions["mixture"] += f" These are the {len(telling)} features in which the components differ most."
    if np.isnan(X).any():
        for name in ("mixture", "uncertainty"):
            captions[name] += GAPS[X.shape[1] > 1, name]
    if selection is not None:
        draw["criterion"] = lambda place: plotting.CriterionDisplay.from_selection(selection, ax=place)
    figures = {}
    with ctrl_c_is_heard(), shown(progress, len(draw), "figures") as tell:  # matplotlib is full of callbacks
        for name, way in draw.items():
            figures[name] = _figure(way, captions[name], "svg" if name in CURVES else "png")
            tell(len(figures))
    return figures


def _figure(draw, caption, form):
    light, dark = (_image(form, draw, *style) for style in (LIGHT, DARK))
    picture = element(
        "picture",
        element("source", srcset=dark, media="screen and (prefers-color-scheme: dark)"),
        element("img", src=light, alt=caption),
    )
    return element("figure", picture, element("figcaption", caption))


def _image(form, draw, style, paper):
    """A figure as the address of its own content."""
    import matplotlib
    import matplotlib.style
    from matplotlib.figure import Figure

    settings = {"figure.facecolor": paper, "axes.facecolor": paper, "savefig.facecolor": paper, "svg.hashsalt": "cyem"}
    kind = {"svg": "svg+xml"}.get(form, form)
    content = io.BytesIO()
    with matplotlib.style.context(style), matplotlib.rc_context(settings):
        place = Figure()
        draw(place)
        place.savefig(content, format=form, dpi=DOTS, metadata={"Date": None} if form == "svg" else None)
    return f"data:image/{kind};base64,{base64.b64encode(content.getvalue()).decode()}"
