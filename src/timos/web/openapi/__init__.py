"""The OpenAPI 3.1 document, from the routes and msgspec's own JSON Schema: what is served is what is described.

What a route can answer with follows from its kind: one that is not PUBLIC can be 401, one with a body 400, 413, 415 and 422, and so on.
A route names only the problems beyond these.

What is sent may leave out what has a default; what is answered holds every field. So a type that does both has two schemas, `Thing` as it
is answered and `ThingInput` as it is sent: programs that are typed by this document need not ask for what is always there.
"""
