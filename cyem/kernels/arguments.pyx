"""What doors are given more than once, as objects: each is made where what it describes is made.

They hold arrays, whose types and layout are looked at once, and say to the loops where these are. Nothing in them is
changed but what the arrays of an ascent hold. No loop is here, so that one build serves all instruction sets.
"""

from libc.math cimport INFINITY

# The kinds of distance and of second moment, in the order of kinds.pxd, and what covariances may have in common.
# Of each kind of distance there is a normal density, and one with heavier tails: Student's t.
DENSITIES = ("triangular", "whitened", "diagonal", "spherical",
             "triangular t", "whitened t", "diagonal t", "spherical t")
MOMENTS = ("none", "scatter", "pooled", "squares", "norms")
TIES = ("free", "equal", "proportional", "isochoric", "one shape", "proportional shapes", "axes",
        "axes isochoric")


cdef class Rows:
    """Samples X (n, d), float32 or float64, as they are seen in a frame (2, d); with weights (n,), or None for ones.

    whole, or None: the scatter statistics of all of them as one component about the origin, from which pooled moments
    can come, and those of one component: what the others leave.
    """

    def __cinit__(self, X, frame, weights=None, whole=None):
        cdef Table* t = &self.table
        self.X, self.frame, self.weights, self.whole = X, frame, weights, whole
        t.single = X.itemsize == sizeof(float)
        t.n, t.d = X.shape
        t.last = t.n - 1
        t.X, t.frame = matrix(X, t.single), matrix(frame, t.single)
        t.weights = NULL if weights is None else vector(weights, t.single)
        t.whole = NULL if whole is None else <const double*>vector(whole, False)
        t.order = NULL

    def __reduce__(self):
        return type(self), (self.X, self.frame, self.weights, self.whole)


cdef class Batches:
    """Rows of which a part is known, side by side as views.pyx takes them: in batches of SIDE items.

    X (slots, d, SIDE): in the frame; NaN where nothing was observed. weights (slots, SIDE): zero where there is no row.
    place (slots, SIDE): the number of each row, -1 where there is none. begin (batches + 1,): the first slot of each
    batch. noise (batches * SIDE, d, d), or (batches * SIDE, 1, d) where errors are not correlated, or None: covariance
    of the error of measurement of the rows of each item. prior (slots, k, SIDE), or None: logs of what multiplies the
    weights of the components for each row. There is one batch at least.
    """

    def __cinit__(self, X, weights, place, begin, noise=None, prior=None):
        cdef const double[:, :, ::1] x = X
        cdef const double[:, ::1] weight = weights
        cdef const Py_ssize_t[:, ::1] places = place
        cdef const Py_ssize_t[::1] begins = begin
        cdef const double[:, :, ::1] more
        self.X, self.weights, self.place, self.begin, self.noise, self.prior = X, weights, place, begin, noise, prior
        self.slots, self.d, self.batches, self.k = x.shape[0], x.shape[1], begins.shape[0] - 1, 0
        self.x, self.weight, self.places, self.begins = &x[0, 0, 0], &weight[0, 0], &places[0, 0], &begins[0]
        self.noises = self.priors = NULL
        self.crossed = False
        if noise is not None:
            more = noise
            self.noises, self.crossed = &more[0, 0, 0], more.shape[1] == self.d
        if prior is not None:
            more = prior
            self.priors, self.k = &more[0, 0, 0], more.shape[1]

    def __reduce__(self):
        return type(self), (self.X, self.weights, self.place, self.begin, self.noise, self.prior)


cdef class Density:
    """A mixture density in evaluation form, in the coordinates of a frame; all in double precision.

    kind: one of DENSITIES. means (k, d). factors (k, d, d), (1, d, d), (k, 1, d) or (k, 1, 1) by kind: U with
    Sigma^-1 = U U'. constants (k,): log-joint densities at the means; where tails are heavy, then degrees of freedom.
    weights (k,), covariances, tails: what rows of which a part is known are seen by; the last a function that makes the
    table of views.pyx, where tails are heavy. background (1 + d,), or None: log of the weight of what is none of the
    components, then logs of its density along each feature, the same everywhere.
    """

    def __cinit__(self, kind, means, factors, constants, weights=None, covariances=None, tails=None, background=None):
        cdef const double[:, ::1] centres = means
        cdef const double[:, :, ::1] triangles = factors
        cdef const double[::1] heights = constants
        self.kind, self.means, self.factors, self.constants = kind, means, factors, constants
        self.weights, self.covariances, self.tails, self.background = weights, covariances, tails, background
        self.mixture = Mixture(DENSITIES.index(kind), centres.shape[0], triangles.shape[0], &centres[0, 0],
                               &triangles[0, 0, 0], &heights[0], -INFINITY if background is None else background.sum())

    def beside(self, background):
        """The same components beside a background."""
        return Density(self.kind, self.means, self.factors, self.constants, self.weights, self.covariances, self.tails,
                       background)

    @property
    def heavy(self):
        """Whether tails are heavier than normal ones."""
        return len(self.constants) > len(self.means)

    def __reduce__(self):
        return type(self), (self.kind, self.means, self.factors, self.constants, self.weights, self.covariances,
                            self.tails, self.background)


cdef class ClosedForm:
    """What the compiled M-step is told of a structure.

    moments, ties: of MOMENTS and TIES, what is known of each covariance, and what the covariances have in common.
    floor: the least variances (d,), or (1,) by norms. part: the least variances relative to the diagonal of their own
    matrix. equal_weights: whether every component has the weight 1 / k. background: the log-density of what is none of
    the components, the same everywhere; -inf where there is no such thing.
    """

    def __cinit__(self, moments, ties, floor, double part, bint equal_weights=False, double background=-INFINITY):
        self.moments, self.ties, self.floor, self.part, self.equal_weights = moments, ties, floor, part, equal_weights
        self.background = background
        self.model = Model(0, 0, MOMENTS.index(moments), TIES.index(ties), <const double*>vector(floor, False), part,
                           equal_weights, background)

    def __reduce__(self):
        return type(self), (self.moments, self.ties, self.floor, self.part, self.equal_weights, self.background)

    def with_equal_weights(self):
        """The same for components of equal weight."""
        return ClosedForm(self.moments, self.ties, self.floor, self.part, True, self.background)

    def beside(self, background):
        """The same for components beside a background."""
        return ClosedForm(self.moments, self.ties, self.floor, self.part, self.equal_weights, background)


cdef class Ascent:
    """Where EM is, for calls that make many iterations: they read and write the arrays.

    blocks (2, size): the parameters of a point and of the one before it; beside a background those of the components
    alone, as if there were nothing else, and then the weight of the background. statistics and about (k, d): the pass
    at the point. state (state_size,): zeros to begin with, but for the iterations so far. scale (d,): of coordinates.
    curved: whether leaps lead out of the structure. mass: of all samples. tol, resolution: as `em.driver.Convergence`
    takes them. walk: iterations before the first leap.
    """

    def __cinit__(self, double[:, ::1] blocks, double[::1] statistics, double[:, ::1] about, double[::1] state,
                  const double[::1] scale, bint curved, double mass, double tol, double resolution, double walk):
        self.blocks, self.statistics, self.about, self.state = blocks.base, statistics.base, about.base, state.base
        self.scale = scale.base
        self.curved, self.mass, self.tol, self.resolution, self.walk = curved, mass, tol, resolution, walk
        self.block, self.sums, self.means = &blocks[0, 0], &statistics[0], &about[0, 0]
        self.memory, self.unit = &state[0], &scale[0]
        self.k, self.d, self.sums_size = about.shape[0], about.shape[1], statistics.shape[0]

    def __reduce__(self):
        return type(self), (self.blocks, self.statistics, self.about, self.state, self.scale, self.curved, self.mass,
                            self.tol, self.resolution, self.walk)
