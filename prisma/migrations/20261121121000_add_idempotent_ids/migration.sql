-- The id of what a request creates is chosen with its key, so that a repetition finds what a crash left without an answer.
-- The default is for the version before, which does not know the column.
ALTER TABLE "idempotency_key" ADD COLUMN "resource_id" UUID NOT NULL DEFAULT gen_random_uuid();
