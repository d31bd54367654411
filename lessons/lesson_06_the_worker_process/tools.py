"""What `make try-6` says of the tools that this exercise needs: all of them are the kit's."""

from lessons.kit import busy_day

__all__ = ["busy_day"]

TO_LOOK = "To try your deploy: day = busy_day(), then deploy(day.old, day.start_new), then day, which says how it went."
