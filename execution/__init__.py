"""Compiled execution: GraphQL operations as plans that run once for all objects of a place.

graphql-core walks an operation anew for every object of an answer. Here a validated operation is
turned into a `Plan` once, and a plan runs each of its fields for all parents at a time: plain
columns of all rows are read by one generated comprehension, a relation asks for all keys at once.
Whatever is not as the plan expects (a null where none may be, an awaitable in a list, an exception)
is given to graphql-core itself, value by value, so that its semantics are its own. Operations that
no plan covers run on graphql-core as a whole; `NotCompiled` says why.

The package knows nothing of this product. Begin with `plans.py`, then `building.py` (what a plan
is made of) and `running.py` (what happens when it runs).
"""

from execution.declarations import batched, by_class
from execution.plans import NotCompiled, Plans
from execution.running import Outcome, Plan

__all__ = ["NotCompiled", "Outcome", "Plan", "Plans", "batched", "by_class"]
