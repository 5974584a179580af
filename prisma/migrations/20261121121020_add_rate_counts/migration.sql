-- How often a caller has come within the window that runs, where there is no Redis. Unlogged: it is written by every
-- request and worth nothing after a crash. Half of each page stays free, so that no update touches the index.
CREATE UNLOGGED TABLE "rate_count" (
  "key" TEXT NOT NULL,
  "hits" INTEGER NOT NULL,
  "ends_at" TIMESTAMPTZ(6) NOT NULL,
  CONSTRAINT "rate_count_pkey" PRIMARY KEY ("key")
) WITH (fillfactor = 50);
