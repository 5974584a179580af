-- What the schema language cannot say: partial indexes, checks, and the counters behind the totals of lists.

-- At most one default configuration per tenant.
CREATE UNIQUE INDEX "lora_config_one_default" ON "lora_config" ("tenant_id") WHERE "is_default";

-- A worker of a trainer looks for the next job; the dispatcher for the next one to admit; the sweep for lost leases.
CREATE INDEX "job_claimable" ON "job" ("trainer", "created_at") WHERE "status" = 'pending';
CREATE INDEX "job_admissible" ON "job" ("tenant_id", "priority" DESC, "created_at") WHERE "status" = 'queued';
CREATE INDEX "job_leased" ON "job" ("lease_expires_at") WHERE "status" = 'running';

-- The ranges that the API promises, as a second line behind its validation.
ALTER TABLE "tenant" ADD CONSTRAINT "tenant_limits" CHECK ("max_concurrent_jobs" >= 0);
ALTER TABLE "lora_config" ADD CONSTRAINT "lora_config_ranges" CHECK (
  "epochs" BETWEEN 1 AND 1000
  AND "learning_rate" BETWEEN 0.000001 AND 1
  AND "batch_size" BETWEEN 1 AND 64
  AND "resolution" BETWEEN 128 AND 2048
  AND "network_dim" BETWEEN 1 AND 512
  AND "network_alpha" BETWEEN 1 AND 512
);
ALTER TABLE "job" ADD CONSTRAINT "job_ranges" CHECK (
  "attempt" >= 0 AND "interruptions" >= 0 AND "priority" BETWEEN -100 AND 100 AND ("cost_tok" IS NULL OR "cost_tok" >= 0)
);
ALTER TABLE "job" ADD CONSTRAINT "job_lease_while_running" CHECK ("lease_expires_at" IS NULL OR "status" = 'running');

-- job_count: number of jobs by tenant, type and status.
--
-- Inserts and deletes are counted once per statement, so that a bulk insert touches each counter once. A change of status
-- is counted at commit (deferred): a transaction holds all its jobs by then, so that waiting for a counter cannot close a
-- circle with one that waits for a job; both counters are taken in the order of the states for the same reason. Progress
-- writes do not change the status and cost nothing here.
CREATE FUNCTION "job_count_add"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "job_count" AS c ("tenant_id", "type", "status", "count")
  SELECT "tenant_id", "type", "status", count(*)::int FROM added GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT ("tenant_id", "type", "status") DO UPDATE SET "count" = c."count" + EXCLUDED."count";
  RETURN NULL;
END $$;

CREATE FUNCTION "job_count_remove"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  gone record;
BEGIN
  FOR gone IN
    SELECT "tenant_id", "type", "status", count(*)::int AS n FROM removed GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  LOOP
    UPDATE "job_count" SET "count" = greatest(0, "count" - gone.n)
    WHERE "tenant_id" = gone."tenant_id" AND "type" = gone."type" AND "status" = gone."status";
  END LOOP;
  RETURN NULL;
END $$;

CREATE FUNCTION "job_count_move"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  step record;
BEGIN
  FOR step IN SELECT * FROM (VALUES (OLD."status", -1), (NEW."status", 1)) AS s ("status", "delta") ORDER BY 1 LOOP
    INSERT INTO "job_count" AS c ("tenant_id", "type", "status", "count")
    VALUES (NEW."tenant_id", NEW."type", step."status", greatest(0, step."delta"))
    ON CONFLICT ("tenant_id", "type", "status") DO UPDATE SET "count" = greatest(0, c."count" + step."delta");
  END LOOP;
  RETURN NULL;
END $$;

CREATE FUNCTION "job_count_clear"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM "job_count";
  RETURN NULL;
END $$;

CREATE TRIGGER "job_count_on_insert" AFTER INSERT ON "job"
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "job_count_add"();
CREATE TRIGGER "job_count_on_delete" AFTER DELETE ON "job"
  REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION "job_count_remove"();
CREATE CONSTRAINT TRIGGER "job_count_on_status" AFTER UPDATE OF "status" ON "job"
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD."status" IS DISTINCT FROM NEW."status") EXECUTE FUNCTION "job_count_move"();
CREATE TRIGGER "job_count_on_truncate" AFTER TRUNCATE ON "job"
  FOR EACH STATEMENT EXECUTE FUNCTION "job_count_clear"();
