const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Ids that are no UUID belong to nothing; asking PostgreSQL for them would be an error rather than an empty answer. */
export const isUuid = (id: string): boolean => UUID.test(id);
