-- Whose a dataset and a job is, where the credential named a user; and how many jobs one user may have at a time.
ALTER TABLE "dataset" ADD COLUMN "user_id" TEXT;
ALTER TABLE "job" ADD COLUMN "user_id" TEXT;
ALTER TABLE "job" ADD COLUMN "user_limit" INTEGER;
ALTER TABLE "tenant" ADD COLUMN "max_concurrent_jobs_per_user" INTEGER;

-- A job may bring the values of its configuration itself.
ALTER TABLE "job" ALTER COLUMN "lora_config_id" DROP NOT NULL;

-- What counts towards the limit of a user.
CREATE INDEX "job_of_user" ON "job" ("tenant_id", "user_id") WHERE "status" IN ('pending', 'running');
