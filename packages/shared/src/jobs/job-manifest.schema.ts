import { z } from 'zod';
import { MetaSchema } from '../http/page.schema.js';
import { TrainerIdSchema } from '../trainers/trainer-id.js';
import { TrainingSpecSchema } from '../trainers/training-spec.schema.js';
import { EXAMPLE_SPEC } from './example-spec.js';
import { JobStatusSchema } from './job.schema.js';

/**
 * What a job was told and what came of it, in one document that can be kept beside the weights. Everything above
 * `status` is frozen when the job is submitted.
 */
export const JobManifestSchema = z
  .object({
    version: z.literal(1).describe('Of this format.'),
    jobId: z.string(),
    tenantId: z.string(),
    createdAt: z.iso.datetime(),
    type: z.string(),
    payload: MetaSchema.describe('As it was submitted.'),
    rerunOf: z.string().nullable().describe('The job whose spec this one repeats.'),
    baseModel: z.string(),
    dataset: z.object({
      id: z.string(),
      path: z.string(),
      digest: z.string().nullable().describe('sha256 over names and contents of the files that training uses.'),
      examples: z.int(),
    }),
    seed: z.int(),
    spec: TrainingSpecSchema,
    specDigest: z
      .string()
      .describe(
        'sha256 of the spec as JSON with sorted keys, without `output.dir`: a rerun has that of its source. The header of the weights repeats it.',
      ),
    trainer: z.object({
      id: TrainerIdSchema,
      requested: TrainerIdSchema.describe('The one that the base model calls for.'),
      version: z.string().nullable().describe('As the worker reported it; null until the job has run.'),
    }),
    status: JobStatusSchema,
    attempts: z.int().describe('How often the job was started.'),
    startedAt: z.iso.datetime().nullable(),
    finishedAt: z.iso.datetime().nullable(),
    result: MetaSchema.nullable().describe('Null until the job is over.'),
  })
  .meta({
    example: {
      version: 1,
      jobId: '0199d3a0-7c80-7b22-a4f3-5d6e7f8091a2',
      tenantId: 'tenant_demo',
      createdAt: '2026-01-15T11:30:00.000Z',
      type: 'lora-training',
      payload: {
        datasetId: '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d',
        loraConfigId: '0199d3a0-6b7f-7a10-8f21-4c5d6e7f8091',
      },
      rerunOf: null,
      baseModel: 'tiny-image',
      dataset: {
        id: '0199d3a0-5a5e-7c3e-9d5c-0e6a3f1b2c4d',
        path: 'data/datasets/my-influencer',
        digest: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
        examples: 25,
      },
      seed: 42,
      spec: EXAMPLE_SPEC,
      specDigest: '01bfe26b866b84b3615452102dcdd4642d90fcb12ed74f6796b32014a6c29745',
      trainer: { id: 'tiny', requested: 'tiny', version: '0.1.0' },
      status: 'completed',
      attempts: 1,
      startedAt: '2026-01-15T11:31:00.000Z',
      finishedAt: '2026-01-15T12:15:00.000Z',
      result: { loraPath: 'data/loras/first-lora/first-lora.safetensors', finalLoss: 0.0234, steps: 390 },
    },
  });
export type JobManifest = z.infer<typeof JobManifestSchema>;
