import { addHistory } from '../history.ts';
import { clientOf, submitJobs, TENANT } from '../jobs.ts';
import { requestsPerSecond } from '../load.ts';
import type { Figure, Options, Row } from '../row.ts';
import { interleave, median } from '../statistics.ts';
import type { System } from '../system.ts';

const CONNECTIONS = 32;
const JOBS = 64;
/** PostgreSQL plans otherwise for a table of a few pages, until it has noticed that there are more. */
const OTHERS = 10_000;
const PROGRESS = {
  currentEpoch: 5,
  totalEpochs: 20,
  currentStep: 65,
  totalSteps: 260,
  loss: 0.0456,
  learningRate: 0.0001,
};

export interface Case {
  what: string;
  method: 'GET' | 'PATCH';
  target: number;
  body?: unknown;
  /** What the baseline gets, where it cannot do all of it. */
  baselineBody?: unknown;
}

export const GET: Case = { what: 'GET /jobs/:id', method: 'GET', target: 0.8 };
export const PATCH: Case = {
  what: 'PATCH /jobs/:id, progress',
  method: 'PATCH',
  target: 0.7,
  body: { result: { progress: PROGRESS } },
};
const PATCH_WITH_METRIC: Case = {
  ...PATCH,
  what: 'PATCH /jobs/:id, progress and a point of the curve (the baseline stores no point)',
  body: { result: { progress: PROGRESS }, metrics: [{ step: 65, epoch: 5, loss: 0.0456, learningRate: 0.0001 }] },
  baselineBody: PATCH.body,
};

export const getJob: Row = {
  name: 'get-job',
  about: 'GET /jobs/:id against a bare Fastify + pg handler',
  measure: (system, options) => measure(system, options, [GET]),
};

export const patchJob: Row = {
  name: 'patch-job',
  about: 'PATCH /jobs/:id against a bare Fastify + pg UPDATE',
  measure: (system, options) => measure(system, options, [PATCH, PATCH_WITH_METRIC]),
};

async function measure(system: System, options: Options, cases: Case[]): Promise<Figure[]> {
  const database = await system.database('hot_routes');
  const ours = await system.api(database);
  const baseline = await system.baseline(database);
  const ids = await jobsAmongOthers(ours, database);
  const figures: Figure[] = [];
  for (const one of cases) figures.push(await compare(one, { ours, baseline, ids }, options));
  return figures;
}

/** Jobs to ask for and report on, in a table of ordinary size. */
export async function jobsAmongOthers(apiUrl: string, database: string): Promise<string[]> {
  const ids = await submitJobs(clientOf(apiUrl), JOBS);
  await addHistory(database, { model: ids[0], jobs: OTHERS });
  return ids;
}

/** Two servers, and jobs that both know. */
export interface Contest {
  ours: string;
  baseline: string;
  ids: string[];
}

/** Throughput of one over that of the other. */
export async function compare(one: Case, { ours, baseline, ids }: Contest, { isQuick, say }: Options): Promise<Figure> {
  const load = (url: string, body: unknown) =>
    requestsPerSecond({
      url,
      seconds: isQuick ? 1 : 4,
      connections: CONNECTIONS,
      method: one.method,
      headers: { 'x-tenant-id': TENANT, ...(body !== undefined && { 'content-type': 'application/json' }) },
      paths: ids.map((id) => `/jobs/${id}`),
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  const a = () => load(ours, one.body);
  const b = () => load(baseline, one.baselineBody ?? one.body);
  say(`${one.what}: warming up`);
  await a();
  await b();
  say(`${one.what}: measuring`);
  const figures = await interleave(isQuick ? 2 : 5, a, b);
  const [mine, bare] = [median(figures.a), median(figures.b)];
  const ratio = mine / bare;
  return {
    what: one.what,
    ours: `${Math.round(mine)} requests/s`,
    baseline: `${Math.round(bare)} requests/s`,
    figure: ratio.toFixed(2),
    target: `≥ ${one.target}`,
    isReached: ratio >= one.target,
  };
}
