import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Adapter, Dataset, Job, JobArtifact, LoraConfig } from '@influencerai/shared';
import { TINY_PROGRAM, type TinyConfigInput } from '@influencerai/tiny';
import { picture, writeFiles } from './dataset-files.js';
import { TENANT, type TestApp } from './test-app.js';

const run = promisify(execFile);

/** Trains a built-in model on one sentence, or one picture with it, until that is what it knows. @returns the weights */
export async function trainTiny(kind: 'image' | 'text', sentence: string): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'adapters-test-'));
  const common = {
    name: 'small',
    network: { dim: 16, alpha: 16 },
    training: { epochs: 40, batchSize: 1, learningRate: 1e-4, seed: 1 },
  };
  const path = join(folder, 'picture.png');
  const config: TinyConfigInput =
    kind === 'text'
      ? { kind, dataset: { rows: [sentence] }, ...common }
      : { kind, dataset: { images: [{ path, caption: sentence }] }, ...common };
  try {
    await writeFile(path, await picture(200));
    await writeFile(join(folder, 'config.json'), JSON.stringify(config));
    await run(process.execPath, [TINY_PROGRAM, '--config', 'config.json'], { cwd: folder });
    return await readFile(join(folder, 'output/small-final.safetensors'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

export interface Training {
  tenant?: string;
  /** What it learns from; with `modelName`, who trains it. */
  kind?: Adapter['kind'];
  modelName?: string;
  /** File name in the output folder, and with it the name of the adapter. */
  name?: string;
  weights?: Buffer | string;
  result?: Record<string, unknown>;
  /** Leaves the job running. */
  isUnfinished?: boolean;
}

const PEFT_CONFIG = '{"peft_type":"LORA","r":16}';
let count = 0;

/** Jobs on a dataset of texts that end with weights, as a client that drives its job itself reports them. */
export class AdaptersFixture {
  private readonly datasets = new Map<string, string>();

  constructor(readonly api: TestApp) {}

  /** A job that has ended with these weights. @returns it and the files that it left */
  async train(training: Training = {}): Promise<{ job: Job; artifacts: JobArtifact[] }> {
    const { tenant = TENANT, name = 'small', weights = 'weights', kind = 'text', result = {} } = training;
    const { modelName = `tiny-${kind}` } = training;
    const job = await this.submit({ tenant, kind, modelName, name });
    const send = <T = unknown>(route: string, body: unknown, headers = {}) =>
      this.api.send<T>(route, { tenant, body, headers });
    await send(`PATCH /jobs/${job.id}`, { status: 'running' });
    const put = async (file: string, kind: string, content: Buffer | string) => {
      const answer = await fetch(`${this.api.url}/jobs/${job.id}/artifacts/${file}?attempt=1&kind=${kind}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/octet-stream', 'x-tenant-id': tenant },
        body: new Uint8Array(Buffer.from(content)),
      });
      if (answer.status !== 200) throw new Error(await answer.text());
      return (await answer.json()) as JobArtifact;
    };
    const artifacts = [
      await put(`${name}-epoch-1.safetensors`, 'checkpoint', 'an earlier one'),
      await put('adapter_config.json', 'file', PEFT_CONFIG),
      await put(`${name}-final.safetensors`, 'lora', weights),
    ];
    const loraPath = artifacts[2]?.path;
    const end = {
      status: 'completed',
      result: { loraPath, finalLoss: 0.5, steps: 60, trainingTimeMinutes: 1.5, ...result },
    };
    const ended = training.isUnfinished ? { body: job } : await send<Job>(`PATCH /jobs/${job.id}`, end);
    return { job: ended.body, artifacts };
  }

  /** The adapter of a new job. */
  async adapter(training: Training = {}): Promise<Adapter> {
    const { tenant = TENANT } = training;
    const { job } = await this.train(training);
    const { body } = await this.api.send<{ data: Adapter[] }>('GET /adapters?take=100', { tenant });
    const found = body.data.find(({ jobId }) => jobId === job.id);
    if (!found) throw new Error(`Job ${job.id} has made no adapter.`);
    return found;
  }

  private async submit({ tenant, kind, modelName, name }: Submission): Promise<Job> {
    const config = await this.api.send<LoraConfig>('POST /lora-configs', {
      tenant,
      body: { name: `adapters ${++count}`, modelName, outputPath: `data/loras/${count}/${name}` },
    });
    const payload = { datasetId: await this.datasetOf(tenant, kind), loraConfigId: config.body.id };
    const { status, body, text } = await this.api.send<Job>('POST /jobs', {
      tenant,
      body: { type: 'lora-training', payload },
    });
    if (status !== 201) throw new Error(text);
    return body;
  }

  private async datasetOf(tenant: string, kind: Adapter['kind']): Promise<string> {
    const folder = `datasets/${tenant}-${kind}`;
    const known = this.datasets.get(folder);
    if (known !== undefined) return known;
    const content = kind === 'text' ? { 'rows.jsonl': '{"text":"a"}\n' } : { 'a.png': await picture(1), 'a.txt': 'a' };
    const files = Object.entries(content).map(([name, bytes]) => [`${folder}/${name}`, bytes] as const);
    await writeFiles(this.api.folderOf(tenant), Object.fromEntries(files));
    const { body } = await this.api.send<Dataset>('POST /datasets', {
      tenant,
      body: {
        kind: kind === 'text' ? 'fine-tuning' : 'lora-training',
        path: `data/${folder}`,
        meta: { triggerWord: 'ohwx' },
      },
    });
    this.datasets.set(folder, body.id);
    return body.id;
  }
}

interface Submission {
  tenant: string;
  kind: Adapter['kind'];
  modelName: string;
  name: string;
}
