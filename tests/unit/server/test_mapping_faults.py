"""Faults of a request are reported together, in order, and never more of them than an answer can carry."""

import pytest

from render_service.domain.errors import FieldFault, InvalidFields
from render_service.domain.faults import MAX_LISTED, MAX_LISTED_TEXT, Faults


def refusal_of(faults: Faults) -> InvalidFields:
    with pytest.raises(InvalidFields) as refusal:
        faults.raise_if_any()
    return refusal.value


def test_without_a_fault_nothing_is_refused() -> None:
    faults = Faults()
    faults.raise_if_any()
    assert not faults


def test_faults_are_listed_in_order_the_first_of_each_field_only() -> None:
    faults = Faults()
    faults.add("b", "must be one")
    faults.add_all([FieldFault("a", "must be two"), FieldFault("b", "must be three")])
    assert faults
    assert refusal_of(faults).faults == (FieldFault("b", "must be one"), FieldFault("a", "must be two"))


def test_beyond_fifty_faults_the_rest_is_counted() -> None:
    faults = Faults()
    for number in range(MAX_LISTED + 7):
        faults.add(f"f{number}", "x")
    listed = refusal_of(faults).faults
    assert len(listed) == MAX_LISTED + 1
    assert listed[-1] == FieldFault("…", "and 7 more")


def test_an_answer_stays_small_however_long_the_faults_are() -> None:
    faults = Faults()
    for number in range(MAX_LISTED):
        faults.add(f"project.storyboard.shots[{number}].transition.duration", "must be more than 0 s, at most 5 s")
    refusal = refusal_of(faults)
    assert len(refusal.message.encode()) < MAX_LISTED_TEXT + 200
    assert refusal.faults[-1].description == f"and {MAX_LISTED - len(refusal.faults) + 1} more"
