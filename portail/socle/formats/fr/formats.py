"""Dates of the town hall's lists. Django's « 1 décembre 2026 » is not French: a first of the month is « 1er »."""

DATE_FORMAT = "d/m/Y"
DATETIME_FORMAT = "d/m/Y H:i"
MONTH_DAY_FORMAT = "d/m"
