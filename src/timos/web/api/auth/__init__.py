"""Accounts and sessions: sign up, log in, refresh, log out, profile, password, step-up.

Browsers get the tokens in cookies and never in a body; programs get them in the body and never in cookies.
"""
