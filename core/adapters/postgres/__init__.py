"""PostgreSQL: the record, the embedded queue and the embedded documents."""
