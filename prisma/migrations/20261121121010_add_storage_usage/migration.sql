-- Bytes that each tenant stores. Uploads are added and taken away by the API; files of jobs by a trigger, in the
-- transaction that lists them, so that the sum is never looked for.
CREATE TABLE "storage_usage" (
  "tenant_id" TEXT NOT NULL,
  "used_bytes" BIGINT NOT NULL,
  CONSTRAINT "storage_usage_pkey" PRIMARY KEY ("tenant_id"),
  CONSTRAINT "storage_usage_not_negative" CHECK ("used_bytes" >= 0)
) WITH (fillfactor = 50);
ALTER TABLE "storage_usage" ADD CONSTRAINT "storage_usage_tenant_id_fkey"
  FOREIGN KEY ("tenant_id") REFERENCES "tenant"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

INSERT INTO "storage_usage" ("tenant_id", "used_bytes")
SELECT "tenant_id", sum("size_bytes") FROM "job_artifact" GROUP BY 1;

CREATE FUNCTION "storage_usage_of_artifact"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  tenant text := coalesce(NEW."tenant_id", OLD."tenant_id");
  delta bigint := coalesce(NEW."size_bytes", 0) - coalesce(OLD."size_bytes", 0);
BEGIN
  IF delta <> 0 THEN
    INSERT INTO "storage_usage" AS u ("tenant_id", "used_bytes") VALUES (tenant, greatest(0, delta))
    ON CONFLICT ("tenant_id") DO UPDATE SET "used_bytes" = greatest(0, u."used_bytes" + delta);
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER "storage_usage_on_artifact" AFTER INSERT OR DELETE OR UPDATE OF "size_bytes" ON "job_artifact"
  FOR EACH ROW EXECUTE FUNCTION "storage_usage_of_artifact"();
