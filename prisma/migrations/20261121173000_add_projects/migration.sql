-- Projects: what a model is to learn, from which datasets and in which shares. Their status is that of their job.

CREATE TABLE "project" (
  "id" UUID NOT NULL,
  "number" INTEGER NOT NULL DEFAULT 0,
  "tenant_id" TEXT NOT NULL,
  "user_id" TEXT,
  "name" TEXT NOT NULL,
  "description" TEXT,
  "base_model" TEXT NOT NULL,
  "training_type" TEXT NOT NULL,
  "max_rows" INTEGER NOT NULL,
  "seed" INTEGER NOT NULL,
  "output_directory" TEXT NOT NULL,
  "config" JSONB NOT NULL,
  "dataset_id" UUID,
  "job_id" UUID,
  "starter" UUID,
  "starting_at" TIMESTAMPTZ(3),
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "project_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "project_tenant_id_id_key" ON "project"("tenant_id", "id");
CREATE UNIQUE INDEX "project_tenant_id_job_id_key" ON "project"("tenant_id", "job_id");
CREATE INDEX "project_tenant_id_created_at_id_idx" ON "project"("tenant_id", "created_at" DESC, "id" DESC);

CREATE TABLE "project_trait" (
  "tenant_id" TEXT NOT NULL,
  "project_id" UUID NOT NULL,
  "position" INTEGER NOT NULL,
  "type" TEXT NOT NULL,
  "percentage" DOUBLE PRECISION,
  CONSTRAINT "project_trait_pkey" PRIMARY KEY ("project_id", "position")
);
CREATE UNIQUE INDEX "project_trait_tenant_id_project_id_position_key" ON "project_trait"("tenant_id", "project_id", "position");

-- The primary key keeps a dataset from standing in a project twice.
CREATE TABLE "project_dataset" (
  "tenant_id" TEXT NOT NULL,
  "project_id" UUID NOT NULL,
  "dataset_id" UUID NOT NULL,
  "trait_position" INTEGER NOT NULL,
  "position" INTEGER NOT NULL,
  "percentage" DOUBLE PRECISION NOT NULL,
  "rows" INTEGER,
  CONSTRAINT "project_dataset_pkey" PRIMARY KEY ("project_id", "dataset_id")
);
CREATE INDEX "project_dataset_dataset_id_idx" ON "project_dataset"("dataset_id");

ALTER TABLE "project" ADD CONSTRAINT "project_tenant_id_fkey"
  FOREIGN KEY ("tenant_id") REFERENCES "tenant"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "project" ADD CONSTRAINT "project_tenant_id_dataset_id_fkey"
  FOREIGN KEY ("tenant_id", "dataset_id") REFERENCES "dataset"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "project" ADD CONSTRAINT "project_tenant_id_job_id_fkey"
  FOREIGN KEY ("tenant_id", "job_id") REFERENCES "job"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "project_trait" ADD CONSTRAINT "project_trait_tenant_id_project_id_fkey"
  FOREIGN KEY ("tenant_id", "project_id") REFERENCES "project"("tenant_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;
ALTER TABLE "project_dataset" ADD CONSTRAINT "project_dataset_tenant_id_project_id_trait_position_fkey"
  FOREIGN KEY ("tenant_id", "project_id", "trait_position") REFERENCES "project_trait"("tenant_id", "project_id", "position") ON DELETE CASCADE ON UPDATE RESTRICT;
ALTER TABLE "project_dataset" ADD CONSTRAINT "project_dataset_tenant_id_dataset_id_fkey"
  FOREIGN KEY ("tenant_id", "dataset_id") REFERENCES "dataset"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

SELECT "secure_rows"('project');
SELECT "secure_rows"('project_trait');
SELECT "secure_rows"('project_dataset');
SELECT "number_rows"('project');
