/** Version that the worker tells the API; `version.spec.ts` keeps it equal to the package's. */
export const VERSION = '0.1.0';
