"""A private operating system for one's own life: what a user writes is sealed under that user's own key."""
