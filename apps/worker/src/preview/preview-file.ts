import { PreviewJobSchema, TrainingSpecSchema } from '@influencerai/shared';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Env } from '../env.js';
import { askApi } from './ask-api.js';
import { planHere } from './plan-here.js';
import { PreviewError, type PlanPreview } from './plan-preview.js';

export interface PreviewInput {
  file: string;
  env: Env;
  /** Whose dataset and configuration a submission names, where the credentials do not say it. */
  tenantId: string | undefined;
}

/**
 * Plans what a JSON file asks for: a frozen spec (or what holds one as `spec`: a manifest, an answer of
 * `POST /jobs/preview`) on this host, a submission, whose ids only the API knows, there.
 * @throws PreviewError, AppError, InfluencerAIError
 */
export const previewFile = async ({ file, env, tenantId }: PreviewInput): Promise<PlanPreview> => {
  const content = parseJson(file, await readFile(file, 'utf8'));
  const request = PreviewJobSchema.safeParse(content);
  if (request.success) return askApi(request.data, env, tenantId);
  const spec = TrainingSpecSchema.safeParse(HolderSchema.safeParse(content).data?.spec ?? content);
  if (spec.success) return planHere(spec.data, env);
  throw new PreviewError(
    `${file} is neither the spec of a job (${firstIssue(spec.error)}) nor a body for POST /jobs/preview (${firstIssue(request.error)}).`,
  );
};

const HolderSchema = z.object({ spec: z.unknown() });

const parseJson = (file: string, text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PreviewError(`${file} is no JSON: ${reason}`, { cause: error });
  }
};

const firstIssue = ({ issues: [issue] }: z.ZodError): string =>
  issue ? `${z.core.toDotPath(issue.path) || 'it'}: ${issue.message}` : '';
