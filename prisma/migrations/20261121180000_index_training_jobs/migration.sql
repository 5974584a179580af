-- Clients of the view "training_jobs" ask for the jobs of a user; the expression is the view's.
CREATE INDEX "job_by_user" ON "job"("tenant_id", (coalesce("user_id", '')), "created_at" DESC);
