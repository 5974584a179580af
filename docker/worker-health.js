// Exits 0 while the API hears from this worker. An API that does not answer is its own check's business: a worker goes
// on training without it.
import { readFile } from 'node:fs/promises';

const { API_URL = 'http://localhost:3001', WORKER_DIR = '.local/worker' } = process.env;

try {
  const id = (await readFile(`${WORKER_DIR}/worker-id`, 'utf8')).trim();
  const workers = await readFleet();
  const isHeard = workers === undefined || workers.some((worker) => worker.id === id && worker.status !== 'offline');
  process.exit(isHeard ? 0 : 1);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

async function readFleet() {
  try {
    const answer = await fetch(`${API_URL}/workers`, {
      headers: { 'x-tenant-id': 'healthcheck' },
      signal: AbortSignal.timeout(4_000),
    });
    return answer.ok ? (await answer.json()).data : undefined;
  } catch {
    return undefined;
  }
}
