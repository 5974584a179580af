import pg from 'pg';
import { clientOf, submitJobs, TENANT } from '../jobs.ts';
import { requestsPerSecond } from '../load.ts';
import type { Figure, Options, Row } from '../row.ts';
import { interleave, median } from '../statistics.ts';
import type { System } from '../system.ts';

const SMALL = 1_000;
const TARGET = 1.5;

export const listJobs: Row = {
  name: 'list-jobs',
  about: 'the first page of GET /jobs with a million jobs against a thousand',
  measure: async (system, options) => {
    const large = options.isQuick ? 50_000 : 1_000_000;
    const few = await filled(system, 'jobs_few', SMALL, options);
    const many = await filled(system, 'jobs_many', large, options);
    const figures: Figure[] = [];
    for (const query of ['', '?status=completed']) figures.push(await compare({ few, many, large, query, options }));
    return figures;
  },
};

interface Comparison {
  few: string;
  many: string;
  large: number;
  query: string;
  options: Options;
}

async function compare({ few, many, large, query, options }: Comparison): Promise<Figure> {
  const what = `GET /jobs${query}, first page, ${large.toLocaleString('en')} jobs`;
  options.say(`${what}: measuring`);
  const millisecondsPerRequest = async (url: string) => {
    const headers = { 'x-tenant-id': TENANT };
    const seconds = options.isQuick ? 1 : 3;
    return (
      1000 /
      (await requestsPerSecond({ url, seconds, connections: 1, method: 'GET', headers, paths: [`/jobs${query}`] }))
    );
  };
  await millisecondsPerRequest(few);
  await millisecondsPerRequest(many);
  const figures = await interleave(
    options.isQuick ? 2 : 5,
    () => millisecondsPerRequest(many),
    () => millisecondsPerRequest(few),
  );
  const [ours, baseline] = [median(figures.a), median(figures.b)];
  return {
    what,
    ours: `${ours.toFixed(2)} ms`,
    baseline: `${baseline.toFixed(2)} ms with ${SMALL.toLocaleString('en')}`,
    figure: `${(ours / baseline).toFixed(2)} ×`,
    target: `≤ ${TARGET} ×`,
    isReached: ours / baseline <= TARGET,
  };
}

/** An API over a database with so many finished jobs of one tenant. */
async function filled(system: System, name: string, jobs: number, { say }: Options): Promise<string> {
  const database = await system.database(name);
  const url = await system.api(database);
  const [model] = await submitJobs(clientOf(url), 1);
  say(`${name}: writing ${jobs.toLocaleString('en')} jobs`);
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  try {
    await client.query('begin');
    // Triggers would count row by row; one aggregate afterwards says the same.
    await client.query('set local session_replication_role = replica');
    await client.query(COPIES, [model, jobs]);
    await client.query('delete from job_count');
    await client.query(
      'insert into job_count (tenant_id, type, status, count) select tenant_id, type, status, count(*) from job group by 1, 2, 3',
    );
    await client.query('commit');
    await client.query('vacuum analyze job');
  } finally {
    await client.end();
  }
  return url;
}

const COPIES = `insert into job (id, tenant_id, type, status, trainer, payload, spec, result, dataset_id, lora_config_id, output_dir,
    attempt, started_at, finished_at, created_at, updated_at)
  select gen_random_uuid(), tenant_id, type, (array['completed', 'completed', 'completed', 'failed'])[1 + n % 4]::job_status, trainer, payload,
    spec, '{"loraPath": "data/loras/x.safetensors", "finalLoss": 0.1}', dataset_id, lora_config_id, output_dir || '/' || n, 1,
    now() - n * interval '1 second', now() - n * interval '1 second', now() - n * interval '1 second', now()
  from job, generate_series(1, $2::int) as n where id = $1`;
