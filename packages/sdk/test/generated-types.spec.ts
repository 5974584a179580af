import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type * as shared from '@influencerai/shared';
import type { z } from 'zod';
import { generateTypes } from '../scripts/generate-types.js';
import type * as sdk from '../src/index.js';

describe('generated types', () => {
  it('should be those of the schemas; run `pnpm generate` when they are not', () => {
    const path = resolve(import.meta.dirname, '../src/generated/types.ts');
    expect(readFileSync(path, 'utf8')).toBe(generateTypes());
  });

  it('should be interchangeable with what the schemas infer', () => {
    // The compiler does the work; at run time there is nothing to see.
    const proofs: [
      Same<sdk.Dataset, shared.Dataset>,
      Same<sdk.LoraConfig, shared.LoraConfig>,
      Same<sdk.Job, shared.Job>,
      Same<sdk.JobStatus, shared.JobStatus>,
      Same<sdk.JobSeries, shared.JobSeries>,
      Same<sdk.JobLogPage, shared.JobLogPage>,
      Same<sdk.JobMetrics, shared.JobMetrics>,
      Same<sdk.JobArtifact, shared.JobArtifact>,
      Same<sdk.JobEvent, shared.JobEvent>,
      Same<sdk.ErrorCode, shared.ErrorCode>,
      Same<sdk.ErrorBody, shared.ErrorBody>,
      Same<sdk.ClaimAnswer, shared.ClaimAnswer>,
      Same<sdk.HeartbeatAnswer, shared.HeartbeatAnswer>,
      Same<sdk.Worker, shared.Worker>,
      Same<sdk.CreateDataset, z.input<typeof shared.CreateDatasetSchema>>,
      Same<sdk.CreateLoraConfig, z.input<typeof shared.CreateLoraConfigSchema>>,
      Same<sdk.UpdateLoraConfig, z.input<typeof shared.UpdateLoraConfigSchema>>,
      Same<sdk.CreateJob, z.input<typeof shared.CreateJobSchema>>,
      Same<sdk.UpdateJob, z.input<typeof shared.UpdateJobSchema>>,
      Same<sdk.AppendJobLogs, z.input<typeof shared.AppendJobLogsSchema>>,
      Same<sdk.RegisterWorker, z.input<typeof shared.RegisterWorkerSchema>>,
      Same<sdk.Heartbeat, z.input<typeof shared.HeartbeatSchema>>,
    ] = Array(22).fill(true) as typeof proofs;
    expect(proofs).toHaveLength(22);
  });
});

type Same<A, B> = [A, B] extends [B, A] ? true : never;
