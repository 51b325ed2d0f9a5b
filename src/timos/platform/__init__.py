"""The platform database: who somebody is, how they prove it, and their wrapped keys. It never holds what they wrote."""
