import { z } from 'zod';
import { PageQuerySchema, pageSchema } from '../http/page.schema.js';
import { TenantIdSchema } from './tenant-id.js';

const INT_MAX = 2_147_483_647;
const limit = z.int().min(0).max(INT_MAX).nullable();

const fields = {
  name: z.string().trim().min(1).max(200).nullable().describe('Shown to people.'),
  maxConcurrentJobs: z.int().min(0).max(10_000).describe('Jobs pending or running at a time; further ones are queued.'),
  maxConcurrentJobsPerUser: z
    .int()
    .min(0)
    .max(10_000)
    .nullable()
    .describe(
      'The same for the jobs of one user; null: no such limit, but what a contract promises (2 by `/api/training/submit`).',
    ),
  maxQueuedJobs: limit.describe('Jobs that may wait; null: the default of the settings, here and below.'),
  maxStorageBytes: z.int().min(0).max(1e15).nullable().describe('Bytes of datasets and results.'),
  readsPerMinute: limit.describe('GET requests a minute.'),
  writesPerMinute: limit.describe('Other requests a minute.'),
};

export const CreateTenantSchema = z
  .strictObject({
    id: TenantIdSchema,
    name: fields.name.default(null),
    maxConcurrentJobs: fields.maxConcurrentJobs.default(5),
    maxConcurrentJobsPerUser: fields.maxConcurrentJobsPerUser.default(null),
    maxQueuedJobs: fields.maxQueuedJobs.default(null),
    maxStorageBytes: fields.maxStorageBytes.default(null),
    readsPerMinute: fields.readsPerMinute.default(null),
    writesPerMinute: fields.writesPerMinute.default(null),
  })
  .meta({ example: { id: 'studio_north', name: 'Studio North', maxConcurrentJobs: 10 } });
export type CreateTenant = z.infer<typeof CreateTenantSchema>;

export const UpdateTenantSchema = z
  .strictObject({ ...fields, isDisabled: z.boolean().describe('A disabled tenant is refused; its jobs are kept.') })
  .partial()
  .meta({ example: { maxConcurrentJobs: 10, isDisabled: false } });
export type UpdateTenant = z.infer<typeof UpdateTenantSchema>;

export const ListTenantsQuerySchema = PageQuerySchema;
export type ListTenantsQuery = z.infer<typeof ListTenantsQuerySchema>;

export const TenantSchema = z
  .object({ id: z.string(), ...fields, isDisabled: z.boolean(), createdAt: z.iso.datetime() })
  .meta({
    example: {
      id: 'studio_north',
      name: 'Studio North',
      maxConcurrentJobs: 10,
      maxConcurrentJobsPerUser: null,
      maxQueuedJobs: null,
      maxStorageBytes: null,
      readsPerMinute: null,
      writesPerMinute: null,
      isDisabled: false,
      createdAt: '2026-01-15T11:00:00.000Z',
    },
  });
export type Tenant = z.infer<typeof TenantSchema>;

export const TenantPageSchema = pageSchema(TenantSchema);
