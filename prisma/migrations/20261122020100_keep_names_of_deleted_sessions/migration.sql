-- A new session of a name that was deleted goes on from where that one was saved.
CREATE TABLE "deleted_session" (
    "tenant_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "job_id" UUID NOT NULL,

    CONSTRAINT "deleted_session_pkey" PRIMARY KEY ("tenant_id", "name")
);
CREATE INDEX "deleted_session_tenant_id_job_id_idx" ON "deleted_session"("tenant_id", "job_id");
ALTER TABLE "deleted_session" ADD CONSTRAINT "deleted_session_tenant_id_job_id_fkey" FOREIGN KEY ("tenant_id", "job_id") REFERENCES "job"("tenant_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;
SELECT "secure_rows"('deleted_session');

ALTER TABLE "job_session" ADD COLUMN "continues" UUID;
