"""Accounts: who may sign in, under which address, as what.

- Address and name are sealed under the user's personal key; the address is found by its blind index.
- A row's clear columns carry a MAC, the password hash another one: a planted or edited row is an error, and is audited.
- A change is a compare-and-swap on the MAC of the row that was checked: never a write over a row nobody looked at.
- `auth_epoch` goes up whenever older proofs of identity must die; every session and token carries the epoch it was made in.
"""
