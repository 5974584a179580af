import { createReadStream } from 'node:fs';
import type { TrainerEvent } from '@influencerai/shared';
import { type Chunk, cut } from './chunks.js';
import type { IndexConfig } from './config.js';
import { embed, type EmbeddingEndpoint } from './embeddings.js';
import { IndexWriter } from './index-file.js';

/** Texts of one request to the embedding endpoint: text-embeddings-inference takes no more unless told to. */
const BATCH = 32;

export interface BuildInput {
  config: IndexConfig;
  /** Undefined makes an index of words alone. */
  endpoint: EmbeddingEndpoint | undefined;
  signal: AbortSignal;
  emit: (event: TrainerEvent) => void;
}

/**
 * Builds an index of the rows, one batch after the other. Stopped, it leaves nothing: the next attempt starts over.
 * @throws EmbeddingError, or the signal's reason
 */
export const buildIndex = async ({ config, endpoint, signal, emit }: BuildInput): Promise<void> => {
  const { rowCount, output, metadata } = config;
  emit({ event: 'start', step: 0, totalSteps: rowCount, totalEpochs: 1 });
  using index = new IndexWriter(output);
  let dimensions: number | undefined;
  for await (const { chunks, rows } of batchesOf(config.rows)) {
    signal.throwIfAborted();
    const texts = chunks.map(({ text }) => text);
    const vectors = endpoint && texts.length > 0 ? await embed(endpoint, texts, { signal }) : [];
    dimensions ??= vectors[0]?.length;
    if (vectors.some(({ length }) => length !== dimensions))
      throw new Error('The embedding endpoint changed the length of its vectors.');
    for (const [position, chunk] of chunks.entries()) index.add(chunk, vectors[position]);
    emit({ event: 'progress', step: rows, epoch: 1 });
  }
  signal.throwIfAborted();
  index.finish({
    ...metadata,
    chunks: String(index.chunks),
    ...(endpoint && dimensions && { embedding_model: endpoint.model, dimensions: String(dimensions) }),
  });
  emit({ event: 'checkpoint', step: rowCount, epoch: 1, path: output, isFinal: true });
  emit({ event: 'done', step: rowCount });
};

interface Batch {
  chunks: Chunk[];
  /** How many rows there were up to its end. */
  rows: number;
}

async function* batchesOf(file: string): AsyncGenerator<Batch> {
  let row = 0;
  let pending: Chunk[] = [];
  for await (const line of linesOf(file)) {
    row += 1;
    for (const text of cut(JSON.parse(line) as string)) pending.push({ row, text });
    // A long row makes many chunks, of which all but the last batches end within it.
    for (; pending.length > BATCH; pending = pending.slice(BATCH)) yield { chunks: pending.slice(0, BATCH), rows: row };
  }
  if (row > 0) yield { chunks: pending, rows: row };
}

/** Lines by line feeds alone: `readline` also ends one at U+2028 and U+2029, which JSON leaves in strings as they are. */
async function* linesOf(file: string): AsyncGenerator<string> {
  let line = '';
  for await (const content of createReadStream(file, 'utf8') as AsyncIterable<string>) {
    const [end = '', ...starts] = content.split('\n');
    line += end;
    for (const start of starts) {
      yield line;
      line = start;
    }
  }
  if (line !== '') yield line;
}
