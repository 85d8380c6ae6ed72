"""Pure arithmetic of lending: money, dates, rates, interest, schedules, allocation, annual rates.

Standard library only. Nothing here reads a clock, a setting or a database; every date is an argument, every
amount an integer number of fen, every rate a Decimal that never was a float. `docs/MONEY_RULES.md` lists each
rule with its source, its place in the code and the tests that hold it.
"""
