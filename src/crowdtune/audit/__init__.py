"""Whom to trust, from labels alone: agreement, annotators, items and warnings of a crowd, without a model."""

from __future__ import annotations

from crowdtune.audit._audit import Audit, audit
from crowdtune.audit._folder import write_audit

__all__ = ["Audit", "audit", "write_audit"]
