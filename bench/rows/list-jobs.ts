import { addHistory } from '../history.ts';
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
  await addHistory(database, { model, jobs });
  return url;
}
