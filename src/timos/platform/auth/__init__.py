"""Proving identity: passwords, sessions, tokens, limits, step-up, invitations."""
