import type { CreateJob } from '../../src/index.js';
import { aJob, aRunningJob } from './a-job.js';
import { sendJson, type Handler } from './test-server.js';

const done = aJob({ status: 'completed', result: { loraPath: 'data/loras/a.safetensors' } });

/** Plays the documented workflow: a dataset, a configuration, and a job that runs once it is looked at. */
export function contractHandler(): Handler {
  let looks = 0;
  return ({ method, path, body }, response) => {
    if (method === 'POST' && path === '/datasets')
      return sendJson(response, 201, { id: 'dataset-1', ...JSON.parse(body) });
    if (method === 'POST' && path === '/lora-configs')
      return sendJson(response, 201, { id: 'config-1', ...JSON.parse(body) });
    if (method === 'POST' && path === '/jobs') return sendJson(response, 201, aJob(JSON.parse(body) as CreateJob));
    if (method === 'GET' && path === '/jobs/job-1') return looks++ === 0 ? aRunningJob(12) : done;
    return sendJson(response, 404, { statusCode: 404, message: `Cannot ${method} ${path}.`, code: 'route_not_found' });
  };
}
