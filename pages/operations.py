"""Operations: queues, runs, dead letters, recent errors, over all organisations; figures, never content."""

from __future__ import annotations

from app.components.error_notice import shown_errors
from app.components.operations_board import operations_board
from app.components.page_header import plain_header

with shown_errors():
    plain_header("Operations", "Queues, runs and errors, read anew every few seconds.")
    operations_board()
