"""The comparison notices what it is there to notice."""

import pytest
from graphql import GraphQLError, Source
from graphql.error import located_error
from graphql.language import parse

from tests.execution.comparing import Answer, Told, answer_of, as_json, differences, nulled


def _answer(data: object, *errors: Told) -> Answer:
    return Answer(as_json(data), errors)


_HERD = {"cows": [{"name": None}, None], "barn": None, "dog": {"age": 3}}
_NAME = Told(("cows", 0, "name"), "no name")
_COW = Told(("cows", 1, "name"), "no name")
_DOOR, _ROOF = Told(("barn", "door"), "no door"), Told(("barn", "roof"), "no roof")
_RIGHT = _answer(_HERD, _NAME, _COW, _DOOR)


def test_an_answer_is_as_good_as_itself() -> None:
    assert differences(_RIGHT, _RIGHT) == []


@pytest.mark.parametrize(
    "data",
    [
        {"cows": [{"name": None}, None], "barn": None, "dog": {"age": 4}},
        {"cows": [{"name": None}, None], "barn": None},
        {"cows": [{"name": None}], "barn": None, "dog": {"age": 3}},
        {"cows": [{"name": None}, None], "dog": {"age": 3}, "barn": None},
        {"cows": [{"name": None}, None], "barn": None, "dog": {"age": 3.0}},
        {"cows": [{"name": None}, None], "barn": None, "dog": {"age": "3"}},
        {"cows": [{"name": None}, None], "barn": None, "dog": {"age": True}},
        None,
    ],
)
def test_other_data_are_a_difference(data: object) -> None:
    assert differences(_RIGHT, _answer(data, _NAME, _COW, _DOOR))


@pytest.mark.parametrize(
    "other",
    [
        _NAME._replace(message="no names"),
        _NAME._replace(path=("cows", 0)),
        _NAME._replace(locations=((1, 2),)),
        _NAME._replace(kind="KeyError"),
        _NAME._replace(extensions="{'code': 'GONE'}"),
    ],
)
def test_another_error_of_a_field_is_a_difference(other: Told) -> None:
    assert differences(_RIGHT, _answer(_HERD, other, _COW, _DOOR))


def test_an_error_less_is_a_difference() -> None:
    assert differences(_RIGHT, _answer(_HERD, _NAME, _COW))
    assert differences(_RIGHT, _answer(_HERD, _NAME, _DOOR))
    assert differences(_RIGHT, _answer(_HERD, _COW, _DOOR))


def test_an_error_more_is_a_difference() -> None:
    assert differences(_answer(_HERD, _NAME, _COW), _RIGHT)
    assert differences(_RIGHT, _answer(_HERD, _NAME, _COW, _DOOR, Told(("dog", "age"), "old")))
    assert differences(_RIGHT, _answer(_HERD, _NAME, _COW, _DOOR, Told(("cat",), "none")))


def test_an_error_that_is_told_twice_is_a_difference() -> None:
    assert differences(_RIGHT, _answer(_HERD, _NAME, _NAME, _COW, _DOOR))
    assert differences(_RIGHT, _answer(_HERD, _NAME, _COW, _COW, _DOOR))


def test_of_several_errors_below_one_null_any_may_be_told() -> None:
    assert differences(_RIGHT, _answer(_HERD, _NAME, _COW, _ROOF)) == []
    assert differences(_RIGHT, _answer(_HERD, _NAME, _COW, _DOOR, _ROOF)) == []


def test_an_error_of_the_null_itself_is_not_one_below_it() -> None:
    barn = Told(("barn",), "no barn")
    assert differences(_RIGHT, _answer(_HERD, _NAME, _COW, barn))
    assert differences(_RIGHT, _answer(_HERD, _NAME, _COW, _DOOR, barn))
    assert differences(_answer(_HERD, _NAME, _COW, barn), _RIGHT)


def test_an_error_below_a_null_must_be_one_that_there_is() -> None:
    other = _answer(_HERD, _NAME, _COW, _ROOF)
    assert differences(_RIGHT, other, possible=_answer(_HERD, _NAME, _COW, _DOOR))
    assert not differences(_RIGHT, other, possible=_answer(_HERD, _NAME, _COW, _DOOR, _ROOF))


def test_raising_is_a_difference_unless_both_do() -> None:
    raised = Answer("null", raised="ValueError")
    assert differences(_RIGHT, raised)
    assert differences(raised, _RIGHT)
    assert differences(raised, Answer("null", raised="CancelledError"))
    assert differences(raised, raised) == []


def test_being_cancelled_is_no_difference_where_an_error_may_have_come_before() -> None:
    cancelled = Answer("null", raised="CancelledError")
    assert differences(_RIGHT, cancelled)
    assert differences(_RIGHT, cancelled, possible=cancelled) == []
    assert differences(_RIGHT, cancelled, possible=_RIGHT)
    assert differences(_answer(_HERD, _NAME), cancelled, possible=cancelled)
    assert differences(cancelled, _RIGHT, possible=cancelled) == []
    assert differences(cancelled, _RIGHT)
    assert differences(cancelled, _answer(_HERD, _NAME), possible=cancelled)


def test_the_outermost_null_on_the_way_is_found() -> None:
    data = {"a": [{"b": {"c": None}}, None]}
    assert nulled(data, ("a", 0, "b", "c")) == ("a", 0, "b", "c")
    assert nulled(data, ("a", 1, "b", "c")) == ("a", 1)
    assert nulled(None, ("a", 1)) == ()
    assert nulled(data, ("a", 0)) is None
    assert nulled(data, ("a", 7)) is None
    assert nulled(data, ("a", 0, "b", "c", "d")) == ("a", 0, "b", "c")


def test_an_error_is_told_with_all_that_clients_and_logs_see() -> None:
    document = parse(Source("{\n  dog\n}"))
    node = document.definitions[0].selection_set.selections[0]  # type: ignore[attr-defined]
    original = KeyError("dog")
    original.extensions = {"code": "GONE"}  # type: ignore[attr-defined]
    error: GraphQLError = located_error(original, [node], ["dog"])

    (told,) = answer_of({"dog": None}, [error]).errors

    assert told == Told(("dog",), "'dog'", ((2, 3),), "KeyError", "{'code': 'GONE'}")
