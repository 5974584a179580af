import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { REPO_ROOT } from '@influencerai/local';
import type { CreateLoraConfig, Dataset, JobPreview, LoraConfig, TrainerId } from '@influencerai/shared';
import { writeFiles } from './dataset-files.js';
import { type Answer, countsTable, mappingTable, refusalsTable } from './preview-tables.js';
import { startTestApp, type TestApp } from './test-app.js';

const DOCUMENT = join(REPO_ROOT, 'docs/preview.md');
const ROWS = 200;

const PICTURES = {
  modelName: 'stabilityai/stable-diffusion-xl-base-1.0',
  epochs: 20,
  batchSize: 2,
  networkDim: 16,
  meta: { optimizer: 'AdamW8bit', lrScheduler: 'cosine', minSnrGamma: 5, seed: 42 },
};
const TEXT = {
  modelName: 'Qwen/Qwen2.5-0.5B',
  epochs: 3,
  batchSize: 4,
  networkDim: 16,
  meta: { optimizer: 'AdamW8bit', lrScheduler: 'cosine', seed: 42 },
};

type Config = Partial<CreateLoraConfig>;
type Kind = 'pictures' | 'text';

/** What no change of the data would help with. */
const REFUSED: [asked: string, trainer: TrainerId, kind: Kind, config: Config, extra?: object][] = [
  ['text', 'kohya', 'text', TEXT],
  ['text', 'ai-toolkit', 'text', TEXT],
  ['pictures', 'trl', 'pictures', PICTURES],
  [
    'a model of single files that the registry does not name',
    'kohya',
    'pictures',
    { ...PICTURES, modelName: 'flux1-dev' },
  ],
  ['a model that nobody knows', 'ai-toolkit', 'pictures', { ...PICTURES, modelName: 'dreamshaper-8' }],
  ['a path in place of a model', 'trl', 'text', { ...TEXT, modelName: '../llama' }],
  ['an optimizer that it lacks', 'kohya', 'pictures', { ...PICTURES, meta: { optimizer: 'Muon' } }],
  ['a schedule that it lacks', 'ai-toolkit', 'pictures', { ...PICTURES, meta: { lrScheduler: 'greedy' } }],
  ['4 bits without a GPU', 'trl', 'text', { ...TEXT, meta: { method: 'qlora' } }, { host: { device: 'cpu' } }],
];

// UPDATE_DOCS=1 writes the tables of the document anew.
describe('docs/preview.md', () => {
  let api: TestApp;
  let datasets: Record<Kind, Dataset>;

  beforeAll(async () => {
    api = await startTestApp();
    await cp(join(REPO_ROOT, 'data/datasets/my-influencer'), join(api.dataRoot, 'datasets/pictures'), {
      recursive: true,
    });
    const rows = Array.from({ length: ROWS }, (_, row) => JSON.stringify({ text: `line ${row} of the story` }));
    await writeFiles(join(api.dataRoot, 'datasets/text'), { 'rows.jsonl': rows.join('\n') });
    datasets = { pictures: await register('lora-training', 'pictures'), text: await register('fine-tuning', 'text') };
  });
  afterAll(() => api.close());

  const register = async (kind: string, folder: string): Promise<Dataset> => {
    const { body } = await api.send<Dataset>('POST /datasets', { body: { kind, path: `data/datasets/${folder}` } });
    return body;
  };

  const ask = async (kind: Kind, trainer: TrainerId, config: Config, extra: object = {}): Promise<Answer> => {
    const { body: created } = await api.send<LoraConfig>('POST /lora-configs', {
      body: { name: `${kind} ${trainer} ${Math.random()}`, ...config },
    });
    const payload = { datasetId: datasets[kind].id, loraConfigId: created.id };
    const answer = await api.send<JobPreview>('POST /jobs/preview', {
      body: { type: 'lora-training', payload, trainer, ...extra },
    });
    return { trainer, ...answer };
  };

  const plannedBy = (kind: Kind, config: Config, trainers: readonly TrainerId[]): Promise<Answer[]> =>
    Promise.all(trainers.map((trainer) => ask(kind, trainer, config)));

  it.each([
    ['pictures', PICTURES, ['kohya', 'ai-toolkit', 'tiny']],
    ['text', TEXT, ['trl', 'tiny']],
  ] as const)('should show what becomes of one configuration for %s', async (kind, config, trainers) => {
    const answers = await plannedBy(kind, config, trainers);
    expect(answers.map(({ status, problem }) => [status, problem.code])).toEqual(trainers.map(() => [200, undefined]));
    await expectTable(`counts-of-${kind}`, countsTable(answers));
    await expectTable(`mapping-of-${kind}`, mappingTable(answers));
  });

  it('should show what a trainer refuses', async () => {
    const refusals = await Promise.all(
      REFUSED.map(async ([asked, trainer, kind, config, extra]) => ({
        asked,
        answer: await ask(kind, trainer, config, extra),
      })),
    );
    expect(refusals.filter(({ answer }) => answer.status !== 422)).toEqual([]);
    await expectTable('refusals', refusalsTable(refusals));
  });
});

/** The table below `<!-- table: name -->` is the one that the API's answers make. */
const expectTable = async (name: string, table: string): Promise<void> => {
  const document = await readFile(DOCUMENT, 'utf8');
  const written = new RegExp(`^<!-- table: ${name} -->\\n\\n((?:\\|.*\\n)*)`, 'm').exec(document);
  if (!written) throw new Error(`docs/preview.md has no <!-- table: ${name} -->.`);
  if (process.env['UPDATE_DOCS'] !== undefined) {
    const start = written.index + written[0].length - written[1]!.length;
    await writeFile(DOCUMENT, `${document.slice(0, start)}${table}\n${document.slice(start + written[1]!.length)}`);
    return;
  }
  expect(written[1]).toBe(`${table}\n`);
};
