-- Sessions: jobs that run the steps they are granted, and wait between them.

CREATE TABLE "job_session" (
    "job_id" UUID NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "name" TEXT,
    "max_steps" INTEGER NOT NULL,
    "allowed_steps" INTEGER NOT NULL DEFAULT 0,
    "completed_steps" INTEGER NOT NULL DEFAULT 0,
    "idle_ms" INTEGER NOT NULL,
    "release_attempt" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "job_session_pkey" PRIMARY KEY ("job_id"),
    CONSTRAINT "job_session_ranges" CHECK (
      "max_steps" > 0 AND "allowed_steps" BETWEEN 0 AND "max_steps" AND "completed_steps" BETWEEN 0 AND "max_steps" AND "idle_ms" > 0
    )
);

CREATE TABLE "job_step_grant" (
    "id" UUID NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "job_id" UUID NOT NULL,
    "steps" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "job_step_grant_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "job_session_tenant_id_job_id_key" ON "job_session"("tenant_id", "job_id");
CREATE UNIQUE INDEX "job_session_tenant_id_name_key" ON "job_session"("tenant_id", "name");
CREATE INDEX "job_session_tenant_id_created_at_job_id_idx" ON "job_session"("tenant_id", "created_at" DESC, "job_id" DESC);
CREATE INDEX "job_step_grant_job_id_idx" ON "job_step_grant"("job_id");

ALTER TABLE "job_session" ADD CONSTRAINT "job_session_tenant_id_job_id_fkey" FOREIGN KEY ("tenant_id", "job_id") REFERENCES "job"("tenant_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;
ALTER TABLE "job_step_grant" ADD CONSTRAINT "job_step_grant_tenant_id_job_id_fkey" FOREIGN KEY ("tenant_id", "job_id") REFERENCES "job_session"("tenant_id", "job_id") ON DELETE CASCADE ON UPDATE RESTRICT;

SELECT "secure_rows"('job_session');
SELECT "secure_rows"('job_step_grant');

-- Workers hear of granted steps at once.
CREATE OR REPLACE FUNCTION announce_job_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('job_event', json_build_object(
    'jobId', new.job_id, 'type', new.type, 'to', new.data ->> 'to',
    'attempt', (new.data ->> 'attempt')::int, 'workerId', new.data ->> 'workerId',
    'allowedSteps', (new.data ->> 'allowedSteps')::int)::text);
  RETURN NULL;
END $$;
