-- What an upload brought; null for a folder that was there before.
ALTER TABLE "dataset" ADD COLUMN "upload" JSONB;

-- Files that are on their way to become the dataset of the same id.
CREATE TABLE "upload" (
    "id" UUID NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "protocol" TEXT NOT NULL,
    "announced" JSONB,
    "holder" UUID,
    "touched_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "upload_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "upload_protocol_check" CHECK ("protocol" IN ('form', 'tus'))
);

CREATE INDEX "upload_tenant_id_idx" ON "upload"("tenant_id");
CREATE INDEX "upload_protocol_touched_at_idx" ON "upload"("protocol", "touched_at");

ALTER TABLE "upload" ADD CONSTRAINT "upload_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenant"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;
