"""R10: how fast the API answers, beside the bare SQL of the same answers and a bare Flask echo.

``make bench-api`` fills a database for each of three sizes of market; ``make bench-api ADS=100000`` for one. A
brandspace of eight brands with 50 ads each stays as large as it is while the market grows around it.

The daemon is a process of its own, with all its roles, over PostgreSQL as ``up`` starts it; an API key is checked at
each call. Another process calls. Three sides take turns (A-B-B-A): the call; the statements that this very call sends,
over psycopg2 under the same role and row-level security; a Flask view that does nothing, behind the same server. First
with one connection, for how long an answer takes; then the call with four, for how many there are in a second.
"""
