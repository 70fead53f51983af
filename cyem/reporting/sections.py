"""The sections of a report, each from what was fitted to a piece of HTML."""

import platform
from datetime import date
from inspect import signature
from math import isclose

import numpy as np

from ..config import show_config
from ..families import state
from ..families.covariance import structure
from ..inference.errors import AwayWarning, standard_errors
from ..lazy import cached_property
from ..models.estimator import defaults
from ..models.history import Report
from ..notices import NamelessWarning, muted
from ..selection import criteria, html
from ..selection.select import select
from ..show import fragments
from ..show.markup import element, row, table, together
from ..show.summary import deviations, ending, feature_names, heading
from ..show.text import plural, precision, series
from ..version import __version__

CERTAIN, DOUBTFUL = 0.9, 0.6  # probabilities of the most probable component
TELLING = 0.5  # standard deviations by which a component must differ from the whole to be said to
SAME = 1e-9  # of a log-likelihood: rows of as many parameters that differ less are the same model by two names
AFFORDABLE = 1e10  # multiplications for the intervals of shares
WIDER = np.log(1.5)  # the ratio of spreads that is worth a word
MOST = 4  # such differences named for one component
EVIDENCE = ((10, "very strong"), (6, "strong"), (2, "positive"), (0, "hardly any"))  # Kass & Raftery (1995), 2 log B
WORDS = {
    "component": "A cloud of rows around a centre, densest in the middle (a normal distribution, or a t distribution, "
    "which has heavier tails). A mixture describes "
    "the data as several of them on top of each other. They may be groups, or pieces of one group: see the answer.",
    "structure": "What the clouds may look like: how much their sizes, shapes and directions may differ from each "
    "other. Three letters say it of volume, shape and orientation: E equal for all, V varying, I none (round, or along "
    "the axes); full is VVV, tied EEE, diag VVI, spherical VII.",
    "log-likelihood": "How well the model foretells the data; the greater, the better. It grows with every component.",
    "parameters": "How many numbers the model has to estimate: its price.",
    "BIC, AIC, AICc, ICL": "The log-likelihood with the price taken off, turned so that smaller is better. They differ "
    "in the price. ICL prefers components that are well apart; AIC tends to more components than BIC.",
    "NEC, entropy": "How much the components overlap: 0 when every row belongs to one of them for sure.",
    "CV": "How well the model foretells rows that were left out of the fit (cross-validation); smaller is better.",
    "starts": "How many of the starts of the search ended at this model; where one did, there may be a better one.",
    "marks": "! stopped before it was done; ~ something out of the ordinary; ? owed to a few rows or to none of the "
    "width, and therefore not chosen.",
}


class Facts:
    """What the page says of a mixture and its samples.

    Parameters
    ----------
    model : GaussianMixture or StudentMixture
    X : ndarray of shape (n, d)
    weights : ndarray of shape (n,) or None
    findings : Findings
    """

    def __init__(self, model, X, weights, findings):
        self.model, self.findings = model, findings
        self.n, self.d = X.shape
        gone = np.isnan(X)
        self.gaps, self.rows_with_gaps = int(gone.sum()), int(gone.any(axis=1).sum())
        self.component_weights, self.means, _ = state.parameters(model, model._matrices)
        state.outcome(model)
        self.k = len(self.means)
        self.weights = weights
        self.names = feature_names(model)
        self.highest = model.predict_proba(X).max(axis=1)
        self.ranges = share_ranges(model, X, weights)

    def share(self, where):
        """The share of the samples, by weight, for which something holds."""
        return float(np.average(where, weights=self.weights))

    @cached_property
    def deviations(self):
        """Standard deviation of each feature in each component (k, d)."""
        return deviations(self.model)

    def nearest(self, j):
        """The component that is hardest to tell from another one, by the distance of Bhattacharyya."""
        _, means, covariances = state.in_own_frame(self.model)
        matrices = structure(self.model.covariance_type).full(covariances, *means.shape)
        logs, middle = np.linalg.slogdet(matrices)[1], (matrices + matrices[j]) / 2
        apart = (means - means[j])[..., None]
        distances = (apart * np.linalg.solve(middle, apart)).sum(axis=(1, 2)) / 8
        distances += np.linalg.slogdet(middle)[1] / 2 - (logs + logs[j]) / 4
        distances[j] = np.inf
        return int(distances.argmin())

    @cached_property
    def differences(self):
        """Means of the components less the mean of the mixture, in its standard deviations (k, d)."""
        offsets = self.means - self.component_weights @ self.means
        variances = self.component_weights @ (self.deviations**2 + offsets**2)
        return offsets / np.sqrt(variances)


def share_ranges(model, X, weights):
    """95 % intervals of the weights, low and high (k,); None where samples do not tell, or not in a second or so."""
    if len(model.means_) == 1 or model.equal_weights or len(X) * model._n_parameters() ** 2 > AFFORDABLE:
        return None
    with muted(NamelessWarning), muted(AwayWarning) as away:
        try:
            errors = standard_errors(model, X, sample_weight=weights)
        except ValueError:
            return None
    return None if away else errors.intervals().weights


def head(title, facts):
    """The title, and what the data were."""
    size = plural("row", facts.n)
    weighted = "" if facts.weights is None else ", weighted"
    gaps = "" if not facts.gaps else (
        f", with {plural('missing value', facts.gaps)} in {facts.rows_with_gaps} of the rows, each of which counts for "
        "what was observed")
    made = f"{size} of {plural('feature', facts.d)}{weighted}{gaps}. Made on {date.today()} with cyem {__version__}."
    return together(element("h1", title), element("p", made, class_="soft"))


def answer(facts, selection):
    """What was found, in plain words."""
    if selection is None:
        first, reason, reasons = f"A mixture of {plural('component', facts.k)} was fitted to the data.", "", ""
    else:
        verdict = selection.verdict
        first, reason = f"{verdict.headline[:1].upper()}{verdict.headline[1:]}.", _reason(selection)
        reasons = element("ul", *(element("li", said) for said in (*verdict.reasons, f"Next: {verdict.next_step}")))
    return together(
        element("div", element("strong", first), " ", reason, class_="answer"),
        reasons,
        element("p", f"The model: {facts.model._words}, {heading(facts.model)}. {ending(facts.model)}."),
    )


def _reason(selection):
    """Why this model, and how far behind the next one is."""
    best, value, others = _contest(selection)
    name = criteria.title(selection.criterion)
    form = precision([value], large=1)
    if not others:
        return f"No other model was fitted; its {name} is {value:,{form(value)}}."
    compared = f"Of {len(others) + 1} models compared"
    runner_up, next_value = others[0]
    if runner_up.spurious and not best.spurious:
        return (f"{compared}, that of {_called(best)} is the only one that can be trusted (its {name} is "
                f"{value:,{form(value)}}): the others owe their likelihood to a few rows or to none of the width.")
    gap = next_value - value
    text = f"{compared}, that of {_called(best)} has the smallest {name}: {value:,{form(value)}}."
    text += f" Next is {_called(runner_up)}, {gap:,{form(gap)}} behind"
    if name == "BIC":
        word = next(word for least, word in EVIDENCE if gap >= least)
        return f"{text}: {word} evidence for the first."
    return f"{text}."


def _contest(selection):
    """The best row, its criterion, and the others with theirs, less those that are the best by another name."""
    (best, value), *others = html.ranked(selection)

    def same(fit):
        return fit[:1] == best[:1] and fit.n_parameters == best.n_parameters and isclose(
            fit.log_likelihood, best.log_likelihood, rel_tol=SAME)

    return best, value, [(fit, other) for fit, other in others if not same(fit)]


def _called(fit):
    return f"{plural('component', fit.n_components)} ({fit.covariance_type})"


def cautions(facts, selection):
    """What to be careful about, as a list, or the word that there is nothing."""
    model = facts.model
    cautions = [f"The fit of the model says: {event}." for event in Report(model.fit_report_).troubles]
    if not model.converged_:
        cautions.append("The fit was stopped before it was done: raise max_iter.")
    cautions += [f"The data: {finding}." for finding in facts.findings]
    if model.random_state is None:
        cautions.append("No seed was given: fitting again may give another answer.")
    if selection:
        cautions += _cautions_of_selection(selection)
    if not cautions:
        cautions = ["Nothing out of the ordinary happened."]
    return together(
        element("h2", "What to be careful about"), element("ul", *(element("li", c) for c in cautions), class_="care")
    )


def _cautions_of_selection(selection):
    rows = selection.rows
    counts = sorted({fit.n_components for fit in rows})
    best, value, others = _contest(selection)
    close = [fit for fit, other in others if not fit.spurious and other - value < 2]
    if best.spurious:
        yield "The chosen model owes its likelihood to a few rows: every model compared does."
    if len(counts) > 1 and best.n_components == counts[-1]:
        yield f"The chosen number of components, {counts[-1]}, is the largest tried: a larger one may be better still."
    if selection.criterion == "bic" and close:
        yield f"As good as the chosen model (BIC less than 2 apart): {series(map(_called, close))}."
    for name in ("aic", "icl"):
        other = selection.pick(name).best_row
        if name != selection.criterion and other is not best:
            yield f"{criteria.title(name)} would choose {_called(other)}."
    if violations := selection.nesting_violations:
        worst = max(violations, key=lambda violation: violation.loss)
        yield (
            f"The search missed better fits: {plural('model', len(violations))} fit worse than a special case, "
            f"{_called(worst.general)} by {worst.loss:.2g} of log-likelihood."
        )
    if selection.interrupted:
        yield "The search was ended before it was done."
    for text, found in (
        ("Not fitted, as the table explains", [fit for fit in rows if fit.reason]),
        ("Stopped before convergence, mark !", [fit for fit in rows if not fit.reason and not fit.converged]),
        ("Out of the ordinary, such as a component as thin as is allowed, mark ~", [fit for fit in rows if fit.report]),
        ("Owed to a few rows and not chosen, mark ?", [fit for fit in rows if fit.spurious and fit is not best]),
    ):
        if found:
            yield f"{text}: {len(found)} of the {len(rows)} models."


def groups(facts, figures):
    """The components, in words and in numbers."""
    lines = []
    for j in np.argsort(-facts.component_weights, kind="stable").tolist():
        name = element("th", f"component {j}", scope="row")
        beside = _beside(facts, j) if facts.k > 1 else ""
        lines.append(row([name, _share(facts, j), _difference(facts, j), beside]))
    head = ["", "share", "compared with all rows", "compared with the nearest component"]
    words = table(head, lines, class_="differs")
    brackets = "In brackets after a share: where the true one lies with 95% confidence, if the model is right."
    explained = ("Each number is the mean of a feature in a component, with the "
                 f"{facts.model._spread} within it after ±.")
    return together(
        element("h2", "The components"),
        element("div", words, class_="wide", tabindex=0) if facts.k > 1 else "",
        element("p", brackets, class_="soft") if facts.ranges else "",
        figures.get("projection", ""),
        figures.get("mixture", ""),
        element("p", explained, class_="soft"),
        element("div", fragments.components(facts.model, class_="components"), class_="wide", tabindex=0),
    )


def _share(facts, j):
    """The weight of a component, and its interval."""
    share = f"{facts.component_weights[j]:.1%}"
    if facts.ranges is None:
        return share
    low, high = (f"{bound[j]:.1%}" for bound in facts.ranges)
    return together(share, element("small", f" ({low} to {high})"))


def _difference(facts, j):
    """By what a component differs from the whole, the most telling features first."""
    z = facts.differences[j]
    telling = [i for i in np.argsort(-np.abs(z), kind="stable") if abs(z[i]) >= TELLING][:MOST]
    said = [f"{facts.names[i]} {'high' if z[i] > 0 else 'low'} ({z[i]:+.1f} sd)" for i in telling]
    return ", ".join(said) or "near the average in everything"


def _beside(facts, j):
    """By what a component differs from its nearest neighbour, in units of the features: means, or else spreads."""
    i = facts.nearest(j)
    own, other = facts.means[[j, i]], facts.deviations[[j, i]]
    pooled = np.sqrt((other**2).mean(axis=0))
    apart = np.abs(own[0] - own[1]) / pooled
    order = np.argsort(-apart, kind="stable")
    said = [_told(facts.names[f], own[:, f], pooled[f]) for f in order[:MOST] if apart[f] >= TELLING]
    ratios = np.log(other[0] / other[1])
    widest = int(np.argmax(np.abs(ratios)))
    if not said and abs(ratios[widest]) >= WIDER:
        said = [f"spread of {_told(facts.names[widest], other[:, widest], other[:, widest].min())}"]
    said = said or [f"much the same; {_told(facts.names[order[0]], own[:, order[0]], pooled[order[0]])}"]
    return f"component {i}: {'; '.join(said)}"


def _told(name, values, scale):
    """A value beside that of a neighbour, with as many digits as their difference, or a tenth of a scale, needs."""
    one, other = values.tolist()
    least = min(filter(None, (abs(one - other), scale / 10)), default=1.0)
    digits = max(0, -int(np.floor(np.log10(least))))
    form = f",.{digits}f" if digits < 9 and max(abs(one), abs(other)) < 1e9 else ".6g"
    return f"{name} {one:{form}}, there {other:{form}}"


def certainty(facts, figures):
    """How sure it is which row belongs where."""
    if facts.k == 1:
        return ""
    certain, doubtful = facts.share(facts.highest > CERTAIN), facts.share(facts.highest < DOUBTFUL)
    text = (
        f"{certain:.0%} of the rows belong to one component with a probability above {CERTAIN:.0%}; for "
        f"{doubtful:.0%} the most probable one has less than {DOUBTFUL:.0%}: these lie between components."
    )
    title = "How sure it is which row belongs where"
    return together(element("h2", title), element("p", text), figures.get("uncertainty", ""))


def models(selection, figures):
    """The table of all models, which the script of the page makes sortable."""
    note = "A click on a heading sorts by it, another one the other way round. ★ is the chosen model."
    shown = html.models(selection, selection.rows, class_="sortable")
    return together(
        element("h2", "All models compared"),
        figures.get("criterion", ""),
        element("p", note, class_="soft click"),
        element("div", shown, class_="wide", tabindex=0),
    )


def words():
    """The terms of the page, explained."""
    entries = (item for word, meaning in WORDS.items() for item in (element("dt", word), element("dd", meaning)))
    return together(element("h2", "Words"), element("dl", *entries))


def again(facts, selection, path, command):
    """How to make the same again."""
    config = show_config("dict")
    versions = {
        "cyem": __version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "kernels": config["instruction_set"],
        "seed": facts.model.random_state,
        "samples": f"{facts.n} x {facts.d}",
    }
    lines = "\n".join(f"{name:8}{value}" for name, value in versions.items())
    return together(
        element("h2", "How to make it again"),
        element("pre", element("code", command or _code(facts, selection, path))),
        element("p", "The same samples, version, seed and kernels give the same numbers."),
        element("pre", lines),
    )


def _code(facts, selection, path):
    """Python that makes the same report, given X and, where there are some, sample_weight."""
    model = facts.model
    weights = "" if facts.weights is None else ", sample_weight=sample_weight"
    if selection is None:
        fit = f"fitted = cyem.{model!r}.fit(X{weights})"
    else:
        counts = list(dict.fromkeys(fit.n_components for fit in selection.rows))
        names = list(dict.fromkeys(fit.covariance_type for fit in selection.rows))
        usual = defaults(type(model)) | {"n_init": signature(select).parameters["n_init"].default}
        settings = {
            name: repr(value)
            for name, default in usual.items()
            if name not in ("n_components", "covariance_type") and repr(value := getattr(model, name)) != repr(default)
        }
        own = selection.criterion
        if own != "bic":
            settings["criterion"] = repr(own) if isinstance(own, str) else criteria.title(own)
        if model._heavy:
            settings["family"] = "'student'"
        settings = "".join(f", {name}={value}" for name, value in settings.items())
        fit = f"fitted = cyem.select(X, {counts}, {names}{settings}{weights})"
    return f"import cyem\n\n{fit}\ncyem.report(fitted, X, {str(path)!r}{weights})"
