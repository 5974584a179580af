-- Uploads that go straight to the bucket, by a link that works until a certain time.
ALTER TABLE "upload" ADD COLUMN "link_ends_at" TIMESTAMPTZ(3);
ALTER TABLE "upload" DROP CONSTRAINT "upload_protocol_check";
ALTER TABLE "upload" ADD CONSTRAINT "upload_protocol_check" CHECK ("protocol" IN ('form', 'tus', 'direct'));
