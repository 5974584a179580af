-- Lists of what learns from text alone, or from pictures.
CREATE INDEX "job_kind" ON "job"("tenant_id", ("spec" ->> 'kind'), "created_at" DESC, "id" DESC);
