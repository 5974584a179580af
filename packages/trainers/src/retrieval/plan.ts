import { AppError, type TrainingSpec } from '@influencerai/shared';
import { plainText } from '../text-row.js';
import type { FieldMapping, Plan, PlanContext } from '../trainer.js';

const CONFIG_FILE = 'config.json';
const ROWS_FILE = 'rows.jsonl';
/** Bytes of the rows and of an index of words, per byte of the rows; measured was about 4. */
const GROWTH = 5;
/** A vector of 1024 numbers. Whether the worker has an endpoint for them is not known here, so room is kept for them. */
const VECTOR_BYTES = 4096;
/** A longer row becomes several passages, with a vector each. */
const PASSAGE_BYTES = 1000;

/** Rows as they are, one JSON string a line, and where the index is to lie. */
export const planRetrieval = (spec: TrainingSpec, context: PlanContext): Plan => {
  const { dataset, workspaceDir } = context;
  if (spec.kind !== 'text' || dataset.kind !== 'text')
    throw new AppError('spec_unsupported', { trainer: 'retrieval', reason: 'an index is made of rows of text.' });
  if (context.isBudgeted)
    throw new AppError('spec_unsupported', { trainer: 'retrieval', reason: 'an index has no steps to grant.' });
  const rows = dataset.rows.map((row) => `${JSON.stringify(plainText(row).toWellFormed())}\n`).join('');
  const config = {
    rows: ROWS_FILE,
    rowCount: dataset.rows.length,
    output: `output/${spec.output.name}.index.sqlite`,
    metadata: metadataFor(spec, context),
  };
  return {
    files: [
      { path: ROWS_FILE, content: rows },
      { path: CONFIG_FILE, content: `${JSON.stringify(config, null, 2)}\n` },
    ],
    links: [],
    reads: [],
    command: ['retrieval', '--config', `${workspaceDir}/${CONFIG_FILE}`],
    env: {},
    stdin: 'commands',
    mapping: mapFields(spec),
    steps: { perEpoch: dataset.rows.length, total: dataset.rows.length },
    diskBytes: diskBytesFor(Buffer.byteLength(rows), dataset.rows.length),
  };
};

const diskBytesFor = (textBytes: number, rowCount: number): number =>
  GROWTH * textBytes + VECTOR_BYTES * Math.ceil(rowCount + textBytes / PASSAGE_BYTES);

const metadataFor = (spec: TrainingSpec, { jobId, attempt }: PlanContext): Record<string, string> => ({
  job_id: jobId,
  attempt: String(attempt),
  dataset_digest: spec.dataset.digest ?? '',
});

const mapFields = (spec: TrainingSpec): FieldMapping[] => [
  { field: 'dataset', how: 'exact', to: 'rows' },
  { field: 'output', how: 'exact', to: 'output' },
  dropped('baseModel', 'An index serves any model.'),
  dropped('training'),
  dropped('network'),
  dropped('samples'),
  dropped('onOutOfMemory'),
  ...(spec.dataset.triggerWord === null ? [] : [dropped('dataset.triggerWord')]),
  ...Object.keys(spec.extra).map((key) =>
    key === 'method' ? ({ field: 'extra.method', how: 'exact', to: 'retrieval' } as const) : dropped(`extra.${key}`),
  ),
];

const dropped = (field: string, reason = 'An index is not trained.'): FieldMapping => ({
  field,
  how: 'dropped',
  reason,
});
