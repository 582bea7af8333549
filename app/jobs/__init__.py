"""Queues, thin tasks and the schedule. PostgreSQL holds the truth; RQ only wakes."""
