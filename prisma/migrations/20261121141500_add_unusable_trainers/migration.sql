-- Trainers that a worker has and cannot start, with the reason: [{ "trainer", "reason" }].
ALTER TABLE "worker" ADD COLUMN "unusable" JSONB NOT NULL DEFAULT '[]';
