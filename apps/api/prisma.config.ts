import { defineConfig } from 'prisma/config';

/** The schema stands at the top level; the client is generated into this app. */
export default defineConfig({ schema: '../../prisma/schema.prisma', migrations: { path: '../../prisma/migrations' } });
