"""Pages over tables of millions of rows."""

from __future__ import annotations

from functools import cached_property
from typing import Any, cast

from django.core.paginator import Paginator
from django.db.models import QuerySet


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """
    Counts, and pages through, at most the first `most` rows.

    A count of a whole journal takes seconds and nobody pages to its end: what is not among the newest rows is found by
    searching or through a link.
    """

    most = 10_000

    @cached_property
    def count(self) -> int:
        rows = cast(QuerySet[Any], self.object_list)
        return rows[: self.most].count()
