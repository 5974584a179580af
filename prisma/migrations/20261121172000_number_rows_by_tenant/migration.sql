-- Numbers for faces that know integer ids: each tenant's own, from 1, with gaps where an insert was undone. The sequences
-- that there were counted over all tenants, so that a number told how much the others do.

CREATE TABLE "tenant_number" (
  "tenant_id" TEXT NOT NULL,
  "table_name" TEXT NOT NULL,
  "last" INTEGER NOT NULL,
  CONSTRAINT "tenant_number_pkey" PRIMARY KEY ("tenant_id", "table_name")
);

-- As the owner: a tenant sees how far it got and cannot turn it back.
CREATE FUNCTION "give_number"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO "tenant_number" AS n ("tenant_id", "table_name", "last") VALUES (NEW."tenant_id", TG_TABLE_NAME, 1)
  ON CONFLICT ("tenant_id", "table_name") DO UPDATE SET "last" = n."last" + 1
  RETURNING n."last" INTO NEW."number";
  RETURN NEW;
END $$;

-- Gives the rows of a table their numbers. It has the columns "tenant_id" and "number" (0: not yet) and an order in time.
-- A row waits for the one before it of the same tenant and table, as jobs do anyhow: submitting locks the tenant's row.
CREATE FUNCTION "number_rows"("of_table" regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('UPDATE %1$s AS r SET "number" = o.n FROM (
    SELECT "id", row_number() OVER (PARTITION BY "tenant_id" ORDER BY "created_at", "id")::int AS n FROM %1$s
  ) o WHERE r."id" = o."id"', of_table);
  EXECUTE format('INSERT INTO "tenant_number" ("tenant_id", "table_name", "last")
    SELECT "tenant_id", %2$L, max("number") FROM %1$s GROUP BY "tenant_id"', of_table, of_table::text);
  EXECUTE format('CREATE UNIQUE INDEX %I ON %s ("tenant_id", "number")', of_table::text || '_tenant_id_number_key', of_table);
  EXECUTE format('CREATE TRIGGER "number_row" BEFORE INSERT ON %s FOR EACH ROW WHEN (NEW."number" = 0)
    EXECUTE FUNCTION "give_number"()', of_table);
END $$;

DROP INDEX "dataset_number_key";
DROP INDEX "job_number_key";
ALTER TABLE "dataset" ALTER COLUMN "number" SET DEFAULT 0;
ALTER TABLE "job" ALTER COLUMN "number" SET DEFAULT 0;
DROP SEQUENCE "dataset_number_seq", "job_number_seq";

SELECT "number_rows"('dataset');
SELECT "number_rows"('job');

SELECT "secure_rows"('tenant_number');
REVOKE INSERT, UPDATE, DELETE ON "tenant_number" FROM "influencerai_tenant";
