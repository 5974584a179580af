-- Signs download links where LINK_SECRET is not set, so that all replicas agree. 244 random bits; the role of tenants has no
-- right to see them.
CREATE TABLE "link_secret" (
  "id" INTEGER NOT NULL,
  "secret" BYTEA NOT NULL,
  CONSTRAINT "link_secret_pkey" PRIMARY KEY ("id")
);
INSERT INTO "link_secret" ("id", "secret")
  VALUES (1, decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));
