"""Stories that need both databases; nothing else but the composition root and the front door may touch both."""
