"""Ciphers, keys and signatures. Pure: no database, no settings; time and randomness are handed in. Imports the kernel only."""
