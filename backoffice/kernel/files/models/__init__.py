from backoffice.kernel.files.models.jobs import ImportJob, ImportProblem

__all__ = ["ImportJob", "ImportProblem"]
