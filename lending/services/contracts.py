"""Contracts as documents: made in every language of the site when the loan is signed, and handed out as they were made."""

from __future__ import annotations

import hashlib

from django.conf import settings

from lending.contract import describe, signed
from lending.models import Loan, LoanContract
from web.documents import TEMPLATE_VERSION, render

LANGUAGES: tuple[str, ...] = tuple(code for code, _name in settings.LANGUAGES)


class ContractBroken(RuntimeError):
    """What is stored is not what was made: its hash is another."""


def contract_of(*, loan: Loan, language: str) -> LoanContract:
    """A loan's contract in one of the site's languages, made now if it was not at signing. Error: ContractBroken."""
    assert language in LANGUAGES
    found = LoanContract.objects.filter(loan=loan, language=language).first() or _made(loan, language)
    if hashlib.sha256(found.content).digest() != bytes(found.sha256):
        raise ContractBroken(f"the contract of loan {loan.pk} in {language}")
    return found


def make_contracts(*, loan: Loan) -> None:
    """The contract in every language of the site."""
    for language in LANGUAGES:
        contract_of(loan=loan, language=language)


def _made(loan: Loan, language: str) -> LoanContract:
    content = render(describe(signed(loan)), language=language)
    row = LoanContract(
        loan=loan,
        language=language,
        sha256=hashlib.sha256(content).digest(),
        size=len(content),
        template_version=TEMPLATE_VERSION,
        content=content,
    )
    LoanContract.objects.bulk_create([row], ignore_conflicts=True)
    return LoanContract.objects.get(loan=loan, language=language)
