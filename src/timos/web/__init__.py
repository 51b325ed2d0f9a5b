"""HTTP in, HTTP out: no SQL, no keys. The frame is `dispatch/`; what it does to a request, in order, is in `middleware/`."""
