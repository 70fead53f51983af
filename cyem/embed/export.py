"""A mixture as one file in C99 that needs nothing of cyem or Python: the model is inside."""

import re

import numpy as np

from ..version import __version__

TYPES = {"float64": ("double", "", "log", "exp", "-1e300", "0.5", "1.0", "0.0"),
         "float32": ("float", "f", "logf", "expf", "-1e37f", "0.5f", "1.0f", "0.0f")}

HEAD = """\
/* A mixture of {k} {kind} of {d} features. Written by cyem {version}; nothing is needed but exp and log.
 *
{features} *
 * {name}_log_density(x)            log-density of a sample x ({d},)
 * {name}_responsibilities(x, out)  probability of each component given the sample, out ({k},)
 * {name}_predict(x)                the most probable component, from 0
 *
 * Of a sample that holds NaN or infinity the first two are NaN, the last is -1. The functions may be called by any
 * number of threads. To have the declarations only, in C or C++: #define {upper}_DECLARATIONS before #include.
 */
#ifdef __cplusplus
extern "C" {{
#endif

{real} {name}_log_density(const {real} *x);
void {name}_responsibilities(const {real} *x, {real} *out);
int {name}_predict(const {real} *x);

#ifdef __cplusplus
}}
#endif

#ifndef {upper}_DECLARATIONS

#include <math.h>
#include <stddef.h>

{tables}
/* Log-joint densities of the components; returns the largest, or NaN where x is no sample. */
static {real} {name}_joint(const {real} *x, {real} *joint)
{{
    {real} top = {low};
    size_t i, j;
{before}    for (i = 0; i < {d}; i++)
        if (!(x[i] - x[i] == {zero}))
            return x[i] - x[i];
    for (j = 0; j < {k}; j++) {{
        {real} q = {zero};
{distance}        {bend}
        if (!(q > {low})) /* beyond the range of numbers */
            q = {low};
        joint[j] = q;
        if (q > top)
            top = q;
    }}
    return top;
}}

{real} {name}_log_density(const {real} *x)
{{
    {real} joint[{k}], top = {name}_joint(x, joint), sum = {zero};
    size_t j;
    if (!(top == top))
        return top;
    for (j = 0; j < {k}; j++)
        sum += {exp}(joint[j] - top);
    return top + {log}(sum);
}}

void {name}_responsibilities(const {real} *x, {real} *out)
{{
    {real} top = {name}_joint(x, out), sum = {zero};
    size_t j;
    for (j = 0; j < {k}; j++) {{
        out[j] = top == top ? {exp}(out[j] - top) : top;
        sum += out[j];
    }}
    for (j = 0; j < {k}; j++)
        out[j] /= sum;
}}

int {name}_predict(const {real} *x)
{{
    {real} joint[{k}], top = {name}_joint(x, joint);
    int j = 0;
    if (!(top == top))
        return -1;
    while (j < {last} && !(joint[j] == top))
        j++;
    return j;
}}

#endif
"""

# how far a sample is from component j, by kind of factor: loops of which x, less what all samples are centred on, is z
DISTANCES = {
    "triangular": """\
        const {real} *u = {name}_factors[j];
        size_t b;
        for (b = 0; b < {d}; b++) {{
            {real} y = {zero};
            for (i = 0; i <= b; i++)
                y += *u++ * ({z} - {name}_means[j][i]);
            q += y * y;
        }}
""",
    "whitened": """\
        for (i = 0; i < {d}; i++)
            q += (white[i] - {name}_means[j][i]) * (white[i] - {name}_means[j][i]);
""",
    "diagonal": """\
        for (i = 0; i < {d}; i++) {{
            {real} y = ({z} - {name}_means[j][i]) * {name}_factors[j][i];
            q += y * y;
        }}
""",
    "spherical": """\
        for (i = 0; i < {d}; i++) {{
            {real} y = ({z} - {name}_means[j][i]) * {name}_factors[j][0];
            q += y * y;
        }}
""",
}
WHITEN = """\
    const {real} *u = {name}_factors[0];
    {real} white[{d}];
    for (i = 0; i < {d}; i++) {{
        white[i] = {zero};
        for (j = 0; j <= i; j++)
            white[i] += *u++ * (x[j] - {name}_reference[j]);
    }}
"""
NORMAL = "q = {name}_constants[j] - {half} * q;"
# log(1 + t), also where 1 + t has lost most of t: u - 1 is what is left of it, and of that u is the exact sum
STUDENT = """\
{{
            {real} t = q * {name}_inverses[j], u, l;
            t = t < {most} ? t : {most};
            u = {one} + t;
            l = u == {one} ? t : {log}(u) * (t / (u - {one}));
            q = {name}_constants[j] - {name}_powers[j] * l - ({name}_halves[j] > {zero} ? {half} * q : {zero});
        }}"""


def source(density, reference, name, dtype, features=None):
    """The C file.

    Parameters
    ----------
    density : Density
        In no frame.
    reference : ndarray of shape (d,)
        The mean of all components: what differences are taken from in single precision, or where one factor is for all.
    name : str
        What its functions begin with.
    dtype : {'float64', 'float32'}
    features : sequence of str, optional
        Names of the features, which a comment tells in the order of x.

    Raises
    ------
    TypeError, ValueError
        For a name that C does not know as one, another dtype, or a mixture beyond the range of it.
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be text, got {name!r}.")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,60}", name):
        raise ValueError(f"name must be at most 61 letters, digits and _, the first a letter, got {name!r}.")
    try:
        dtype = np.dtype(dtype)
    except TypeError:
        dtype = None
    if dtype is None or dtype.name not in TYPES:
        raise ValueError(f"dtype must be 'float64' or 'float32', got {dtype!r}.")
    kind, k, d = density.kind.split()[0], *density.means.shape
    real, suffix, log, exp, low, half, one, zero = TYPES[dtype.name]
    words = dict(name=name, upper=name.upper(), k=k, d=d, last=k - 1, real=real, log=log, exp=exp, low=low, half=half,
                 one=one, zero=zero, most=low.lstrip("-"), version=__version__,
                 features=_told(features),
                 kind="t distributions" if density.heavy else "normal distributions")
    centred = kind == "whitened" or dtype == np.float32
    most = np.finfo(dtype).max
    reference = np.clip(reference, -most, most).astype(dtype).astype(np.float64) if centred else np.zeros(d)
    words["z"] = f"(x[i] - {name}_reference[i])" if centred else "x[i]"
    means, factors = density.means - reference, density.factors
    upper = [(i, b) for b in range(d) for i in range(b + 1)]  # column by column
    if kind == "whitened":
        means = means @ factors[0]
    if kind in ("triangular", "whitened"):
        factors = factors[(slice(None), *np.transpose(upper))]
    tables = {"means": means, "factors": factors.reshape(len(factors), -1), "constants": density.constants[:k]}
    if centred:
        tables["reference"] = reference
    if density.heavy:
        nu = density.constants[k:]
        tables |= {"inverses": 1 / nu, "powers": np.where(np.isinf(nu), 0, (nu + d) / 2), "halves": 1.0 * np.isinf(nu)}
    written = "".join(table(f"{name}_{what}", values, dtype, real, suffix, low) for what, values in tables.items())
    return HEAD.format(**words, tables=written, distance=DISTANCES[kind].format(**words),
                       before=WHITEN.format(**words) if kind == "whitened" else "",
                       bend=(STUDENT if density.heavy else NORMAL).format(**words))


def _told(features):
    """Lines of the comment that say which feature is where in a sample."""
    if features is None:
        return ""
    return "".join(f" * x[{j}]  {_no_end(feature)}\n" for j, feature in enumerate(features))


def _no_end(name):
    """A name as ASCII that ends neither a comment nor a line."""
    return ascii(str(name))[1:-1].replace("/*", "/ *").replace("*/", "* /").replace("??/", "? ?/")


def table(name, values, dtype, real, suffix, low):
    """Numbers as a constant of C, each by the fewest digits that tell it from its neighbours."""
    with np.errstate(over="ignore", under="ignore"):
        numbers = values.astype(dtype)
    lost = ~np.isfinite(numbers) & np.isfinite(values) | (numbers == 0) & (values != 0) & ("factors" in name)
    if lost.any():
        raise ValueError(f"dtype={dtype.name!r} has no room for {values[lost][0].item()!r}, one of the numbers of this "
                         "mixture: export it as float64, or fit it to X in another unit.")
    rows = [", ".join(low if x == -np.inf else f"{x!s}{suffix}" for x in row) for row in np.atleast_2d(numbers)]
    shape = "".join(f"[{n}]" for n in values.shape)
    if values.ndim == 1:
        return f"static const {real} {name}{shape} = {{{rows[0]}}};\n"
    return f"static const {real} {name}{shape} = {{\n" + ",\n".join(f"    {{{row}}}" for row in rows) + "\n};\n"
