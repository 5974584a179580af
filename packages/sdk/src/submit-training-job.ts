import { type ClientOptions, createTransport } from './client.js';
import { APIError } from './core/api-error.js';
import { InfluencerAIError } from './core/errors.js';

/** A job as clients of `POST /api/training/submit` describe it. */
export interface TrainingJobConfig {
  /** A dataset of pictures that is ready. */
  dataset_id: string;
  /** What to call the job. */
  name?: string;
  type: 'lora' | 'dreambooth';
  /** Model ID of the form `namespace/name`. */
  base_model: string;
  config: {
    /** 1e-6 to 1e-2; default 1e-4. */
    learning_rate?: number;
    /** 1 to 8; default 1. */
    batch_size?: number;
    /** 100 to 10000; default 1000. */
    steps?: number;
    /** A multiple of 64 from 256 to 1024; default 512. */
    resolution?: number;
    /** 4 to 128; default 16. */
    lora_rank?: number;
    /** 1 to 128; default 32. */
    lora_alpha?: number;
  };
  /** Put before every caption that lacks them, and into the metadata of the weights. */
  trigger_words?: string[];
}

/** What became of a submission; a job that is `queued` starts by itself when one of its user's two slots frees. */
export type TrainingJobResult =
  | { success: true; jobId: string; status: 'pending' | 'running' | 'queued' | 'completed' | 'failed' }
  | { success: false; error: string };

/**
 * Submits a training job for a user and says what became of it; it rejects only where this package is used wrongly. In
 * development mode the user's name is all that the API asks for. With `AUTH_MODE=token` a name is no credential: without the
 * user's key or token as `options.apiKey`, every submission fails.
 *
 * @example
 * ```ts
 * const result = await submitTrainingJob('ada', { dataset_id, type: 'lora', base_model: 'stabilityai/sdxl-base-1.0', config: {} });
 * if (result.success) console.log(`Job ${result.jobId} is ${result.status}`);
 * else console.error(result.error);
 * ```
 */
export async function submitTrainingJob(
  userId: string,
  config: TrainingJobConfig,
  options: ClientOptions = {},
): Promise<TrainingJobResult> {
  const transport = createTransport({ apiKey: userId, ...options });
  try {
    const { job_id, status } = await transport.json<Submitted>({
      method: 'POST',
      path: '/api/training/submit',
      body: config,
      isCreation: true,
    });
    return { success: true, jobId: job_id, status };
  } catch (error) {
    if (!(error instanceof InfluencerAIError)) throw error;
    return { success: false, error: sentenceOf(error) };
  }
}

interface Submitted {
  job_id: string;
  status: Extract<TrainingJobResult, { success: true }>['status'];
}

/** With the details, where the answer has some. */
function sentenceOf(error: InfluencerAIError): string {
  const details = error instanceof APIError ? (error.body as { details?: unknown } | null)?.details : undefined;
  return Array.isArray(details) ? `${error.message}: ${details.join('; ')}` : error.message;
}
