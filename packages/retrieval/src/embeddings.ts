import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';

/** A server that speaks OpenAI's `/v1/embeddings`. */
export interface EmbeddingEndpoint {
  /** Base address, as `http://localhost:8080/v1`. */
  url: string;
  model: string;
  apiKey?: string | undefined;
}

export interface EmbedOptions {
  signal: AbortSignal;
  /** How often to ask; a refusal is final at once. Default: 5. */
  attempts?: number;
  /** For one request. Default: a minute. */
  timeoutMs?: number;
  /** Before the second attempt; doubled before each further one. */
  firstPauseMs?: number;
}

/** The endpoint gave no vectors. The message names neither its address nor its key. */
export class EmbeddingError extends Error {
  override readonly name = 'EmbeddingError';
}

/** May pass: too many requests, a server that is away, starting or ends within an answer. */
class PassingFault extends EmbeddingError {}

const MAX_DIMENSIONS = 16_384;

const AnswerSchema = z.object({
  data: z.array(z.object({ index: z.int(), embedding: z.array(z.number()).min(1).max(MAX_DIMENSIONS) })),
});

/**
 * One vector of length 1 for each text, in their order.
 * @throws EmbeddingError when the endpoint refuses, or does not answer however often it is asked
 */
export const embed = async (
  endpoint: EmbeddingEndpoint,
  texts: readonly string[],
  { signal, attempts = 5, timeoutMs = 60_000, firstPauseMs = 500 }: EmbedOptions,
): Promise<Float32Array[]> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask(endpoint, texts, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof PassingFault) || attempt >= attempts) throw error;
      await pause(firstPauseMs * 2 ** (attempt - 1), undefined, { signal });
    }
  }
};

const ask = async (
  { url, model, apiKey }: EmbeddingEndpoint,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<Float32Array[]> => {
  const response = await fetch(`${url.replace(/\/+$/, '')}/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(apiKey && { authorization: `Bearer ${apiKey}` }) },
    body: JSON.stringify({ model, input: texts, encoding_format: 'float' }),
    // Whoever answers elsewhere must not get the key.
    redirect: 'error',
    signal,
  }).catch(away);
  const body = await response.text().catch(away);
  if (response.status === 429 || response.status >= 500)
    throw new PassingFault(`The embedding endpoint answers ${response.status}.`);
  if (!response.ok) throw new EmbeddingError(`The embedding endpoint answers ${response.status} for model ${model}.`);
  return vectorsOf(body, texts.length);
};

const away = (error: unknown): never => {
  throw new PassingFault('The embedding endpoint does not answer.', { cause: error });
};

const vectorsOf = (body: string, count: number): Float32Array[] => {
  const parsed = AnswerSchema.safeParse(parseJson(body));
  if (!parsed.success) throw new EmbeddingError('The embedding endpoint does not answer as OpenAI describes.');
  const sorted = parsed.data.data.toSorted((a, b) => a.index - b.index);
  const isComplete = sorted.length === count && sorted.every(({ index }, position) => index === position);
  if (!isComplete)
    throw new EmbeddingError(`The embedding endpoint answers ${sorted.length} vectors for ${count} texts.`);
  const [first] = sorted;
  if (sorted.some(({ embedding }) => embedding.length !== first?.embedding.length))
    throw new EmbeddingError('The embedding endpoint answers vectors of several lengths.');
  return sorted.map(({ embedding }) => toUnit(embedding));
};

/** Undefined is no answer of any form. */
const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** So that the dot product is the cosine. */
const toUnit = (numbers: readonly number[]): Float32Array => {
  const length = Math.hypot(...numbers);
  return Float32Array.from(numbers, (number) => (length === 0 ? 0 : number / length));
};
