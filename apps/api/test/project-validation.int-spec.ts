import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Dataset, JobArtifact, Project, ProjectValidation } from '@influencerai/shared';
import { encodeSafetensors } from '@influencerai/tiny';
import { Database } from '../src/database/database.js';
import { ProjectValidationsService } from '../src/projects/project-validations.service.js';
import { aPrincipal } from './a-principal.js';
import { trainTiny } from './adapters-fixture.js';
import { writeFiles } from './dataset-files.js';
import { startTestApp, type TestApp } from './test-app.js';

const PEFT = JSON.stringify({ peft_type: 'LORA', r: 2, target_modules: ['q_proj'] });
const peftWeights = (rank: number, first = 1): Buffer => {
  const data = (count: number) => Float32Array.from({ length: count }, (_, index) => (index === 0 ? first : 1));
  const module = 'base_model.model.layers.0.q_proj';
  return Buffer.from(
    encodeSafetensors({
      [`${module}.lora_A.weight`]: { shape: [rank, 4], data: data(rank * 4) },
      [`${module}.lora_B.weight`]: { shape: [4, rank], data: data(4 * rank) },
    }),
  );
};

const NEVER = new AbortController().signal;

async function untilGone(pidFile: string): Promise<void> {
  const pid = Number(await readFile(pidFile, 'utf8'));
  while (isThere(pid)) await nextTurn();
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

let api: TestApp;
let trainers: string;
let dataset: Dataset;
let tinyWeights: Buffer;
beforeAll(async () => {
  trainers = await mkdtemp(join(tmpdir(), 'trainers-'));
  api = await startTestApp({ env: { TRAINERS_DIR: trainers } });
  await writeFiles(join(api.dataRoot, 'texts'), { 'rows.jsonl': '{"text":"a"}\n{"text":"b"}\n' });
  const body = { kind: 'fine-tuning', path: 'data/texts' };
  dataset = (await api.send<Dataset>('POST /datasets', { body })).body;
  tinyWeights = await trainTiny('text', 'A short sentence.');
});
afterAll(async () => {
  await api.close();
  await rm(trainers, { recursive: true });
});

let count = 0;

/** A project whose job has left these files; those of the kind `lora` end in `.safetensors`. */
async function trained(files: Record<string, string | Buffer>, trainer = 'tiny') {
  const created = await api.send<Project>('POST /projects', {
    body: {
      name: 'p',
      baseModel: 'tiny-text',
      outputDirectory: `data/validated/p${(count += 1)}`,
      traits: [{ type: 'coding', datasets: [{ datasetId: dataset.id, percentage: 100 }] }],
    },
  });
  const { body: project } = await api.send<Project>(`POST /projects/${created.body.id}/start`);
  await api.send(`PATCH /jobs/${project.jobId}`, { body: { status: 'running' } });
  const paths: Record<string, string> = {};
  for (const [name, content] of Object.entries(files)) {
    const kind = name.endsWith('.safetensors') ? 'lora' : 'file';
    const url = `${api.url}/jobs/${project.jobId}/artifacts/${name}?attempt=1&kind=${kind}`;
    const headers = { 'content-type': 'application/octet-stream', 'x-tenant-id': 'tenant_demo' };
    const answer = await fetch(url, { method: 'PUT', headers, body: new Uint8Array(Buffer.from(content)) });
    paths[name] = join(api.dataRoot, ((await answer.json()) as JobArtifact).path.slice('data/'.length));
  }
  await api.send(`PATCH /jobs/${project.jobId}`, { body: { status: 'completed' } });
  await api.app.get(Database).pool.query('update job set trainer = $2 where id = $1', [project.jobId, trainer]);
  return { id: project.id, paths };
}

const validate = (id: string) => api.send<ProjectValidation>(`POST /projects/${id}/validate`);
const found = async (files: Record<string, string | Buffer>, trainer?: string) => {
  const { status, body } = await validate((await trained(files, trainer)).id);
  expect(status).toBe(200);
  return body;
};

describe('POST /projects/:id/validate', () => {
  it('should read every file and load the weights', async () => {
    expect(await found({ 'p.safetensors': tinyWeights, 'loss.json': '[]' })).toEqual({
      valid: true,
      files: { valid: true, filesChecked: ['loss.json', 'p.safetensors'], skipped: [], errors: [] },
      loading: { valid: true, skipped: null, errors: [] },
      errors: [],
    });
  });

  it('should say what is wrong with weights that were damaged afterwards', async () => {
    const { id, paths } = await trained({ 'p.safetensors': tinyWeights });
    const file = paths['p.safetensors']!;
    const damages: [Buffer | null, RegExp][] = [
      [tinyWeights.subarray(0, -1), /p\.safetensors: Has \d+ bytes; \d+ were stored\./],
      [Buffer.concat([tinyWeights.subarray(0, -1), Buffer.from([7])]), /Has another content/],
      [null, /Is gone\./],
    ];
    for (const [content, message] of damages) {
      if (content) await writeFile(file, content);
      else await rm(file);
      const { status, body } = await validate(id);
      expect([status, body.valid, body.files.valid, body.loading.valid]).toEqual([200, false, false, false]);
      expect(body.files.errors).toEqual([expect.stringMatching(message)]);
    }
  });

  it('should find weights that are none, or that do not fit what they were trained for', async () => {
    const noHeader = await found({ 'p.safetensors': 'weights of another kind' });
    expect([noHeader.valid, noHeader.files.errors]).toEqual([false, [expect.stringMatching(/its header has/)]]);
    const unfit = await found({ 'p.safetensors': peftWeights(2) });
    expect([unfit.valid, unfit.files.valid, unfit.loading.errors]).toEqual([
      false,
      true,
      [expect.stringMatching(/no matching LoRA/)],
    ]);
    const noJson = await found({ 'p.safetensors': tinyWeights, 'config.json': '{' });
    expect(noJson.files.errors).toEqual(['config.json: Is no JSON.']);
  });

  it('should compare the shapes with the configuration of the adapter', async () => {
    const { valid, files, loading } = await found(
      { 'p.safetensors': peftWeights(3), 'adapter_config.json': PEFT },
      'trl',
    );
    expect([valid, loading.valid]).toEqual([false, false]);
    expect(files.errors).toEqual([expect.stringMatching(/q_proj has the rank 3, and r is 2/)]);
    const wrong = await found({ 'p.safetensors': peftWeights(2), 'adapter_config.json': '{"r":"x"}' }, 'trl');
    expect(wrong.files.errors).toEqual([expect.stringMatching(/^adapter_config\.json: r: /)]);
  });

  it('should not take the beginning of a large file for all of it', async () => {
    const large = Buffer.concat([Buffer.alloc(32 * 1024 * 1024 + 8, ' '), Buffer.from('{}')]);
    const { valid, files } = await found({ 'p.safetensors': tinyWeights, 'tokenizer.json': large });
    expect(valid).toBe(true);
    expect(files).toMatchObject({
      filesChecked: ['p.safetensors', 'tokenizer.json'],
      skipped: [
        expect.stringMatching(/^tokenizer\.json: Has more than \d+ bytes; whether it is JSON was not looked at\.$/),
      ],
      errors: [],
    });
  });

  it('should say that nothing was trained', async () => {
    const nothing = await found({ 'notes.json': '{}' });
    expect([nothing.valid, nothing.errors]).toEqual([false, ['The job has left no weights.']]);
  });

  it('should refuse a project that is not completed', async () => {
    const body = {
      ...{ name: 'p', baseModel: 'tiny-text', outputDirectory: 'data/validated/not' },
      traits: [{ type: 'coding', datasets: [{ datasetId: dataset.id, percentage: 100 }] }],
    };
    const { body: project } = await api.send<Project>('POST /projects', { body });
    const answer = await validate(project.id);
    expect([answer.status, answer.problem.code]).toEqual([409, 'project_not_trained']);
    expect((await validate('nope')).problem.code).toBe('project_not_found');
  });

  describe('with the libraries of a trainer', () => {
    const FILES = { 'p.safetensors': peftWeights(2), 'adapter_config.json': PEFT };
    const install = async (python: (file: string) => Promise<void>) => {
      await rm(join(trainers, 'trl'), { recursive: true, force: true });
      await mkdir(join(trainers, 'trl/venv/bin'), { recursive: true });
      await writeFile(join(trainers, 'trl/installed.json'), '{}');
      await python(join(trainers, 'trl/venv/bin/python'));
    };
    const says = (script: string) => install((file) => writeFile(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 }));

    it('should say where they are not installed, or not looked for', async () => {
      await rm(join(trainers, 'trl'), { recursive: true, force: true });
      const absent = await found(FILES, 'trl');
      expect([absent.valid, absent.loading.skipped]).toEqual([true, expect.stringMatching(/trl is not installed/)]);
      const other = await found(FILES, 'kohya');
      expect(other.loading.skipped).toMatch(/kohya are not loaded/);
    });

    it('should tell libraries that do not start from weights that do not load', async () => {
      await says('echo "ImportError: no torch" >&2; exit 3');
      expect((await found(FILES, 'trl')).loading).toEqual({
        valid: true,
        skipped: "The trainer's libraries do not start: ImportError: no torch",
        errors: [],
      });
      await says('echo crashed >&2; exit 139');
      const broken = await found(FILES, 'trl');
      expect([broken.valid, broken.loading.errors]).toEqual([false, ['Loading broke off: crashed']]);
    });

    it('should hand over what is loaded alone', async () => {
      await says(`ls > ${trainers}/handed-over; echo '{"errors":[]}'`);
      expect((await found({ ...FILES, 'notes.txt': 'a', 'loss.json': '[]' }, 'trl')).valid).toBe(true);
      expect(await readFile(join(trainers, 'handed-over'), 'utf8')).toBe('adapter_config.json\np.safetensors\n');
    });

    it('should look at one result of a tenant at a time, until it is given up', async () => {
      const pidFile = join(trainers, 'pid');
      await says(`echo $$ > ${pidFile}.part; mv ${pidFile}.part ${pidFile}; exec sleep 600`);
      const { id } = await trained(FILES, 'trl');
      const giveUp = async (reason?: unknown) => {
        await rm(pidFile, { force: true });
        const given = new AbortController();
        const looking = api.app.get(ProjectValidationsService).validate(aPrincipal(), id, given.signal);
        while (!existsSync(pidFile)) await nextTurn();
        const busy = await validate(id);
        expect([busy.status, busy.problem.code]).toEqual([429, 'project_validation_busy']);
        expect(Number(busy.headers.get('retry-after'))).toBeGreaterThan(1);
        given.abort(reason);
        const { loading } = await looking;
        await untilGone(pidFile);
        return loading;
      };
      const late = new DOMException('The operation timed out.', 'TimeoutError');
      expect(await giveUp(late)).toEqual({ valid: true, skipped: 'Loading took too long.', errors: [] });
      expect((await giveUp()).skipped).toBe('The request was given up.');
      await says(`echo '{"errors":[]}'`);
      expect((await validate(id)).body.valid).toBe(true);
    });

    it('should stop when its client goes', async () => {
      const pidFile = join(trainers, 'left');
      await says(`echo $$ > ${pidFile}.part; mv ${pidFile}.part ${pidFile}; exec sleep 600`);
      const { id } = await trained(FILES, 'trl');
      const client = new AbortController();
      const headers = { 'x-tenant-id': 'tenant_demo' };
      const init = { method: 'POST', headers, signal: client.signal };
      const asked = fetch(`${api.url}/projects/${id}/validate`, init).catch((error: Error) => error.name);
      while (!existsSync(pidFile)) await nextTurn();
      client.abort();
      expect(await asked).toBe('AbortError');
      await untilGone(pidFile);
      await says(`echo '{"errors":[]}'`);
      let again = await validate(id);
      while (again.status === 429) again = await validate(id);
      expect(again.body.valid).toBe(true);
    });

    it('should hand over no secret', async () => {
      await says(`env > ${trainers}/environment; echo '{"errors":[]}'`);
      expect((await found(FILES, 'trl')).valid).toBe(true);
      expect(await readFile(join(trainers, 'environment'), 'utf8')).not.toMatch(/DATABASE|KEY|TOKEN/);
    });

    const installed = process.env['TRAINERS_DIR'] ?? join(import.meta.dirname, '../../../.local/trainers');
    const python = join(installed, 'trl/venv/bin/python');
    (existsSync(python) ? it : it.skip)(
      'should load and look at every number with the real ones',
      async () => {
        await says(`exec ${python} "$@"`);
        // Asked within the process: the imports alone may take longer than a request of a test.
        const look = async (files: Record<string, string | Buffer>) =>
          api.app.get(ProjectValidationsService).validate(aPrincipal(), (await trained(files, 'trl')).id, NEVER);
        expect((await look(FILES)).loading).toEqual({ valid: true, skipped: null, errors: [] });
        const infinite = await look({ ...FILES, 'p.safetensors': peftWeights(2, Infinity) });
        expect(infinite.loading.errors).toEqual([
          expect.stringMatching(/lora_A\.weight holds numbers that are not finite/),
          expect.stringMatching(/lora_B\.weight holds numbers that are not finite/),
        ]);
      },
      240_000,
    );
  });
});
