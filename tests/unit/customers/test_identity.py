"""National IDs, mobile numbers and names: which are right, what is said of the wrong ones, what is shown."""

from __future__ import annotations

from datetime import date

import pytest

from customers import identity
from customers.identity import InvalidIdentity


@pytest.mark.parametrize(
    ("text", "number", "born_on"),
    [
        # The example of GB 11643-1999, and one whose check character is ten.
        ("11010519491231002X", "11010519491231002X", date(1949, 12, 31)),
        ("  11010519491231002x ", "11010519491231002X", date(1949, 12, 31)),
        ("440524188001010014", "440524188001010014", date(1880, 1, 1)),
        ("330106200002290018", None, None),  # its check character is made right below
    ],
)
def test_a_right_national_id_carries_its_birth_date(
    text: str, number: str | None, born_on: date | None
) -> None:
    if number is None:
        text = number = text[:17] + identity.check_character(text[:17])
        born_on = date(2000, 2, 29)
    parsed = identity.parse_national_id(text)
    assert (parsed.number, parsed.born_on, parsed.synthetic) == (number, born_on, False)


def with_check_character(first_17: str) -> str:
    return first_17 + identity.check_character(first_17)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has 0"),
        ("1101051949123100", "has 16"),
        ("11010519491231002XX", "has 19"),
        ("110105194912310021", "last character does not fit"),
        ("11010519491231O02X", "17 digits and then a digit or X"),
        ("X1010519491231002X", "17 digits and then a digit or X"),
        ("１１０１０５１９４９１２３１００２X", "17 digits and then a digit or X"),  # full-width digits
        (with_check_character("16010519491231002"), "begins with 16"),
        (with_check_character("99010519491231002"), "begins with 99"),
        (with_check_character("11010519491331002"), "must be a date of birth"),
        (with_check_character("11010519000229002"), "must be a date of birth"),  # 1900 had no leap day
        (with_check_character("11010500000101002"), "must be a date of birth"),
    ],
)
def test_a_wrong_national_id_is_refused_with_what_is_wrong_and_without_repeating_it(
    text: str, said: str
) -> None:
    with pytest.raises(InvalidIdentity, match=said) as refusal:
        identity.parse_national_id(text)
    assert refusal.value.field == "national_id"
    assert not text or text not in refusal.value.message


@pytest.mark.parametrize(
    "text",
    ["13800138000", "+8613800138000", "8613800138000", " 138 0013 8000 ", "+86 138-0013-8000"],
)
def test_a_mobile_number_has_one_spelling(text: str) -> None:
    assert identity.parse_phone(text) == "13800138000"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1390013900",
        "139001390000",
        "12800138000",
        "01088888888",
        "+1 3800138000",
        "1390013900O",
        "１３９００１３９０００",
    ],
)
def test_what_is_no_mobile_number_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidIdentity, match="11 digits") as refusal:
        identity.parse_phone(text)
    assert refusal.value.field == "phone"
    assert not text or text not in refusal.value.message


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("张三", "张三"),
        ("  Li   Lei ", "Li Lei"),
        ("迪丽热巴·迪力木拉提", "迪丽热巴·迪力木拉提"),
        ("𠮷野", "𠮷野"),
    ],
)
def test_a_name_has_one_spelling(text: str, name: str) -> None:
    assert identity.parse_name(text) == name


@pytest.mark.parametrize("text", ["", "   ", "x" * 81, "张\x00三", "张\u202e三"])
def test_a_name_that_cannot_be_written_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentity, match="1 to 80") as refusal:
        identity.parse_name(text)
    assert refusal.value.field == "full_name"


def test_masks_show_enough_to_recognise_and_too_little_to_use() -> None:
    assert identity.mask_national_id("330106200002291234") == "330***********1234"
    assert identity.mask_phone("13800138000") == "138****8000"


def test_a_synthetic_national_id_is_well_formed_and_of_no_place() -> None:
    number = identity.synthetic_national_id(date(1990, 5, 17), 1_234_567)
    assert number[:17] == "00123419900517567"
    parsed = identity.parse_national_id(number)
    assert (parsed.born_on, parsed.synthetic) == (date(1990, 5, 17), True)


@pytest.mark.parametrize("sequence", [-1, identity.SYNTHETIC_PER_BIRTH_DATE])
def test_a_sequence_that_would_repeat_a_synthetic_national_id_is_refused(sequence: int) -> None:
    with pytest.raises(ValueError, match="is not from 0 to"):
        identity.synthetic_national_id(date(1990, 5, 17), sequence)
