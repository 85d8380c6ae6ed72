"""What people write in their own words, as it is sent and as it is kept, and what nothing can show."""

from __future__ import annotations

WRITTEN = [
    (" first line\r\nsecond\tline ", "first line\nsecond\tline"),
    ("客户来电。\u3000已核实", "客户来电。\u3000已核实"),
    (
        "an \U0001f468\u200d\U0001f469\u200d\U0001f467 asked\u00a0us",
        "an \U0001f468\u200d\U0001f469\u200d\U0001f467 asked\u00a0us",
    ),
]
UNSHOWABLE = ["a\x00b", "a\x1bb", "a\x85b", "a\ud800"]
