"""The zoo, and patience with what graphql-core leaves behind in it."""

import gc
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.execution.answering import Zoo

# Where something is cancelled, or fails in the middle of a list, graphql-core itself and Strawberry
# around resolvers leave coroutines unawaited, without plans too (see `answering.py`).
_UNAWAITED = ("Executor", "GraphQLCoreConverter")


@pytest.fixture(scope="module")
def zoo() -> Iterator[Zoo]:
    reported = sys.unraisablehook

    def report(unraisable: "sys.UnraisableHookArgs") -> None:
        if not getattr(unraisable.object, "__qualname__", "").startswith(_UNAWAITED):
            reported(unraisable)

    sys.unraisablehook = report
    yield Zoo()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()  # no later test is blamed for them
    sys.unraisablehook = reported


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            for owner in _UNAWAITED:
                known = f"ignore:coroutine '{owner}:RuntimeWarning"
                item.add_marker(pytest.mark.filterwarnings(known))
