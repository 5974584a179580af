-- Who did what. Rows are added and never changed; each carries a hash over itself and the row before it, so that one that
-- was changed or taken out by a superuser shows.
CREATE TABLE "audit_log" (
  "id" BIGSERIAL NOT NULL,
  "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "tenant_id" TEXT,
  "key_id" UUID,
  "user_id" TEXT,
  "method" TEXT NOT NULL,
  "route" TEXT NOT NULL,
  "path" TEXT NOT NULL,
  "status" INTEGER NOT NULL,
  "request_id" TEXT NOT NULL,
  "address" TEXT NOT NULL,
  "hash" BYTEA NOT NULL,
  CONSTRAINT "audit_log_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "audit_log_tenant_id_id_idx" ON "audit_log"("tenant_id", "id" DESC);

CREATE FUNCTION "audit_log_hash"("entry" "audit_log", "before" bytea) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT sha256(coalesce(before, '') || convert_to(jsonb_build_array(
    entry."id", extract(epoch FROM entry."at"), entry."tenant_id", entry."key_id", entry."user_id", entry."method", entry."route", entry."path",
    entry."status", entry."request_id", entry."address")::text, 'UTF8'))
$$;

-- One at a time, so that ids and hashes have one order.
CREATE FUNCTION "audit_log_chain"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('influencerai:audit'));
  NEW."id" := nextval('audit_log_id_seq');
  NEW."hash" := audit_log_hash(NEW, (SELECT "hash" FROM "audit_log" ORDER BY "id" DESC LIMIT 1));
  RETURN NEW;
END $$;
CREATE TRIGGER "audit_log_chain" BEFORE INSERT ON "audit_log" FOR EACH ROW EXECUTE FUNCTION "audit_log_chain"();

CREATE FUNCTION "audit_log_is_append_only"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'The audit log is append-only.';
END $$;
CREATE TRIGGER "audit_log_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit_log"
  FOR EACH STATEMENT EXECUTE FUNCTION "audit_log_is_append_only"();

SELECT "secure_rows"('audit_log');
