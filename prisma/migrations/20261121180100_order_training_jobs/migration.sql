-- Readers get at the indexes: a barrier, in a view that leaves out no rows, hid their order from the planner. Row security
-- guards the table, and lets a condition through to an index only where nothing in it could tell of other rows, which
-- PostgreSQL knows of CASE, and not of COALESCE. The indexes end as the view orders.
CREATE OR REPLACE VIEW "training_jobs" WITH (security_invoker = true) AS
SELECT
  j."id",
  CASE WHEN j."user_id" IS NULL THEN '' ELSE j."user_id" END AS "user_id",
  j."dataset_id",
  coalesce(j."payload" ->> 'name', j."spec" -> 'output' ->> 'name') AS "name",
  CASE WHEN j."spec" -> 'extra' ->> 'method' = 'dreambooth' THEN 'dreambooth' ELSE 'lora' END AS "type",
  j."spec" ->> 'baseModel' AS "base_model",
  jsonb_build_object(
    'learning_rate', j."spec" -> 'training' -> 'learningRate',
    'batch_size', j."spec" -> 'training' -> 'batchSize',
    'steps', j."spec" -> 'training' -> 'maxSteps',
    'resolution', j."spec" -> 'training' -> 'resolution',
    'lora_rank', j."spec" -> 'network' -> 'dim',
    'lora_alpha', j."spec" -> 'network' -> 'alpha'
  ) AS "config",
  ARRAY(SELECT jsonb_array_elements_text(coalesce(j."spec" -> 'dataset' -> 'triggerWords', '[]'))) AS "trigger_words",
  -- Clients of that contract know no cancellation.
  CASE WHEN j."status" = 'cancelled' THEN 'failed' ELSE j."status"::text END AS "status",
  -- The name of its container where the launcher is `docker`.
  CASE WHEN j."attempt" > 0 THEN 'training-' || j."id" END AS "container_id",
  CASE
    WHEN j."status" = 'failed' THEN coalesce(j."result" ->> 'error', 'Training failed.')
    WHEN j."status" = 'cancelled' THEN 'Cancelled.'
  END AS "error_message",
  j."created_at" AT TIME ZONE 'utc' AS "created_at",
  j."updated_at" AT TIME ZONE 'utc' AS "updated_at",
  j."started_at" AT TIME ZONE 'utc' AS "started_at",
  j."finished_at" AT TIME ZONE 'utc' AS "completed_at"
FROM "job" j;

DROP INDEX "job_by_user";
CREATE INDEX "job_by_user" ON "job"
  ("tenant_id", (CASE WHEN "user_id" IS NULL THEN '' ELSE "user_id" END), ("created_at" AT TIME ZONE 'utc') DESC);
CREATE INDEX "job_by_creation" ON "job" ("tenant_id", ("created_at" AT TIME ZONE 'utc') DESC);
