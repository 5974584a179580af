-- A dataset may be deleted when no active job uses it; finished jobs keep its id, and the number that it had.

ALTER TABLE "job" DROP CONSTRAINT "job_tenant_id_dataset_id_fkey";
ALTER TABLE "job" ADD COLUMN "dataset_number" INTEGER;
UPDATE "job" j SET "dataset_number" = d."number" FROM "dataset" d WHERE d."id" = j."dataset_id";
