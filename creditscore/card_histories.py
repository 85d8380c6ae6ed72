"""
The file format of other lenders' card histories: that of UCI's "Default of Credit Card Clients".

One row a person: limit, sex, education, marriage, age, and for six months, newest first, how late the account was (`PAY_0`,
`PAY_2` to `PAY_6`), its statement (`BILL_AMT1` to `6`) and what was paid in the month (`PAY_AMT1` to `6`); last, whether the
person defaulted in the month that followed. Comma-separated UTF-8 text, plain or compressed with gzip. Amounts are whole
units of the currency. Reading is streamed and checks every field: the first that is wrong is named by line and column.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import zlib
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from django.utils.translation import gettext as _

from finance.errors import DomainError

MONTHS = 6
LARGEST_ID = 999_999
_LARGEST_AMOUNT = 10**12
_LONGEST_LINE = 20_000
_GZIP = b"\x1f\x8b"

STATUS_COLUMNS = ("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6")
STATEMENT_COLUMNS = tuple(f"BILL_AMT{n}" for n in range(1, MONTHS + 1))
PAID_COLUMNS = tuple(f"PAY_AMT{n}" for n in range(1, MONTHS + 1))
LABEL = "default.payment.next.month"
COLUMNS = (
    *("ID", "LIMIT_BAL", "SEX", "EDUCATION", "MARRIAGE", "AGE"),
    *STATUS_COLUMNS,
    *STATEMENT_COLUMNS,
    *PAID_COLUMNS,
    LABEL,
)

# What a column may hold: from, to, both included.
_RANGES = {
    "ID": (1, LARGEST_ID),
    "LIMIT_BAL": (0, _LARGEST_AMOUNT),
    "SEX": (1, 2),
    "EDUCATION": (0, 6),
    "MARRIAGE": (0, 3),
    "AGE": (18, 120),
    **dict.fromkeys(STATUS_COLUMNS, (-2, 99)),
    **dict.fromkeys(STATEMENT_COLUMNS, (-_LARGEST_AMOUNT, _LARGEST_AMOUNT)),
    **dict.fromkeys(PAID_COLUMNS, (0, _LARGEST_AMOUNT)),
    LABEL: (0, 1),
}

_INTEGER = re.compile(r"-?[0-9]{1,15}")
# The same number as R and pandas write it: 1e+05, 24.0.
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?([eE][+-]?[0-9]{1,2})?")


class BadHistoryFile(DomainError):
    """A file that cannot be read as card histories; names the line (from 1, the header's) and column where there is one."""

    code = "bad_history_file"

    def __init__(self, message: str, *, line: int | None = None, column: str | None = None) -> None:
        where = []
        if line is not None:
            where.append(_("line %(line)d") % {"line": line})
        if column is not None:
            where.append(_("column %(column)s") % {"column": column})
        super().__init__(f"{', '.join(where)}: {message}" if where else message, field=column)
        self.line = line
        self.column = column


class CardHistory(NamedTuple):
    """One person's row. The sequences hold six months, newest first; amounts in whole units of the currency."""

    row_number: int
    line: int
    id: int
    limit: int
    sex: int
    marriage: int
    age: int
    months_late: Sequence[int]
    statements: Sequence[int]
    paid: Sequence[int]
    defaulted: bool


@dataclass
class HistoryFile:
    """A file that is being read: `size` and `position` are bytes, for showing progress."""

    path: Path
    size: int = 0
    position: int = 0

    def rows(self) -> Generator[CardHistory]:
        """
        The rows in file order. Error: BadHistoryFile, when it comes to what is wrong.

        The data row's number counts from 0, as the hold-out rule does; lines count from 1 with the header.
        """
        try:
            with self.path.open("rb") as raw:
                self.size = self.path.stat().st_size
                yield from self._rows(raw)
        except FileNotFoundError:
            raise BadHistoryFile(_("%(path)s: there is no such file") % {"path": self.path}) from None
        except IsADirectoryError:
            raise BadHistoryFile(
                _("%(path)s is a directory; name the file in it") % {"path": self.path}
            ) from None
        except OSError as error:
            raise BadHistoryFile(f"{self.path}: {error.strerror or error}") from error

    def _rows(self, raw: BinaryIO) -> Iterator[CardHistory]:
        lines = _Lines(_decompressed(raw, self.path))
        reader = csv.reader(lines, strict=True)
        try:
            header = next(reader, None)
            if header is None:
                raise BadHistoryFile(
                    _("the file is empty; its first line must name the columns: %(columns)s")
                    % {"columns": ", ".join(COLUMNS)}
                )
            row_of = _RowParser(header)
            last_line = reader.line_num
            blank_line = 0
            for fields in reader:
                # A field may span lines; the row is named by the line on which it begins.
                line, last_line = last_line + 1, reader.line_num
                if not fields:
                    blank_line = blank_line or line
                    continue
                if blank_line:
                    raise BadHistoryFile(_("the line is empty; leave no gaps"), line=blank_line)
                yield row_of(fields, line)
                self.position = raw.tell()
            if not row_of.rows:
                raise BadHistoryFile(_("the file ends after its header; at least one row must follow"))
        except csv.Error as error:
            raise BadHistoryFile(
                _("not comma-separated text: %(error)s") % {"error": error}, line=lines.number
            ) from error
        except EOFError as error:
            raise BadHistoryFile(
                _("the gzip file is cut off after this line; fetch it again"), line=lines.number
            ) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise BadHistoryFile(
                _("the gzip file is damaged after this line (%(error)s); fetch it again") % {"error": error},
                line=lines.number,
            ) from error


def _decompressed(raw: BinaryIO, path: Path) -> BinaryIO:
    """The file's bytes, decompressed where its first ones say gzip."""
    start = raw.read(2)
    raw.seek(0)
    if start == _GZIP:
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    if path.suffix.lower() == ".gz" and start:
        raise BadHistoryFile(
            _("the name ends in .gz, but this is not a gzip file; compress it, or name it .csv")
        )
    if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise BadHistoryFile(_("this is UTF-16 text; save the file as UTF-8"))
    return raw


class _Lines:
    """The lines of a file as text, counted. None may be endless, and each is decoded by itself, so that it can be named."""

    def __init__(self, content: BinaryIO) -> None:
        self.content = content
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        while line := self.content.readline(_LONGEST_LINE):
            self.number += 1
            if self.number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
                raise BadHistoryFile(
                    _("the line is longer than %(longest)d bytes; this is not a table of histories")
                    % {"longest": _LONGEST_LINE},
                    line=self.number,
                )
            try:
                yield line.decode()
            except UnicodeDecodeError as error:
                raise BadHistoryFile(
                    _("a byte is not UTF-8 text (0x%(byte)s); save the file as UTF-8")
                    % {"byte": f"{line[error.start]:02X}"},
                    line=self.number,
                ) from error


class _RowParser:
    """Turns the fields of a row into a CardHistory, by the columns that the header names."""

    def __init__(self, header: Sequence[str]) -> None:
        names = [_canonical(name) for name in header]
        self.width = len(names)
        self.names = _checked_header(header, names)
        self.rows = 0
        self._line_of_id: dict[int, int] = {}
        self._limits = [_RANGES[name] for name in self.names]
        position = {name: index for index, name in enumerate(self.names)}
        self._single = [position[name] for name in ("ID", "LIMIT_BAL", "SEX", "MARRIAGE", "AGE", LABEL)]
        self._months = [
            [position[name] for name in names] for names in (STATUS_COLUMNS, STATEMENT_COLUMNS, PAID_COLUMNS)
        ]

    def __call__(self, fields: Sequence[str], line: int) -> CardHistory:
        if len(fields) != self.width:
            raise self._wrong_width(fields, line)
        values = []
        for index, (text, (least, most)) in enumerate(zip(fields, self._limits, strict=True)):
            value = int(text) if _INTEGER.fullmatch(text) else self._whole_number(text, index, line)
            if not least <= value <= most:
                raise BadHistoryFile(
                    _("%(value)d is not from %(least)d to %(most)d")
                    % {"value": value, "least": least, "most": most},
                    line=line,
                    column=self.names[index],
                )
            values.append(value)
        person, limit, sex, marriage, age, defaulted = (values[index] for index in self._single)
        before = self._line_of_id.setdefault(person, line)
        if before != line:
            raise BadHistoryFile(
                _("%(id)d was on line %(before)d already; each person has one row")
                % {"id": person, "before": before},
                line=line,
                column="ID",
            )
        months_late, statements, paid = ([values[index] for index in columns] for columns in self._months)
        self.rows += 1
        return CardHistory(
            self.rows - 1,
            line,
            person,
            limit,
            sex,
            marriage,
            age,
            months_late,
            statements,
            paid,
            bool(defaulted),
        )

    def _wrong_width(self, fields: Sequence[str], line: int) -> BadHistoryFile:
        found = {"found": len(fields), "wanted": self.width}
        if len(fields) < self.width:
            return BadHistoryFile(
                _("the row ends before this column: it has %(found)d fields, the header %(wanted)d") % found,
                line=line,
                column=self.names[len(fields)],
            )
        return BadHistoryFile(
            _("the row has %(found)d fields, the header %(wanted)d; is there a comma too many?") % found,
            line=line,
        )

    def _whole_number(self, text: str, index: int, line: int) -> int:
        """The slow path, for whatever is not simply digits."""
        stripped = text.strip(" \t")
        if _NUMBER.fullmatch(stripped):
            number = Decimal(stripped)
            if number.adjusted() <= 15 and number == number.to_integral_value():
                return int(number)
        shown = repr(text if len(text) <= 30 else f"{text[:30]}…")
        raise BadHistoryFile(
            _("%(text)s is not a whole number; write digits only, such as 24") % {"text": shown},
            line=line,
            column=self.names[index],
        )


def _canonical(name: str) -> str:
    """A column's name in the spelling of COLUMNS, whatever case and separators the file uses; PAY_1 is PAY_0."""
    key = re.sub(r"[ ._]+", "_", name.strip()).lower()
    return _BY_KEY.get(key, name)


_BY_KEY = {re.sub(r"[._]+", "_", name).lower(): name for name in COLUMNS} | {"pay_1": "PAY_0"}


def _checked_header(header: Sequence[str], names: Sequence[str]) -> list[str]:
    """The columns in the file's order, all 25 of them once. Error: BadHistoryFile."""
    if len(header) == 1:
        raise BadHistoryFile(
            _("the header names one column only; 25, separated by commas, are wanted: %(columns)s")
            % {"columns": ", ".join(COLUMNS)},
            line=1,
        )
    for index, (given, name) in enumerate(zip(header, names, strict=True)):
        if name not in COLUMNS:
            raise BadHistoryFile(
                _("there is no such column in this format; wanted are %(columns)s")
                % {"columns": ", ".join(COLUMNS)},
                line=1,
                column=repr(given),
            )
        if name in names[:index]:
            raise BadHistoryFile(_("the column is there twice; each is wanted once"), line=1, column=name)
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise BadHistoryFile(
            _("the header lacks %(columns)s") % {"columns": ", ".join(missing)}, line=1, column=missing[0]
        )
    return list(names)
