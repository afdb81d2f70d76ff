"""The tables of the event index.

Events are kept as the chain gave them (topics and data) beside the columns that queries select
on, so that what a query returns is decoded from the same bytes.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

VERSION = "3"  # of these tables; an index of another version is rebuilt

metadata = MetaData()

# What is followed: a row each of version, chain_id, ledger, anchor, from_block; and how often
# something was forgotten (rollbacks).
settings = Table(
    "settings",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", String(128), nullable=False),
)

# Hashes of blocks on the way, to recognise a reorganisation and find the common ancestor.
blocks = Table(
    "blocks",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
)

# The last block that was read, of each task that is followed; task 0 stands for all of them.
cursor = Table(
    "cursor",
    metadata,
    Column("task", BigInteger, primary_key=True, autoincrement=False),
    Column("block", BigInteger, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("log_index", Integer, primary_key=True, autoincrement=False),
    Column("block_hash", LargeBinary(32), nullable=False),
    Column("transaction_hash", LargeBinary(32), nullable=False),
    Column("address", String(42), nullable=False),
    Column("name", String(64), nullable=False),
    Column("task", BigInteger),
    Column("round", BigInteger),
    Column("account", String(42)),
    Column("topics", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("events_by_task", "task", "block", "log_index"),
    Index("events_by_round", "task", "name", "round"),
    Index("events_by_account", "account"),
)
