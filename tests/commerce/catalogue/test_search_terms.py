"""The words that a product is found by."""

from hypothesis import given
from hypothesis import strategies as st

from commerce.catalogue.search_terms import MAX_TERM, MAX_TERMS, search_terms, wanted_terms


def test_words_are_folded_and_compounds_are_found_whole_and_by_their_parts() -> None:
    assert search_terms("Linen DRESS", "BB-01") == ["01", "bb", "bb-01", "dress", "linen"]


def test_text_without_spaces_is_cut_into_pairs() -> None:
    assert search_terms("夏季连衣裙") == ["夏季", "季连", "衣裙", "连衣"]


def test_a_letter_and_its_decomposed_twin_are_the_same() -> None:
    assert search_terms("Đầm lụa") == search_terms("\u0110a\u0302\u0300m lu\u0323a")


@given(st.text(max_size=300))
def test_every_wanted_term_begins_a_stored_one(text: str) -> None:
    stored = search_terms(text)
    if len(stored) < MAX_TERMS:
        for term in wanted_terms(text):
            assert any(known.startswith(term) for known in stored)
    assert all(0 < len(term) <= MAX_TERM for term in stored)
