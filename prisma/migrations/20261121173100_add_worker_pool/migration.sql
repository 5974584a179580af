-- The workers that a supervisor runs on the API's word: how many there should be, and what it last said. One row, of id 1.
CREATE TABLE "worker_pool" (
  "id" INTEGER NOT NULL,
  "wanted" INTEGER NOT NULL,
  "generation" INTEGER NOT NULL DEFAULT 0,
  "version" INTEGER NOT NULL DEFAULT 0,
  "applied" INTEGER NOT NULL DEFAULT 0,
  "host" TEXT NOT NULL,
  "running" INTEGER NOT NULL,
  "max_workers" INTEGER NOT NULL,
  "reported_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "worker_pool_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "worker_pool_one" CHECK ("id" = 1)
);

-- How many jobs a worker has completed.
CREATE INDEX "job_worker_id_idx" ON "job"("worker_id");
