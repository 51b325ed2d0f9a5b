"""Verbs beyond create, read, update, delete, and reads across collections."""
