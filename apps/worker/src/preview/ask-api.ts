import type { PreviewJob } from '@influencerai/shared';
import { InfluencerAIClient } from '@influencerai/sdk';
import type { Env } from '../env.js';
import type { PlanPreview } from './plan-preview.js';

const TIMEOUT_MS = 60_000;

/**
 * Asks the API what a submission would run.
 * @throws InfluencerAIError what the API refuses, and that it cannot be reached
 */
export const askApi = async (
  request: PreviewJob,
  { apiUrl, apiKey }: Pick<Env, 'apiUrl' | 'apiKey'>,
  tenantId: string | undefined,
): Promise<PlanPreview> => {
  const { jobs } = new InfluencerAIClient({ baseUrl: apiUrl, apiKey, tenantId, timeoutMs: TIMEOUT_MS });
  const { trainer, command, steps, diskBytes, dataset, files, links, mapping, notes } = await jobs.preview(request);
  return {
    plannedBy: 'api',
    trainer,
    command,
    steps,
    diskBytes,
    examples: dataset.examples,
    files: files.data.map(({ path, sizeBytes }) => ({ path, sizeBytes })),
    fileCount: files.total,
    linkCount: links.total,
    mapping,
    notes,
  };
};
