"""The way of a request through the frame, in one place and in this order.

    guard       bounded, unambiguous, for a name of ours: nothing is looked up before
    CORS        from here on a listed origin may read what is answered
    address     at most so many at once from one network
    route       404, 405, OPTIONS; the body as declared: 413, 415
    origin      unsafe methods: our own page, or no browser
    identify    who is asking; every route that does not say PUBLIC is closed here, before a byte of the body is read
    limits      at most so many at once and in a minute
    decode      query and body, strictly
    handler
    send        fixed headers; HEAD without body; streams watched for a client that leaves
    log         one line, after all that was held is let go

A straight line and not nested middleware: so the whole frame costs about 20 µs. An error at any step becomes an answer in one place
(`errors.py`) and is sent like every other, so it carries the same headers.
"""
