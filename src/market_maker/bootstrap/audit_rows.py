"""Entries of the audit trail, between the API and the database."""

from uuid import UUID

from market_maker.api import ports
from market_maker.repositories import audit


def audit_entry(row: audit.AuditEntry) -> ports.AuditEntry:
    """As the API shows it."""
    return ports.AuditEntry(
        str(row.entry_id),
        row.at,
        row.actor,
        row.roles,
        row.route,
        row.symbol,
        row.before,
        row.after,
        row.why,
    )


def audit_row(entry: ports.AuditEntry) -> audit.AuditEntry:
    """As the database keeps it."""
    return audit.AuditEntry(
        UUID(entry.entry_id),
        entry.at,
        entry.actor,
        entry.roles,
        entry.route,
        entry.symbol,
        entry.before,
        entry.after,
        entry.why,
    )
