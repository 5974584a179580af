-- A session that continues one that continued another still has its weights, and none that are ahead of its state.
ALTER TABLE "deleted_session" ADD COLUMN "continues" UUID, ADD COLUMN "continues_step" INTEGER;
ALTER TABLE "job_session" ADD COLUMN "continues_step" INTEGER;
UPDATE "job_session" SET "continues_step" = "completed_steps" WHERE "continues" IS NOT NULL;
