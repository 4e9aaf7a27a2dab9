"""R1 and R7: our pipeline beside the popular way, a Celery chord over SQS with its results in Redis.

``make bench-pipeline`` installs the peer and runs both; ``python -m benchmarks.pipeline --only r1`` runs one.

Both sides are real processes over one in-memory SQS server (``tests/fakes/sqs_server.py``) and do the same: download
from a server on loopback, store the object, decode, describe, record, commit. The download, the store, the decoder and
the descriptor are the same functions; the record is one PostgreSQL, with fsync. Ours goes on to label what it
committed, and those calls count for it, too. Every record is checked (ads, hashes of the pictures) before a figure
counts.
"""
