-- Room that an upload has taken from its tenant's quota, and whether it has become a dataset.
ALTER TABLE "upload" ADD COLUMN "reserved_bytes" BIGINT NOT NULL DEFAULT 0;
ALTER TABLE "upload" ADD COLUMN "registered_at" TIMESTAMPTZ(3);
