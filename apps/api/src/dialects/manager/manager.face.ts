import type { Face } from '../../http/face.js';
import { DetailSchema } from '../fastapi-errors.js';
import { fromError, statusOf } from './manager.mapper.js';

export const MANAGER: Face = {
  name: 'manager',
  title: 'Model training manager',
  description:
    'Datasets, training jobs, their defaults, workers and projects, by integer ids that each tenant counts for itself. A ' +
    'request of the wrong form gets 422 with a list of what is wrong, one that breaks a rule 400 with a sentence. In ' +
    'development mode nobody is asked: all belongs to `tenant_demo`.',
  development: 'demo-tenant',
  errorSchema: DetailSchema,
  fromError,
  statusOf,
};
