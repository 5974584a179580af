-- Clients that know one current adapter load each in place of the one before; others keep several loaded.
ALTER TABLE "adapter" ADD COLUMN "current_since" TIMESTAMPTZ(6);
