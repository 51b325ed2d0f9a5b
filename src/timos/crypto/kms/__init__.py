"""Where master keys live: one module for each kind of key service."""
