"""A mixture as a graph of ONNX, which other runtimes evaluate; needs the package onnx."""

import numpy as np

from ..version import __version__

OPSET, IR = 17, 8  # of 2022: what runtimes of today know
LOW = -1e300  # stands for what is no number, as in the kernels


def graph(density):
    """The model: X (n, d) to log_density (n,), probabilities (n, k) and label (n,), in double precision.

    density : Density
        In no frame.
    """
    try:
        from onnx import TensorProto, checker, helper, numpy_helper
    except ImportError:
        raise ImportError("to_onnx needs the package onnx: pip install 'cyem[onnx]'.") from None

    kind, (k, d) = density.kind.split()[0], density.means.shape
    nodes, constants = [], []

    def number(values):
        constants.append(numpy_helper.from_array(np.array(values), f"c{len(constants)}"))
        return constants[-1].name

    def node(operator, *inputs, name=None, **attributes):
        name = name or f"n{len(nodes)}"
        nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    # components are the first axis: (k, n, d)
    z = node("Sub", node("Unsqueeze", "X", number([0])), number(density.means[:, None]))
    matrices = kind in ("triangular", "whitened")
    y = node("MatMul" if matrices else "Mul", z, number(density.factors))
    q = node("ReduceSumSquare", y, axes=[2], keepdims=0)
    heights, half = number(density.constants[:k, None]), number(0.5)
    if density.heavy:
        nu = density.constants[k:, None]
        light = np.isinf(nu)
        t = node("Mul", node("Min", q, number(-LOW)), number(1 / nu))
        u = node("Add", t, number(1.0))
        lost = node("Div", t, node("Sub", u, number(1.0)))  # what 1 + t has lost of t
        log = node("Where", node("Equal", u, number(1.0)), t, node("Mul", node("Log", u), lost))
        tail = node("Mul", log, number(np.where(light, 0.0, (nu + d) / 2)))
        q = node("Where", number(light), node("Mul", q, half), tail)
    else:
        q = node("Mul", q, half)
    joint = node("Max", node("Sub", heights, q), number(LOW))
    top = node("ReduceMax", joint, axes=[0], keepdims=1)
    parts = node("Exp", node("Sub", joint, top))
    total = node("ReduceSum", parts, number([0]), keepdims=1)
    node("Squeeze", node("Add", top, node("Log", total)), number([0]), name="log_density")
    node("Transpose", node("Div", parts, total), name="probabilities", perm=[1, 0])
    node("ArgMax", joint, name="label", axis=0, keepdims=0)
    real, whole = TensorProto.DOUBLE, TensorProto.INT64
    made = helper.make_graph(
        nodes, "mixture", [helper.make_tensor_value_info("X", real, ["n", d])],
        [helper.make_tensor_value_info("log_density", real, ["n"]),
         helper.make_tensor_value_info("probabilities", real, ["n", k]),
         helper.make_tensor_value_info("label", whole, ["n"])],
        constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR,
                              producer_name="cyem", producer_version=__version__)
    checker.check_model(model)
    return model
