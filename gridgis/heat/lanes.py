"""Three inner loops as instructions on several numbers at once.

The compiler does not find these by itself: it unrolls loops of 16 turns before it looks for lanes, and cannot know
that two arrays are not the same. Each function says in plain Python what it does; nothing checks the bounds of arrays.

`add4(out, at, width, times, table, across, up)`:

    for i in range(4):
        for j in range(4):
            out[at + i * width + j] += times * table[up + i] * table[across + j]

`quartic16(counts, at, width, across, up)`, a sum over 16 x 16 nodes for the quartic kernel of 8 steps:

    part = max(0, 1 - (across - j) ** 2 / 64 - (up - i) ** 2 / 64)
    total += part * part * counts[at + i * width + j]

`rows24(counts, at, width, across, up, rows)`, a sum over some rows of 24 nodes:

    total += across[j] * up[i] * counts[at + i * width + j]
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic as _intrinsic

intrinsic: Any = _intrinsic
"""What it makes is called without the first argument, which its type does not say."""

DOUBLE, SINGLE, INT = ir.DoubleType(), ir.FloatType(), ir.IntType(32)
LOOSE = ["contract", "reassoc", "nsz"]


def _place(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    """Where an element of a contiguous array of one dimension is."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [at])


def _several(builder: Any, place: Any, kind: ir.VectorType, align: int) -> Any:
    """Elements from a place on."""
    found = builder.load(builder.bitcast(place, kind.as_pointer()))
    found.align = align
    return found


def _same(builder: Any, value: Any, n: int) -> Any:
    """One value in all lanes."""
    kind = ir.VectorType(value.type, n)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, INT(0))
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(INT, n), [0] * n))


def _sum(builder: Any, value: Any, n: int) -> Any:
    """All lanes added up, halves first: the order is the same on every machine."""
    while n > 1:
        n //= 2
        nothing = ir.Constant(value.type, ir.Undefined)
        halves = [ir.Constant(ir.VectorType(INT, n), list(range(first, first + n))) for first in (0, n)]
        value = builder.fadd(*(builder.shuffle_vector(value, nothing, half) for half in halves))
    return builder.extract_element(value, INT(0))


@intrinsic
def add4(_: Any, out: Any, at: Any, width: Any, times: Any, table: Any, across: Any, up: Any) -> Any:
    """Add a product of two rows of four; see above. Arrays are float64, places are integers."""
    signature = types.void(out, at, width, times, table, across, up)

    def generated(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        out, at, width, times, table, across, up = given
        four = ir.VectorType(DOUBLE, 4)
        row = _several(builder, _place(context, builder, signature.args[4], table, across), four, 8)
        row = builder.fmul(row, _same(builder, times, 4))
        for i in range(4):
            share = builder.load(_place(context, builder, signature.args[4], table, builder.add(up, up.type(i))))
            place = _place(context, builder, signature.args[0], out, at)
            added = builder.fadd(_several(builder, place, four, 8), builder.fmul(row, _same(builder, share, 4)))
            builder.store(added, builder.bitcast(place, four.as_pointer())).align = 8
            at = builder.add(at, width)
        return context.get_dummy_value()

    return signature, generated


@intrinsic
def quartic16(_: Any, counts: Any, at: Any, width: Any, across: Any, up: Any) -> Any:
    """The quartic kernel over 16 x 16 nodes; see above. Counts, `across` and `up` are float32."""
    signature = types.float32(counts, at, width, across, up)

    def generated(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        counts, at, width, across, up = given
        wide = ir.VectorType(SINGLE, 16)
        nothing, part = ir.Constant(wide, [0.0] * 16), SINGLE(1 / 64)
        east = builder.fsub(_same(builder, across, 16), ir.Constant(wide, [float(j) for j in range(16)]))
        east = builder.fmul(builder.fmul(east, east), _same(builder, part, 16))
        rest = builder.fsub(ir.Constant(wide, [1.0] * 16), east)
        totals = [nothing, nothing]  # two, so that one addition need not wait for the other
        for i in range(16):
            north = builder.fsub(up, SINGLE(float(i)))
            north = builder.fmul(builder.fmul(north, north), part)
            left = builder.fsub(rest, _same(builder, north, 16))
            left = builder.select(builder.fcmp_ordered(">", left, nothing), left, nothing)
            row = _several(builder, _place(context, builder, signature.args[0], counts, at), wide, 4)
            more = builder.fmul(builder.fmul(left, left, flags=LOOSE), row, flags=LOOSE)
            totals[i % 2] = builder.fadd(more, totals[i % 2], flags=LOOSE)
            at = builder.add(at, width)
        return _sum(builder, builder.fadd(*totals), 16)

    return signature, generated


@intrinsic
def rows24(_: Any, counts: Any, at: Any, width: Any, across: Any, up: Any, rows: Any) -> Any:
    """Rows of 24 nodes, each with its weight, times a weight for each column; see above. All arrays are float32."""
    if not isinstance(rows, types.IntegerLiteral):
        return None
    signature, many = types.float32(counts, at, width, across, up, rows), rows.literal_value

    def generated(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        counts, at, width, across, up, _ = given
        eight, index = ir.VectorType(SINGLE, 8), at.type
        totals = [ir.Constant(eight, [0.0] * 8)] * 3
        for i in range(many):
            weight = _same(builder, builder.load(_place(context, builder, signature.args[4], up, index(i))), 8)
            for k in range(3):
                place = _place(context, builder, signature.args[0], counts, builder.add(at, index(8 * k)))
                more = builder.fmul(_several(builder, place, eight, 4), weight, flags=LOOSE)
                totals[k] = builder.fadd(more, totals[k], flags=LOOSE)
            at = builder.add(at, width)
        total = ir.Constant(eight, [0.0] * 8)
        for k in range(3):
            row = _several(builder, _place(context, builder, signature.args[3], across, index(8 * k)), eight, 4)
            total = builder.fadd(total, builder.fmul(totals[k], row, flags=LOOSE), flags=LOOSE)
        return _sum(builder, total, 8)

    return signature, generated
