-- Counts of requests need not outlive a crash of the server, so nobody waits for them to reach the disk: each request of a
-- tenant writes the same row, one after the other.
ALTER TABLE "rate_count" SET UNLOGGED;
