"""File formats that journals move in and out with. Each knows bytes and documents; no database, no keys, no clock."""
