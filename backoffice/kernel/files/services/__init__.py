"""Acts on import jobs: hand in, correct the reading, check, apply, cancel."""

from backoffice.kernel.files.services.jobs import (
    apply_job,
    cancel_job,
    change_reading,
    check_job,
    create_job,
    request_apply,
    resume_job,
)

__all__ = ["apply_job", "cancel_job", "change_reading", "check_job", "create_job", "request_apply", "resume_job"]
