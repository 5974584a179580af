-- A project that cannot start any more keeps no dataset: like a job that is over it has ids, and the numbers that they had.

ALTER TABLE "project" DROP CONSTRAINT "project_tenant_id_dataset_id_fkey";
ALTER TABLE "project_dataset" DROP CONSTRAINT "project_dataset_tenant_id_dataset_id_fkey";
ALTER TABLE "project_dataset" ADD COLUMN "dataset_number" INTEGER NOT NULL DEFAULT 0;
UPDATE "project_dataset" p SET "dataset_number" = d."number" FROM "dataset" d WHERE d."id" = p."dataset_id";

-- Versions of before that still run name no number. The row is locked as a foreign key would lock it: a deletion waits,
-- and then finds who uses it.
CREATE FUNCTION "note_dataset_number"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT d."number" INTO NEW."dataset_number" FROM "dataset" d
    WHERE d."tenant_id" = NEW."tenant_id" AND d."id" = NEW."dataset_id" FOR KEY SHARE;
  IF NOT FOUND AND TG_TABLE_NAME = 'project_dataset' THEN
    RAISE foreign_key_violation USING MESSAGE = format('There is no dataset %s.', NEW."dataset_id");
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER "note_dataset_number" BEFORE INSERT ON "project_dataset" FOR EACH ROW
  WHEN (NEW."dataset_number" = 0) EXECUTE FUNCTION "note_dataset_number"();
CREATE TRIGGER "note_dataset_number" BEFORE INSERT ON "job" FOR EACH ROW
  WHEN (NEW."dataset_number" IS NULL) EXECUTE FUNCTION "note_dataset_number"();
UPDATE "job" j SET "dataset_number" = d."number" FROM "dataset" d WHERE j."dataset_number" IS NULL AND d."id" = j."dataset_id";
