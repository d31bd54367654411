"""What `make try-10` has beside the tools of the other lessons."""

from __future__ import annotations

from lessons.kit import Day

from .outlook import Outlook

__all__ = ["Outlook", "day"]

TO_LOOK = "To simulate the day with your set-up: Outlook(*set_up(day))."

day = Day()
