"""`timos_vault`: what users wrote, all of it sealed. Knows nothing of who they are."""
