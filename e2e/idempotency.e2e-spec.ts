import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { waitUntil } from '@influencerai/local';
import type { CreateJob, Job } from '@influencerai/sdk';
import pg from 'pg';
import { Stack } from './support/stack.js';
import { submitQuickJob } from './support/training.js';

jest.setTimeout(120_000);

const TENANT = 'tenant_idempotent';
const KEY = 'the-answer-is-lost';

/** Holds up the storing of answers for as long as somebody has the lock. */
const HOLD_UP_ANSWERS = `
  create function hold_up_answer() returns trigger language plpgsql as $$
  begin perform pg_advisory_xact_lock(4711); return new; end $$;
  create trigger hold_up_answer before update of status on idempotency_key
    for each row when (new.status is not null) execute function hold_up_answer()`;
const ANSWER_IN_FLIGHT = `select pid from pg_stat_activity where datname = current_database() and wait_event = 'advisory'
  and query like 'update idempotency_key%'`;

describe('an API that dies between the commit and the answer', () => {
  let stack: Stack;
  let holder: pg.Client;
  beforeAll(async () => {
    stack = await Stack.start({ queue: 'postgres' });
    holder = new pg.Client({ connectionString: stack.databaseUrl });
    await holder.connect();
  });
  afterAll(async () => {
    await holder.end();
    await stack[Symbol.asyncDispose]();
  });

  it('should leave one job, which the repeated request is answered with', async () => {
    const { payload } = await submitQuickJob(stack.client(TENANT), { steps: 1 });
    const body: CreateJob = { type: 'lora-training', payload: payload as CreateJob['payload'] };
    await holder.query(HOLD_UP_ANSWERS);
    await holder.query('select pg_advisory_lock(4711)');
    const lost = post(body).then(
      () => 'answered',
      () => 'cut off',
    );
    const inFlight = () => holder.query<{ pid: number }>(ANSWER_IN_FLIGHT).then(({ rows }) => rows[0]?.pid);
    const pid = await waitUntil(inFlight, { timeoutMs: 30_000, what: 'an answer to be stored' });
    const committed = await jobsOf(body);
    await stack.api.stop('SIGKILL');
    // Its server process would still store the answer that it was given.
    await holder.query('select pg_terminate_backend($1, 5000)', [pid]);
    expect(await lost).toBe('cut off');
    await holder.query('select pg_advisory_unlock_all()');
    await stack.api.start();
    await holder.query("update idempotency_key set created_at = created_at - interval '1 hour' where key = $1", [KEY]);

    const again = await post(body);
    const { id } = (await again.json()) as Job;
    expect([again.status, committed.length, await jobsOf(body)]).toEqual([201, 2, committed]);
    expect(committed).toContain(id);
  });

  const post = (body: CreateJob) =>
    fetch(`${stack.apiUrl}/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-tenant-id': TENANT, 'idempotency-key': KEY },
      body: JSON.stringify(body),
    });

  async function jobsOf({ payload }: CreateJob): Promise<string[]> {
    const rows = await stack.rows<{ id: string }>('select id from job where lora_config_id = $1 order by id', [
      payload.loraConfigId,
    ]);
    return rows.map((row) => row.id);
  }
});
