import type { Face } from '../../http/face.js';
import { DetailSchema } from '../fastapi-errors.js';
import { fromError, statusOf } from './sessions.mapper.js';

export const SESSIONS: Face = {
  name: 'sessions',
  title: 'Training sessions',
  description:
    'Training in budgets of steps: create a session from a configuration of ai-toolkit, grant it steps, read its status and ' +
    'its log. With the last granted step it saves a checkpoint and pauses. In development mode everybody acts for ' +
    '`tenant_demo`.',
  development: 'demo-tenant',
  errorSchema: DetailSchema,
  statusOf,
  fromError,
};
