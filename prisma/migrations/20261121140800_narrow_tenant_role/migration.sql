-- The API writes the audit log, tenants and keys as itself: a query gone wrong in the name of a tenant must not.
REVOKE INSERT, UPDATE, DELETE ON "audit_log", "api_key" FROM "influencerai_tenant";
REVOKE INSERT, UPDATE, DELETE ON "tenant" FROM "influencerai_tenant";
-- Rows can be locked by whom may change a column of them; this one is only an order of turns.
GRANT UPDATE ("last_claimed_at") ON "tenant" TO "influencerai_tenant";

-- What runs as the owner must not find a temporary table of the caller first.
ALTER FUNCTION "audit_log_chain"() SET search_path = public, pg_temp;
