import type { Contract } from './contract.js';

export interface Option {
  /** Where it stands. */
  group: 'lora_config' | 'training_config';
  parameter: string;
  fallback: unknown;
  /** What it may be. */
  good: unknown[];
  /** What it may not be. */
  bad: unknown[];
  sentence: string;
}

const between = (parameter: string, min: number, max: number) => ({
  parameter,
  good: [min, max],
  sentence: `${parameter} must be an integer between ${min} and ${max}`,
});

/** The options of a submission: default, bounds, and the sentence that refuses what lies beyond them. */
export const OPTIONS: readonly Option[] = [
  {
    group: 'lora_config',
    parameter: 'r',
    fallback: 4,
    good: [4, 8, 16, 32],
    bad: [0, 5, 64, 4.5],
    sentence: 'r must be one of: 4, 8, 16, 32',
  },
  { group: 'lora_config', fallback: 8, bad: [0, 513, 1.5], ...between('lora_alpha', 1, 512) },
  {
    group: 'lora_config',
    parameter: 'lora_dropout',
    fallback: 0.05,
    good: [0, 0.9],
    bad: [-0.1, 1],
    sentence: 'lora_dropout must be a number between 0 and 0.9',
  },
  {
    group: 'lora_config',
    parameter: 'target_modules',
    fallback: ['q_proj', 'v_proj'],
    good: [['q_proj'], ['model.layers.0.k_proj', 'o_proj']],
    bad: [[], ['a b'], ['.*(q)'], 'q_proj', [7]],
    sentence: 'target_modules must be a list of 1 to 64 names of modules',
  },
  {
    group: 'lora_config',
    parameter: 'bias',
    fallback: 'none',
    good: ['none'],
    bad: ['all', 'lora_only', 'some', true],
    sentence: 'bias must be none: biases are not trained here',
  },
  {
    group: 'lora_config',
    parameter: 'task_type',
    fallback: 'CAUSAL_LM',
    good: ['CAUSAL_LM'],
    bad: ['SEQ_CLS', 1],
    sentence: 'task_type must be CAUSAL_LM',
  },
  { group: 'training_config', fallback: 3, bad: [0, 1001, 0.5], ...between('num_epochs', 1, 1000) },
  { group: 'training_config', fallback: 1, bad: [0, 65, 1.5], ...between('batch_size', 1, 64) },
  {
    group: 'training_config',
    parameter: 'learning_rate',
    fallback: 2e-4,
    good: [1e-6, 1],
    bad: [0, 9e-7, 1.1],
    sentence: 'learning_rate must be a number between 0.000001 and 1',
  },
  {
    group: 'training_config',
    parameter: 'max_steps',
    fallback: -1,
    good: [-1, 1, 1_000_000],
    bad: [0, -2, 1_000_001, 1.5],
    sentence: 'max_steps must be -1 (train by epochs) or an integer between 1 and 1000000',
  },
  {
    group: 'training_config',
    fallback: 4,
    bad: [0, 1025, 1.5],
    ...between('gradient_accumulation_steps', 1, 1024),
  },
  { group: 'training_config', fallback: 100, bad: [-1, 1_000_001, 1.5], ...between('warmup_steps', 0, 1_000_000) },
  { group: 'training_config', fallback: 10, bad: [0, 1_000_001, 1.5], ...between('logging_steps', 1, 1_000_000) },
  { group: 'training_config', fallback: 500, bad: [0, 1_000_001, 1.5], ...between('save_steps', 1, 1_000_000) },
  { group: 'training_config', fallback: 2048, bad: [15, 131_073, 1.5], ...between('max_seq_length', 16, 131_072) },
];

export const CONTRACT_001: Contract = {
  number: '001',
  title: 'QLoRA training and adapters',
  face: 'qlora',
  items: [
    { id: 'endpoint-start', kind: 'endpoint', says: '`POST /api/training/start`' },
    { id: 'endpoint-status', kind: 'endpoint', says: '`GET /api/training/status/{job_id}`' },
    { id: 'endpoint-jobs', kind: 'endpoint', says: '`GET /api/training/jobs`' },
    { id: 'endpoint-stop', kind: 'endpoint', says: '`POST /api/training/stop/{job_id}`' },
    { id: 'endpoint-upload', kind: 'endpoint', says: '`POST /api/training/data/upload`' },
    { id: 'endpoint-adapters', kind: 'endpoint', says: '`GET /api/adapters`' },
    { id: 'endpoint-adapter', kind: 'endpoint', says: '`GET /api/adapters/{adapter_name}`' },
    { id: 'endpoint-load', kind: 'endpoint', says: '`POST /api/adapters/{adapter_name}/load`' },
    { id: 'endpoint-unload', kind: 'endpoint', says: '`POST /api/adapters/unload`' },
    { id: 'endpoint-delete', kind: 'endpoint', says: '`DELETE /api/adapters/{adapter_name}`' },
    { id: 'example-start', kind: 'example', says: 'a start with every object, and its answer' },
    { id: 'example-status', kind: 'example', says: 'the status of a running job' },
    { id: 'example-jobs', kind: 'example', says: 'the list of jobs' },
    { id: 'example-stop', kind: 'example', says: 'a job that is stopped' },
    { id: 'example-upload', kind: 'example', says: 'an upload of texts, and its answer' },
    { id: 'example-adapters', kind: 'example', says: 'the list of adapters, with the current one' },
    { id: 'example-adapter', kind: 'example', says: 'one adapter, with its training' },
    { id: 'example-load', kind: 'example', says: 'an adapter that is loaded' },
    { id: 'example-unload', kind: 'example', says: 'an adapter that is unloaded' },
    { id: 'example-delete', kind: 'example', says: 'an adapter that is deleted' },
    { id: 'example-curl', kind: 'example', says: 'the workflow in `curl`, against a whole installation' },
    {
      id: 'example-python',
      kind: 'example',
      says: 'the requests of the Python example: a short run, followed by its id',
    },
    ...OPTIONS.map(({ group, parameter, fallback, sentence }) => ({
      id: `option-${parameter}`,
      kind: 'range' as const,
      says: `\`${group}.${parameter}\`, default \`${JSON.stringify(fallback)}\`: “${sentence}”`,
    })),
    { id: 'required', kind: 'range', says: '`model_name` and `train_texts` must be there' },
    {
      id: 'optional',
      kind: 'range',
      says: '`lora_config`, `training_config`, `output_dir` and `dataset_name` may be left out',
    },
    {
      id: 'none',
      kind: 'range',
      says: '`null` in an optional field, as Python writes None, is the same as leaving it out',
    },
    { id: 'error-shape', kind: 'error', says: 'every error of every endpoint is `{ "error": … }`' },
    { id: 'error-model', kind: 'error', says: '400: “Model … not available”' },
    { id: 'error-required', kind: 'error', says: '400: “… is required”' },
    { id: 'error-format', kind: 'error', says: '400: “train_texts must be a list”' },
    { id: 'error-json', kind: 'error', says: '400: JSON that cannot be read' },
    { id: 'error-job', kind: 'error', says: '404: “Job … not found”' },
    { id: 'error-adapter', kind: 'error', says: '404: “Adapter … not found”' },
    { id: 'error-stop', kind: 'error', says: '400: the job is completed or has failed' },
    { id: 'error-load', kind: 'error', says: '400: the adapter cannot be loaded, and why' },
    { id: 'error-unload', kind: 'error', says: '400: “No adapter currently loaded”' },
    { id: 'error-delete', kind: 'error', says: '400: the adapter is loaded' },
    {
      id: 'error-server',
      kind: 'error',
      says: '500: “Failed to start training: Internal server error”, and so for every endpoint',
    },
    { id: 'statuses', kind: 'rule', says: 'the words for the status of a job' },
    { id: 'steps', kind: 'rule', says: '`max_steps` of -1 trains by epochs; any other number decides' },
    {
      id: 'departs-bias',
      kind: 'rule',
      says: 'departs from the contract: `bias` of `all` or `lora_only` is refused, since TRL makes its adapters with `none`',
    },
    { id: 'eval-loss', kind: 'rule', says: '`eval_loss` is null: all texts are learned from, none are held back' },
    { id: 'newest-first', kind: 'rule', says: 'jobs are listed newest first, with how many there are' },
    { id: 'many-texts', kind: 'rule', says: 'texts of many MiB come in one request, up to `TEXTS_BODY_LIMIT_BYTES`' },
    { id: 'uploaded-texts', kind: 'rule', says: 'uploaded texts can be trained on by their name' },
    { id: 'current', kind: 'rule', says: 'one adapter is the current one: loading another unloads it' },
    { id: 'generation', kind: 'rule', says: 'a loaded adapter changes what the model writes' },
    { id: 'files', kind: 'rule', says: 'output folders stay inside the folders that are meant for them' },
    { id: 'local', kind: 'rule', says: 'no credentials in development; with tokens, those of the tenant' },
  ],
};
