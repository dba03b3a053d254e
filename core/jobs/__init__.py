"""Jobs and trials in Postgres: creating, planning, claiming, finishing, sweeping.

Functions take a session and never commit; the caller's block does. Those that queue trials return
their ids, which the caller hands to the broker after the commit.
"""
