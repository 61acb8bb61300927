"""Things taken out of garbage collection.

A full collection looks at every object that could be part of a cycle, less than a million of them
a second, and nobody is served meanwhile. A plan consists of thousands and is kept for hours. None
of them is part of a cycle: counting references is all it takes to give a plan back.
"""

import ctypes
import gc
from types import FunctionType
from typing import Any

from graphql.execution.collect_fields import FieldDetails, FragmentDetails

from execution.arguments import Arguments
from execution.resolving import AttributeRead, BatchedCall, Call, DefaultRead, ParentCall
from execution.running import Plan
from execution.selections import Field, Selection
from execution.source import FILE, Generated
from execution.variables import Variables, VariableTaken

untrack = ctypes.pythonapi.PyObject_GC_UnTrack
untrack.argtypes, untrack.restype = [ctypes.py_object], None
# What is made for one plan. Functions are not: plans share most, and Python counts on their being
# tracked when it gives them back.
_OWN = frozenset(
    {
        Plan, Selection, Field, FieldDetails, FragmentDetails, Generated, AttributeRead,
        DefaultRead, ParentCall, Call, BatchedCall, Arguments, Variables, VariableTaken,
        list, tuple, dict,
    }
)  # fmt: skip


def uncollect(plan: Plan) -> None:
    """Take a plan, and all that was made for it, out of garbage collection."""
    left: list[Any] = [plan]
    while left:
        thing = left.pop()
        kind = type(thing)
        if kind in _OWN:
            if gc.is_tracked(thing):
                untrack(thing)
                left += gc.get_referents(thing)
        elif kind is FunctionType and thing.__code__.co_filename == FILE:
            untrack(thing.__globals__)  # not looked through: all builtins are among them
