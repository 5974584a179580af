-- The second lock between tenants. Connections of the role influencerai_tenant see the rows of one tenant alone: the one
-- that the setting app.tenant_id names, and none while it names nobody. The role that owns the tables sees everything.

-- Points and lines of a job name its tenant, so that they cannot point across and can be told apart without a join.
ALTER TABLE "job_metric" ADD COLUMN "tenant_id" TEXT;
ALTER TABLE "job_log" ADD COLUMN "tenant_id" TEXT;
UPDATE "job_metric" m SET "tenant_id" = j."tenant_id" FROM "job" j WHERE j."id" = m."job_id";
UPDATE "job_log" l SET "tenant_id" = j."tenant_id" FROM "job" j WHERE j."id" = l."job_id";
ALTER TABLE "job_metric" ALTER COLUMN "tenant_id" SET NOT NULL;
ALTER TABLE "job_log" ALTER COLUMN "tenant_id" SET NOT NULL;
ALTER TABLE "job_metric" DROP CONSTRAINT "job_metric_job_id_fkey";
ALTER TABLE "job_log" DROP CONSTRAINT "job_log_job_id_fkey";
ALTER TABLE "job_metric" ADD CONSTRAINT "job_metric_tenant_id_job_id_fkey"
  FOREIGN KEY ("tenant_id", "job_id") REFERENCES "job"("tenant_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;
ALTER TABLE "job_log" ADD CONSTRAINT "job_log_tenant_id_job_id_fkey"
  FOREIGN KEY ("tenant_id", "job_id") REFERENCES "job"("tenant_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;

-- Roles belong to the whole server, so another database may have made it, even at this moment.
DO $$ BEGIN
  CREATE ROLE "influencerai_tenant" NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
  IF NOT pg_has_role(current_user, 'influencerai_tenant', 'MEMBER') THEN
    EXECUTE format('GRANT influencerai_tenant TO %I', current_user);
  END IF;
END $$;

GRANT USAGE ON SCHEMA "public" TO "influencerai_tenant";

-- Gives the role a table, whose rows it sees where the column names the tenant of the connection.
CREATE FUNCTION "secure_rows"("of_table" regclass, "tenant_column" text DEFAULT 'tenant_id') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', of_table);
  EXECUTE format('CREATE POLICY "own_tenant" ON %s USING (%I = current_setting(''app.tenant_id'', true))', of_table, tenant_column);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO "influencerai_tenant"', of_table);
END $$;

SELECT "secure_rows"('tenant', 'id');
SELECT "secure_rows"(owned) FROM unnest(ARRAY[
  'dataset', 'lora_config', 'job', 'job_count', 'job_event', 'job_metric', 'job_log', 'job_artifact', 'idempotency_key', 'tenant_user', 'api_key', 'storage_usage', 'upload'
]::regclass[]) AS owned;

-- Tenants see which workers there are; the numbers that rows get come from sequences.
GRANT SELECT ON "worker" TO "influencerai_tenant";
GRANT USAGE ON ALL SEQUENCES IN SCHEMA "public" TO "influencerai_tenant";
