import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  applyMigrations,
  createEmptyDatabase,
  createTestDatabase,
  findSchemaDrift,
  SCHEMA_FILES,
  waitUntil,
  withClient,
} from '../src/index.js';
import type { ScratchDatabase } from '../src/index.js';

const insertJobs = `
  insert into tenant (id) values ('a'), ('b');
  insert into dataset (id, tenant_id, kind, path, updated_at)
  select gen_random_uuid(), id, 'lora-training', 'data/x', now() from tenant;
  insert into job (id, tenant_id, type, status, trainer, payload, spec, dataset_id, lora_config_id, output_dir, updated_at)
  select gen_random_uuid(), d.tenant_id, 'lora-training', 'queued', 'tiny', '{}', '{}', d.id, gen_random_uuid(),
    format('out/%s/%s', d.tenant_id, n), now()
  from dataset d, generate_series(1, 3) n`;

describe('createTestDatabase', () => {
  let database: ScratchDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  const rows = (sql: string) => withClient(database.url, async (client) => (await client.query(sql)).rows as unknown[]);
  const counts = () =>
    rows('select tenant_id as t, status as s, count as n from job_count where count > 0 order by 1, 2');

  it('should be migrated already', async () => {
    expect(await applyMigrations(database.url)).toEqual([]);
    const done = await rows('select migration_name from _prisma_migrations where finished_at is not null');
    expect(done.length).toBeGreaterThanOrEqual(2);
  });

  it('should count jobs by tenant and status through insert, change, progress and delete', async () => {
    await withClient(database.url, (client) => client.query(insertJobs));
    expect(await counts()).toEqual([
      { t: 'a', s: 'queued', n: 3 },
      { t: 'b', s: 'queued', n: 3 },
    ]);
    await rows(`update job set status = 'pending' where tenant_id = 'a' and output_dir like '%/1'`);
    await rows(`update job set result = '{"progress": {}}', updated_at = now()`);
    await rows(`delete from job where tenant_id = 'b' and output_dir like '%/2'`);
    expect(await counts()).toEqual([
      { t: 'a', s: 'queued', n: 2 },
      { t: 'a', s: 'pending', n: 1 },
      { t: 'b', s: 'queued', n: 2 },
    ]);
  });

  it('should undo the counts of a transaction that is rolled back', async () => {
    const before = await counts();
    await rows(`begin; update job set status = 'running'; delete from job; rollback`);
    expect(await counts()).toEqual(before);
  });

  it('should refuse a second default, and values out of range', async () => {
    const insert = (name: string, epochs: number) =>
      rows(`insert into lora_config (id, tenant_id, name, model_name, epochs, learning_rate, batch_size, resolution,
        network_dim, network_alpha, is_default, updated_at)
        values (gen_random_uuid(), 'a', '${name}', 'sd15', ${epochs}, 0.0001, 1, 512, 8, 4, true, now())`);
    await expect(insert('none', 0)).rejects.toThrow('lora_config_ranges');
    await insert('one', 1);
    await expect(insert('two', 1)).rejects.toThrow('lora_config_one_default');
  });
});

describe('a migration of a table that somebody uses', () => {
  const LOCKED = 'lock table job_event in access share mode';
  const patience = { lockMs: 20, pauseMs: 5, tries: 2 };

  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'migrations-'));
    await cp(SCHEMA_FILES.migrations, folder, { recursive: true });
    await mkdir(join(folder, '20990101000000_late'));
    const sql = 'create table "late" (id int);\nalter table "job_event" add column "late" int;';
    await writeFile(join(folder, '20990101000000_late/migration.sql'), sql);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('should give up in time, change nothing, and be applied later', async () => {
    await using scratch = await createTestDatabase();
    const apply = () => applyMigrations(scratch.url, { ...SCHEMA_FILES, migrations: folder }, patience);
    await withClient(scratch.url, async (client) => {
      await client.query(`begin; ${LOCKED}`);
      await expect(apply()).rejects.toThrow(/20990101000000_late waits for a table that others use/);
      const { rows } = await client.query("select to_regclass('late') as made");
      expect(rows).toEqual([{ made: null }]);
      await client.query('commit');
    });
    expect(await apply()).toEqual(['20990101000000_late']);
  });

  it('should go on as soon as it gets the table, and let others pass until then', async () => {
    await using scratch = await createTestDatabase();
    const files = { ...SCHEMA_FILES, migrations: folder };
    await withClient(scratch.url, async (client) => {
      await client.query(`begin; ${LOCKED}`);
      const applied = applyMigrations(scratch.url, files, { ...patience, tries: Infinity });
      const waits = "select from pg_locks where relation = 'job_event'::regclass and not granted";
      await waitUntil(async () => ((await client.query(waits)).rowCount ?? 0) > 0, {
        timeoutMs: 20_000,
        intervalMs: 5,
        what: 'the migration to wait',
      });
      await withClient(scratch.url, (other) => other.query('select from job_event'));
      await client.query('commit');
      expect(await applied).toEqual(['20990101000000_late']);
    });
  });
});

describe('the migrations', () => {
  it('should note the number of its dataset with a job of a version that does not know it', async () => {
    await using scratch = await createTestDatabase();
    const rows = await withClient(scratch.url, async (client) => {
      await client.query(insertJobs);
      return (
        await client.query('select from job j join dataset d on d.id = j.dataset_id and d.number = j.dataset_number')
      ).rows;
    });
    expect(rows).toHaveLength(6);
  });

  it('should lead to what schema.prisma says', async () => {
    await using scratch = await createEmptyDatabase();
    expect(await findSchemaDrift(scratch.url)).toEqual([]);
  });

  it('should be safe to apply twice', async () => {
    await using scratch = await createEmptyDatabase();
    const first = await applyMigrations(scratch.url);
    expect(first.length).toBeGreaterThanOrEqual(2);
    expect(await applyMigrations(scratch.url)).toEqual([]);
  });
});
