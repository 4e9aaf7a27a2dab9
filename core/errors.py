"""The error tree: split by what the caller can do.

AdologyError
├── RetryableError        the same call may succeed later
│   ├── ThrottledError    … after ``retry_after_seconds``
│   ├── QuotaSpentError   … when somebody has paid for more
│   │   └── BudgetSpentError  … when the organisation's budget has room again: its next day, or a raised one
│   ├── UnansweredError   … but this one may have been done, and billed: no answer came in time
│   ├── UnavailableError  a part of the system isn't ready; wait ``retry_after_seconds``
│   └── WaitingForTurnError  when another run of the brand has ended
├── TerminalError         it never will: record it as failed
│   ├── StaleError        it belongs to a run, lease or epoch that is over
│   └── MediaProblemError a medium can't be had: status and reason are stored
├── BadInputError         the input must be changed; ``str(error)`` says how
├── NotFoundError         there is no such thing for this principal
├── NotAllowedError       ask for access
│   └── SignInError       nobody is known to ask: sign in, or send a key
└── ConflictError         another run, lease or name holds the place
    └── InProgressError   the same call is at work: repeat it after ``retry_after_seconds``
"""

from __future__ import annotations

from core.domain.media import MediaStatus


class AdologyError(Exception):
    """Base of every error raised on purpose. The message says what to do next."""

    code = "error"


class RetryableError(AdologyError):
    """The same call may succeed later."""

    code = "retryable"


class ThrottledError(RetryableError):
    """A provider asked for a pause."""

    code = "throttled"

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class QuotaSpentError(RetryableError):
    """What may be spent is spent: the work stays pending until a budget or a provider's quota has room again."""

    code = "quota_spent"


class BudgetSpentError(QuotaSpentError):
    """What the organisation wants to spend today is spent or reserved; the vendor would have answered."""

    code = "budget_spent"


class UnansweredError(RetryableError):
    """A vendor took the call and gave no answer in time: it may have done it, and bill it."""

    code = "unanswered"


class UnavailableError(RetryableError):
    """A part of the system isn't ready yet: nobody's work may be called failed for that."""

    code = "unavailable"

    def __init__(self, message: str, *, retry_after_seconds: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class WaitingForTurnError(RetryableError):
    """Nothing is wrong, but another run of the brand must end first: parked, not counted as an attempt."""

    code = "waiting"


class TerminalError(AdologyError):
    """No repetition will help; the work is recorded as failed with this reason."""

    code = "terminal"


class StaleError(TerminalError):
    """The message, lease or epoch belongs to a run that is over."""

    code = "stale"


class MediaProblemError(TerminalError):
    """A medium can't be had; ``status`` and the message are stored beside the ad."""

    code = "media_problem"

    def __init__(self, status: MediaStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class BadInputError(AdologyError):
    """The input must be changed."""

    code = "bad_input"


class NotFoundError(AdologyError):
    """There is no such thing, or this principal may not know of it."""

    code = "not_found"


class NotAllowedError(AdologyError):
    """The principal lacks the right to do this."""

    code = "not_allowed"


class SignInError(NotAllowedError):
    """Nobody is known to ask: the key, session or link is missing, wrong, used up or out of date."""

    code = "sign_in"


class ConflictError(AdologyError):
    """Another run, lease or name holds the place."""

    code = "conflict"


class InProgressError(ConflictError):
    """The same call is at work; repeated a little later it gets that one's answer."""

    code = "in_progress"
    retry_after_seconds = 1.0
