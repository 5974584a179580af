-- A finished LoRA: the final weights of a job under a name, and where they are loaded. The file itself is the job's
-- artifact, which the row names and goes with.
CREATE TYPE "adapter_status" AS ENUM ('unloaded', 'loading', 'loaded', 'unloading', 'failed', 'deleting');

CREATE TABLE "adapter" (
  "id" UUID NOT NULL,
  "tenant_id" TEXT NOT NULL,
  "job_id" UUID NOT NULL,
  "file_name" TEXT NOT NULL,
  "name" TEXT NOT NULL,
  "description" TEXT,
  "kind" TEXT NOT NULL,
  "base_model" TEXT NOT NULL,
  "trainer" TEXT NOT NULL,
  "trigger_words" TEXT[],
  "training_config" JSONB NOT NULL,
  "metrics" JSONB NOT NULL,
  "status" "adapter_status" NOT NULL DEFAULT 'unloaded',
  "status_reason" TEXT,
  "status_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "runtime" TEXT,
  "holder" UUID,
  "loaded_at" TIMESTAMPTZ(3),
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "adapter_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "adapter_tenant_id_name_key" ON "adapter"("tenant_id", "name");
CREATE UNIQUE INDEX "adapter_job_id_file_name_key" ON "adapter"("job_id", "file_name");
CREATE INDEX "adapter_tenant_id_created_at_id_idx" ON "adapter"("tenant_id", "created_at" DESC, "id" DESC);
-- What the sweep looks at.
CREATE INDEX "adapter_served" ON "adapter"("status") WHERE "status" <> 'unloaded' AND "status" <> 'failed';
ALTER TABLE "adapter" ADD CONSTRAINT "adapter_tenant_id_job_id_fkey"
  FOREIGN KEY ("tenant_id", "job_id") REFERENCES "job"("tenant_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;
ALTER TABLE "adapter" ADD CONSTRAINT "adapter_job_id_file_name_fkey"
  FOREIGN KEY ("job_id", "file_name") REFERENCES "job_artifact"("job_id", "name") ON DELETE CASCADE ON UPDATE RESTRICT;

SELECT "secure_rows"('adapter');

-- Makes the adapter of a completed job, where it has final weights. Its name is that of the job's files; where it is taken,
-- the next number beyond those in use is added. Of two jobs that end at once one waits for the other and takes the next.
CREATE FUNCTION "adapter_of_job"("finished" "job") RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  spec jsonb := finished."spec";
  result jsonb := coalesce(finished."result", '{}');
  weights text;
  wanted text := regexp_replace(regexp_replace(left(spec #>> '{output,name}', 100), '[^A-Za-z0-9._-]+', '-', 'g'), '^[._-]+', '');
  n int := 1;
BEGIN
  SELECT a."name" INTO weights FROM "job_artifact" a WHERE a."job_id" = finished."id" AND a."kind" = 'lora'
  ORDER BY (a."name" = regexp_replace(coalesce(result ->> 'loraPath', ''), '^.*/', '')) DESC, a."created_at" DESC LIMIT 1;
  IF weights IS NULL THEN RETURN; END IF;
  IF coalesce(wanted, '') = '' THEN wanted := 'lora'; END IF;

  IF EXISTS (SELECT FROM "adapter" a WHERE a."tenant_id" = finished."tenant_id" AND a."name" = wanted) THEN
    SELECT coalesce(max(substr(a."name", length(wanted) + 2)::int), 1) + 1 INTO n FROM "adapter" a
    WHERE a."tenant_id" = finished."tenant_id" AND left(a."name", length(wanted) + 1) = wanted || '-'
      AND substr(a."name", length(wanted) + 2) ~ '^[1-9][0-9]{0,7}$';
  END IF;
  LOOP
    INSERT INTO "adapter" ("id", "tenant_id", "job_id", "file_name", "name", "kind", "base_model", "trainer", "trigger_words",
      "training_config", "metrics")
    VALUES (gen_random_uuid(), finished."tenant_id", finished."id", weights,
      CASE n WHEN 1 THEN wanted ELSE wanted || '-' || n END,
      coalesce(spec ->> 'kind', 'image'), coalesce(spec ->> 'baseModel', ''), finished."trainer", array_remove(ARRAY[spec #>> '{dataset,triggerWord}'], NULL),
      coalesce(spec -> 'training', '{}') || jsonb_build_object('networkDim', spec #> '{network,dim}', 'networkAlpha', spec #> '{network,alpha}'),
      jsonb_build_object('finalLoss', result -> 'finalLoss', 'initialLoss', result -> 'initialLoss', 'steps', result -> 'steps',
        'trainingTimeMinutes', result -> 'trainingTimeMinutes'))
    ON CONFLICT ("tenant_id", "name") DO NOTHING;
    EXIT WHEN FOUND;
    n := n + 1;
  END LOOP;
END $$;

CREATE FUNCTION "adapter_on_completion"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM adapter_of_job(NEW);
  RETURN NULL;
END $$;
CREATE TRIGGER "adapter_on_completion" AFTER UPDATE OF "status" ON "job" FOR EACH ROW
  WHEN (NEW."status" = 'completed' AND OLD."status" IS DISTINCT FROM NEW."status")
  EXECUTE FUNCTION "adapter_on_completion"();

-- Jobs that were completed before there were adapters, oldest first.
DO $$
DECLARE
  finished "job";
BEGIN
  FOR finished IN SELECT * FROM "job" WHERE "status" = 'completed' ORDER BY "finished_at", "id" LOOP
    PERFORM adapter_of_job(finished);
    UPDATE "adapter" SET "created_at" = finished."finished_at" WHERE "job_id" = finished."id" AND finished."finished_at" IS NOT NULL;
  END LOOP;
END $$;
