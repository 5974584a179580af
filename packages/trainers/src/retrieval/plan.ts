import { AppError, type TrainingSpec } from '@influencerai/shared';
import { plainText } from '../text-row.js';
import type { FieldMapping, Plan, PlanContext } from '../trainer.js';

const CONFIG_FILE = 'config.json';
const ROWS_FILE = 'rows.jsonl';
/** Text, its words and its vectors, in bytes of index per byte of text; most of it are vectors. */
const GROWTH = 8;

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
    diskBytes: GROWTH * rows.length,
  };
};

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
