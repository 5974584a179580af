-- Room on a disk comes back while its worker runs; without an end a job waited for that worker to register again.
ALTER TABLE "job_refusal" ADD COLUMN "expires_at" TIMESTAMPTZ(3);
