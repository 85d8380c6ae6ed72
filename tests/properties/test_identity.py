"""For all numbers: one mistyped character is noticed, a seal opens only unchanged and in its place."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import date
from uuid import UUID

import pytest
from django.test import override_settings
from hypothesis import assume, given
from hypothesis import strategies as st

from customers import identity, sealing
from customers.identity import InvalidIdentity
from customers.sealing import SealBroken, Sealed

births = st.dates(date(1900, 1, 1), date(2026, 1, 1))
sequences = st.integers(0, identity.SYNTHETIC_PER_BIRTH_DATE - 1)
synthetic_ids = st.builds(identity.synthetic_national_id, births, sequences)
fields = st.sampled_from(Sealed)
owners = st.uuids()


def key(seed: int) -> str:
    return base64.urlsafe_b64encode(seed.to_bytes(32, "big")).decode()


OLD_KEY, NEW_KEY, INDEX_KEY = key(1), key(2**255), key(3)


@pytest.fixture(autouse=True, scope="module")
def _two_keys() -> Iterator[None]:
    with override_settings(IDENTITY_KEYS=[OLD_KEY], IDENTITY_INDEX_KEY=INDEX_KEY):
        yield


@given(births, sequences)
def test_synthetic_national_ids_parse_back_to_their_birth_date(born_on: date, sequence: int) -> None:
    parsed = identity.parse_national_id(identity.synthetic_national_id(born_on, sequence))
    assert parsed.born_on == born_on
    assert parsed.synthetic


@given(births, sequences, births, sequences)
def test_different_births_or_sequences_give_different_synthetic_national_ids(
    born_a: date, a: int, born_b: date, b: int
) -> None:
    same = identity.synthetic_national_id(born_a, a) == identity.synthetic_national_id(born_b, b)
    assert same == ((born_a, a) == (born_b, b))


@given(synthetic_ids, st.integers(0, 17), st.sampled_from("0123456789X"))
def test_one_mistyped_character_is_noticed(number: str, position: int, typed: str) -> None:
    assume(number[position] != typed)
    with pytest.raises(InvalidIdentity):
        identity.parse_national_id(number[:position] + typed + number[position + 1 :])


@given(synthetic_ids, st.integers(0, 16))
def test_two_characters_the_wrong_way_round_are_noticed(number: str, position: int) -> None:
    a, b = number[position], number[position + 1]
    assume(a != b)
    with pytest.raises(InvalidIdentity):
        identity.parse_national_id(number[:position] + b + a + number[position + 2 :])


@given(st.text(max_size=40), fields, owners)
def test_what_is_sealed_comes_back_and_no_two_seals_are_alike(text: str, field: Sealed, owner: UUID) -> None:
    first, second = (sealing.seal(text, field=field, owner=owner) for _ in range(2))
    assert first != second
    assert sealing.unseal(first, field=field, owner=owner) == text
    assert sealing.unseal(memoryview(second), field=field, owner=owner) == text
    assert len(text) < 4 or text.encode() not in first


@given(synthetic_ids, fields, owners, st.data())
def test_a_seal_with_any_bit_changed_does_not_open(
    text: str, field: Sealed, owner: UUID, data: st.DataObject
) -> None:
    sealed = bytearray(sealing.seal(text, field=field, owner=owner))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealBroken):
        sealing.unseal(bytes(sealed), field=field, owner=owner)


@given(synthetic_ids, fields, owners, st.data())
def test_a_seal_cut_short_does_not_open(text: str, field: Sealed, owner: UUID, data: st.DataObject) -> None:
    sealed = sealing.seal(text, field=field, owner=owner)
    length = data.draw(st.integers(0, len(sealed) - 1))
    with pytest.raises(SealBroken):
        sealing.unseal(sealed[:length], field=field, owner=owner)


@given(synthetic_ids, fields, owners, fields, owners)
def test_a_seal_opens_only_in_its_own_row_and_column(
    text: str, field: Sealed, owner: UUID, other_field: Sealed, other_owner: UUID
) -> None:
    assume((field, owner) != (other_field, other_owner))
    sealed = sealing.seal(text, field=field, owner=owner)
    with pytest.raises(SealBroken):
        sealing.unseal(sealed, field=other_field, owner=other_owner)


@given(synthetic_ids, fields, owners)
def test_after_a_rotation_old_seals_open_until_their_key_is_taken_away(
    text: str, field: Sealed, owner: UUID
) -> None:
    old = sealing.seal(text, field=field, owner=owner)
    with override_settings(IDENTITY_KEYS=[NEW_KEY, OLD_KEY]):
        new = sealing.seal(text, field=field, owner=owner)
        assert sealing.unseal(old, field=field, owner=owner) == text
        assert (old.startswith(sealing.current_header()), new.startswith(sealing.current_header())) == (
            False,
            True,
        )
    with override_settings(IDENTITY_KEYS=[NEW_KEY]):
        assert sealing.unseal(new, field=field, owner=owner) == text
        with pytest.raises(SealBroken, match="key that is not in IDENTITY_KEYS"):
            sealing.unseal(old, field=field, owner=owner)


@given(synthetic_ids, synthetic_ids, fields)
def test_a_blind_index_is_equal_for_equal_numbers_of_one_field_under_one_key_only(
    a: str, b: str, field: Sealed
) -> None:
    index = sealing.blind_index(a, field=field)
    assert len(index) == 32
    assert (index == sealing.blind_index(b, field=field)) == (a == b)
    assert all(sealing.blind_index(a, field=other) != index for other in Sealed if other is not field)
    with override_settings(IDENTITY_INDEX_KEY=NEW_KEY):
        assert sealing.blind_index(a, field=field) != index
