-- CreateTable
CREATE TABLE "dataset_file" (
    "tenant_id" TEXT NOT NULL,
    "dataset_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "sha256" TEXT NOT NULL,

    CONSTRAINT "dataset_file_pkey" PRIMARY KEY ("dataset_id", "name")
);

-- AddForeignKey
ALTER TABLE "dataset_file" ADD CONSTRAINT "dataset_file_tenant_id_dataset_id_fkey" FOREIGN KEY ("tenant_id", "dataset_id") REFERENCES "dataset"("tenant_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;

SELECT "secure_rows"('dataset_file');
