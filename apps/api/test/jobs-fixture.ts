import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ClaimAnswer, Dataset, HeldJob, Job, LoraConfig, RegisterWorker, TrainerId } from '@influencerai/shared';
import sharp from 'sharp';
import { Storage } from '../src/storage/storage.js';
import { TENANT, type TestApp } from './test-app.js';

/** A tenant with a ready dataset and a configuration, able to submit jobs; and workers that only speak HTTP. */
export class JobsFixture {
  private constructor(
    readonly api: TestApp,
    readonly dataset: Dataset,
    readonly config: LoraConfig,
    readonly tenant: string,
  ) {}

  static async create(api: TestApp, tenant = TENANT, config: Partial<LoraConfig> = {}): Promise<JobsFixture> {
    const storage = api.app.get(Storage);
    const picture = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    for (const [name, content] of Object.entries({ 'a.png': picture, 'a.txt': Buffer.from('a red square') })) {
      const key = await storage.locate({ tenantId: tenant, path: `data/datasets/${tenant}/${name}` });
      await storage.write(key, Readable.from([content]));
    }
    const dataset = await api.send<Dataset>('POST /datasets', {
      tenant,
      body: { kind: 'lora-training', path: `data/datasets/${tenant}`, meta: { triggerWord: 'ohwx' } },
    });
    const created = await api.send<LoraConfig>('POST /lora-configs', {
      tenant,
      body: { name: `config ${randomUUID()}`, modelName: 'tiny-image', ...config },
    });
    if (created.status !== 201) throw new Error(created.text);
    return new JobsFixture(api, dataset.body, created.body, tenant);
  }

  get submission() {
    return { type: 'lora-training', payload: { datasetId: this.dataset.id, loraConfigId: this.config.id } };
  }

  async submit(extra: { priority?: number } = {}): Promise<Job> {
    const { status, body, text } = await this.api.send<Job>('POST /jobs', {
      tenant: this.tenant,
      body: { ...this.submission, ...extra },
    });
    if (status !== 201) throw new Error(text);
    return body;
  }

  async get(id: string): Promise<Job> {
    return (await this.api.send<Job>(`GET /jobs/${id}`, { tenant: this.tenant })).body;
  }

  patch(id: string, body: unknown) {
    return this.api.send<Job>(`PATCH /jobs/${id}`, { tenant: this.tenant, body });
  }
}

/** A worker of the fleet, as far as the API can see. */
export class HttpWorker {
  constructor(
    private readonly api: TestApp,
    readonly id = randomUUID(),
  ) {}

  async register(held: HeldJob[] = [], more: Partial<RegisterWorker> = {}): Promise<this> {
    const facts = { host: 'test', pid: 1, version: '0', slots: 4, gpus: [], trainers: ['tiny'] };
    const body = { id: this.id, ...facts, held, ...more };
    await this.api.send('POST /workers', { tenant: null, body });
    return this;
  }

  async claim(trainer: TrainerId = 'tiny'): Promise<ClaimAnswer['job']> {
    const { body } = await this.api.send<ClaimAnswer>(`POST /workers/${this.id}/claims`, {
      tenant: null,
      body: { trainers: [trainer] },
    });
    return body.job;
  }

  heartbeat(held: { jobId: string; attempt: number }[]) {
    return this.api.send<{ jobs: { directive: string }[] }>(`POST /workers/${this.id}/heartbeat`, {
      tenant: null,
      body: { held },
    });
  }
}
