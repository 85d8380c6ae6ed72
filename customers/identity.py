"""
National IDs and mobile numbers: what is right, what is shown, and numbers of people who do not exist.

Rules: GB 11643-1999 (18 characters: place of first registration, birth date, sequence, check character) with the
places of GB/T 2260 and the check character of ISO 7064 MOD 11-2. No message repeats a number: messages end up in logs.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from operator import mul

from django.utils.translation import gettext as _

from finance.errors import DomainError


class InvalidIdentity(DomainError):
    """A name, national ID or phone that cannot be right; `field` says which."""

    code = "invalid_identity"


# GB/T 2260: the first two digits of every place in China, with 81-83, the residence permits of people from Hong Kong,
# Macao and Taiwan.
_PROVINCES = frozenset(
    str(code)
    for codes in (
        range(11, 16),  # the north
        range(21, 24),  # the north-east
        range(31, 38),  # the east
        range(41, 47),  # the middle and south
        range(50, 55),  # the south-west
        range(61, 66),  # the north-west
        (71, 81, 82, 83),
    )
    for code in codes
)

# No place's code begins with 0: the first digit is one of GB/T 2260's great regions, 1 to 8. So no real person has such
# a number, nobody else's validator takes it for one, and everything behind the 0 is free for the sequence.
_SYNTHETIC_REGION = "0"

SYNTHETIC_PER_BIRTH_DATE = 10**8
"""How many different synthetic national IDs one birth date has."""

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_CHARACTERS = "10X98765432"
_NATIONAL_ID = re.compile(r"[0-9]{17}[0-9X]")
# The Ministry of Industry's mobile ranges 13x to 19x, with or without the country code.
_MOBILE = re.compile(r"(?:\+?86)?(1[3-9][0-9]{9})")

LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class NationalId:
    """A national ID that is right in itself. Whether it is this person's is for the identity check to say."""

    number: str
    born_on: date
    synthetic: bool


def check_character(first_17: str) -> str:
    """The 18th character for the first 17 digits, by ISO 7064 MOD 11-2: `0` to `9`, or `X` for ten."""
    return _CHECK_CHARACTERS[sum(map(mul, _WEIGHTS, map(int, first_17))) % 11]


def parse_national_id(text: str) -> NationalId:
    """
    `" 11010519491231002x "` -> the national ID in its one spelling, with the birth date it carries.

    Spaces around it and a small x are forgiven. InvalidIdentity, field `national_id`, names the part that is wrong.
    """
    number = text.strip().upper()
    if _NATIONAL_ID.fullmatch(number) is None:
        raise _wrong_national_id(
            _("it must have 18 characters, 17 digits and then a digit or X, and has %(length)d")
            % {"length": len(number)}
            if len(number) != 18
            else _("it must be 17 digits and then a digit or X")
        )
    synthetic = number.startswith(_SYNTHETIC_REGION)
    if not synthetic and number[:2] not in _PROVINCES:
        raise _wrong_national_id(
            _("it begins with %(province)s, which is no province's code: 11 (Beijing) to 83 are in use")
            % {"province": number[:2]}
        )
    try:
        born_on = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise _wrong_national_id(_("characters 7 to 14 must be a date of birth, YYYYMMDD")) from None
    if number[17] != check_character(number[:17]):
        raise _wrong_national_id(_("its last character does not fit the other 17: one of the 18 is mistyped"))
    return NationalId(number, born_on, synthetic)


def _wrong_national_id(why: str) -> InvalidIdentity:
    return InvalidIdentity(_("This is not a national ID: %(why)s.") % {"why": why}, field="national_id")


def parse_phone(text: str) -> str:
    """`"+86 138-0013-8000"` -> `"13800138000"`. InvalidIdentity, field `phone`, for other than a mainland mobile."""
    match = _MOBILE.fullmatch(text.strip().replace(" ", "").replace("-", ""))
    if match is None:
        raise InvalidIdentity(
            _(
                "This is not a mobile number: write the 11 digits, which begin with 13 to 19, such as 13800138000."
            ),
            field="phone",
        )
    return match[1]


def parse_name(text: str) -> str:
    """The name in its one spelling: composed characters, single spaces. InvalidIdentity, field `full_name`."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidIdentity(
            _("The name must have 1 to %(longest)d characters, all of them printable.")
            % {"longest": LONGEST_NAME},
            field="full_name",
        )
    return name


def mask_national_id(number: str) -> str:
    """`330***********1234`: enough to recognise one's own, too little to use."""
    return f"{number[:3]}***********{number[-4:]}"


def mask_phone(phone: str) -> str:
    """`138****8000`."""
    return f"{phone[:3]}****{phone[-4:]}"


def synthetic_national_id(born_on: date, sequence: int) -> str:
    """
    A well-formed national ID that no real person has, for demo worlds and imported anonymous histories.

    It begins with 0, which no place does. Different birth dates or sequences (0 to 99,999,999) give different IDs.
    """
    if not 0 <= sequence < SYNTHETIC_PER_BIRTH_DATE:
        raise ValueError(f"sequence {sequence} is not from 0 to {SYNTHETIC_PER_BIRTH_DATE - 1}")
    place, position = divmod(sequence, 1000)
    first_17 = f"{_SYNTHETIC_REGION}{place:05d}{born_on:%Y%m%d}{position:03d}"
    return first_17 + check_character(first_17)
