-- Who may call, and for whom: limits and names of tenants, users, API keys, and the key behind each worker.

ALTER TABLE "tenant"
  ADD COLUMN "name" TEXT,
  ADD COLUMN "disabled_at" TIMESTAMPTZ(3),
  ADD COLUMN "max_queued_jobs" INTEGER,
  ADD COLUMN "max_storage_bytes" BIGINT,
  ADD COLUMN "reads_per_minute" INTEGER,
  ADD COLUMN "writes_per_minute" INTEGER;
ALTER TABLE "tenant" ADD CONSTRAINT "tenant_quotas" CHECK (
  "max_queued_jobs" >= 0 AND "max_storage_bytes" >= 0 AND "reads_per_minute" >= 0 AND "writes_per_minute" >= 0
);

CREATE TABLE "tenant_user" (
  "tenant_id" TEXT NOT NULL,
  "id" TEXT NOT NULL,
  "name" TEXT,
  "disabled_at" TIMESTAMPTZ(3),
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "tenant_user_pkey" PRIMARY KEY ("tenant_id", "id")
);
ALTER TABLE "tenant_user" ADD CONSTRAINT "tenant_user_tenant_id_fkey"
  FOREIGN KEY ("tenant_id") REFERENCES "tenant"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

CREATE TABLE "api_key" (
  "id" UUID NOT NULL,
  "tenant_id" TEXT,
  "user_id" TEXT,
  "name" TEXT NOT NULL,
  "lookup" TEXT NOT NULL,
  "secret_hash" TEXT NOT NULL,
  "previous_hash" TEXT,
  "previous_expires_at" TIMESTAMPTZ(3),
  "scopes" TEXT[],
  "expires_at" TIMESTAMPTZ(3),
  "revoked_at" TIMESTAMPTZ(3),
  "rotated_at" TIMESTAMPTZ(3),
  "last_used_at" TIMESTAMPTZ(3),
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "api_key_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "api_key_lookup_key" ON "api_key"("lookup");
CREATE INDEX "api_key_tenant_id_created_at_id_idx" ON "api_key"("tenant_id", "created_at" DESC, "id" DESC);
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_tenant_id_fkey"
  FOREIGN KEY ("tenant_id") REFERENCES "tenant"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_tenant_id_user_id_fkey"
  FOREIGN KEY ("tenant_id", "user_id") REFERENCES "tenant_user"("tenant_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;
-- Workers serve every tenant, so their keys belong to none; a person belongs to a tenant.
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_belongs" CHECK (
  ("tenant_id" IS NULL AND "user_id" IS NULL) OR ("tenant_id" IS NOT NULL AND NOT 'worker' = ANY ("scopes"))
);

ALTER TABLE "worker" ADD COLUMN "key_id" UUID;
ALTER TABLE "worker" ADD CONSTRAINT "worker_key_id_fkey"
  FOREIGN KEY ("key_id") REFERENCES "api_key"("id") ON DELETE SET NULL ON UPDATE RESTRICT;
