-- What jobs begin with that leave values out; a tenant without a row has the values of the service.

CREATE TABLE "training_defaults" (
  "tenant_id" TEXT NOT NULL,
  "model_name" TEXT NOT NULL,
  "training_type" TEXT NOT NULL,
  "batch_size" INTEGER NOT NULL,
  "learning_rate" DOUBLE PRECISION NOT NULL,
  "epochs" INTEGER NOT NULL,
  "network_dim" INTEGER NOT NULL,
  "network_alpha" INTEGER NOT NULL,
  "lora_dropout" DOUBLE PRECISION NOT NULL,
  "max_concurrent_workers" INTEGER NOT NULL,
  "auto_start_workers" BOOLEAN NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "training_defaults_pkey" PRIMARY KEY ("tenant_id"),
  CONSTRAINT "training_defaults_ranges" CHECK (
    "epochs" BETWEEN 1 AND 1000 AND "learning_rate" BETWEEN 0.000001 AND 1 AND "batch_size" BETWEEN 1 AND 64
    AND "network_dim" BETWEEN 1 AND 512 AND "network_alpha" BETWEEN 1 AND 512 AND "lora_dropout" BETWEEN 0 AND 0.9
    AND "max_concurrent_workers" BETWEEN 1 AND 64
  )
);
ALTER TABLE "training_defaults" ADD CONSTRAINT "training_defaults_tenant_id_fkey"
  FOREIGN KEY ("tenant_id") REFERENCES "tenant"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

SELECT "secure_rows"('training_defaults');
